package engine

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/towline-dev/towline/starlark/config"
)

// composed is a Compose project: db, and web, which is built and depends on it.
func composed(definition string) *config.Project {
	service := func(name string) *config.Compose {
		return &config.Compose{Project: "p", Service: name, Definition: definition}
	}
	return &config.Project{
		Images: []config.Image{{Ref: "web", Deps: []string{"/w"}, LiveUpdate: []config.Step{{Kind: config.StepSync, Local: "/w", Remote: "/app"}}}},
		Resources: []config.Resource{
			{Name: "db", Kind: config.KindCompose, AutoInit: true, Enabled: true, Compose: service("db")},
			{Name: "web", Kind: config.KindCompose, AutoInit: true, Enabled: true, Images: []string{"web"}, ResourceDeps: []string{"db"}, Compose: service("web")},
		},
	}
}

// effectsOf are those of one type.
func effectsOf[E Effect](w *world) (all []E) {
	for _, e := range w.effects {
		if e, ok := e.(E); ok {
			all = append(all, e)
		}
	}
	return all
}

func TestComposeServices(t *testing.T) {
	w := newWorld(t)
	w.want(Configured{Project: composed("1")})
	w.want(Wanted{}, "apply db ")
	w.want(Applied{Resource: "db"})
	w.want(Observed{Resource: "db", Ready: true}, "build web")
	if b := effectsOf[Build](w); !b[0].Local {
		t.Error("an image of Compose alone is pushed")
	}
	w.want(Built{Ref: "web", Pushed: "web:1"}, "apply web web=web:1")
	w.want(Applied{Resource: "web", Agentless: []string{"web"}})
	w.want(Observed{Resource: "web", Ready: true})
	// Nothing is synced into it.
	w.want(Changed{Images: map[string][]string{"web": {"/w/a"}}}, "build web")
	w.want(Built{Ref: "web", Pushed: "web:2"}, "apply web web=web:2")
	w.do(Applied{Resource: "web"})
	w.do(Observed{Resource: "web", Broken: true, Ended: true, Message: "exit code 1"})
	if r := w.state.Resource("web"); !r.Ended || !r.Broken {
		t.Errorf("web crashed: %+v", r)
	}
	w.do(Wanted{})
	if a := effectsOf[Apply](w); len(a) != 1 || a[0].Resource.Name != "web" || !a[0].Forced {
		t.Errorf("another up after a crash: %+v", a)
	}
	w.do(Applied{Resource: "web"})
	w.want(RestartAsked{Resource: "db"}, "engine.Restart")
	if r := effectsOf[Restart](w); len(r) != 1 || r[0].Resource.Name != "db" {
		t.Errorf("a restart: %+v", w.effects)
	}
	w.want(Configured{Project: composed("1")})
	w.do(Configured{Project: composed("2")})
	if a := effectsOf[Apply](w); len(a) == 0 || a[0].Resource.Name != "db" || a[0].Forced {
		t.Errorf("with other definitions: %+v", w.effects)
	}
}

// TestComposeServicesThatLeave are removed; a new name is none.
func TestComposeServicesThatLeave(t *testing.T) {
	w := newWorld(t)
	w.do(Configured{Project: composed("1")})
	w.do(Wanted{})
	w.do(Applied{Resource: "db"})
	renamed := composed("1")
	renamed.Resources[0].Name = "store"
	w.do(Configured{Project: renamed})
	for _, f := range effectsOf[Forget](w) {
		if len(f.Services) > 0 {
			t.Errorf("a renamed service is removed: %+v", f)
		}
	}
	w.do(Applied{Resource: "store"})
	gone := composed("1")
	gone.Resources = gone.Resources[1:]
	w.do(Configured{Project: gone})
	want := []Forget{{Services: []config.Compose{*renamed.Resources[0].Compose}, Dropped: []string{"store"}}}
	if diff := cmp.Diff(want, effectsOf[Forget](w)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestImageThatGoesToAClusterToo is built again, to be pushed.
func TestImageThatGoesToAClusterToo(t *testing.T) {
	w := newWorld(t)
	w.do(Configured{Project: composed("1")})
	alone := w.state.Image("web").Spec
	shared := composed("1")
	shared.Resources = append(shared.Resources, config.Resource{Name: "pod", Kind: config.KindK8s, AutoInit: true, Enabled: true, Images: []string{"web"}})
	w.do(Configured{Project: shared})
	if w.state.Image("web").Spec == alone || w.state.view.local["web"] {
		t.Error("it counts as one that stays on this machine")
	}
}

// TestRestartOfALocalServer: it is started again without its command, and is
// ready when it is seen to be; one whose command runs or never succeeded is not.
func TestRestartOfALocalServer(t *testing.T) {
	serve := &config.Local{Cmd: config.Command{Argv: []string{"make"}}, ServeCmd: config.Command{Argv: []string{"serve"}}}
	w := newWorld(t)
	w.do(Configured{Project: &config.Project{Resources: []config.Resource{{Name: "site", Kind: config.KindLocal, AutoInit: true, Enabled: true, Local: serve}}}})
	w.want(Wanted{}, "run site")
	w.want(RestartAsked{Resource: "site"})
	w.do(LocalDone{Resource: "site"})
	w.do(Observed{Resource: "site", Broken: true, Message: "exit status 1"})
	w.want(RestartAsked{Resource: "site"}, "engine.Restart")
	if r := w.state.Resource("site"); r.Ready || r.Broken || r.Working {
		t.Errorf("restarted: %+v", r)
	}
	w.do(Observed{Resource: "site", Ready: true})
	w.want(Triggered{Resource: "site"}, "run site")
	w.do(LocalDone{Resource: "site", Problem: &config.Problem{Message: "exit status 2"}})
	w.want(RestartAsked{Resource: "site"}, "engine.Restart") // the server of before
}

// TestJobsRunAgainWhenAsked: by a trigger always, by another up when they failed.
func TestJobsRunAgainWhenAsked(t *testing.T) {
	object := func(kind, resource string) config.Object {
		return config.Object{Resource: resource, Key: kind + resource, Content: map[string]any{"kind": kind}}
	}
	w := newWorld(t)
	w.do(Configured{Project: &config.Project{
		Resources: []config.Resource{{Name: "migrate", Kind: config.KindK8s, AutoInit: true, Enabled: true}, {Name: "web", Kind: config.KindK8s, AutoInit: true, Enabled: true}},
		YAML:      []config.Object{object("Job", "migrate"), object("Deployment", "web"), object("Job", "web")},
	}})
	end := func(e Observed) {
		for _, name := range []string{"migrate", "web"} {
			w.do(Applied{Resource: name})
			e.Resource = name
			w.do(e)
		}
	}
	w.do(Wanted{})
	end(Observed{Ready: true})
	w.want(Wanted{})
	w.want(Triggered{Resource: "migrate"}, "apply migrate ")
	if a := effectsOf[Apply](w); !a[0].Forced {
		t.Error("a trigger is not forced")
	}
	end(Observed{Broken: true, Message: "exit code 1"})
	w.want(Wanted{}, "apply migrate ") // a Deployment comes by itself, or by a change
}

// TestSavesReachAService by its agent, as they reach a pod, and so does a restart:
// docker restarts the container only where there is none.
func TestSavesReachAService(t *testing.T) {
	w := newWorld(t)
	w.do(Configured{Project: composed("1")})
	w.do(Wanted{})
	w.do(Applied{Resource: "db"})
	w.do(Observed{Resource: "db", Ready: true})
	w.do(Built{Ref: "web", Pushed: "web:1"})
	w.do(Applied{Resource: "web"})
	id := TargetID{Pod: "p-web-1", Container: "web"}
	w.do(Observed{Resource: "web", Ready: true, Targets: []Seen{{ID: id, Image: "web", Pushed: "web:1", Instance: "a", Running: true}}})
	if a := effectsOf[Attach](w); len(a) != 1 || a[0].Target != id {
		t.Fatalf("its container is seen: %+v", w.effects)
	}
	w.do(Attached{Target: id, Instance: "a"})
	w.do(LiveDone{Target: id, Batch: effectsOf[Live](w)[0].Batch})
	w.do(Changed{Images: map[string][]string{"web": {"/w/a"}}})
	live := effectsOf[Live](w)
	if len(live) != 1 || len(effectsOf[Build](w)) > 0 || len(live[0].Files) != 1 || live[0].Files[0].Remote != "/app/a" {
		t.Fatalf("a save: %+v", w.effects)
	}
	w.do(LiveDone{Target: id, Batch: live[0].Batch})
	w.do(RestartAsked{Resource: "web"})
	if live := effectsOf[Live](w); len(live) != 1 || !live[0].Restart || len(effectsOf[Restart](w)) > 0 {
		t.Errorf("a restart: %+v", w.effects)
	}
}
