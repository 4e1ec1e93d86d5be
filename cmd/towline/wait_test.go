package main

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/starlark/config"
)

// TestWait follows what a daemon tells, one status after another: "web starting,
// db ready". The last one stays.
func TestWait(t *testing.T) {
	for _, test := range []struct{ args, tells, want string }{
		{"", "web starting, db ready; web ready, db ready", "ready"},
		{"web", "web starting, db starting; web ready, db starting", "ready"},
		{"db --timeout 50ms", "web ready, db starting", "not all is ready after 50ms"},
		{"--timeout 50ms", "api crashed, web starting, db ready", "not all is ready after 50ms\n  api: crashed\n  web: starting"},
		{"web --timeout 50ms", "api crashed, web starting", "not all is ready after 50ms\n  web: starting"},
		{"w*", "web starting; web error", "failed"},
		{"web", "web pending trigger", "failed"},
		{"", "web pending trigger, db ready", "ready"}, // nobody has asked for it
		{"w*", "web pending trigger, worker ready", "ready"},
		{"web", "web crashed coming; web ready", "ready"},
		{"", "web crashed coming, db ready; web crashed, db ready", "failed"},
		{"seed", "seed stopped button", "seed will not get ready"},
		{"", "seed stopped button, db ready", "ready"},
		{"web", "web disabled", "web will not get ready"},
		{"", "web disabled, db ready", "ready"},
		{"nope", "web ready", `there is no resource "nope"`},
		{"--label back", "web ready", "no resource has the label"},
		{"", "", "nothing is up"},
		{"", "web ready, oops!", "undefined: oops"},
		{"--timeout -1s", "web ready", `--timeout takes a time, and "-1s" is none`},
	} {
		t.Run(test.args+" "+test.tells, func(t *testing.T) {
			var looked atomic.Bool
			serveWorkspace(t, func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == api.RouteLook {
					looked.Store(true)
					return
				}
				if r.URL.Path == api.RouteWatch && !looked.Load() {
					t.Error("it does not look at the files first")
				}
				var last *api.Status
				for seq, text := range strings.Split(test.tells, "; ") {
					last = told(uint64(seq+1), text)
					if r.URL.Path == api.RouteWatch {
						_ = json.NewEncoder(w).Encode(api.Event{Seq: last.Seq, Status: last})
						_ = http.NewResponseController(w).Flush()
					}
				}
				if r.URL.Path == api.RouteStatus {
					_ = json.NewEncoder(w).Encode(last)
					return
				}
				<-r.Context().Done()
			})
			root := rootCommand()
			root.SetArgs(strings.Fields("wait " + test.args))
			got := "ready"
			err := root.ExecuteContext(t.Context())
			if p := new(config.Problem); errors.As(err, &p) {
				got = p.Message
			} else if errors.Is(err, errReported) {
				got = "failed"
			} else if err != nil {
				got = err.Error()
			}
			if !strings.HasPrefix(got, test.want) {
				t.Errorf("got %q (%v), want %q", got, err, test.want)
			}
		})
	}
}

// TestWaitTellsTheReason: not only that something failed.
func TestWaitTellsTheReason(t *testing.T) {
	serveWorkspace(t, func(w http.ResponseWriter, r *http.Request) {
		s := told(1, "web error, db ready")
		s.Resources[0].Problem.Message = "no such table (exit status 1 of migrate)\nat line 3"
		_ = json.NewEncoder(w).Encode(api.Event{Seq: s.Seq, Status: s})
		if r.URL.Path == api.RouteWatch {
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		}
	})
	got, err := printed(t, "wait")
	if !strings.Contains(got, "no such table (exit status 1 of migrate)") || !errors.Is(err, errReported) {
		t.Errorf("it says %q; %v", got, err)
	}
}

// TestWaitWithoutDaemon fails when the daemon ends before all is ready.
func TestWaitWithoutDaemon(t *testing.T) {
	serveWorkspace(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == api.RouteWatch {
			s := told(1, "web starting")
			_ = json.NewEncoder(w).Encode(api.Event{Seq: s.Seq, Status: s})
		}
	})
	root := rootCommand()
	root.SetArgs([]string{"wait"})
	if err := root.ExecuteContext(t.Context()); err == nil || !strings.Contains(err.Error(), "the daemon ended") {
		t.Errorf("it ends with %v", err)
	}
}

// told is a status of "web starting, db pending trigger".
func told(seq uint64, text string) *api.Status {
	s := &api.Status{Seq: seq, Up: text != ""}
	for r := range strings.SplitSeq(text, ", ") {
		if name, broken := strings.CutSuffix(r, "!"); broken {
			s.Config.Error = &config.Problem{Message: "undefined: " + name}
		}
		words := strings.Fields(r)
		if len(words) < 2 {
			continue
		}
		res := api.ResourceStatus{Name: words[0], State: api.State(words[1]), Text: words[1]}
		switch {
		case len(words) < 3:
		case words[2] == "trigger":
			res.WaitsFor = []api.Wait{{Kind: api.WaitTrigger}}
		case words[2] == "coming":
			res.Coming = "updating web-1"
		case words[2] == "button":
			res.Buttons = []config.Button{{Name: "seed"}}
		}
		if res.State.Bad() {
			res.Problem = &config.Problem{Message: "broken"}
		}
		s.Resources = append(s.Resources, res)
	}
	return s
}
