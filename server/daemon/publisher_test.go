package daemon

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/towline-dev/towline/server/api"
)

// TestFaceGoesOnWhereItBrokeOff asks for what came after an event, and for
// what nobody knows any more.
func TestFaceGoesOnWhereItBrokeOff(t *testing.T) {
	p := newPublisher()
	first := p.status.Seq
	publish := func(states ...api.State) {
		s := &api.Status{}
		for i, state := range states {
			s.Resources = append(s.Resources, api.ResourceStatus{Name: string(rune('a' + i)), State: state})
		}
		p.publish(s)
	}
	publish(api.StatePending, api.StatePending)
	publish(api.StateBuilding, api.StatePending)
	publish(api.StateBuilding, api.StateReady)
	tell := func(since uint64) string {
		events, _ := p.after(since)
		var out []string
		for _, e := range events {
			if e.Status != nil {
				out = append(out, "snapshot")
				continue
			}
			for _, r := range e.Changes.Resources {
				out = append(out, r.Name+":"+string(r.State))
			}
		}
		return strings.Join(out, " ")
	}
	for since, want := range map[uint64]string{
		0: "snapshot", first: "snapshot a:building b:ready", first + 1: "a:building b:ready", first + 2: "b:ready", first + 3: "",
		first - 1: "snapshot", first + 4: "snapshot", // of a daemon before this one, or after a clock that was set back
	} {
		if got := tell(since); got != want {
			t.Errorf("since %d: %q, want %q", int64(since-first), got, want)
		}
	}
	for range 2 * maxEvents {
		publish(api.StateReady, api.StateReady)
	}
	if got := tell(first + 2); got != "snapshot" {
		t.Errorf("a face that was too slow gets %q", got)
	}
	if len(p.events) > maxEvents {
		t.Errorf("%d events are kept", len(p.events))
	}
}

// TestWatchOverTheWire reads the stream as any program may: lines of JSON.
func TestWatchOverTheWire(t *testing.T) {
	s := upServers(t)
	s.reach("one:ready two:ready three:ready")
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	watch := func(body string) *json.Decoder {
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url+api.RouteWatch, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { resp.Body.Close() })
		return json.NewDecoder(resp.Body)
	}
	lines := watch(``)
	var e api.Event
	if err := lines.Decode(&e); err != nil || e.Status == nil || len(e.Status.Resources) != 3 {
		t.Fatalf("the first line is %+v, %v; want a snapshot", e, err)
	}
	s.queue.put(func(c *core) { c.session.forwards["two"] = []api.Forward{{Local: "localhost:1"}}; c.dirty = true })
	since := e.Seq
	var next api.Event
	if err := lines.Decode(&next); err != nil || next.Changes == nil || len(next.Changes.Resources) != 1 || next.Changes.Resources[0].Name != "two" {
		t.Errorf("the second line is %+v, %v; want what changed of two", next, err)
	}
	again, _ := json.Marshal(api.WatchRequest{Since: since})
	var same api.Event
	if err := watch(string(again)).Decode(&same); err != nil || same.Seq != next.Seq || same.Status != nil {
		t.Errorf("going on since %d: %+v, %v; want event %d", since, same, err, next.Seq)
	}
}
