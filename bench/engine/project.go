package main

import (
	"fmt"

	"github.com/towline-dev/towline/server/engine"
	"github.com/towline-dev/towline/starlark/config"
)

func image(i int) string  { return fmt.Sprintf("registry.example/service-%04d", i) }
func name(i int) string   { return fmt.Sprintf("service-%04d", i) }
func folder(i int) string { return fmt.Sprintf("/work/services/%04d", i) }

func target(i int) engine.TargetID {
	return engine.TargetID{Namespace: "default", Pod: name(i) + "-6d4cf56db6-x2x5z", Container: "app"}
}

const base = "registry.example/base"

// project has n services on one base image, each with a live update, and each
// but the first ten waits for one of those before it.
func project(n int) *config.Project {
	p := &config.Project{
		Settings: config.Settings{MaxParallelUpdates: 3},
		Images:   []config.Image{{Ref: base, Deps: []string{"/work/base"}}},
	}
	for i := range n {
		p.Images = append(p.Images, config.Image{
			Ref: image(i), Deps: []string{folder(i)}, BaseImages: []string{base},
			LiveUpdate: []config.Step{
				{Kind: config.StepFallBackOn, Paths: []string{folder(i) + "/requirements.txt"}},
				{Kind: config.StepSync, Local: folder(i), Remote: "/app"},
				{Kind: config.StepRestart},
			},
		})
		r := config.Resource{Name: name(i), Kind: config.KindK8s, Enabled: true, AutoInit: true, Images: []string{image(i)}}
		if i >= 10 {
			r.ResourceDeps = []string{name(i - 10)}
		}
		p.Resources = append(p.Resources, r)
	}
	return p
}

// ready brings a project up: everything is built, applied, attached and in
// sync.
func ready(n int) (engine.State, error) {
	s, _ := engine.Step(engine.State{}, engine.Configured{Project: project(n)})
	s, todo := engine.Step(s, engine.Wanted{})
	for len(todo) > 0 {
		e := todo[0]
		todo = todo[1:]
		for _, answer := range answers(e) {
			var more []engine.Effect
			s, more = engine.Step(s, answer)
			todo = append(todo, more...)
		}
	}
	for i := range n {
		if t := s.Target(target(i)); !t.Checked || !s.Resource(name(i)).Ready {
			return s, fmt.Errorf("%s is not up: %+v", name(i), t)
		}
	}
	return s, nil
}

// answers is what the world says to an effect.
func answers(e engine.Effect) []engine.Event {
	switch e := e.(type) {
	case engine.Build:
		return []engine.Event{engine.Built{Ref: e.Image.Ref, Pushed: e.Image.Ref + ":1"}}
	case engine.Apply:
		id := engine.TargetID{Namespace: "default", Pod: e.Resource.Name + "-6d4cf56db6-x2x5z", Container: "app"}
		ref := e.Resource.Images[0]
		return []engine.Event{
			engine.Applied{Resource: e.Resource.Name},
			engine.Observed{Resource: e.Resource.Name, Ready: true, Targets: []engine.Seen{
				{ID: id, Image: ref, Pushed: e.Images[ref], Instance: "1", Running: true},
			}},
		}
	case engine.Attach:
		return []engine.Event{engine.Attached{Target: e.Target, Instance: e.Instance}}
	case engine.Live:
		return []engine.Event{engine.LiveDone{Target: e.Target, Batch: e.Batch}}
	}
	return nil
}
