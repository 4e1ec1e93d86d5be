package eval

import (
	"fmt"
	"path/filepath"

	"github.com/distribution/reference"
	"go.starlark.net/starlark"

	"github.com/towline-dev/towline/starlark/config"
	"github.com/towline-dev/towline/starlark/unpack"
)

func (c *call) k8sCustomDeploy() (starlark.Value, error) {
	var in struct {
		Name              string              `arg:"name"`
		ApplyCmd          starlark.Value      `arg:"apply_cmd"`
		DeleteCmd         starlark.Value      `arg:"delete_cmd"`
		Deps              unpack.Paths        `arg:"deps"`
		ImageSelector     string              `arg:"image_selector"`
		LiveUpdate        starlark.Value      `arg:"live_update"`
		ApplyDir          unpack.OptionalPath `arg:"apply_dir"`
		ApplyEnv          unpack.StringMap    `arg:"apply_env"`
		ApplyCmdBat       starlark.Value      `arg:"apply_cmd_bat"`
		DeleteDir         unpack.OptionalPath `arg:"delete_dir"`
		DeleteEnv         unpack.StringMap    `arg:"delete_env"`
		DeleteCmdBat      starlark.Value      `arg:"delete_cmd_bat"`
		ContainerSelector string              `arg:"container_selector"`
		ImageDeps         unpack.ImageNames   `arg:"image_deps"`
	}
	if err := c.Into(&in); err != nil {
		return nil, err
	}
	d := &config.CustomDeploy{Deps: in.Deps.Value, ImageSelector: in.ImageSelector, ContainerSelector: in.ContainerSelector, ImageDeps: in.ImageDeps.Familiar()}
	var err error
	if d.Apply, err = c.run.hostCommand(in.ApplyCmd, in.ApplyCmdBat, in.ApplyDir.Value, in.ApplyEnv); err != nil {
		return nil, fmt.Errorf("apply_cmd: %w", err)
	}
	if d.Delete, err = c.run.hostCommand(in.DeleteCmd, in.DeleteCmdBat, in.DeleteDir.Value, in.DeleteEnv); err != nil {
		return nil, fmt.Errorf("delete_cmd: %w", err)
	}
	switch {
	case d.Apply.Empty():
		return nil, c.Errorf("apply_cmd cannot be empty")
	case d.Delete.Empty():
		return nil, c.Errorf("delete_cmd cannot be empty")
	}
	if d.LiveUpdate, err = c.run.liveUpdate(in.LiveUpdate); err != nil {
		return nil, err
	}
	for _, dir := range d.Deps {
		if !c.run.files.IsDir(dir) {
			continue
		}
		file := filepath.Join(dir, ".dockerignore")
		patterns, err := c.run.files.IgnoreFile(file)
		if err != nil {
			return nil, err
		}
		if len(patterns) > 0 {
			d.Ignores = append(d.Ignores, config.Ignore{Base: dir, Patterns: patterns, Source: file})
		}
	}
	d.Ignores = append(d.Ignores, c.ignoreItself()...)
	res, err := c.run.k8s.NewResource(in.Name)
	if err != nil {
		return nil, fmt.Errorf("error making resource for %s: %w", in.Name, err)
	}
	res.Pos, res.CustomDeploy = c.pos(), d
	if len(d.LiveUpdate) > 0 {
		return starlark.None, c.checkSelectors(d)
	}
	return starlark.None, nil
}

// checkSelectors checks that it is clear which container a live update is for.
func (c *call) checkSelectors(d *config.CustomDeploy) error {
	switch {
	case d.ImageSelector != "" && d.ContainerSelector != "":
		return c.Errorf("cannot specify more than one Live Update selector")
	case d.ImageSelector == "" && d.ContainerSelector == "" && len(d.ImageDeps) == 0:
		return c.Errorf("no Live Update selector specified")
	case d.ImageSelector != "":
		if _, err := reference.ParseNormalizedNamed(d.ImageSelector); err != nil {
			return fmt.Errorf("can't parse %q: %w", d.ImageSelector, err)
		}
	}
	return nil
}
