package status

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/starlark/config"
)

// teller follows statuses, a line for each thing that is told.
type teller struct {
	News
	now  time.Time
	told []api.Save // with the last status
}

// show takes a status, "web:ready/in sync api:error!compile failed", after some
// milliseconds; a project without a resource is not up.
func (n *teller) show(after int, text string, change ...func(*api.Status)) []string {
	n.now = n.now.Add(time.Duration(after) * time.Millisecond)
	s := &api.Status{Up: text != ""}
	for word := range strings.FieldsSeq(text) {
		word = strings.ReplaceAll(word, "_", " ")
		name, state, _ := strings.Cut(word, ":")
		state, message, bad := strings.Cut(state, "!")
		state, proof, _ := strings.Cut(state, "/")
		r := api.ResourceStatus{Name: name, State: api.State(state), Proof: api.Proof(proof)}
		if bad {
			r.Problem = &config.Problem{Message: message}
		}
		s.Resources = append(s.Resources, r)
	}
	sum(s, false)
	for _, f := range change {
		f(s)
	}
	var out []string
	n.told = nil
	for _, e := range n.Follow(s, n.now) {
		switch {
		case e.Save != nil:
			n.told = append(n.told, *e.Save)
			line := fmt.Sprintf("save %d: %s", e.Save.N, e.Save.Text)
			if e.Save.Ended {
				line += ", ended"
			}
			out = append(out, line)
		case e.Problem != nil && e.Problem.Mended != nil:
			out = append(out, "mended: "+e.Problem.Problem.Message)
		case e.Problem != nil:
			out = append(out, e.Problem.Severity+": "+e.Problem.Problem.Message+" of "+strings.Join(e.Problem.Resources, ","))
		case e.Ask != nil && e.Ask.Ended != nil:
			out = append(out, fmt.Sprintf("asked no more: %s, since %d ms", e.Ask.Text, e.Ask.Ended.Sub(e.Ask.At).Milliseconds()))
		case e.Ask != nil:
			out = append(out, "asked: "+e.Ask.Text)
		case e.Operation != nil:
			o := e.Operation
			out = append(out, fmt.Sprintf("%s %d/%d %s", o.Kind, o.Done, o.Total, o.Outcome))
		}
	}
	return out
}

func (n *teller) saved(batch uint64, file string, resources ...string) {
	n.Saved(batch, []string{"/w/" + file}, concerning(resources...), n.now)
}

// concerning are resources without containers.
func concerning(resources ...string) []Concern {
	var all []Concern
	for _, r := range resources {
		all = append(all, Concern{Resource: r})
	}
	return all
}

func expect(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" && len(want)+len(got) > 0 {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// TestNewsOfCoveredSaves: a save that the containers see nothing of has not
// arrived, and one that they see a part of has.
func TestNewsOfCoveredSaves(t *testing.T) {
	n := &teller{}
	covered := func(s *api.Status) {
		r := &s.Resources[0]
		r.Targets = []api.Target{{Covered: []api.Covered{{Local: "/w/conf", Path: "/srv/conf", Mount: "/srv/conf", Volume: "ConfigMap web"}}}}
		if got, want := text(r), "ready · in sync but for /srv/conf, where ConfigMap web is mounted"; got != want {
			t.Errorf("the status says %q, want %q", got, want)
		}
		r.Targets = append(r.Targets, r.Targets[0], api.Target{Covered: []api.Covered{{Path: "/srv/x/y", Mount: "/srv/x", Volume: "Secret a"}}})
		if got, want := text(r), "ready · in sync but for /srv/conf, where ConfigMap web is mounted, and 1 more"; got != want {
			t.Errorf("the status says %q, want %q", got, want)
		}
	}
	n.show(0, "web:ready/in_sync", covered)
	n.saved(1, "conf", "web")
	n.Sent("web", api.WayLive, n.now)
	expect(t, "covered", n.show(1, "web:ready/in_sync", covered), "save 1: conf: not in web, where something else is mounted, ended")
	n.Saved(2, []string{"/w/conf", "/w/other"}, concerning("web"), n.now)
	n.Sent("web", api.WayLive, n.now)
	expect(t, "half", n.show(1, "web:ready/in_sync", covered), "save 2: conf and 1 more in web, 1 ms, ended")
}

func TestNewsOfSaves(t *testing.T) {
	n := &teller{}
	n.show(0, "web:ready/in_sync api:ready/in_sync")
	n.saved(1, "web.css", "web")
	expect(t, "seen", n.show(0, "web:ready/in_sync"), "save 1: web.css on its way to web") // fine, but not for this save
	n.Sent("web", api.WayLive, n.now)
	expect(t, "sent", n.show(1, "web:updating/behind api:ready/in_sync")[:1], "save 1: web.css on its way to web")
	expect(t, "there", n.show(14, "web:ready/in_sync api:ready/in_sync")[:1], "save 1: web.css in web, 15 ms, ended")
	expect(t, "told once", n.show(1, "web:ready/in_sync api:ready/in_sync"))

	// One that fails, and the next that mends it.
	n.saved(2, "main.go", "web", "api")
	n.Sent("api", api.WayBuild, n.now)
	n.Sent("web", api.WayRestart, n.now)
	n.show(0, "web:updating api:building")
	got := n.show(100, "web:ready/in_sync api:stale!compile_failed")
	expect(t, "failed", got, "save 2: main.go: api failed", "error: compile failed of api", "update 0/2 ")
	expect(t, "failed, and lives in web", n.show(1000, "web:ready/in_sync api:stale!compile_failed"), "save 2: main.go: api failed, ended", "update 1/2 failed")
	n.saved(3, "main.go", "api")
	n.Sent("api", api.WayRestart, n.now)
	n.show(0, "web:ready/in_sync api:updating")
	got = n.show(2100, "web:ready/in_sync api:ready/in_sync")
	expect(t, "mended", got, "update 1/2 ")
	expect(t, "lives", n.show(1000, "web:ready/in_sync api:ready/in_sync"), "save 3: main.go in api, 2.1 s, restarted, ended", "update 2/2 ready")

	// What is not up needs no save; what nobody depends on is none.
	n.saved(4, "x", "web")
	n.saved(5, "notes")
	expect(t, "not up", n.show(0, "web:stopped api:ready"), "save 4: x: web not up, ended")
}

func TestNewsOfProblems(t *testing.T) {
	n := &teller{}
	n.show(0, "a:ready b:ready")
	one := n.show(0, "a:error!no_such_image b:error!no_such_image")
	expect(t, "one for two", slices.DeleteFunc(one, func(s string) bool { return !strings.HasPrefix(s, "error") }), "error: no such image of a,b")
	expect(t, "one of two", n.show(0, "a:ready b:error!no_such_image"), "error: no such image of b")
	expect(t, "mended", n.show(0, "a:ready b:ready"), "mended: no such image")
	broken := func(s *api.Status) {
		s.Config.Error = &config.Problem{Message: "syntax error"}
		s.Config.Warnings = []config.Problem{{Message: "unused"}}
	}
	got := n.show(0, "a:ready b:ready", broken)
	slices.Sort(got)
	expect(t, "the Tiltfile's", got, "error: syntax error of ", "warn: unused of ")
}

func TestNewsOfOperations(t *testing.T) {
	n := &teller{}
	expect(t, "nothing is up", n.show(0, ""))
	expect(t, "begins", n.show(0, "a:building b:pending"), "up 0/2 ")
	expect(t, "the same again", n.show(9, "a:building b:pending"))
	expect(t, "goes on", n.show(9, "a:ready b:starting"), "up 1/2 ")
	expect(t, "ends", n.show(9, "a:ready b:ready"), "up 2/2 ready")
	expect(t, "a change", n.show(9, "a:ready b:updating"), "update 1/2 ")
	expect(t, "arrives", n.show(9, "a:ready b:ready"), "update 2/2 ready")
	stopping := func(s *api.Status) { s.State = api.StateStopping }
	expect(t, "down", n.show(9, "a:stopping b:stopping", stopping), "down 0/2 ")
	expect(t, "gone", n.show(9, ""), "down 0/2 ready")
	n.show(9, "a:building")
	expect(t, "given up", n.show(9, "a:stopping", stopping), "up 0/1 failed", "down 0/1 ")
	expect(t, "not gone", n.show(9, "", func(s *api.Status) { s.Left = "pvc/db" }), "down 0/1 failed")
}

func TestSpoken(t *testing.T) {
	r := api.ResourceStatus{Name: "api", State: api.StateReady, Proof: api.ProofInSync, Targets: []api.Target{{Pod: "p"}, {Pod: "q"}, {Pod: "p"}},
		Forwards: []api.Forward{{Local: "localhost:8080"}}}
	if got := spoken(&r); got != "api, ready, in sync, 2 pods, port 8080" {
		t.Error(got)
	}
	r = api.ResourceStatus{Name: "api", State: api.StateError, Message: "the last update failed"}
	if got := spoken(&r); got != "api, error, the last update failed" {
		t.Error(got)
	}
}

// TestFoldersThatAreNotWatched are said beside what is ready, and as a warning.
func TestFoldersThatAreNotWatched(t *testing.T) {
	n := &teller{}
	said := ""
	unwatched := func(s *api.Status) {
		s.Daemon.Unwatched = &config.Problem{Message: "not all folders are watched"}
		sum(s, false)
		said = s.Text
	}
	n.show(0, "web:ready/in_sync")
	expect(t, "a limit is reached", n.show(1, "web:ready/in_sync", unwatched), "warn: not all folders are watched of ")
	if want := "1 ready, but not all folders are watched"; said != want {
		t.Errorf("the status says %q, want %q", said, want)
	}
	expect(t, "it is raised", n.show(1, "web:ready/in_sync"), "mended: not all folders are watched")
}

// TestAsks tells of each question when it comes, changes and goes.
func TestAsks(t *testing.T) {
	n := teller{now: time.Unix(0, 0)}
	asks := func(texts ...string) func(*api.Status) {
		return func(s *api.Status) {
			for _, text := range texts {
				id, _, _ := strings.Cut(text, " ")
				s.Asks = append(s.Asks, api.Ask{ID: id, Text: text})
			}
		}
	}
	n.show(1, "web:ready")
	for _, step := range []struct {
		asks []string
		want []string
	}{
		{[]string{"a one?", "b two?"}, []string{"asked: a one?", "asked: b two?"}},
		{[]string{"a one?", "b two?"}, nil},
		{[]string{"a more?", "b two?"}, []string{"asked: a more?"}},
		{[]string{"a more?"}, []string{"asked no more: b two?, since 30 ms"}},
		{nil, []string{"asked no more: a more?, since 40 ms"}},
	} {
		if diff := cmp.Diff(step.want, n.show(10, "web:ready", asks(step.asks...))); diff != "" {
			t.Errorf("asked %q (-want +got)\n%s", step.asks, diff)
		}
	}
}
