package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/towline-dev/towline/server/api"
)

// TestAnswers: what is listed, what words mean, and what a shell offers.
func TestAnswers(t *testing.T) {
	asks := []api.Ask{
		{ID: "take-over", Text: "Take it over?", Choices: []string{"take over"}},
		{ID: "which", Text: "Which one?", Choices: []string{"a", "b c", "yes"}},
		{ID: "two", Text: "One of two?", Choices: []string{"a", "b"}},
	}
	var out strings.Builder
	printAsks(&out, asks)
	want := `Take it over?
  towline answer take-over yes
  towline answer take-over no

Which one?
  towline answer which a
  towline answer which 'b c'
  towline answer which yes
  towline answer which no

One of two?
  towline answer two a
  towline answer two b
  towline answer two no
`
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("listed (-want +got):\n%s", diff)
	}
	out.Reset()
	if printAsks(&out, nil); out.String() != "Nothing is asked.\n" {
		t.Errorf("nothing: %q", out.String())
	}
	for words, want := range map[string]string{
		"take-over yes": "take over", "take-over no": "", "take-over take over": "take over", "take-over maybe": "maybe",
		"which yes": "yes", "which no": "", "two yes": "yes", "gone yes": "yes", "gone no": "no",
	} {
		id, word, _ := strings.Cut(words, " ")
		if got := choiceOf(asks, id, word); got != want {
			t.Errorf("%q means %q, want %q", words, got, want)
		}
	}
	for args, want := range map[string]string{"": "take-over\tTake it over? which\tWhich one? two\tOne of two?", "take-over": "take over yes no", "two": "a b no", "two a": "", "gone": ""} {
		if got := strings.Join(completesAnswer(asks, strings.Fields(args)), " "); got != want {
			t.Errorf("after %q a shell offers %q, want %q", args, got, want)
		}
	}
}
