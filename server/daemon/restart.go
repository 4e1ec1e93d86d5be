package daemon

import (
	"fmt"
	"slices"

	"github.com/towline-dev/towline/server/engine"
	"github.com/towline-dev/towline/starlark/config"
)

// restartable says why nothing of a resource can be restarted in place, nil if
// something can.
func restartable(p *config.Project, s *engine.State, resource string) error {
	i := slices.IndexFunc(p.Resources, func(r config.Resource) bool { return r.Name == resource })
	spec, r := &p.Resources[i], s.Resource(resource)
	var problem *config.Problem
	switch {
	case !r.Wanted:
		problem = resourceDown(resource)
	case spec.Kind == config.KindLocal:
		problem = noServer(spec, r)
	case spec.Kind == config.KindK8s && !supervised(s, resource):
		problem = noAgent(p, spec)
	}
	if problem != nil {
		return problem
	}
	return nil
}

// noServer says why a local resource has no server that could be restarted, nil
// if it has.
func noServer(spec *config.Resource, r engine.Resource) *config.Problem {
	again := fmt.Sprintf("`towline trigger %s` runs it again", spec.Name)
	switch {
	case spec.Local == nil || spec.Local.ServeCmd.Empty():
		return &config.Problem{Message: spec.Name + " is a command that ends: there is no server to restart", Hint: again, Pos: spec.Pos}
	case r.Working:
		return &config.Problem{Message: "the command of " + spec.Name + " runs, and its server starts after it", Hint: "`towline logs " + spec.Name + "` shows how far it is", Pos: spec.Pos}
	case r.Applied == "":
		return &config.Problem{Message: "the server of " + spec.Name + " starts once its command has succeeded", Hint: again, Pos: spec.Pos}
	}
	return nil
}

// supervised reports whether an agent answers in a container of a resource.
func supervised(s *engine.State, resource string) bool {
	return slices.ContainsFunc(s.TargetsOf(resource), func(id engine.TargetID) bool { return s.Target(id).Agent == engine.Connected })
}

// noAgent says what can be done instead where no process can be restarted in
// place.
func noAgent(project *config.Project, spec *config.Resource) *config.Problem {
	if engine.Jobs(project)[spec.Name] {
		return &config.Problem{
			Message: spec.Name + " is a Job: there is no server to restart", Pos: spec.Pos,
			Hint: fmt.Sprintf("`towline trigger %s` runs it again", spec.Name),
		}
	}
	p := &config.Problem{
		Message: spec.Name + " cannot be restarted in place: no container of it has an agent that answers", Pos: spec.Pos,
		Hint: fmt.Sprintf("`towline status %s` shows what it waits for", spec.Name),
	}
	if len(spec.Images) == 0 {
		p.Message = spec.Name + " cannot be restarted in place: the Tiltfile builds none of its images, so it has no agent"
		p.Hint = "`kubectl rollout restart` replaces its pods"
		if kind, name := workload(project, spec.Name); name != "" {
			p.Hint = fmt.Sprintf("`kubectl rollout restart %s/%s` replaces its pods", kind, name)
		}
	}
	return p
}

// workload names the first object of a resource that runs pods.
func workload(p *config.Project, resource string) (kind, name string) {
	for i := range p.YAML {
		o := &p.YAML[i]
		kind, _ := o.Content["kind"].(string)
		metadata, _ := o.Content["metadata"].(map[string]any)
		if name, _ := metadata["name"].(string); o.Resource == resource && engine.RunsPods(kind) {
			return kind, name
		}
	}
	return "", ""
}

func resourceDown(resource string) *config.Problem {
	return &config.Problem{Message: resource + " is not up", Hint: fmt.Sprintf("`towline enable %s` brings it up", resource)}
}
