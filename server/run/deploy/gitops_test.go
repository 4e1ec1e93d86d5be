package deploy

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/towline-dev/towline/server/engine"
	"github.com/towline-dev/towline/server/inject"
	"github.com/towline-dev/towline/server/kube"
	"github.com/towline-dev/towline/starlark/config"
)

func (c *cluster) Fight(context.Context, kube.Controller) (string, error) {
	return "undoes that within seconds", c.stuck
}

func (c *cluster) Pause(_ context.Context, by kube.Controller, who kube.Pauser) (bool, error) {
	c.note("pause "+by.ID()+" for "+who.Workspace, nil)
	return c.stuck == nil, c.stuck
}

func (c *cluster) Resume(_ context.Context, by kube.Controller, workspace string) (bool, error) {
	c.note("resume "+by.ID()+" for "+workspace, nil)
	return c.stuck == nil, c.stuck
}

func (c *cluster) HandBack(_ context.Context, o map[string]any) (bool, error) {
	c.note("hand back", []map[string]any{o})
	return false, c.stuck
}

// held is an object that Flux holds; borrowed is one that we have written since.
func held(name, controller string) map[string]any {
	return map[string]any{"apiVersion": "v1", "kind": "ConfigMap", "metadata": map[string]any{"name": name, "labels": map[string]any{
		"kustomize.toolkit.fluxcd.io/name": controller, "kustomize.toolkit.fluxcd.io/namespace": "flux"}}}
}

func borrowed(name, controller string) map[string]any {
	o := ours(held(name, controller))
	o["metadata"].(map[string]any)["annotations"] = map[string]any{"towline.dev/original": "{}"}
	return o
}

// TestHeldObjects: what a person said of one Controller, or of all, or the Tiltfile,
// decides before anything is written; else a person is asked.
func TestHeldObjects(t *testing.T) {
	cut := &kube.Error{Kind: kube.Forbidden, Op: "reading", Object: "it", Err: errors.New("you may not")}
	for _, test := range []struct {
		said, set config.GitOps
		stuck     error
		want      string // what was done, or is asked
		leave     bool
	}{
		{want: "which undoes that within seconds"},
		{stuck: cut, want: "it cannot be paused from here: you may not"},
		{said: "pause", want: "pause kustomization:flux/apps for ws"},
		{said: "pause", stuck: cut, want: "which cannot be paused from here: you may not"},
		{said: "leave", leave: true},
		{said: "apply"},
		{set: "pause", want: "pause kustomization:flux/apps for ws"},
		{set: "leave", leave: true},
		{said: "apply", set: "leave"},
		{said: "ask", set: "leave", want: "which undoes that within seconds"},
	} {
		b := newBench(t, images{})
		b.cluster.stuck = test.stuck
		var paused []kube.Controller
		b.o.Paused = func(c kube.Controller) { paused = append(paused, c) }
		b.o.Decided = func(id string) config.GitOps {
			if id != "kustomization:flux/apps" {
				t.Errorf("asked of %q", id)
			}
			return test.said
		}
		p := &config.Project{YAML: []config.Object{object("web", "ConfigMap", "web")}}
		if test.set != "" {
			p.Settings.Towline = map[string]any{"gitops": []any{map[string]any{"mode": string(test.set)}}}
		}
		b.Configure(p)
		by, _ := kube.ControllerOf(held("web", "apps"))
		leave, err := b.held(t.Context(), "web", by, kube.Ref{Kind: "ConfigMap", Name: "web"})
		got := strings.Join(b.cluster.did, ", ")
		if err != nil {
			var refused *config.Problem
			if !errors.As(err, &refused) || refused.Cause != config.CauseTaken || refused.Asks != by.ID() || !strings.Contains(refused.Hint, "towline answer "+by.ID()+" pause|leave|apply") {
				t.Errorf("%+v: %+v", test, refused)
			}
			got = err.Error()
		}
		if !strings.Contains(got, test.want) || test.want == "" && got != "" || leave != test.leave {
			t.Errorf("%+v: left %v, %q", test, leave, got)
		}
		if pauses := strings.HasPrefix(got, "pause") || test.said == "pause"; (len(paused) == 1) != (pauses || test.set == "pause") {
			t.Errorf("%+v: noted before it is paused: %v", test, paused)
		}
	}
}

// TestHeldObjectsAreHandedBack, and what holds them is resumed when nothing of it is
// ours any more.
func TestHeldObjectsAreHandedBack(t *testing.T) {
	b := newBench(t, images{})
	mine := ours(map[string]any{"apiVersion": "v1", "kind": "ConfigMap", "metadata": map[string]any{"name": "own"}})
	theirs := held("theirs", "more")
	b.cluster.there = []kube.Applied{{Content: borrowed("web", "apps")}, {Content: mine}, {Content: theirs}}
	b.cluster.labels = []map[string]any{borrowed("db", "apps")}
	forget := engine.Forget{Objects: []config.Object{{Content: held("web", "apps")}, {Content: mine}, {Content: theirs}}}
	b.forget(t.Context(), forget)
	b.did("current web own theirs", "hand back web", "delete own")
	b.cluster.labels = nil
	b.forget(t.Context(), forget)
	b.did("current web own theirs", "hand back web", "delete own", "resume kustomization:flux/apps for ws")

	adopted := held("adopted", "live")
	adopted["metadata"].(map[string]any)["labels"].(map[string]any)[inject.LabelAdopted] = "ws"
	b.cluster.labels, b.cluster.owned = []map[string]any{adopted}, []map[string]any{borrowed("web", "apps"), mine}
	b.cluster.there = []kube.Applied{{Content: theirs}}
	known, _ := kube.ControllerOf(held("gone", "gone"))
	if err := b.Down(t.Context(), b.cluster, End{Applied: []map[string]any{theirs}, Paused: []kube.Controller{known}}); err != nil {
		t.Error(err)
	}
	b.did("current theirs", "hand back web", "delete own", "resume kustomization:flux/gone for ws",
		"resume kustomization:flux/apps for ws", "resume kustomization:flux/more for ws", "resume kustomization:flux/live for ws")
	b.cluster.stuck = &kube.Error{Kind: kube.Forbidden, Op: "resuming", Err: errors.New("you may not")}
	err := b.Down(t.Context(), b.cluster, End{Paused: []kube.Controller{known}})
	if err == nil || strings.Count(err.Error(), "you may not") != 2 {
		t.Errorf("what is not handed back and not resumed: %v", err)
	}
}
