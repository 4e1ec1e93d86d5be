package eval

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/compose-spec/compose-go/v2/dotenv"
	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/types"
	"github.com/distribution/reference"
	"github.com/sirupsen/logrus"
	"go.starlark.net/starlark"

	"github.com/towline-dev/towline/starlark/config"
	"github.com/towline-dev/towline/starlark/yamldoc"
)

// composeState is what docker_compose and dc_resource noted.
type composeState struct {
	projects []*composeProject
	services []*composeService
}

// composeProject is the files of one Compose project, of one or more calls.
type composeProject struct {
	name     string
	pos      config.Position
	paths    []string
	files    []types.ConfigFile
	envFile  string
	profiles []string
	wait     bool
}

// composeService is a service and the resource that it becomes.
type composeService struct {
	project     *composeProject
	service     types.ServiceConfig
	res         config.Resource
	triggerMode triggerMode
	image       *imageName
	images      []*image
}

func (s *composeState) empty() bool { return len(s.services) == 0 }

func (s *composeState) has(name string) bool {
	return slices.ContainsFunc(s.services, func(x *composeService) bool { return x.res.Name == name })
}

func (c *call) dockerCompose() (starlark.Value, error) {
	var in struct {
		Paths    starlark.Value `arg:"configPaths"`
		EnvFile  optionalPath   `arg:"env_file"`
		Project  string         `arg:"project_name"`
		Profiles strList        `arg:"profiles"`
		Wait     bool           `arg:"wait"`
	}
	if err := c.into(&in); err != nil {
		return nil, err
	}
	if len(elements(in.Paths)) == 0 {
		return nil, sayf("Nothing to compose")
	}
	added := &composeProject{name: in.Project, pos: c.pos(), envFile: in.EnvFile.value, profiles: in.Profiles.nonEmpty(), wait: in.Wait}
	for i, v := range elements(in.Paths) {
		file, err := c.composeFile(v, i)
		if err != nil {
			return nil, err
		}
		added.paths = append(added.paths, file.Filename)
		added.files = append(added.files, file)
	}
	if added.name == "" {
		added.name = c.run.projectName(added.files)
	}
	return starlark.None, c.run.addProject(added)
}

// composeFile reads a file, or takes the text of a Blob.
func (c *call) composeFile(v starlark.Value, i int) (types.ConfigFile, error) {
	if b, ok := v.(blob); ok {
		name := filepath.Join(c.run.dir(), fmt.Sprintf("inline-%d.yaml", i))
		return types.ConfigFile{Filename: name, Content: []byte(b.text)}, nil
	}
	s, ok := pathText(v)
	if !ok {
		return types.ConfigFile{}, fmt.Errorf("docker_compose files must be a string, a blob, or a sequence of these; found a %T", v)
	}
	file := c.run.abs(s)
	data, err := c.run.files.read(file)
	return types.ConfigFile{Filename: file, Content: data}, err
}

// projectName is the name of a project that is not given one: what the files
// say, or the Tiltfile's folder.
func (r *run) projectName(files []types.ConfigFile) string {
	name := r.env.get("COMPOSE_PROJECT_NAME")
	for _, f := range files {
		docs, err := yamldoc.Parse(string(f.Content))
		if err != nil || len(docs) == 0 || name != "" {
			continue
		}
		m, _ := docs[0].Value.(map[string]any)
		name, _ = m["name"].(string)
	}
	if name == "" {
		name = filepath.Base(r.dir())
	}
	return loader.NormalizeProjectName(name)
}

// addProject merges the files with those of an earlier call for the project,
// and reads the services anew.
func (r *run) addProject(added *composeProject) error {
	s := &r.compose
	project := added
	if i := slices.IndexFunc(s.projects, func(p *composeProject) bool { return p.name == added.name }); i >= 0 {
		project = s.projects[i]
		if added.envFile != "" && project.envFile != "" && added.envFile != project.envFile {
			return fmt.Errorf("docker_compose project %q was already given the env_file %s", project.name, project.envFile)
		}
		project.files = append(project.files, added.files...)
		project.paths = append(project.paths, added.paths...)
		project.profiles = append(project.profiles, added.profiles...)
		project.wait = project.wait || added.wait
		if project.envFile == "" {
			project.envFile = added.envFile
		}
	} else {
		s.projects = append(s.projects, project)
	}
	loaded, err := r.loadCompose(project)
	if err != nil {
		return err
	}
	return r.addServices(project, loaded)
}

// loadCompose runs the Compose library.
func (r *run) loadCompose(p *composeProject) (*types.Project, error) {
	dir := filepath.Dir(p.paths[0])
	env, err := r.composeEnv(p, dir)
	if err != nil {
		return nil, err
	}
	key, keep := p.cacheKey(dir, env)
	if loaded, ok := recall[*types.Project](r.opts.Cache, key, r.newReadFiles()); ok && keep {
		return loaded, nil
	}
	// The library remarks on files to this process's stderr, by way of logrus.
	logrus.SetOutput(io.Discard)
	details := types.ConfigDetails{WorkingDir: dir, ConfigFiles: p.files, Environment: env}
	loaded, err := loader.LoadWithContext(r.ctx, details, func(o *loader.Options) {
		o.SetProjectName(p.name, true)
		o.Profiles = p.activeProfiles(env)
		o.ResolvePaths = true
		o.Listeners = append(o.Listeners, func(_ string, metadata map[string]any) { r.watchIncluded(dir, metadata) })
	})
	if err != nil {
		return nil, fmt.Errorf("parsing compose file(s) (%s): %w", strings.Join(p.paths, ", "), err)
	}
	if keep {
		r.opts.Cache.put(key, &remembered[*types.Project]{loaded, r.askedFor(loaded)})
	}
	return loaded, nil
}

// cacheKey is what a project is loaded of. It is not kept when the files name
// others that the library reads by itself.
func (p *composeProject) cacheKey(dir string, env map[string]string) (key cacheKey, keep bool) {
	parts := []string{dir, p.name, strings.Join(p.activeProfiles(env), "\x00")}
	for _, f := range p.files {
		text := string(f.Content)
		for _, word := range []string{"include", "extends", "label_file"} {
			if strings.Contains(text, word) {
				return cacheKey{}, false
			}
		}
		parts = append(parts, f.Filename, text)
	}
	for _, name := range sortedKeys(env) {
		parts = append(parts, name, env[name])
	}
	return cacheKey{"compose", contentHash(parts...)}, true
}

// askedFor are the files of variables that a project was loaded of.
func (r *run) askedFor(loaded *types.Project) []answered {
	var asked []answered
	files := r.newReadFiles()
	for _, services := range []types.Services{loaded.Services, loaded.DisabledServices} {
		for _, s := range services {
			for _, f := range s.EnvFiles {
				asked = append(asked, answered{askContent, f.Path, ask(files, askContent, f.Path)})
			}
		}
	}
	return asked
}

// activeProfiles are those of the calls, or those of the environment.
func (p *composeProject) activeProfiles(env map[string]string) []string {
	if len(p.profiles) > 0 || env["COMPOSE_PROFILES"] == "" {
		return p.profiles
	}
	return strings.Split(env["COMPOSE_PROFILES"], ",")
}

// composeEnv is the run's environment, over that of the project's file of
// variables.
func (r *run) composeEnv(p *composeProject, dir string) (map[string]string, error) {
	env := r.env.copy()
	file := p.envFile
	if file == "" {
		if file = filepath.Join(dir, ".env"); !r.exists(file) {
			return env, nil
		}
	}
	data, err := r.files.read(file)
	if err != nil {
		return nil, fmt.Errorf("couldn't read the env_file: %w", err)
	}
	lookup := func(name string) (string, bool) {
		v, ok := env[name]
		return v, ok
	}
	vars, err := dotenv.ParseWithLookup(strings.NewReader(string(data)), lookup)
	if err != nil {
		return nil, fmt.Errorf("parsing %s: %w", file, err)
	}
	maps.Copy(vars, env)
	return vars, nil
}

// watchIncluded notes files that Compose files include or extend.
func (r *run) watchIncluded(dir string, metadata map[string]any) {
	for _, key := range []string{"file", "path"} {
		switch v := metadata[key].(type) {
		case string:
			r.files.watch(joinPath(dir, v))
		case types.StringList:
			for _, p := range v {
				r.files.watch(joinPath(dir, p))
			}
		}
	}
}

// addServices makes resources of the services, dependencies first.
func (r *run) addServices(p *composeProject, loaded *types.Project) error {
	names := loaded.ServiceNames()
	slices.Sort(names)
	seen := map[string]bool{}
	var visit func(name string) error
	visit = func(name string) error {
		service, ok := loaded.Services[name]
		if seen[name] || !ok {
			return nil
		}
		seen[name] = true
		deps := slices.Sorted(maps.Keys(service.DependsOn))
		for _, d := range deps {
			if err := visit(d); err != nil {
				return err
			}
		}
		return r.addService(p, service, deps)
	}
	for _, name := range names {
		if err := visit(name); err != nil {
			return err
		}
	}
	return nil
}

func (r *run) addService(p *composeProject, service types.ServiceConfig, deps []string) error {
	s := &composeService{project: p, service: service}
	if i := slices.IndexFunc(r.compose.services, func(x *composeService) bool { return x.project == p && x.service.Name == service.Name }); i >= 0 {
		s = r.compose.services[i]
		s.service = service
	} else {
		if err := r.conflict(service.Name); err != nil {
			return err
		}
		s.res = config.Resource{Name: service.Name, Kind: config.KindCompose, Pos: p.pos, AutoInit: true}
		r.compose.services = append(r.compose.services, s)
	}
	for _, d := range deps {
		if !slices.Contains(s.res.ResourceDeps, d) {
			s.res.ResourceDeps = append(s.res.ResourceDeps, d)
		}
	}
	text := service.Image
	if text == "" && service.Build != nil {
		text = p.name + "-" + service.Name
	}
	if text != "" {
		name, err := parseName(r.opts.Cache, text)
		if err != nil {
			return fmt.Errorf("parsing image %s of service %s: %w", text, service.Name, err)
		}
		s.image = name
	}
	if service.Build != nil {
		r.files.watch(joinPath(service.Build.Context, orText(service.Build.Dockerfile, "Dockerfile")))
	}
	return nil
}

func orText(s, def string) string {
	if s == "" {
		return def
	}
	return s
}

func (c *call) dcResource() (starlark.Value, error) {
	var in struct {
		Name         string         `arg:"name"`
		Image        starlark.Value `arg:"image"`
		TriggerMode  triggerMode    `arg:"trigger_mode"`
		ResourceDeps sequence       `arg:"resource_deps"`
		Links        linkList       `arg:"links"`
		Labels       labelSet       `arg:"labels"`
		AutoInit     boolOrNone     `arg:"auto_init"`
		Project      string         `arg:"project_name"`
		NewName      string         `arg:"new_name"`
		InferLinks   boolOrNone     `arg:"infer_links"`
	}
	if err := c.into(&in); err != nil {
		return nil, err
	}
	if in.Name == "" {
		return nil, errors.New("dc_resource: `name` must not be empty")
	}
	if in.Image != nil && in.Image != starlark.None && in.Image != starlark.String("") {
		c.run.warn("dc_resource(image=…) has no effect: the Compose file names the image")
	}
	s, err := c.run.compose.find(in.Name, in.Project)
	if err != nil {
		return nil, err
	}
	s.res.Links = append(s.res.Links, in.Links...)
	s.res.Labels = append(s.res.Labels, in.Labels...)
	s.res.ResourceDeps = append(s.res.ResourceDeps, in.ResourceDeps...)
	if in.TriggerMode != triggerUnset {
		s.triggerMode = in.TriggerMode
	}
	if in.AutoInit.set {
		s.res.AutoInit = in.AutoInit.value
	}
	if in.InferLinks.set {
		s.res.Compose = &config.Compose{NoInferredLinks: !in.InferLinks.value}
	}
	if in.NewName != "" && in.NewName != s.res.Name {
		if err := c.run.conflict(in.NewName); err != nil {
			return nil, fmt.Errorf("dc_resource specified to rename %q to %q: %w", s.res.Name, in.NewName, err)
		}
		c.run.compose.rename(s, in.NewName)
	}
	return starlark.None, nil
}

// find returns the service of a name, in one project when it is named.
func (s *composeState) find(name, project string) (*composeService, error) {
	var found []*composeService
	var names []string
	for _, x := range s.services {
		names = append(names, x.res.Name)
		if x.res.Name == name && (project == "" || loader.NormalizeProjectName(project) == x.project.name) {
			found = append(found, x)
		}
	}
	if len(found) == 0 {
		return nil, sayf("no Docker Compose service found with name %q. Found these instead:\n\t%s\n", name, strings.Join(names, "; "))
	}
	return found[0], nil
}

// rename gives a service's resource another name, in others' dependencies too.
func (s *composeState) rename(service *composeService, name string) {
	for _, x := range s.services {
		if x.project != service.project {
			continue
		}
		for i, d := range x.res.ResourceDeps {
			if d == service.res.Name {
				x.res.ResourceDeps[i] = name
			}
		}
	}
	service.res.Name = name
}

// assembleCompose finds the images of services; a build of the Compose file
// becomes an image, unless the Tiltfile builds that image.
func (r *run) assembleCompose() error {
	if !r.compose.empty() && r.registrySet {
		return errors.New("default_registry is not supported with docker compose")
	}
	for _, s := range r.compose.services {
		if s.image == nil {
			continue
		}
		img := r.images.find(s.image)
		if img == nil && s.service.Build != nil {
			img = r.composeImage(s)
			if err := r.images.add(img); err != nil {
				return &placed{pos: s.res.Pos, err: err}
			}
		}
		if img == nil {
			continue
		}
		if len(img.Entrypoint) > 0 {
			return &placed{pos: img.Pos, err: errors.New("docker_build/custom_build.entrypoint not supported for Docker Compose resources")}
		}
		img.matched = true
		s.images = append(s.images, img)
		s.res.Images = append(s.res.Images, img.Ref)
	}
	return nil
}

func (r *run) composeImage(s *composeService) *image {
	b := s.service.Build
	args := map[string]string{}
	for k, v := range b.Args {
		if v != nil {
			args[k] = *v
		} else {
			args[k] = ""
		}
	}
	img := &image{name: s.image, Image: config.Image{
		Ref: reference.FamiliarString(s.image.named), Builder: config.BuilderCompose, Pos: s.res.Pos, Context: b.Context, Args: args, Target: b.Target,
		Network: b.Network, Deps: []string{b.Context}, DockerfileContents: b.DockerfileInline, Pull: b.Pull, CacheFrom: b.CacheFrom,
	}}
	if b.DockerfileInline == "" {
		img.Dockerfile = joinPath(b.Context, orText(b.Dockerfile, "Dockerfile"))
	}
	if len(b.Platforms) > 0 {
		img.Platform = b.Platforms[0]
	}
	return img
}

// addCompose adds the resources of services to the project.
func (r *run) addCompose() {
	for _, s := range r.compose.services {
		res := s.res
		inferred := res.Compose == nil || !res.Compose.NoInferredLinks
		res.Compose = &config.Compose{
			Project: s.project.name, Service: s.service.Name, ConfigFiles: s.project.paths, EnvFile: s.project.envFile,
			Profiles: s.project.profiles, Wait: s.project.wait, NoInferredLinks: !inferred,
		}
		for _, p := range s.service.Ports {
			if n, err := strconv.Atoi(p.Published); err == nil && !slices.Contains(res.Compose.PublishedPorts, n) {
				res.Compose.PublishedPorts = append(res.Compose.PublishedPorts, n)
			}
		}
		slices.Sort(res.Labels)
		res.Labels = slices.Compact(res.Labels)
		res.TriggerMode = s.triggerMode.orElse(r.triggerMode)
		r.project.Resources = append(r.project.Resources, res)
	}
}
