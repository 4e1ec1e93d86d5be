package main

import (
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/starlark/config"
)

// TestDaemonEndsWhileItIsFollowed: of a daemon that is killed they say so, and
// fail; one that ends in order, as after a down, ends a watch, and nothing that
// is waited for has come.
func TestDaemonEndsWhileItIsFollowed(t *testing.T) {
	const ended = "the daemon ended"
	for command, in := range map[string]struct{ order, killed string }{
		"watch":        {"", ended},
		"watch --json": {"", ended},
		"wait":         {ended, ended},
		"wait web":     {ended, ended},
	} {
		for _, killed := range []bool{false, true} {
			want := in.order
			if killed {
				want = in.killed
			}
			serveWorkspace(t, func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path != api.RouteWatch {
					_ = json.NewEncoder(w).Encode(api.Status{Up: true})
					return
				}
				last := told(1, "web starting")
				_ = json.NewEncoder(w).Encode(api.Event{Seq: 1, Status: last})
				_ = http.NewResponseController(w).Flush()
				if killed {
					panic(http.ErrAbortHandler) // the connection ends in mid-answer
				}
			})
			_, err := printed(t, command)
			var p *config.Problem
			switch {
			case want == "" && err != nil, want != "" && (!errors.As(err, &p) || !strings.Contains(p.Message, want) || p.Hint == ""):
				t.Errorf("%s, killed: %v: %v, want %q", command, killed, err, want)
			}
		}
	}
}

// TestAnswersThatCannotBeWritten are no success.
func TestAnswersThatCannotBeWritten(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip("no such device: ", err)
	}
	defer full.Close()
	serveShop(t)
	for _, command := range []string{"get", "get -o name", "get pods -o wide", "get -o json", "get -o yaml", "describe web", "describe site --json", "status", "status --json"} {
		root, out := rootCommand(), &answer{w: full}
		root.SetArgs(strings.Fields(command))
		root.SetOut(out)
		err := out.outcome(root.ExecuteContext(t.Context()))
		if err == nil || !strings.Contains(err.Error(), "the answer could not be written") {
			t.Errorf("%s on a full disk: %v", command, err)
		}
	}
}
