package status

import (
	"fmt"
	"slices"
	"strings"

	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/starlark/config"
)

// undebuggable says why no debugger will ever attach to a resource; nil when one
// can, or when that shows only later.
func (f *Facts) undebuggable(spec *config.Resource, targets []api.Target) *config.Problem {
	switch {
	case spec.Kind == config.KindLocal:
		return &config.Problem{
			Message: spec.Name + " runs on this machine, not in a pod", Pos: spec.Pos,
			Hint: "debug it with the editor's own debugger",
		}
	case spec.Kind == config.KindCompose && len(spec.Images) == 0:
		return &config.Problem{
			Message: spec.Name + " runs no image that is built here, so it has no agent, which a debugger needs", Pos: spec.Pos,
			Hint: "build its image by docker_build, or by `build` in the Compose file",
		}
	case spec.Kind == config.KindCompose && len(targets) == 0 && f.State.Resource(spec.Name).Applied != "":
		return &config.Problem{
			Message: spec.Name + " is a Compose service without the agent that a debugger needs", Pos: spec.Pos,
			Hint: "it comes with a live_update of the service's image, or by towline.agent(resource='" + spec.Name + "')",
		}
	case onlyJobs(spec.Objects):
		return &config.Problem{
			Message: spec.Name + " is a Job: its program ends by itself and runs without the agent that a debugger needs", Pos: spec.Pos,
			Hint: "run the program in a Deployment or a Pod to debug it",
		}
	case len(spec.Images) == 0 && spec.CustomDeploy == nil && len(targets) == 0:
		return &config.Problem{
			Message: spec.Name + " runs no image that the Tiltfile builds, so it has no agent, which a debugger needs", Pos: spec.Pos,
			Hint: "build its image by docker_build or custom_build",
		}
	}
	return unsupportedLanguage(spec, targets)
}

// onlyJobs reports whether all that has pods of its own among objects is a Job.
func onlyJobs(objects []string) bool {
	jobs := 0
	for _, key := range objects { // name:kind:namespace:group
		parts := strings.Split(strings.ToLower(key), ":")
		if len(parts) < 2 {
			continue
		}
		switch parts[1] {
		case "job", "cronjob":
			jobs++
		case "configmap", "secret", "service", "serviceaccount", "role", "rolebinding", "clusterrole", "clusterrolebinding",
			"persistentvolumeclaim", "networkpolicy", "ingress":
		default:
			return false
		}
	}
	return jobs > 0
}

// debuggable are the languages with a debugger.
var debuggable = []string{"Go", "Python", "JavaScript"}

// unsupportedLanguage says that all containers run programs in languages without a debugger.
func unsupportedLanguage(spec *config.Resource, targets []api.Target) *config.Problem {
	language := ""
	for _, t := range targets {
		if t.Language == "" || slices.Contains(debuggable, t.Language) {
			return nil
		}
		language = t.Language
	}
	if language == "" {
		return nil
	}
	return &config.Problem{
		Message: fmt.Sprintf("%s runs a program in %s, and so far only %s can be debugged", spec.Name, language, strings.Join(debuggable, ", ")), Pos: spec.Pos,
		Hint: "start the language's own debugger in the container, and reach it by a port_forward",
	}
}
