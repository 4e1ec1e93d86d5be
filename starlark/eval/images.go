package eval

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/distribution/reference"
	"go.starlark.net/starlark"

	"github.com/towline-dev/towline/starlark/config"
	"github.com/towline-dev/towline/starlark/fault"
	"github.com/towline-dev/towline/starlark/image"
	"github.com/towline-dev/towline/starlark/unpack"
	"github.com/towline-dev/towline/starlark/value"
)

func (c *call) dockerBuild() (starlark.Value, error) {
	var in struct {
		Ref                string           `arg:"ref"`
		Context            unpack.Path      `arg:"context"`
		BuildArgs          unpack.StringMap `arg:"build_args"`
		Dockerfile         starlark.Value   `arg:"dockerfile"`
		DockerfileContents starlark.Value   `arg:"dockerfile_contents"`
		Cache              starlark.Value   `arg:"cache"`
		LiveUpdate         starlark.Value   `arg:"live_update"`
		MatchInEnvVars     bool             `arg:"match_in_env_vars"`
		Ignore             starlark.Value   `arg:"ignore"`
		Only               starlark.Value   `arg:"only"`
		Entrypoint         starlark.Value   `arg:"entrypoint"`
		ContainerArgs      starlark.Value   `arg:"container_args"`
		Target             string           `arg:"target"`
		SSH                unpack.Strings   `arg:"ssh"`
		Secret             unpack.Strings   `arg:"secret"`
		Network            string           `arg:"network"`
		ExtraTag           unpack.Strings   `arg:"extra_tag"`
		CacheFrom          unpack.Strings   `arg:"cache_from"`
		Pull               bool             `arg:"pull"`
		Platform           string           `arg:"platform"`
		ExtraHosts         unpack.Strings   `arg:"extra_hosts"`
	}
	if err := c.Into(&in); err != nil {
		return nil, err
	}
	img := &image.Image{Image: config.Image{
		Builder: config.BuilderDocker, Pos: c.pos(), Context: in.Context.Value, Args: in.BuildArgs, Target: in.Target,
		SSH: in.SSH.NonEmpty(), Secrets: in.Secret.NonEmpty(), Network: in.Network, ExtraTags: in.ExtraTag.NonEmpty(),
		CacheFrom: in.CacheFrom.NonEmpty(), Pull: in.Pull, Platform: in.Platform, ExtraHosts: in.ExtraHosts.NonEmpty(),
		Deps: []string{in.Context.Value},
	}}
	if err := c.setRef(img, in.Ref); err != nil {
		return nil, err
	}
	if err := c.readDockerfile(img, in.Dockerfile, in.DockerfileContents); err != nil {
		return nil, err
	}
	if in.Cache != nil {
		c.run.warn("docker_build(cache=...) is obsolete, and currently a no-op.\nYou should switch to live_update to optimize your builds.")
	}
	if img.Platform == "" {
		img.Platform = c.run.env.Var("DOCKER_DEFAULT_PLATFORM")
	}
	for _, tag := range img.ExtraTags {
		if _, err := reference.ParseNormalizedNamed(tag); err != nil {
			return nil, fault.Tiltf("Argument extra_tag=%q not a valid image reference: %v", tag, err)
		}
	}
	if err := c.setOnly(img, in.Only); err != nil {
		return nil, err
	}
	if err := c.setCommon(img, in.LiveUpdate, in.Entrypoint, in.ContainerArgs, in.MatchInEnvVars); err != nil {
		return nil, err
	}
	if err := c.setIgnores(img, []string{img.Context}, in.Ignore); err != nil {
		return nil, err
	}
	return starlark.None, c.run.images.Add(img)
}

func (c *call) setRef(img *image.Image, ref string) error {
	name, err := c.run.images.Names.ImageName(ref)
	if err != nil {
		return fault.Tiltf("Argument 1 (ref): can't parse %q: %v", ref, err)
	}
	img.SetName(name)
	return nil
}

// readDockerfile finds the Dockerfile and reads it.
func (c *call) readDockerfile(img *image.Image, file, contents starlark.Value) error {
	if file == starlark.None {
		file = nil
	}
	switch {
	case file != nil && contents != nil:
		return fault.Tiltf("Cannot specify both dockerfile and dockerfile_contents keyword arguments")
	case contents != nil:
		text, ok := value.AsString(contents)
		if !ok {
			return fault.Tiltf("Argument (dockerfile_contents): must be string or blob.")
		}
		img.DockerfileContents, img.Text, img.DockerfileText = text, text, text
		return nil
	}
	img.Dockerfile = filepath.Join(img.Context, "Dockerfile")
	if file != nil {
		s, ok := value.PathText(file)
		if !ok {
			return c.Errorf("for parameter %q: expected path | string. Actual type: %s", "dockerfile", value.TypeOf(file))
		}
		img.Dockerfile = c.run.abs(s)
	}
	text, err := c.run.files.ReadText(img.Dockerfile)
	if err != nil {
		return fmt.Errorf("error reading dockerfile: %w", err)
	}
	img.Text, img.DockerfileText = text, text
	return nil
}

// setOnly restricts the context to some paths.
func (c *call) setOnly(img *image.Image, only starlark.Value) error {
	paths, err := unpack.Patterns("only", only)
	for _, p := range paths {
		if strings.Contains(p, "*") {
			return fmt.Errorf("'only' does not support '*' file globs. Must be a real path: %s", p)
		}
		img.Only = append(img.Only, value.JoinPath(img.Context, p))
	}
	return err
}

// setCommon sets what docker_build and custom_build share.
func (c *call) setCommon(img *image.Image, liveUpdate, entrypoint, args starlark.Value, matchEnv bool) error {
	var err error
	if img.LiveUpdate, err = c.run.liveUpdate(liveUpdate); err != nil {
		return err
	}
	if img.Entrypoint, err = unpack.ShellCommand(entrypoint, false); err != nil {
		return err
	}
	img.MatchInEnvVars = matchEnv
	if args != nil && args != starlark.None {
		var list unpack.Sequence
		if err := list.Unpack(args); err != nil {
			return fault.Tiltf("Argument 'container_args': %w", err)
		}
		img.ContainerArgs, img.HasContainerArgs = list, true
	}
	return nil
}
