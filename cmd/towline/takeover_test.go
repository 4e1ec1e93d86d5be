package main

import (
	"bytes"
	"context"
	"io"
	"strings"
	"testing"

	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/starlark/config"
)

// TestTakingOverIsAsked only where something is another's, by name, and only a
// yes is one.
func TestTakingOverIsAsked(t *testing.T) {
	status := api.Status{Resources: []api.ResourceStatus{
		{Problem: &config.Problem{Message: "it is broken"}},
		{Problem: &config.Problem{Message: "it belongs to anna@there:/shop, since 2026-01-02 03:04", Cause: config.CauseTaken}},
		{},
	}}
	for typed, want := range map[string]bool{"y\n": true, " YES \n": true, "\n": false, "n\n": false, "yellow\n": false, "": false} {
		var out bytes.Buffer
		if got := asksToTake(t.Context(), strings.NewReader(typed), &out, taken(status)); got != want {
			t.Errorf("%q is taken for %v", typed, got)
		}
		text := out.String()
		if !strings.Contains(text, "anna@there:/shop, since 2026-01-02") || strings.Contains(text, "broken") || !want && !strings.Contains(text, "--namespace") {
			t.Errorf("asked:\n%s", text)
		}
	}
	var out bytes.Buffer
	if asksToTake(t.Context(), strings.NewReader("y\n"), &out, taken(api.Status{Resources: status.Resources[:1]})) || out.Len() > 0 {
		t.Errorf("asked for nothing: %s", out.String())
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	silent, _ := io.Pipe()
	if asksToTake(ctx, silent, io.Discard, taken(status)) {
		t.Error("Ctrl-C is taken for a yes")
	}
}
