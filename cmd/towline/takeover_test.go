package main

import (
	"bytes"
	"context"
	"io"
	"strings"
	"testing"

	"github.com/towline-dev/towline/server/api"
)

// TestAPersonIsAsked each question once, by its words, and only one of its choices is
// an answer.
func TestAPersonIsAsked(t *testing.T) {
	asks := []api.Ask{
		{ID: "take-over", Text: "It belongs to anna, since 2026-01-02. Take it over? `towline up --namespace NAME` is another way.", Choices: []string{"take over"}},
		{ID: "application:argocd/shop", Text: "It is held by Argo CD.", Choices: []string{"pause", "leave", "apply"}},
	}
	for typed, want := range map[string]string{
		"y\npause\n": "take over, pause", " YES \nleave\n": "take over, leave", "\napply\n": "apply", "n\ny\n": "", "yellow\nno\n": "", "": "", "take over\nPause": "take over, pause",
	} {
		var out bytes.Buffer
		p := newPerson(strings.NewReader(typed), &out)
		var got []string
		for _, a := range p.answers(t.Context(), p.fresh(asks)) {
			got = append(got, a.Choice)
			if a.Text == "" {
				t.Errorf("%q: %+v does not say what was read", typed, a)
			}
		}
		if strings.Join(got, ", ") != want {
			t.Errorf("%q is taken for %q, want %q", typed, got, want)
		}
		text := out.String()
		says := []string{"anna, since 2026-01-02", "[y/N]", "held by Argo CD", "[pause/leave/apply/N]"}
		if want == "" {
			says = append(says, "Left as it is")
		}
		if !containsAll(strings.Join(strings.Fields(text), " "), says) {
			t.Errorf("asked:\n%s", text)
		}
		if again := p.fresh(asks); len(again) != 0 {
			t.Errorf("asked again: %+v", again)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	silent, _ := io.Pipe()
	if got := newPerson(silent, io.Discard).answers(ctx, asks); len(got) != 0 {
		t.Errorf("Ctrl-C is taken for %+v", got)
	}
}
