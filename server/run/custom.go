package run

import (
	"bytes"
	"context"
	"fmt"

	"github.com/towline-dev/towline/server/engine"
	"github.com/towline-dev/towline/server/kube"
	"github.com/towline-dev/towline/server/run/command"
	"github.com/towline-dev/towline/starlark/config"
)

// customDeploy runs k8s_custom_deploy's apply command, which prints what it
// applied, and follows these objects.
func (r *Runner) customDeploy(ctx context.Context, e engine.Apply, d *config.CustomDeploy) *config.Problem {
	name := e.Resource.Name
	var stdout bytes.Buffer
	err := r.shell.Run(ctx, command.Call{
		Command: d.Apply, Extra: imageEnv(d.ImageDeps, e.Images), Stdout: &stdout, Line: Line{Resource: name, Source: "build"},
	})
	if err != nil {
		return &config.Problem{
			Message: fmt.Sprintf("apply_cmd %q: %v", command.Text(d.Apply.Argv), err),
			Hint:    fmt.Sprintf("`towline logs %s` shows its output", name),
			Pos:     e.Resource.Pos,
		}
	}
	objects, err := kube.Decode(&stdout)
	if err != nil {
		return &config.Problem{
			Message: fmt.Sprintf("apply_cmd %q printed what is not YAML: %v", command.Text(d.Apply.Argv), err),
			Hint:    "it has to print the objects that it applied, and nothing else, to its standard output",
			Pos:     e.Resource.Pos,
		}
	}
	r.o.Sink.Facts(Facts{Objects: objects})
	current, err := r.o.Cluster.Current(ctx, objects)
	if err != nil {
		return applyProblem(err, nil)
	}
	deploy := r.newDeployment(e.Resource)
	deploy.applied = true
	r.mu.Lock()
	for _, a := range current {
		deploy.add(a, "")
	}
	r.adopt(name, deploy)
	r.deployed[name] = deploy
	r.mu.Unlock()
	return nil
}

// customDelete runs k8s_custom_deploy's delete command.
func (r *Runner) customDelete(ctx context.Context, res *config.Resource) {
	if res.CustomDeploy == nil || res.CustomDeploy.Delete.Empty() {
		return
	}
	if err := r.shell.Run(ctx, command.Call{Command: res.CustomDeploy.Delete, Line: Line{Resource: res.Name, Source: "build"}}); err != nil {
		r.log(res.Name, "towline", "error", fmt.Sprintf("delete_cmd %q: %v", command.Text(res.CustomDeploy.Delete.Argv), err))
	}
}

// imageEnv tells a command what its image dependencies became.
func imageEnv(deps []string, pushed map[string]string) []string {
	var env []string
	for i, ref := range deps {
		env = append(env, fmt.Sprintf("TILT_IMAGE_%d=%s", i, pushed[ref]), fmt.Sprintf("TILT_IMAGE_MAP_%d=%s", i, ref))
	}
	return env
}
