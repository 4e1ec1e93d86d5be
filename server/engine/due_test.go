package engine

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/towline-dev/towline/starlark/config"
)

// TestOnlyWhatChangedIsPlanned plays random events: a plan that looks at what
// is due comes to the same effects and facts as one that looks at everything.
func TestOnlyWhatChangedIsPlanned(t *testing.T) {
	for seed := range uint64(40) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			g := &player{Rand: rand.New(rand.NewPCG(seed, 1))}
			g.apply(Configured{Project: g.project()})
			g.apply(Wanted{})
			for n := range 400 {
				e := g.event()
				all := g.state
				all.indexes = all.indexes.clone()
				if all.view != nil {
					all.noticeAll()
				}
				all, want := Step(all, e)
				got := g.apply(e)
				if a, b := factsOf(&all), factsOf(&g.state); !reflect.DeepEqual(want, got) || !reflect.DeepEqual(a, b) {
					t.Fatalf("step %d, %T %+v:\nof all that is due: %v\nof all there is:    %v\nfacts (-all +due):\n%s", n, e, e, got, want, cmp.Diff(a, b))
				}
			}
		})
	}
}

// facts are a state's, to be compared.
type facts struct {
	Batch     uint64
	Working   int
	Images    map[string]Image
	Resources map[string]Resource
	Targets   map[TargetID]Target
}

func factsOf(s *State) facts {
	f := facts{Batch: s.Batch, Working: s.working, Images: map[string]Image{}, Resources: map[string]Resource{}, Targets: map[TargetID]Target{}}
	for ref, img := range s.images.all() {
		f.Images[ref] = img
	}
	for name, r := range s.resources.all() {
		f.Resources[name] = r
	}
	for id, t := range s.targets.all() {
		f.Targets[id] = t
	}
	return f
}

// player is a world that answers what it was asked for in any order, late, with
// failures, and does what people and clusters do in between.
type player struct {
	*rand.Rand
	state State
	asked []Effect
	pods  int
}

func (g *player) apply(e Event) []Effect {
	var effects []Effect
	g.state, effects = Step(g.state, e)
	g.asked = append(g.asked, effects...)
	return effects
}

func pick[T any](g *player, of []T) T { return of[g.IntN(len(of))] }

func (g *player) some(one int) bool { return g.IntN(one) == 0 }

// project is of 6 images and 12 resources of every kind that depend on each
// other at random.
func (g *player) project() *config.Project {
	p := &config.Project{Settings: config.Settings{MaxParallelUpdates: 1 + g.IntN(3)}}
	for i := range 6 {
		img := config.Image{Ref: fmt.Sprint("image", i), Deps: []string{fmt.Sprint("/w/", i)}}
		if i > 0 && g.some(3) {
			img.BaseImages = []string{fmt.Sprint("image", g.IntN(i))}
		}
		if g.some(2) {
			img.LiveUpdate = []config.Step{{Kind: config.StepSync, Local: fmt.Sprint("/w/", i), Remote: "/app"}, {Kind: config.StepFallBackOn, Paths: []string{fmt.Sprint("/w/", i, "/0")}}}
		}
		p.Images = append(p.Images, img)
	}
	for i := range 12 {
		r := config.Resource{Name: fmt.Sprint("r", i), Kind: config.KindK8s, Enabled: !g.some(8), AutoInit: !g.some(5)}
		if g.some(3) {
			r.TriggerMode = config.TriggerManual
		}
		if i > 0 && g.some(2) {
			r.ResourceDeps = []string{fmt.Sprint("r", g.IntN(i))}
		}
		switch g.IntN(8) {
		case 0, 1:
			r.Kind, r.Local = config.KindLocal, &config.Local{Cmd: config.Command{Argv: []string{"make"}}, AllowParallel: g.some(2), Deps: []string{fmt.Sprint("/w/", g.IntN(6))}}
			if g.some(2) {
				r.Local.Outputs = []string{fmt.Sprint("/w/", g.IntN(6))}
			}
		case 2, 3:
			p.YAML = append(p.YAML, config.Object{Key: r.Name, Resource: r.Name, Content: map[string]any{"kind": pick(g, []string{"Namespace", "ConfigMap", "Deployment"})}})
		case 4:
			r.CustomDeploy = &config.CustomDeploy{Deps: []string{fmt.Sprint("/w/", g.IntN(6))}}
		default:
			r.Images = []string{fmt.Sprint("image", g.IntN(6))}
		}
		p.Resources = append(p.Resources, r)
	}
	p.Settings.Towline = map[string]any{"follow": []any{
		map[string]any{"resource": g.name(), "run_again": g.some(2)}, map[string]any{"resource": g.name(), "run_again": g.some(2)},
	}}
	return p
}

func (g *player) name() string { return fmt.Sprint("r", g.IntN(13)) } // one of them unknown

func (g *player) path() (ref, path string) {
	i := g.IntN(6)
	return fmt.Sprint("image", i), fmt.Sprint("/w/", i, "/", g.IntN(3))
}

func (g *player) problem() *config.Problem {
	if g.some(4) {
		return &config.Problem{Message: "no"}
	}
	return nil
}

// event is an answer, mostly, or something that nobody asked for.
func (g *player) event() Event {
	if len(g.asked) > 0 && !g.some(3) {
		i := g.IntN(len(g.asked))
		asked := g.asked[i]
		g.asked = append(g.asked[:i:i], g.asked[i+1:]...)
		if e := g.answer(asked); e != nil {
			return e
		}
	}
	switch g.IntN(20) {
	case 0:
		return Triggered{Resource: g.name()}
	case 1:
		return RestartAsked{Resource: g.name()}
	case 2:
		if g.some(2) {
			ref, _ := g.path()
			return RetryBuild{Ref: ref}
		}
		return Retry{Resource: g.name()}
	case 3:
		return Switched{On: map[string]bool{g.name(): g.some(2), g.name(): g.some(2)}}
	case 4, 5, 6, 7:
		return g.observed(g.name())
	case 8, 9:
		for id, t := range g.state.targets.all() {
			return Detached{Target: id, Instance: t.Instance}
		}
	case 10:
		if g.some(4) {
			return Unwanted{}
		}
	case 11, 12:
		if g.some(2) {
			return Wanted{}
		}
		return Wanted{Resources: []string{g.name()}}
	case 13:
		if g.some(4) {
			return Configured{Project: g.project()}
		}
	}
	return g.changed()
}

func (g *player) changed() Event {
	e := Changed{Images: map[string][]string{}, Saved: g.some(4)}
	for range 1 + g.IntN(3) {
		ref, path := g.path()
		e.Images[ref] = append(e.Images[ref], path)
	}
	for i := 0; g.state.Project != nil && i < len(g.state.Project.Resources); i++ {
		r := &g.state.Project.Resources[i]
		var deps []string
		switch {
		case r.Local != nil:
			deps = r.Local.Deps
		case r.CustomDeploy != nil:
			deps = r.CustomDeploy.Deps
		}
		for _, paths := range e.Images {
			if touches(deps, paths) {
				e.Locals = append(e.Locals, r.Name)
				e.Own = map[string][]string{r.Name: paths}
			}
		}
	}
	return e
}

func (g *player) answer(e Effect) Event {
	switch e := e.(type) {
	case Build:
		stopped := g.state.Image(e.Image.Ref).Stopping && g.some(2)
		return Built{Ref: e.Image.Ref, Pushed: fmt.Sprint(e.Image.Ref, ":", g.IntN(3)), Problem: g.problem(), Passing: g.some(2), Stopped: stopped}
	case Apply:
		a := Applied{Resource: e.Resource.Name, Problem: g.problem(), Passing: g.some(2)}
		switch g.IntN(8) {
		case 0, 1:
			a.Agentless = e.Resource.Images
		case 2, 3:
			a.Ending = e.Resource.Images
		}
		return a
	case RunLocal:
		return LocalDone{Resource: e.Resource.Name, Problem: g.problem()}
	case Attach:
		return Attached{Target: e.Target, Instance: e.Instance}
	case Live:
		return LiveDone{Target: e.Target, Batch: e.Batch, Problem: g.problem(), Rebuild: g.some(3)}
	}
	return nil
}

// observed has up to two pods of a resource, old ones or new.
func (g *player) observed(name string) Event {
	o := Observed{Resource: name, Ready: g.some(2), Broken: g.some(6), Gone: g.some(12)}
	for _, ref := range g.state.ImagesOf(name) {
		for range g.IntN(3) {
			g.pods += g.IntN(2)
			o.Targets = append(o.Targets, Seen{
				ID: TargetID{Pod: fmt.Sprint(name, "-", g.pods)}, Image: ref, Pushed: g.state.Image(ref).Pushed,
				Instance: fmt.Sprint(g.pods), Running: !g.some(4),
			})
		}
	}
	return o
}
