package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/towline-dev/towline/cmd/towline/words"
	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/server/doctor"
	"github.com/towline-dev/towline/starlark/config"
)

func TestWrap(t *testing.T) {
	for _, c := range []struct {
		name    string
		columns int
		text    string
		want    string
	}{
		{"what fits", 20, "error: all is well", "error: all is well"},
		{"no terminal", 0, strings.Repeat("word ", 40), strings.Repeat("word ", 40)},
		{"below a label", 24, "error: the cluster does not answer", "error: the cluster does\n       not answer"},
		{"below an aligned label", 24, "hint:  set KUBECONFIG to your file", "hint:  set KUBECONFIG to\n       your file"},
		{"below a mark", 24, "    → set KUBECONFIG to your file", "    → set KUBECONFIG to\n      your file"},
		{"below a column", 24, "  up   Bring the project up", "  up   Bring the project\n       up"},
		{"a column too far right", 24, "  -d, --detach     return when ready", "  -d, --detach\n      return when ready"},
		{"a long word", 24, "error: opening /home/me/a-long/name", "error: opening\n    /home/me/a-long/name"},
		{"a longer word", 10, "error: /home/me/a-long/name is not there", "error:\n/home/me/a-long/name\n    is not\n    there"},
		{"colours take no room", 14, "\x1b[31m✗\x1b[0m web  is not ready", "\x1b[31m✗\x1b[0m web  is not\n       ready"},
		{"letters of several bytes", 9, "äöü äöü äöü", "äöü äöü\näöü"},
		{"each line by itself", 12, "one two three\n\nfour five six", "one two\nthree\n\nfour five\nsix"},
	} {
		if got := words.Wrap(c.text, c.columns); got != c.want {
			t.Errorf("%s: got\n%s\nwant\n%s", c.name, got, c.want)
		}
	}
}

// TestWrapped: in the faces of a terminal no line is broken in mid-word, and no
// word is lost.
func TestWrapped(t *testing.T) {
	finding := doctor.Finding{
		Topic: "kubeconfig", State: doctor.Bad, Text: "no Kubernetes cluster is configured (looked in /root/.kube/config)",
		Cure: "set KUBECONFIG to the file of your cluster, or start a local one (`kind create cluster`, `minikube start`)",
	}
	status := failing(4)
	status.Up, status.Text = true, "2 of 4 ready, 1 error, 1 starting: images come from a registry that is far away"
	status.Config.Warnings = []config.Problem{{Message: "a field of an object is not known to the cluster and was dropped: spec.replica", Pos: config.Position{File: "/w/Tiltfile", Line: 3}}}
	faces := map[string]func(io.Writer, int){
		"doctor": func(w io.Writer, columns int) { printDiagnosis(w, []doctor.Finding{finding}, columns, true) },
		"status": func(w io.Writer, columns int) { printStatus(w, *status, columns) },
	}
	root := rootCommand()
	for _, cmd := range append(root.Commands(), root) {
		faces[cmd.CommandPath()+" --help"] = func(w io.Writer, columns int) { fmt.Fprintln(w, helpText(cmd, columns)) }
	}
	for name, show := range faces {
		for _, columns := range []int{48, 80, 200} {
			var whole, got strings.Builder
			show(&whole, 0)
			show(&got, columns)
			if name != "status" && !slices.Equal(strings.Fields(whole.String()), strings.Fields(got.String())) { // its table is fitted
				t.Errorf("%s at %d columns: words are lost:\n%s", name, columns, got.String())
			}
			for l := range strings.SplitSeq(got.String(), "\n") {
				if words.Width(l) > columns && strings.Contains(strings.TrimSpace(l), " ") {
					t.Errorf("%s at %d columns: %d in %q", name, columns, words.Width(l), l)
				}
			}
		}
	}
}

func TestFill(t *testing.T) {
	got := fill("One line\nand its end.\n\nAnother,\nwith\n  code\n  of two lines\nand more.")
	want := "One line and its end.\n\nAnother, with\n  code\n  of two lines\nand more."
	if got != want {
		t.Errorf("got\n%s", got)
	}
}

// failing is a fleet of which some do not come up, and one is still starting.
func failing(n int) *api.Status {
	s := fleet(n, api.StateReady)
	s.State, s.Text = api.StateError, fmt.Sprintf("%d of %d ready, 1 error", n-2, n)
	s.Cluster.Context, s.Cluster.Namespace = "kind-dev", "shop"
	s.Resources[1].State = api.StateStarting
	s.Resources[2] = api.ResourceStatus{Name: "svc0002", State: api.StateError, Problem: &config.Problem{Message: "image not found in the registry that the Tiltfile names", Hint: "push it"}}
	return &s
}
