package engine

import (
	"slices"
	"testing"

	"github.com/towline-dev/towline/starlark/config"
)

// stack is a project whose resources stand on each other without saying so:
// in the file, what stands on others comes first.
func stack() *config.Project {
	object := func(resource, kind string) config.Object {
		return config.Object{Resource: resource, Content: map[string]any{"kind": kind}}
	}
	k8s := func(name string, deps ...string) config.Resource {
		return config.Resource{Name: name, Kind: config.KindK8s, Enabled: true, AutoInit: true, ResourceDeps: deps}
	}
	return &config.Project{
		Settings: config.Settings{MaxParallelUpdates: 9},
		YAML: []config.Object{
			object("web", "Deployment"), object("web", "Service"), object("widget", "Widget"),
			object("uncategorized", "CustomResourceDefinition"), object("uncategorized", "Namespace"), object("accounts", "ServiceAccount"),
		},
		Resources: []config.Resource{k8s("web"), k8s("widget"), k8s("uncategorized"), k8s("accounts")},
	}
}

func problem(text string) *config.Problem { return &config.Problem{Message: text} }

func TestWhatOthersStandOnGoesFirst(t *testing.T) {
	w := newWorld(t)
	w.do(Configured{Project: stack()})
	w.want(Wanted{}, "apply uncategorized ")
	if waits := w.state.Waits("web"); !slices.Contains(waits, Wait{Resource: "uncategorized"}) {
		t.Errorf("web waits for %+v, want uncategorized among them", waits)
	}
	w.want(Applied{Resource: "uncategorized"}, "apply widget ", "apply accounts ")
	w.want(Applied{Resource: "widget"})
	w.want(Applied{Resource: "accounts"}, "apply web ")
	w.want(Applied{Resource: "web"})
	// Later updates do not wait for each other.
	changed := stack()
	changed.YAML[0].Content["spec"], changed.YAML[3].Content["spec"] = "new", "new"
	w.want(Configured{Project: changed}, "apply web ", "apply uncategorized ")
}

// TestNobodyWaitsForEver: what waits itself, for a person or for what it holds
// back, and what failed, is not waited for.
func TestNobodyWaitsForEver(t *testing.T) {
	for name, change := range map[string]func(p *config.Project){
		"depends on what stands on it": func(p *config.Project) { p.Resources[2].ResourceDeps = []string{"web"} },
		"awaits a trigger": func(p *config.Project) {
			p.Resources[2].AutoInit, p.Resources[2].TriggerMode = false, config.TriggerManual
		},
		"disabled": func(p *config.Project) { p.Resources[2].Enabled = false },
	} {
		w := newWorld(t)
		p := stack()
		change(p)
		w.do(Configured{Project: p})
		w.do(Wanted{})
		w.do(Applied{Resource: "widget"})
		if got := w.do(Applied{Resource: "accounts"}); len(got) != 1 || got[0] != "apply web " {
			t.Errorf("%s: got %q, want web applied", name, got)
		}
	}
	w := newWorld(t)
	w.do(Configured{Project: stack()})
	w.do(Wanted{})
	w.want(Applied{Resource: "uncategorized", Problem: problem("refused")}, "apply widget ", "apply accounts ")
}

func TestWhatLackedSomethingIsTriedAgain(t *testing.T) {
	w := newWorld(t)
	p := stack()
	p.YAML = p.YAML[:3] // nobody is known to bring the kind
	p.Resources = append(p.Resources[:2], config.Resource{
		Name: "operator", Kind: config.KindK8s, Enabled: true, AutoInit: true, CustomDeploy: &config.CustomDeploy{},
	})
	w.do(Configured{Project: p})
	w.want(Wanted{}, "apply widget ")
	w.want(Applied{Resource: "widget", Problem: problem("no matches for kind"), Passing: true}, "apply web ", "apply operator ")
	if !w.state.MayArrive("widget") {
		t.Error("nothing may arrive though the operator is being deployed")
	}
	w.want(Applied{Resource: "web", Problem: problem("wrong")}) // a failure brings nothing
	w.want(Applied{Resource: "operator"}, "apply widget ")
	w.want(Applied{Resource: "widget", Problem: problem("no matches for kind"), Passing: true})
	w.want(Observed{Resource: "operator", Ready: true}, "apply widget ")
	w.want(Observed{Resource: "operator", Ready: true}) // that was known
	w.want(Applied{Resource: "widget", Problem: problem("no matches for kind"), Passing: true})
	if w.state.MayArrive("widget") {
		t.Error("something may arrive though all is ready or failed")
	}
	w.want(Retry{Resource: "web"}) // it failed for good
	w.want(Retry{Resource: "widget"}, "apply widget ")
	w.want(Applied{Resource: "widget"})
	w.want(Retry{Resource: "widget"})
}

// TestWhatIsTriedAgainIsTheSame: an apply of another key, or one that a person asks
// for, is no repetition of the one that failed.
func TestWhatIsTriedAgainIsTheSame(t *testing.T) {
	configured := func(spec string) Configured {
		return Configured{Project: &config.Project{Resources: []config.Resource{{
			Name: "widget", Kind: config.KindK8s, Enabled: true, AutoInit: true,
			CustomDeploy: &config.CustomDeploy{Apply: config.Command{Argv: []string{spec}}},
		}}}}
	}
	w := newWorld(t)
	w.do(configured("one"))
	for _, c := range []struct {
		event Event
		again bool
	}{
		{Wanted{}, false},
		{Retry{Resource: "widget"}, true},
		{Retry{Resource: "widget"}, true},
		{Triggered{Resource: "widget"}, false},
		{Retry{Resource: "widget"}, true},
		{configured("two"), false},
		{configured("one"), false},
		{Retry{Resource: "widget"}, true},
		{Wanted{}, false},
	} {
		w.want(c.event, "apply widget ")
		if got := w.effects[0].(Apply).Again; got != c.again {
			t.Errorf("%T: again is %v", c.event, got)
		}
		w.want(Applied{Resource: "widget", Problem: problem("no matches for kind"), Passing: true})
	}
}

// TestAnotherImageIsAnotherApply: what a person changed meanwhile is no repetition.
func TestAnotherImageIsAnotherApply(t *testing.T) {
	w := newWorld(t)
	w.do(Configured{Project: project()})
	w.do(Wanted{})
	w.do(Built{Ref: "base", Pushed: "base:1"})
	lacks := Applied{Resource: "web", Problem: problem("no matches for kind"), Passing: true}
	for i, pushed := range []string{"web:1", "web:2", "web:1"} {
		if i > 0 {
			w.do(Changed{Images: map[string][]string{"web": {"/w/web/package.json"}}})
		}
		w.want(Built{Ref: "web", Pushed: pushed}, "apply web web="+pushed)
		if w.effects[0].(Apply).Again {
			t.Errorf("%s is a repetition", pushed)
		}
		w.do(lacks)
		w.want(Retry{Resource: "web"}, "apply web web="+pushed)
		if !w.effects[0].(Apply).Again {
			t.Errorf("%s once more is no repetition", pushed)
		}
		w.do(lacks)
	}
}
