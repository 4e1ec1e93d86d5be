package api

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/towline-dev/towline/starlark/config"
)

// TestEventsPutTogether follows random changes: what a face puts together of
// events, as they travel, is what the daemon has.
func TestEventsPutTogether(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	before := &Status{Seq: 1, Resources: resources("a:ready b:building c:pending>b")}
	face, err := sent(t, EventOf(nil, before)).After(nil)
	if err != nil {
		t.Fatal(err)
	}
	snapshots := 0
	for seq := uint64(2); seq < 500; seq++ {
		after := *before
		after.Seq = seq
		after.Resources = append([]ResourceStatus{}, before.Resources...)
		r := &after.Resources[random.IntN(len(after.Resources))]
		switch random.IntN(8) {
		case 0:
			r.Targets = []Target{{Pod: "p", Pid: random.IntN(9)}}
		case 1:
			r.Problem = &config.Problem{Message: "bad"}
		case 2:
			r.State, r.Problem = StateReady, nil
		case 3:
			after.Text, after.Counts = "something", map[State]int{StateReady: random.IntN(3)}
		case 4:
			after.Resources = append(after.Resources, ResourceStatus{Name: fmt.Sprint("d", seq)})
		case 5:
			after.Resources = after.Resources[:3]
		case 6:
			after.Resources[0].Name = fmt.Sprint("z", seq)
		}
		e := sent(t, EventOf(before, &after))
		if e.Status != nil {
			snapshots++
		}
		old, _ := json.Marshal(face)
		next, err := e.After(face)
		if err != nil {
			t.Fatal(err)
		}
		if now, _ := json.Marshal(face); string(now) != string(old) {
			t.Fatal("the status before was changed")
		}
		if diff := cmp.Diff(&after, next); diff != "" {
			t.Fatalf("event %d (-daemon +face)\n%s", seq, diff)
		}
		before, face = &after, next
	}
	if snapshots == 0 || snapshots > 250 {
		t.Errorf("%d of 500 events were snapshots", snapshots)
	}
}

// sent is an event as it arrives.
func sent(t *testing.T, e Event) Event {
	t.Helper()
	data, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	var got Event
	if err := json.Unmarshal(data, &got); err != nil {
		t.Fatal(err)
	}
	return got
}

func TestGapIsNoticed(t *testing.T) {
	change := Event{Seq: 9, Changes: &Changes{Resources: resources("new:ready")}}
	for name, before := range map[string]*Status{"nothing": nil, "another project": {Resources: resources("a:ready")}} {
		if _, err := change.After(before); !errors.Is(err, ErrGap) {
			t.Errorf("after %s: %v", name, err)
		}
	}
}
