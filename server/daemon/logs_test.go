package daemon

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/towline-dev/towline/server/api"
)

func any1(api.LogLine) bool { return true }

func texts(lines []api.LogLine) []string {
	var out []string
	for _, l := range lines {
		out = append(out, l.Text)
	}
	return out
}

func TestLogStoreReads(t *testing.T) {
	s := newLogStore()
	for i, resource := range []string{"a", "b", "a", "b", "a"} {
		s.add(api.LogLine{Resource: resource, Text: fmt.Sprint(i)})
	}
	ofA := func(l api.LogLine) bool { return l.Resource == "a" }
	tests := []struct {
		name  string
		match func(api.LogLine) bool
		n     int
		want  []string
	}{
		{"all", any1, 0, []string{"0", "1", "2", "3", "4"}},
		{"the last of all", any1, 2, []string{"3", "4"}},
		{"of one", ofA, 0, []string{"0", "2", "4"}},
		{"the last of one", ofA, 2, []string{"2", "4"}},
		{"more than there are", ofA, 9, []string{"0", "2", "4"}},
		{"none", func(api.LogLine) bool { return false }, 0, nil},
	}
	for _, test := range tests {
		old, _, stop := s.read(test.match, test.n)
		stop()
		if diff := cmp.Diff(test.want, texts(old)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
	}
	if len(s.followers) != 0 {
		t.Errorf("%d followers are left", len(s.followers))
	}
}

// TestLogStoreIsBounded fills it several times over, with lines of all sizes.
func TestLogStoreIsBounded(t *testing.T) {
	s := newLogStore()
	last := ""
	for i := range 3000 {
		last = fmt.Sprintf("%d %s", i, strings.Repeat("x", i%2500))
		s.add(api.LogLine{Resource: "r", Pod: "p", Text: last})
	}
	old, _, stop := s.read(any1, 0)
	defer stop()
	total := 0
	for _, l := range old {
		total += size(l)
	}
	if total > maxLogBytes || total != s.bytes || total < maxLogBytes-10000 {
		t.Errorf("%d bytes are kept, %d counted, the limit is %d", total, s.bytes, maxLogBytes)
	}
	if old[len(old)-1].Text != last {
		t.Error("the newest line is not kept")
	}

	// A line beyond all limits is dropped alone with the rest; what comes
	// after it is kept.
	s.add(api.LogLine{Text: strings.Repeat("x", maxLogBytes+1)})
	s.add(api.LogLine{Text: "after"})
	old, _, stop = s.read(any1, 0)
	defer stop()
	if diff := cmp.Diff([]string{"after"}, texts(old)); diff != "" {
		t.Errorf("after a huge line (-want +got):\n%s", diff)
	}
}

func TestSlowFollowerHoldsNobodyUp(t *testing.T) {
	s := newLogStore()
	_, slow, stopSlow := s.read(any1, 0)
	n := cap(slow) + 100
	for i := range n {
		s.add(api.LogLine{Text: fmt.Sprint(i)})
	}
	if len(slow) != cap(slow) {
		t.Errorf("%d lines wait, want %d", len(slow), cap(slow))
	}
	if l := <-slow; l.Text != "0" {
		t.Errorf("first line %q", l.Text)
	}
	stopSlow()
	s.add(api.LogLine{Text: "after stop"})
	if len(slow) != cap(slow)-1 {
		t.Error("a follower that stopped gets lines")
	}
}

func TestFollowersGetWhatComesLater(t *testing.T) {
	s := newLogStore()
	s.add(api.LogLine{Text: "before"})
	old, later, stop := s.read(any1, 0)
	defer stop()
	s.add(api.LogLine{Text: "after"})
	if got := append(texts(old), (<-later).Text); !cmp.Equal(got, []string{"before", "after"}) {
		t.Errorf("lines %q, each is wanted once", got)
	}
}
