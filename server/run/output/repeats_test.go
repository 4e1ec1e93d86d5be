package output

import (
	"slices"
	"testing"
)

// TestGist: what differs with each occasion makes no other text, what tells
// another cause does.
func TestGist(t *testing.T) {
	for _, c := range []struct {
		a, b string
		same bool
	}{
		{`failed to start exec "9f511f0e88374b2a74c4bb208e342a10": no such file`, `failed to start exec "4b3084534d625e93d23410149a506207": no such file`, true},
		{`(combined from similar events): Readiness probe failed: refused`, `Readiness probe failed: refused`, true},
		{"read tcp 10.1.0.1:47324->10.1.0.5:8080: reset", "read tcp 10.1.0.1:51002->10.1.0.5:8080: reset", true},
		{"namespace /run/netns/cni-12345678-12ab-34cd-56ef-123456789abc: gone", "namespace /run/netns/cni-87654321-21ab-43cd-65ef-cba987654321: gone", true},
		{"read tcp 10.1.0.1:47324->10.1.0.5:8080: reset", "read tcp 10.1.0.1:47324->10.1.0.5:9090: reset", false},
		{"HTTP probe failed with statuscode: 500", "HTTP probe failed with statuscode: 503", false},
		{"dial tcp 10.1.0.5:8080: refused", "dial tcp 10.1.0.5:8081: refused", false},
	} {
		if got := Gist(c.a) == Gist(c.b); got != c.same {
			t.Errorf("%q and %q are the same: %v", c.a, c.b, got)
		}
	}
}

// TestRepeatsInTurn: two complaints that come in turn are each said once.
func TestRepeatsInTurn(t *testing.T) {
	var r Repeats
	said := 0
	for range 9 {
		for _, text := range []string{"not live", "not ready"} {
			if r.Tell(text) != "" {
				said++
			}
		}
	}
	if said != 2 {
		t.Errorf("said %d times, want 2", said)
	}
	for i := range 1000 { // what is remembered has a bound
		r.Tell(string(rune('A' + i)))
	}
	if len(r.said) > mostTexts {
		t.Errorf("%d are remembered", len(r.said))
	}
}

func TestRepeatsAreCounted(t *testing.T) {
	var r Repeats
	var said []string
	tell := func(text string) {
		if s := r.Tell(text); s != "" {
			said = append(said, s)
		}
	}
	for range 120 {
		tell("refused")
	}
	tell("no pod")
	tell("refused")
	r.Reset()
	tell("refused")
	if want := []string{"refused", "refused (10 times)", "refused (100 times)", "no pod", "refused"}; !slices.Equal(said, want) {
		t.Errorf("said %q, want %q", said, want)
	}
}
