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
)

// image is an image that was declared, before it is known what uses it.
type image struct {
	config.Image
	name       *imageName
	dockerText string // the Dockerfile's content
	bases      []*image
	matchEnv   bool
	used       bool
	visiting   bool
	kept       bool
	restarts   bool // towline.restart was called for it
}

// imageIndex holds the declared images.
type imageIndex struct {
	all    []*image
	byName map[string]*image // without tag
	tagged map[string]*image // with tag: matches only exactly that
}

// add takes an image in, unless its ref is taken.
func (x *imageIndex) add(img *image) error {
	if x.byName == nil {
		x.byName, x.tagged = map[string]*image{}, map[string]*image{}
	}
	index, key := x.byName, img.name.name
	if img.name.full != "" {
		index, key = x.tagged, img.name.full
	}
	if other := index[key]; other != nil {
		return sayf("Image for ref %q has already been defined", img.Ref)
	}
	index[key] = img
	x.all = append(x.all, img)
	return nil
}

// find returns the image that builds what a YAML file, a Dockerfile or a
// Compose file names.
func (x *imageIndex) find(name *imageName) *image {
	if name.full != "" {
		if img := x.tagged[name.full]; img != nil {
			return img
		}
	}
	return x.byName[name.name]
}

// findImage returns the image that builds what a text names, which may be no
// image's name.
func (r *run) findImage(text string) *image {
	name, err := parseName(r.opts.Cache, text)
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
		Ref                string         `arg:"ref"`
		Context            path           `arg:"context"`
		BuildArgs          stringMap      `arg:"build_args"`
		Dockerfile         starlark.Value `arg:"dockerfile"`
		DockerfileContents starlark.Value `arg:"dockerfile_contents"`
		Cache              starlark.Value `arg:"cache"`
		LiveUpdate         starlark.Value `arg:"live_update"`
		MatchInEnvVars     bool           `arg:"match_in_env_vars"`
		Ignore             strList        `arg:"ignore"`
		Only               strList        `arg:"only"`
		Entrypoint         starlark.Value `arg:"entrypoint"`
		ContainerArgs      starlark.Value `arg:"container_args"`
		Target             string         `arg:"target"`
		SSH                strList        `arg:"ssh"`
		Secret             strList        `arg:"secret"`
		Network            string         `arg:"network"`
		ExtraTag           strList        `arg:"extra_tag"`
		CacheFrom          strList        `arg:"cache_from"`
		Pull               bool           `arg:"pull"`
		Platform           string         `arg:"platform"`
		ExtraHosts         strList        `arg:"extra_hosts"`
	}
	if err := c.into(&in); err != nil {
		return nil, err
	}
	img := &image{Image: config.Image{
		Builder: config.BuilderDocker, Pos: c.pos(), Context: in.Context.value, Args: in.BuildArgs, Target: in.Target,
		SSH: in.SSH.nonEmpty(), Secrets: in.Secret.nonEmpty(), Network: in.Network, ExtraTags: in.ExtraTag.nonEmpty(),
		CacheFrom: in.CacheFrom.nonEmpty(), Pull: in.Pull, Platform: in.Platform, ExtraHosts: in.ExtraHosts.nonEmpty(),
		Deps: []string{in.Context.value},
	}}
	if err := c.setRef(img, in.Ref); err != nil {
		return nil, err
	}
	if err := c.readDockerfile(img, in.Dockerfile, in.DockerfileContents); err != nil {
		return nil, err
	}
	if in.Cache != nil && len(elements(in.Cache)) > 0 {
		c.run.warnOnce("docker_build(cache=…) has no effect: use BuildKit's cache mounts")
	}
	if img.Platform == "" {
		img.Platform = c.run.env.get("DOCKER_DEFAULT_PLATFORM")
	}
	for _, tag := range img.ExtraTags {
		if _, err := parseRef(tag); err != nil {
			return nil, sayf("Argument extra_tag=%q not a valid image reference: %v", tag, err)
		}
	}
	if err := c.setOnly(img, in.Only); err != nil {
		return nil, err
	}
	if err := c.setCommon(img, in.LiveUpdate, in.Entrypoint, in.ContainerArgs, in.MatchInEnvVars); err != nil {
		return nil, err
	}
	c.setIgnores(img, []string{img.Context}, img.Context, in.Ignore)
	return starlark.None, c.run.images.add(img)
}

func (c *call) setRef(img *image, ref string) error {
	name, err := parseName(c.run.opts.Cache, ref)
	if err != nil {
		return sayf("Argument 1 (ref): can't parse %q: %v", ref, err)
	}
	img.name, img.Ref = name, reference.FamiliarString(name.named)
	return nil
}

// readDockerfile finds the Dockerfile and reads it.
func (c *call) readDockerfile(img *image, file, contents starlark.Value) error {
	if file == starlark.None {
		file = nil
	}
	if given, _ := asString(contentsOrNil(contents)); file != nil && contents != nil && given != "" {
		return sayf("Cannot specify both dockerfile and dockerfile_contents keyword arguments")
	}
	if contents != nil && contents != starlark.None {
		text, ok := asString(contents)
		if !ok {
			return sayf("Argument (dockerfile_contents): must be string or blob.")
		}
		if text != "" {
			img.DockerfileContents, img.dockerText, img.DockerfileText = text, text, text
			return nil
		}
	}
	img.Dockerfile = filepath.Join(img.Context, "Dockerfile")
	if file != nil {
		s, ok := pathText(file)
		if !ok {
			return fmt.Errorf("expected path | string. Actual type: %T", file)
		}
		img.Dockerfile = c.run.abs(s)
	}
	text, err := c.run.files.readText(img.Dockerfile)
	if err != nil {
		return fmt.Errorf("error reading dockerfile: %w", err)
	}
	img.dockerText, img.DockerfileText = text, text
	return nil
}

func contentsOrNil(v starlark.Value) starlark.Value {
	if v == nil {
		return starlark.None
	}
	return v
}

// setOnly restricts the context to some paths.
func (c *call) setOnly(img *image, only strList) error {
	for _, p := range only.nonEmpty() {
		if strings.Contains(p, "*") {
			return fmt.Errorf("'only' does not support '*' file globs. Must be a real path: %s", p)
		}
		img.Only = append(img.Only, joinPath(img.Context, p))
	}
	return nil
}

// setCommon sets what docker_build and custom_build share.
func (c *call) setCommon(img *image, liveUpdate, entrypoint, args starlark.Value, matchEnv bool) error {
	var err error
	if img.LiveUpdate, err = c.run.liveUpdate(liveUpdate); err != nil {
		return err
	}
	if img.Entrypoint, err = shellCommand(entrypoint, false); err != nil {
		return err
	}
	img.MatchInEnvVars, img.matchEnv = matchEnv, matchEnv
	if args != nil && args != starlark.None {
		var list sequence
		if err := list.Unpack(args); err != nil {
			return sayf("Argument 'container_args': %w", err)
		}
		img.ContainerArgs, img.HasContainerArgs = list, true
	}
	return nil
}

// setIgnores collects the patterns of files that do not matter to an image.
func (c *call) setIgnores(img *image, dirs []string, base string, ignore strList) {
	for _, dir := range dirs {
		file := filepath.Join(dir, ".dockerignore")
		if img.Dockerfile != "" {
			if own := img.Dockerfile + ".dockerignore"; c.run.exists(own) {
				file = own
			}
		}
		if !c.run.exists(file) {
			continue
		}
		text, err := c.run.files.readText(file)
		if err != nil {
			continue
		}
		if patterns := ignoreLines(text); len(patterns) > 0 {
			img.Ignores = append(img.Ignores, config.Ignore{Base: dir, Patterns: patterns, Source: file})
		}
	}
	if patterns := ignore.nonEmpty(); len(patterns) > 0 {
		img.Ignores = append(img.Ignores, config.Ignore{Base: base, Patterns: patterns, Source: "ignore"})
	}
	if len(img.Only) > 0 {
		patterns := []string{"**"}
		for _, p := range img.Only {
			if rel, err := filepath.Rel(img.Context, p); err == nil {
				patterns = append(patterns, "!"+filepath.ToSlash(rel))
			}
		}
		img.Ignores = append(img.Ignores, config.Ignore{Base: img.Context, Patterns: patterns, Source: "only"})
	}
}

// exists reports whether there is such a file; it does not watch it.
func (r *run) exists(path string) bool {
	_, err := r.opts.FS.Stat(path)
	return err == nil
}

// ignoreLines returns the patterns of a .dockerignore file.
func ignoreLines(text string) []string {
	var patterns []string
	for line := range strings.Lines(strings.TrimPrefix(text, "\ufeff")) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			patterns = append(patterns, line)
		}
	}
	return patterns
}

func (c *call) customBuild() (starlark.Value, error) {
	var in struct {
		Ref              string         `arg:"ref"`
		Command          starlark.Value `arg:"command"`
		Deps             pathList       `arg:"deps"`
		Tag              string         `arg:"tag"`
		DisablePush      bool           `arg:"disable_push"`
		SkipsLocalDocker bool           `arg:"skips_local_docker"`
		LiveUpdate       starlark.Value `arg:"live_update"`
		MatchInEnvVars   bool           `arg:"match_in_env_vars"`
		Ignore           strList        `arg:"ignore"`
		Entrypoint       starlark.Value `arg:"entrypoint"`
		ContainerArgs    starlark.Value `arg:"container_args"`
		CommandBatVal    string         `arg:"command_bat_val"`
		OutputsImageRef  optionalPath   `arg:"outputs_image_ref_to"`
		CommandBat       starlark.Value `arg:"command_bat"`
		ImageDeps        sequence       `arg:"image_deps"`
		Env              stringMap      `arg:"env"`
		Dir              optionalPath   `arg:"dir"`
	}
	if err := c.into(&in); err != nil {
		return nil, err
	}
	img := &image{Image: config.Image{
		Builder: config.BuilderCustom, Pos: c.pos(), Deps: in.Deps.value, Tag: in.Tag, DisablePush: in.DisablePush,
		SkipsLocalDocker: in.SkipsLocalDocker, OutputsImageRefTo: in.OutputsImageRef.value, ImageDeps: in.ImageDeps,
	}}
	if err := c.setRef(img, in.Ref); err != nil {
		return nil, err
	}
	bat := in.CommandBat
	if bat == nil && in.CommandBatVal != "" {
		bat = starlark.String(in.CommandBatVal)
	}
	command, err := c.run.hostCommand(in.Command, bat, in.Dir.value, in.Env)
	switch {
	case err != nil:
		return nil, sayf("Argument 2 (command): %w", err)
	case command.Empty():
		return nil, sayf("Argument 2 (command) can't be empty")
	case len(in.Deps.value) == 0 && len(in.ImageDeps) == 0:
		return nil, sayf("Argument 3 (deps) can't be empty")
	case in.Tag != "" && in.OutputsImageRef.value != "":
		return nil, sayf("Cannot specify both tag= and outputs_image_ref_to=")
	}
	img.Command = &command
	if err := c.setCommon(img, in.LiveUpdate, in.Entrypoint, in.ContainerArgs, in.MatchInEnvVars); err != nil {
		return nil, err
	}
	c.setIgnores(img, in.Deps.value, c.run.dir(), in.Ignore)
	if err := c.run.images.add(img); err != nil {
		return nil, err
	}
	return customBuild{ref: img.Ref}, nil
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
	if err := c.into(&in); err != nil {
		return nil, err
	}
	if err := checkRegistry(in.Host); err != nil {
		return nil, sayf("Argument 1 (host): %w", err)
	}
	if in.HostFromCluster != "" {
		if err := checkRegistry(in.HostFromCluster); err != nil {
			return nil, sayf("Argument 2 (host_from_cluster): %w", err)
		}
	}
	c.run.registrySet = true
	c.run.project.Settings.DefaultRegistry = &config.Registry{Host: in.Host, HostFromCluster: in.HostFromCluster, SingleName: in.SingleName}
	return starlark.None, nil
}

// checkRegistry checks that images can be named below a registry's host.
func checkRegistry(host string) error {
	named, err := reference.ParseNamed(strings.TrimSuffix(host, "/") + "/image")
	if err != nil {
		return fmt.Errorf("validating registry host %q: %w", host, err)
	}
	if _, tagged := named.(reference.Tagged); tagged {
		return fmt.Errorf("validating registry host %q: it must not have a tag", host)
	}
	return nil
}
