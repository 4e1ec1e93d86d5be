package deploy

import (
	"bytes"
	"context"
	"fmt"

	"github.com/towline-dev/towline/server/engine"
	"github.com/towline-dev/towline/server/kube"
	"github.com/towline-dev/towline/server/run/command"
	"github.com/towline-dev/towline/server/run/output"
	"github.com/towline-dev/towline/starlark/config"
)

// applyByCommand runs k8s_custom_deploy's apply command, which prints what it
// applied, and has these objects followed.
func (d *Deployer) applyByCommand(ctx context.Context, e engine.Apply, c *config.CustomDeploy) (unreached, *config.Problem) {
	name := e.Resource.Name
	d.o.Rollout.Updating(name, true)
	defer d.o.Rollout.Updating(name, false)
	var stdout bytes.Buffer
	err := d.o.Shell.Run(ctx, command.Call{
		Command: c.Apply, Extra: imageEnv(c.ImageDeps, e.Images), Stdout: &stdout, Line: output.Line{Resource: name, Source: "build"},
	})
	if err != nil {
		return unreached{}, &config.Problem{
			Message: fmt.Sprintf("apply_cmd %q: %v", command.Text(c.Apply.Argv), err),
			Hint:    fmt.Sprintf("`towline logs %s` shows its output", name),
			Pos:     e.Resource.Pos,
		}
	}
	objects, err := kube.Decode(&stdout)
	if err != nil {
		return unreached{}, &config.Problem{
			Message: fmt.Sprintf("apply_cmd %q printed what is not YAML: %v", command.Text(c.Apply.Argv), err),
			Hint:    "it has to print the objects that it applied, and nothing else, to its standard output",
			Pos:     e.Resource.Pos,
		}
	}
	d.o.Objects(objects)
	current, err := d.o.Cluster.Current(ctx, objects)
	if err != nil {
		return unreached{}, applyProblem(err, nil)
	}
	current, a, problem := d.bringAgents(ctx, e, current)
	d.o.Rollout.Adopted(e.Resource, current, a.live)
	return a.unreached, problem
}

// deleteByCommand runs k8s_custom_deploy's delete command.
func (d *Deployer) deleteByCommand(ctx context.Context, res *config.Resource) error {
	if res.CustomDeploy == nil || res.CustomDeploy.Delete.Empty() {
		return nil
	}
	cmd := res.CustomDeploy.Delete
	if err := d.o.Shell.Run(ctx, command.Call{Command: cmd, Line: output.Line{Resource: res.Name, Source: "build"}}); err != nil {
		err = fmt.Errorf("%s: delete_cmd %q: %w", res.Name, command.Text(cmd.Argv), err)
		d.o.Shell.Log.Say(res.Name, "error", err.Error())
		return err
	}
	return nil
}

// imageEnv tells a command what its image dependencies became.
func imageEnv(deps []string, pushed map[string]string) []string {
	var env []string
	for i, ref := range deps {
		env = append(env, fmt.Sprintf("TILT_IMAGE_%d=%s", i, pushed[ref]), fmt.Sprintf("TILT_IMAGE_MAP_%d=%s", i, ref))
	}
	return env
}
