package eval

import (
	"slices"

	"go.starlark.net/starlark"

	"github.com/towline-dev/towline/starlark/config"
	"github.com/towline-dev/towline/starlark/fault"
	"github.com/towline-dev/towline/starlark/image"
	"github.com/towline-dev/towline/starlark/unpack"
	"github.com/towline-dev/towline/starlark/value"
)

func (c *call) customBuild() (starlark.Value, error) {
	var in struct {
		Ref              string              `arg:"ref"`
		Command          starlark.Value      `arg:"command"`
		Deps             unpack.Paths        `arg:"deps"`
		Tag              string              `arg:"tag"`
		DisablePush      bool                `arg:"disable_push"`
		SkipsLocalDocker bool                `arg:"skips_local_docker"`
		LiveUpdate       starlark.Value      `arg:"live_update"`
		MatchInEnvVars   bool                `arg:"match_in_env_vars"`
		Ignore           starlark.Value      `arg:"ignore"`
		Entrypoint       starlark.Value      `arg:"entrypoint"`
		ContainerArgs    starlark.Value      `arg:"container_args"`
		CommandBatVal    string              `arg:"command_bat_val"`
		OutputsImageRef  unpack.OptionalPath `arg:"outputs_image_ref_to"`
		CommandBat       starlark.Value      `arg:"command_bat"`
		ImageDeps        unpack.ImageNames   `arg:"image_deps"`
		Env              unpack.StringMap    `arg:"env"`
		Dir              unpack.OptionalPath `arg:"dir"`
	}
	if err := c.Into(&in); err != nil {
		return nil, err
	}
	img := &image.Image{Image: config.Image{
		Builder: config.BuilderCustom, Pos: c.pos(), Deps: in.Deps.Value, Tag: in.Tag, DisablePush: in.DisablePush,
		SkipsLocalDocker: in.SkipsLocalDocker, OutputsImageRefTo: in.OutputsImageRef.Value, ImageDeps: in.ImageDeps.Familiar(),
	}}
	if err := c.setRef(img, in.Ref); err != nil {
		return nil, err
	}
	bat := in.CommandBat
	if bat == nil && in.CommandBatVal != "" {
		bat = starlark.String(in.CommandBatVal)
	}
	command, err := c.run.hostCommand(in.Command, bat, in.Dir.Value, in.Env)
	switch {
	case err != nil:
		return nil, fault.Tiltf("Argument 2 (command): %w", err)
	case command.Empty():
		return nil, fault.Tiltf("Argument 2 (command) can't be empty")
	case in.Tag != "" && in.OutputsImageRef.Value != "":
		return nil, fault.Tiltf("Cannot specify both tag= and outputs_image_ref_to=")
	}
	img.Command = &command
	img.LiveUpdateOnly = isNothing(command) && len(value.Elements(in.LiveUpdate)) > 0
	if err := c.setCommon(img, in.LiveUpdate, in.Entrypoint, in.ContainerArgs, in.MatchInEnvVars); err != nil {
		return nil, err
	}
	if err := c.setIgnores(img, in.Deps.Value, in.Ignore); err != nil {
		return nil, err
	}
	if err := c.run.images.Add(img); err != nil {
		return nil, err
	}
	return value.CustomBuild{Ref: img.Ref}, nil
}

// isNothing reports whether a command is the shell's that does nothing: with it,
// Tilt takes an image for one that only live updates change.
func isNothing(c config.Command) bool {
	return slices.Equal(c.Argv, []string{"sh", "-c", ":"}) || slices.Equal(c.Argv, []string{":"}) || slices.Equal(c.Argv, []string{"cmd", "/S", "/C", ":"})
}
