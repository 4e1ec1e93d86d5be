package release

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/towline-dev/towline/server/kube"
)

// memory is a cluster that holds objects by "kind/name", in the order in which
// they came.
type memory struct {
	order   []string
	objects map[string]map[string]any
	refuse  string   // the object that cannot be applied
	fail    string   // the Job that fails
	runs    []string // hooks that ended
}

func key(o map[string]any) string { r := kube.RefOf(o); return r.Kind + "/" + r.Name }

func (m *memory) Apply(_ context.Context, objects []map[string]any, _ kube.ApplyOptions) ([]kube.Applied, error) {
	var done []kube.Applied
	for _, o := range objects {
		k := key(o)
		if k == m.refuse {
			return done, errors.New("refused")
		}
		if m.objects[k] == nil {
			m.order = append(m.order, k)
		}
		m.objects[k] = o
		if kube.RefOf(o).Kind == "Job" {
			condition := map[string]any{"type": "Complete", "status": "True"}
			if k == m.fail {
				condition = map[string]any{"type": "Failed", "status": "True", "message": "backoff limit"}
			}
			m.runs = append(m.runs, k)
			m.objects[k] = merged(o, map[string]any{"status": map[string]any{"conditions": []any{condition}}})
		}
		done = append(done, kube.Applied{Ref: kube.RefOf(o), Content: o})
	}
	return done, nil
}

func (m *memory) Current(_ context.Context, objects []map[string]any) ([]kube.Applied, error) {
	var found []kube.Applied
	for _, o := range objects {
		if now := m.objects[key(o)]; now != nil {
			found = append(found, kube.Applied{Content: now})
		}
	}
	return found, nil
}

func (m *memory) Delete(_ context.Context, objects []map[string]any, _ kube.DeleteOptions) error {
	for _, o := range objects {
		delete(m.objects, key(o))
		m.order = slices.DeleteFunc(m.order, func(k string) bool { return k == key(o) })
	}
	return nil
}

func merged(a, b map[string]any) map[string]any {
	c := maps.Clone(a)
	maps.Copy(c, b)
	return c
}

func object(kind, name string, notes ...string) map[string]any {
	annotations := map[string]any{}
	for i := 0; i+1 < len(notes); i += 2 {
		annotations[notes[i]] = notes[i+1]
	}
	return map[string]any{"apiVersion": "v1", "kind": kind, "metadata": map[string]any{"name": name, "annotations": annotations}}
}

func TestInstall(t *testing.T) {
	ctx, c, r := context.Background(), &memory{objects: map[string]map[string]any{}}, Release{Name: "web", Namespace: "n"}
	check := func(what string, want ...string) {
		t.Helper()
		if diff := cmp.Diff(want, c.order); diff != "" {
			t.Errorf("%s (-want +got):\n%s", what, diff)
		}
	}
	applied, err := r.Install(ctx, c, []map[string]any{
		object("Job", "last", "helm.sh/hook", "post-install"), object("ConfigMap", "a"), object("Pod", "gone-later"),
		object("Job", "never", "helm.sh/hook", "pre-delete"), object("Job", "first", "helm.sh/hook", "test,pre-install, pre-upgrade"),
		object("Secret", "kept", "helm.sh/resource-policy", "keep"), object("CustomResourceDefinition", "kind"),
	}, nil)
	if err != nil || len(applied) != 6 {
		t.Fatalf("%d applied, %v", len(applied), err)
	}
	check("installed", "Secret/towline.release.web", "Job/first", "ConfigMap/a", "Pod/gone-later", "Secret/kept", "CustomResourceDefinition/kind", "Job/last")
	if got := annotation(c.objects["ConfigMap/a"], "meta.helm.sh/release-name"); got != "web" {
		t.Errorf("release-name: %q", got)
	}

	c.refuse = "Pod/new"
	if _, err := r.Install(ctx, c, []map[string]any{object("ConfigMap", "a"), object("Pod", "new")}, nil); err == nil {
		t.Error("a refused object is no error")
	}
	if now, err := r.Objects(ctx, c); err != nil || len(now) != 7 {
		t.Errorf("after a failure %d objects are recorded, %v; want those of both", len(now), err)
	}

	c.refuse = ""
	if _, err := r.Install(ctx, c, []map[string]any{object("ConfigMap", "a"), object("Pod", "new")}, nil); err != nil {
		t.Fatal(err)
	}
	check("upgraded", "Secret/towline.release.web", "ConfigMap/a", "Secret/kept", "CustomResourceDefinition/kind", "Pod/new")

	if err := r.Uninstall(ctx, c, nil); err != nil {
		t.Fatal(err)
	}
	check("uninstalled", "Secret/kept", "CustomResourceDefinition/kind")
	if err := r.Uninstall(ctx, c, nil); err != nil {
		t.Errorf("uninstalling twice: %v", err)
	}
}

func TestBrokenRecord(t *testing.T) {
	r := Release{Name: "web", Namespace: "n"}
	for _, record := range []string{"%", "aGk=", "H4sIAAAAAAAA"} {
		c := &memory{objects: map[string]map[string]any{"Secret/towline.release.web": r.secret(record)}}
		if _, err := r.Install(context.Background(), c, nil, nil); err == nil {
			t.Errorf("record %q was accepted", record)
		}
	}
}

// TestHooks: those of an event alone run, by weight, each to its end, and anew.
func TestHooks(t *testing.T) {
	ctx, c, r := context.Background(), &memory{objects: map[string]map[string]any{}}, Release{Name: "web", Namespace: "n"}
	chart := []map[string]any{
		object("Job", "late", "helm.sh/hook", "pre-install", "helm.sh/hook-weight", "5"),
		object("Job", "both", "helm.sh/hook", "pre-install,pre-upgrade", "helm.sh/hook-weight", "-5"),
		object("Job", "upgrade", "helm.sh/hook", "post-upgrade"),
		object("Job", "swept", "helm.sh/hook", "post-install", "helm.sh/hook-delete-policy", "hook-succeeded"),
		object("ConfigMap", "a"),
	}
	for _, want := range [][]string{{"Job/both", "Job/late", "Job/swept"}, {"Job/both", "Job/upgrade"}} {
		c.runs = nil
		if _, err := r.Install(ctx, c, chart, nil); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, c.runs); diff != "" {
			t.Errorf("hooks that ran (-want +got):\n%s", diff)
		}
	}
	if c.objects["Job/swept"] != nil {
		t.Error("a hook that is to go when it succeeded is still there")
	}
	recorded, err := r.Objects(ctx, c)
	if err != nil || len(recorded) != 4 {
		t.Errorf("%d objects are recorded, %v; want the four that are there", len(recorded), err)
	}

	c.fail = "Job/both"
	delete(c.objects, "ConfigMap/a")
	_, err = r.Install(ctx, c, chart, nil)
	if err == nil || !strings.Contains(err.Error(), "the hook Job both failed: backoff limit") {
		t.Errorf("a hook that fails: %v", err)
	}
	if c.objects["ConfigMap/a"] != nil {
		t.Error("what comes after a hook that failed was applied")
	}
}
