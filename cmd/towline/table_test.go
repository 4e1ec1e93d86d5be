package main

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/starlark/config"
)

// shop is the status of a project with long names of everything.
func shop() api.Status {
	s := api.Status{Up: true, State: api.StateError, Text: "1 of 3 failed", Cluster: api.ClusterStatus{Context: "kind-towline-of-the-team", Namespace: "shop"}}
	s.Resources = []api.ResourceStatus{
		{Name: "web", State: api.StateReady, Proof: "in-sync", Targets: []api.Target{{Pod: "web-5d8f7c9b6d-x2x4q", Pid: 4711}},
			Forwards: []api.Forward{{URL: "http://127.0.0.1:18080"}, {URL: "http://127.0.0.1:19090", Name: "metrics"}},
			Links:    []config.Link{{URL: "https://docs.example/shop", Name: "Docs"}}},
		{Name: "checkout-of-the-whole-shop-in-all-countries", State: api.StateStarting, Message: "waits for the readiness probe of the container that holds the database's migrations"},
		{Name: "db", State: api.StateError, Problem: &config.Problem{Message: "image not found"}},
	}
	return s
}

func TestStatusFitsTheTerminal(t *testing.T) {
	t.Setenv("NO_COLOR", "1")
	for _, columns := range []int{48, 80, 120, 200} {
		t.Run(fmt.Sprint(columns), func(t *testing.T) {
			var b strings.Builder
			printStatus(&b, shop(), columns)
			text := b.String()
			for line := range strings.Lines(text) {
				if n := len([]rune(strings.TrimSuffix(line, "\n"))); n > columns && !strings.Contains(line, "http") { // an address is whole, to be copied
					t.Errorf("%d columns: %s", n, line)
				}
			}
			for _, want := range []string{"RESOURCE", "STATE", "web", "ready", "starting", "error", "http://127.0.0.1:18080", "http://127.0.0.1:19090", "metrics", "https://docs.example/shop", "db: image not found", "migrations"} {
				if !strings.Contains(text, want) {
					t.Errorf("%q is not shown in\n%s", want, text)
				}
			}
			if strings.Contains(text, "4711") != (columns >= 200) {
				t.Errorf("the least important column:\n%s", text)
			}
		})
	}
}

func TestStatusIntoAPipeIsWhole(t *testing.T) {
	s := shop()
	var b strings.Builder
	printStatus(&b, s, 0)
	text := b.String()
	for _, want := range []string{s.Resources[1].Name, s.Resources[1].Message, "web-5d8f7c9b6d-x2x4q", "4711", "LAST UPDATE"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not shown in\n%s", want, text)
		}
	}
	if strings.Contains(text, "\x1b") {
		t.Errorf("colour in a pipe: %q", text)
	}
	b.Reset()
	if printStatus(&b, s, 120); !strings.Contains(b.String(), "\x1b[31m✗ db") {
		t.Errorf("no colour on a terminal: %q", b.String())
	}
}

// TestALongStateStandsBelow the table, whole, so that no row is moved.
func TestALongStateStandsBelow(t *testing.T) {
	long := strings.Repeat("waits for a very long name ", 10)
	s := api.Status{Up: true, Resources: []api.ResourceStatus{
		{Name: "web", State: api.StateReady, Proof: api.ProofInSync}, {Name: "db", State: api.StatePending, Message: long},
	}}
	var b strings.Builder
	printStatus(&b, s, 0)
	head, below, _ := strings.Cut(b.String(), "\n\npending: db: ")
	for line := range strings.Lines(head) {
		if len(line) > 120 {
			t.Errorf("a row has %d columns: %s", len(line), line)
		}
	}
	if !strings.HasPrefix(below, strings.TrimSpace(long)) {
		t.Errorf("it is cut:\n%s", b.String())
	}
}

// TestWarningsAreInTheStatus, as many as a person reads.
func TestWarningsAreInTheStatus(t *testing.T) {
	s := api.Status{Up: true}
	for i := range someWarnings + 2 {
		s.Config.Warnings = append(s.Config.Warnings, config.Problem{Message: fmt.Sprintf("web depends on unknown %d", i)})
	}
	s.Config.Warnings[0].Message = "Image not used in any Kubernetes config:\n    ✕ shop-apx\nDid you mean…\n    - shop-api\n"
	var b strings.Builder
	printStatus(&b, s, 80)
	if text := b.String(); !strings.Contains(text, "config: ✕ shop-apx Did you mean… -") {
		t.Errorf("a warning is cut:\n%s", text)
	}
	if text := b.String(); !strings.Contains(text, "warning: web depends on unknown 9\n2 more warnings") || strings.Contains(text, "RESOURCE") {
		t.Errorf("got\n%s", text)
	}
}

// TestNobodyReads: who writes into a pipe hears that its reader has gone, also
// when nothing is written.
func TestNobodyReads(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	ctx, stop := whileRead(t.Context(), w)
	defer stop()
	if ctx.Err() != nil {
		t.Error("it ends while somebody reads")
	}
	r.Close()
	select {
	case <-ctx.Done():
	case <-time.After(time.Minute):
		t.Fatal("nothing told that the reader has gone")
	}
}

// TestForemostContainer: a pod and a pid in one line are one container's.
func TestForemostContainer(t *testing.T) {
	old, broken := api.Target{Pod: "old", Pid: 7, Ready: true}, api.Target{Pod: "new"}
	starts := api.Target{Pod: "starts", Pid: 9}
	for want, targets := range map[string][]api.Target{
		"old": {old, broken}, "new": {broken}, "starts": {broken, starts}, "old again": {old, starts, broken, {Pod: "old again", Pid: 8, Ready: true}},
	} {
		if got := foremost(targets); got == nil || got.Pod != want {
			t.Errorf("%+v stands for all, want %s", got, want)
		}
	}
	columns := columnsFor([]api.ResourceStatus{{Name: "api", State: api.StateError, Targets: []api.Target{old, broken}}})
	var row []string
	for _, c := range columns {
		row = append(row, c.cells...)
	}
	if text := strings.Join(row, " "); !strings.Contains(text, "old 7") || strings.Contains(text, "new") {
		t.Errorf("the line says %q", text)
	}
}

// TestCrashedLately: what is ready again says so for a while, in every width.
func TestCrashedLately(t *testing.T) {
	t.Setenv("NO_COLOR", "1")
	for ago, want := range map[time.Duration]string{0: "just now", 2 * time.Minute: "2m ago", time.Hour: ""} {
		for _, columns := range []int{0, 40, 200} {
			s := shop()
			at := time.Now().Add(-ago)
			s.Resources[0].Crashed = &at
			var b strings.Builder
			printStatus(&b, s, columns)
			_, said, found := strings.Cut(b.String(), "crashed ")
			if found != (want != "") || !strings.HasPrefix(said, want) {
				t.Errorf("%v ago, %d columns:\n%s", ago, columns, b.String())
			}
		}
	}
}
