package main

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/starlark/config"
)

// TestNobodyAnswersWhereNothingIsUp: endpoints and links are of what is to be up.
func TestNobodyAnswersWhereNothingIsUp(t *testing.T) {
	forwards := func(port string) []api.Forward {
		return []api.Forward{{URL: "http://localhost:" + port}, {URL: "http://localhost:2" + port}}
	}
	s := api.Status{Up: true, State: api.StateReady, Resources: []api.ResourceStatus{
		{Name: "web", State: api.StateReady, Forwards: forwards("8001"), Links: []config.Link{{URL: "http://web.test"}}},
		{Name: "off", State: api.StateDisabled, Forwards: forwards("8002"), Links: []config.Link{{URL: "http://off.test"}}},
		{Name: "down", State: api.StateStopped, Forwards: forwards("8003"), Links: []config.Link{{URL: "http://down.test"}}},
	}}
	var status bytes.Buffer
	printStatus(&status, s, 0)
	view := newProgress(os.Stdout)
	var summary bytes.Buffer
	view.w, view.tty = &summary, false
	view.summary(s)
	for name, said := range map[string]string{"status": status.String(), "summary": summary.String()} {
		for _, there := range []string{"localhost:8001", "localhost:28001", "web.test"} {
			if !strings.Contains(said, there) {
				t.Errorf("the %s lacks %s:\n%s", name, there, said)
			}
		}
		for _, not := range []string{"8002", "8003", "off.test", "down.test"} {
			if strings.Contains(said, not) {
				t.Errorf("the %s has %s:\n%s", name, not, said)
			}
		}
	}
}

func TestStatusOfATakedown(t *testing.T) {
	var said bytes.Buffer
	printStatus(&said, api.Status{State: api.StateStopping}, 0)
	if !strings.Contains(said.String(), "being taken down") || strings.Contains(said.String(), "Nothing is up") {
		t.Error(said.String())
	}
}
