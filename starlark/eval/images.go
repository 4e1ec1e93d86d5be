package eval

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/distribution/reference"
	"go.starlark.net/starlark"

	"github.com/towline-dev/towline/starlark/config"
	"github.com/towline-dev/towline/starlark/fault"
	"github.com/towline-dev/towline/starlark/manifest"
	"github.com/towline-dev/towline/starlark/unpack"
	"github.com/towline-dev/towline/starlark/value"
)

// image is an image that was declared, before it is known what uses it.
type image struct {
	config.Image
	name       *manifest.ImageName
	dockerText string // the Dockerfile's content
	bases      []*image
	matchEnv   bool
	exact      bool // only its own tag is meant
	matched    bool // something names it
	deployed   bool // a resource's objects name it
	used       bool // it has to be built for a resource
	visiting   bool
}

// imageIndex holds the declared images.
type imageIndex struct {
	all    []*image
	byName map[string][]*image // without tag
}

// add takes an image in, unless its ref is taken. Where a name is declared with
// a tag, or twice, each means its own tag alone.
func (x *imageIndex) add(img *image) error {
	if x.byName == nil {
		x.byName = map[string][]*image{}
	}
	same := x.byName[img.name.Name]
	for _, other := range same {
		if other.name.Full == img.name.Full {
			return fault.Tiltf("Image for ref %q has already been defined", img.Ref)
		}
	}
	_, img.exact = img.name.Named.(reference.Tagged)
	same = append(same, img)
	if len(same) > 1 {
		for _, other := range same {
			other.exact = true
		}
	}
	x.byName[img.name.Name] = same
	x.all = append(x.all, img)
	return nil
}

// find returns the image that builds what a YAML file, a Dockerfile or a
// Compose file names.
func (x *imageIndex) find(name *manifest.ImageName) *image {
	for _, img := range x.byName[name.Name] {
		if !img.exact || img.name.Full == name.Full {
			return img
		}
	}
	if strings.HasSuffix(name.Full, ":latest") { // which is what no tag means
		return x.find(&manifest.ImageName{Name: name.Name})
	}
	return nil
}

// findImage returns the image that builds what a text names, which may be no
// image's name.
func (r *run) findImage(text string) *image {
	name, err := r.imageNames.ImageName(text)
	if err != nil {
		return nil
	}
	return r.images.find(name)
}

// watched returns the folders whose changes reach an image, through its bases
// too.
func (x *imageIndex) watched(img *image) []string {
	paths := slices.Clone(img.Deps)
	for _, base := range img.bases {
		paths = append(paths, x.watched(base)...)
	}
	return paths
}

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
	img := &image{Image: config.Image{
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
	return starlark.None, c.run.images.add(img)
}

func (c *call) setRef(img *image, ref string) error {
	name, err := c.run.imageNames.ImageName(ref)
	if err != nil {
		return fault.Tiltf("Argument 1 (ref): can't parse %q: %v", ref, err)
	}
	img.name, img.Ref = name, reference.FamiliarString(name.Named)
	return nil
}

// readDockerfile finds the Dockerfile and reads it.
func (c *call) readDockerfile(img *image, file, contents starlark.Value) error {
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
		img.DockerfileContents, img.dockerText, img.DockerfileText = text, text, text
		return nil
	}
	img.Dockerfile = filepath.Join(img.Context, "Dockerfile")
	if file != nil {
		s, ok := value.PathText(file)
		if !ok {
			return c.Errorf("for parameter %q: expected path | string. Actual type: %T", "dockerfile", file)
		}
		img.Dockerfile = c.run.abs(s)
	}
	text, err := c.run.files.ReadText(img.Dockerfile)
	if err != nil {
		return fmt.Errorf("error reading dockerfile: %w", err)
	}
	img.dockerText, img.DockerfileText = text, text
	return nil
}

// setOnly restricts the context to some paths.
func (c *call) setOnly(img *image, only starlark.Value) error {
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
func (c *call) setCommon(img *image, liveUpdate, entrypoint, args starlark.Value, matchEnv bool) error {
	var err error
	if img.LiveUpdate, err = c.run.liveUpdate(liveUpdate); err != nil {
		return err
	}
	if img.Entrypoint, err = unpack.ShellCommand(entrypoint, false); err != nil {
		return err
	}
	img.MatchInEnvVars, img.matchEnv = matchEnv, matchEnv
	if args != nil && args != starlark.None {
		var list unpack.Sequence
		if err := list.Unpack(args); err != nil {
			return fault.Tiltf("Argument 'container_args': %w", err)
		}
		img.ContainerArgs, img.HasContainerArgs = list, true
	}
	return nil
}

// setIgnores collects the patterns of files that do not matter to an image, for
// each of the folders that it is made of.
func (c *call) setIgnores(img *image, dirs []string, ignore starlark.Value) error {
	own, err := unpack.Patterns("ignore", ignore)
	if err != nil {
		return err
	}
	add := func(dir string, patterns []string, source string) {
		if len(patterns) > 0 {
			img.Ignores = append(img.Ignores, config.Ignore{Base: dir, Patterns: patterns, Source: source})
		}
	}
	for i, dir := range dirs {
		isDir := img.hasDockerfileIn(dir) || c.run.files.IsDir(dir)
		if slices.Contains(dirs[:i], dir) || dir != img.Context && !isDir {
			continue
		}
		add(dir, own, "ignore")
		add(dir, img.onlyPatterns(), "only")
		if !isDir {
			continue
		}
		if err := c.run.readIgnore(img, dir); err != nil {
			return err
		}
	}
	img.Ignores = append(img.Ignores, c.ignoreItself()...)
	return nil
}

// readIgnores adds what the ignore files of folders say.
func (r *run) readIgnores(img *image, dirs []string) error {
	for _, dir := range dirs {
		if err := r.readIgnore(img, dir); err != nil {
			return err
		}
	}
	return nil
}

// readIgnore adds what the ignore file of a folder says: the Dockerfile's own, or
// the folder's.
func (r *run) readIgnore(img *image, dir string) error {
	file := filepath.Join(dir, ".dockerignore")
	if img.Dockerfile != "" && dir == img.Context && r.files.Exists(img.Dockerfile+".dockerignore") {
		file = img.Dockerfile + ".dockerignore"
	}
	patterns, err := r.files.IgnoreFile(file)
	if err != nil {
		return fmt.Errorf("reading dockerignore for %s: %w", img.Ref, err)
	}
	if len(patterns) > 0 {
		img.Ignores = append(img.Ignores, config.Ignore{Base: dir, Patterns: patterns, Source: file})
	}
	return nil
}

// ignoreItself leaves the file that is being executed out of what it declares:
// a change to it is for the evaluation. The root Tiltfile is left out anyway.
func (c *call) ignoreItself() []config.Ignore {
	n := len(c.run.executing)
	if n == 0 || c.run.executing[n-1] == c.run.opts.Tiltfile {
		return nil
	}
	file := c.run.executing[n-1]
	return []config.Ignore{{Base: filepath.Dir(file), Patterns: []string{filepath.Base(file)}, Source: config.SourceTiltfile}}
}

// hasDockerfileIn reports whether the Dockerfile, which was read, lies in a
// folder, so that nobody need ask whether it is one.
func (img *image) hasDockerfileIn(dir string) bool {
	return img.Dockerfile != "" && filepath.Dir(img.Dockerfile) == dir
}

// onlyPatterns are patterns that ignore all but the paths of only.
func (img *image) onlyPatterns() []string {
	var patterns []string
	for _, p := range img.Only {
		if rel, err := filepath.Rel(img.Context, p); err == nil {
			patterns = append(patterns, "!"+filepath.ToSlash(rel))
		}
	}
	if len(patterns) == 0 {
		return nil
	}
	return append([]string{"**"}, patterns...)
}

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
	img := &image{Image: config.Image{
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
	if err := c.run.images.add(img); err != nil {
		return nil, err
	}
	return value.CustomBuild{Ref: img.Ref}, nil
}

// isNothing reports whether a command is the shell's that does nothing: with it,
// Tilt takes an image for one that only live updates change.
func isNothing(c config.Command) bool {
	return slices.Equal(c.Argv, []string{"sh", "-c", ":"}) || slices.Equal(c.Argv, []string{":"}) || slices.Equal(c.Argv, []string{"cmd", "/S", "/C", ":"})
}

func (c *call) defaultRegistry() (starlark.Value, error) {
	var in struct {
		Host            string `arg:"host"`
		HostFromCluster string `arg:"host_from_cluster"`
		SingleName      string `arg:"single_name"`
	}
	if c.run.registrySet {
		return nil, errors.New("default registry already defined")
	}
	if err := c.Into(&in); err != nil {
		return nil, err
	}
	for _, h := range []struct{ field, host string }{{"host", in.Host}, {"hostFromContainerRuntime", in.HostFromCluster}} {
		if err := checkRegistry(h.field, h.host); err != nil {
			return nil, fmt.Errorf("validating defaultRegistry: %w", err)
		}
	}
	c.run.registrySet = true
	c.run.project.Settings.DefaultRegistry = &config.Registry{Host: in.Host, HostFromCluster: in.HostFromCluster, SingleName: in.SingleName}
	return starlark.None, nil
}

// checkRegistry checks that images can be named below a registry's host.
func checkRegistry(field, host string) error {
	if host == "" {
		if field == "host" {
			return errors.New("host: Required value")
		}
		return nil
	}
	if _, err := reference.ParseNamed(host + "/image"); err != nil {
		return fmt.Errorf("%s: Invalid value: %q: %w", field, host, err)
	}
	return nil
}
