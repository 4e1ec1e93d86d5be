package eval

import (
	"go.starlark.net/starlark"

	"github.com/towline-dev/towline/starlark/config"
	"github.com/towline-dev/towline/starlark/image"
	"github.com/towline-dev/towline/starlark/unpack"
	"github.com/towline-dev/towline/starlark/value"
)

func (c *call) ourGoBuild() (starlark.Value, error) {
	var in struct {
		Ref            string              `arg:"ref"`
		ImportPath     string              `arg:"import_path"`
		Deps           unpack.Paths        `arg:"deps"`
		Base           string              `arg:"base"`
		Flags          unpack.Strings      `arg:"flags"`
		LDFlags        unpack.Strings      `arg:"ldflags"`
		Env            unpack.StringMap    `arg:"env"`
		Dir            unpack.OptionalPath `arg:"dir"`
		LiveUpdate     starlark.Value      `arg:"live_update"`
		MatchInEnvVars bool                `arg:"match_in_env_vars"`
		Ignore         starlark.Value      `arg:"ignore"`
		Entrypoint     starlark.Value      `arg:"entrypoint"`
		ContainerArgs  starlark.Value      `arg:"container_args"`
		ImageDeps      unpack.ImageNames   `arg:"image_deps"`
	}
	if err := c.Into(&in); err != nil {
		return nil, err
	}
	dir := in.Dir.Value
	if dir == "" {
		dir = c.run.dir()
	}
	deps := in.Deps.Value
	if len(deps) == 0 {
		deps = []string{dir}
	}
	img := &image.Image{Image: config.Image{
		Builder: config.BuilderCustom, Pos: c.pos(), Deps: deps, ImageDeps: in.ImageDeps.Familiar(),
		Go: &config.GoBuild{ImportPath: in.ImportPath, Dir: dir, Base: in.Base, Flags: in.Flags.NonEmpty(), LDFlags: in.LDFlags.NonEmpty(), Env: in.Env},
	}}
	if err := c.setRef(img, in.Ref); err != nil {
		return nil, err
	}
	if in.ImportPath == "" {
		return nil, c.Errorf("for parameter import_path: want the folder of a program, such as './cmd/web'")
	}
	if err := c.setCommon(img, in.LiveUpdate, in.Entrypoint, in.ContainerArgs, in.MatchInEnvVars); err != nil {
		return nil, err
	}
	if err := c.setIgnores(img, deps, in.Ignore); err != nil {
		return nil, err
	}
	if err := c.run.images.Add(img); err != nil {
		return nil, err
	}
	return value.CustomBuild{Ref: img.Ref}, nil
}
