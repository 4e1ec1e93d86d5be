package daemon

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/starlark/config"
)

// TestThrottle: the status comes so often at most, put together, and the rest at
// once; a face that goes on after any number misses nothing of the status.
func TestThrottle(t *testing.T) {
	throttled := newThrottle(api.WatchRequest{Topics: []api.Topic{api.TopicSave}, PerSecond: 4})
	now, seq := time.Unix(0, 0), uint64(0)
	status := func(name string, state api.State) api.Event {
		seq++
		return api.Event{Seq: seq, Changes: &api.Changes{Resources: []api.ResourceStatus{{Name: name, State: state}}}}
	}
	save := func() api.Event { seq++; return api.Event{Seq: seq, Save: &api.Save{N: seq}} }
	text := func(events []api.Event) string {
		var out []string
		for _, e := range events {
			switch {
			case e.Save != nil:
				out = append(out, fmt.Sprintf("%d save", e.Seq))
			case e.Status != nil:
				out = append(out, fmt.Sprintf("%d snapshot", e.Seq))
			default:
				for _, r := range e.Changes.Resources {
					out = append(out, fmt.Sprintf("%d %s:%s", e.Seq, r.Name, r.State))
				}
			}
		}
		return strings.Join(out, ", ")
	}
	for _, step := range []struct {
		after int // ms
		e     api.Event
		want  string
	}{
		{0, status("a", api.StateBuilding), "1 a:building"}, // the first at once
		{10, status("a", api.StateStarting), ""},
		{10, save(), "1 save"},                                   // 2 was not told yet
		{10, api.Event{Seq: 4, Operation: &api.Operation{}}, ""}, // not asked for
		{10, status("b", api.StateReady), ""},
		{10, status("a", api.StateReady), ""},
		{200, api.Event{}, "5 b:ready, 5 a:ready"},
		{10, save(), "6 save"},
		{10, status("a", api.StateCrashed), ""},
		{10, api.Event{Seq: 9, Status: &api.Status{}}, ""},
		{300, api.Event{}, "9 snapshot"},
		{300, status("a", api.StateReady), "8 a:ready"},
	} {
		now = now.Add(time.Duration(step.after) * time.Millisecond)
		var got []api.Event
		if step.e.Topic() == "" && step.e.Status == nil && step.e.Changes == nil {
			got = throttled.flush(now) // the timer
		} else {
			got = throttled.take(step.e, now)
		}
		if text(got) != step.want {
			t.Errorf("at %v: %q, want %q", now.Sub(time.Unix(0, 0)), text(got), step.want)
		}
	}
	all := newThrottle(api.WatchRequest{})
	for range 3 {
		if got := all.take(status("a", api.StateReady), now); len(got) != 1 {
			t.Errorf("a face that wants all gets %q", text(got))
		}
	}
}

// TestTopicsOverTheWire saves a file that a command depends on, and hears how
// far it comes.
func TestTopicsOverTheWire(t *testing.T) {
	src := t.TempDir()
	s := upProject(t, func(Evaluation) *config.Project {
		return &config.Project{Resources: []config.Resource{{
			Name: "compile", Kind: config.KindLocal, Enabled: true, AutoInit: true,
			Local: &config.Local{Cmd: config.Command{Argv: []string{"echo", "compiled"}}, Deps: []string{src}},
		}}}
	})
	s.await("the command has run", func(s *api.Status) bool { return s.State == api.StateReady && api.Settled(s) })
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	post := func(route, body string) *http.Response {
		t.Helper()
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url+route, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { resp.Body.Close() })
		return resp
	}
	if resp := post(api.RouteWatch, `{"topics":["weather"]}`); resp.StatusCode != http.StatusBadRequest {
		t.Errorf("an unknown topic: %s", resp.Status)
	}
	lines := json.NewDecoder(post(api.RouteWatch, `{"topics":["save","operation","logs"],"per_second":4}`).Body)
	file := filepath.Join(src, "main.go")
	if err := os.WriteFile(file, []byte("package main"), 0o600); err != nil {
		t.Fatal(err)
	}
	post(api.RouteHint, fmt.Sprintf(`{"paths":[%q]}`, file))
	heard := map[string]bool{}
	var last *api.Save
	for last == nil || !last.Ended || !heard["log"] || !heard["update ready"] {
		var e api.Event
		if err := lines.Decode(&e); err != nil {
			t.Fatalf("%v; heard %v, save %+v", err, heard, last)
		}
		switch {
		case e.Save != nil:
			last = e.Save
		case e.Operation != nil:
			heard[fmt.Sprintf("%s %s", e.Operation.Kind, e.Operation.Outcome)] = true
		case e.Log != nil && e.Log.Text == "compiled":
			heard["log"] = true
		case e.Problem != nil:
			t.Errorf("a problem that nobody asked for: %+v", e.Problem)
		}
	}
	if diff := cmp.Diff([]string{file}, last.Files); diff != "" || last.N == 0 {
		t.Errorf("save %d (-want +got):\n%s", last.N, diff)
	}
	if len(last.To) != 1 || last.To[0].Resource != "compile" || last.To[0].Way != api.WayBuild || last.To[0].MS <= 0 || !last.At[api.SaveSent].Before(last.At[api.SaveReady]) {
		t.Errorf("%+v", last)
	}
}
