package eval

import (
	"errors"

	"go.starlark.net/starlark"

	"github.com/towline-dev/towline/starlark/config"
)

func (c *call) k8sCustomDeploy() (starlark.Value, error) {
	var in struct {
		Name              string         `arg:"name"`
		ApplyCmd          starlark.Value `arg:"apply_cmd"`
		DeleteCmd         starlark.Value `arg:"delete_cmd"`
		Deps              pathList       `arg:"deps"`
		ImageSelector     string         `arg:"image_selector"`
		LiveUpdate        starlark.Value `arg:"live_update"`
		ApplyDir          optionalPath   `arg:"apply_dir"`
		ApplyEnv          stringMap      `arg:"apply_env"`
		ApplyCmdBat       starlark.Value `arg:"apply_cmd_bat"`
		DeleteDir         optionalPath   `arg:"delete_dir"`
		DeleteEnv         stringMap      `arg:"delete_env"`
		DeleteCmdBat      starlark.Value `arg:"delete_cmd_bat"`
		ContainerSelector string         `arg:"container_selector"`
		ImageDeps         sequence       `arg:"image_deps"`
	}
	if err := c.into(&in); err != nil {
		return nil, err
	}
	d := &config.CustomDeploy{Deps: in.Deps.value, ImageSelector: in.ImageSelector, ContainerSelector: in.ContainerSelector, ImageDeps: in.ImageDeps}
	var err error
	if d.Apply, err = c.run.hostCommand(in.ApplyCmd, in.ApplyCmdBat, in.ApplyDir.value, in.ApplyEnv); err != nil {
		return nil, c.errorf("apply_cmd: %w", err)
	}
	if d.Delete, err = c.run.hostCommand(in.DeleteCmd, in.DeleteCmdBat, in.DeleteDir.value, in.DeleteEnv); err != nil {
		return nil, c.errorf("delete_cmd: %w", err)
	}
	switch {
	case in.Name == "":
		return nil, c.errorf("name must not be empty")
	case d.Apply.Empty():
		return nil, c.errorf("apply_cmd cannot be empty")
	case d.Delete.Empty():
		return nil, c.errorf("delete_cmd cannot be empty")
	}
	if d.LiveUpdate, err = c.run.liveUpdate(in.LiveUpdate); err != nil {
		return nil, err
	}
	selectors := 0
	for _, s := range []string{in.ImageSelector, in.ContainerSelector} {
		if s != "" {
			selectors++
		}
	}
	if selectors > 1 || len(d.LiveUpdate) > 0 && selectors != 1 && len(in.ImageDeps) == 0 {
		return nil, errors.New("k8s_custom_deploy: exactly one of image_selector or container_selector must be specified for live updates")
	}
	if in.ImageSelector != "" {
		if _, err := parseRef(in.ImageSelector); err != nil {
			return nil, c.errorf("can't parse %q: %w", in.ImageSelector, err)
		}
	}
	for _, s := range d.LiveUpdate {
		for _, p := range append([]string{s.Local}, s.Paths...) {
			if p != "" && len(in.ImageDeps) == 0 && !below(d.Deps, p) {
				return nil, &placed{pos: s.Pos, err: errors.New("sync step source '" + p + "' is not a child of any watched filepaths")}
			}
		}
	}
	c.run.yaml.custom = append(c.run.yaml.custom, &customDecl{name: in.Name, pos: c.pos(), deploy: d})
	return starlark.None, nil
}

// customDecl is one call of k8s_custom_deploy.
type customDecl struct {
	name   string
	pos    config.Position
	deploy *config.CustomDeploy
}
