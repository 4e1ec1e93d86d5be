package output

import (
	"slices"
	"testing"
)

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
	if want := []string{"refused", "refused (10 times)", "refused (100 times)", "no pod", "refused", "refused"}; !slices.Equal(said, want) {
		t.Errorf("said %q, want %q", said, want)
	}
}
