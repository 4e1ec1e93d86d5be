package eval

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/dotenv"
	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/types"
	"github.com/sirupsen/logrus"
	"go.starlark.net/starlark"

	"github.com/towline-dev/towline/starlark/cache"
	"github.com/towline-dev/towline/starlark/config"
	"github.com/towline-dev/towline/starlark/fault"
	"github.com/towline-dev/towline/starlark/inputs"
	"github.com/towline-dev/towline/starlark/manifest"
	"github.com/towline-dev/towline/starlark/unpack"
	"github.com/towline-dev/towline/starlark/value"
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
	blobs    []string // those of paths that are no files
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
	triggerMode value.TriggerMode
	image       *manifest.ImageName // that the Compose file names, or its default
	given       *manifest.ImageName // that dc_resource names; nil without one
	images      []*image
}

func (s *composeState) empty() bool { return len(s.services) == 0 }

func (s *composeState) has(name string) bool {
	return slices.ContainsFunc(s.services, func(x *composeService) bool { return x.res.Name == name })
}

func (c *call) dockerCompose() (starlark.Value, error) {
	var in struct {
		Paths    starlark.Value      `arg:"configPaths"`
		EnvFile  unpack.OptionalPath `arg:"env_file"`
		Project  string              `arg:"project_name"`
		Profiles unpack.Strings      `arg:"profiles"`
		Wait     bool                `arg:"wait"`
	}
	if err := c.Into(&in); err != nil {
		return nil, err
	}
	if len(value.Elements(in.Paths)) == 0 {
		return nil, fault.Tiltf("Nothing to compose")
	}
	added := &composeProject{name: in.Project, pos: c.pos(), envFile: in.EnvFile.Value, profiles: in.Profiles.NonEmpty(), wait: in.Wait}
	for i, v := range value.Elements(in.Paths) {
		file, err := c.composeFile(v, i)
		if err != nil {
			return nil, err
		}
		added.paths = append(added.paths, file.Filename)
		if _, ok := v.(value.Blob); ok {
			added.blobs = append(added.blobs, file.Filename)
		}
		added.files = append(added.files, file)
	}
	if added.name == "" {
		added.name = c.run.projectName(added)
	}
	return starlark.None, c.run.addProject(added)
}

// composeFile reads a file, or takes the text of a Blob.
func (c *call) composeFile(v starlark.Value, i int) (types.ConfigFile, error) {
	if b, ok := v.(value.Blob); ok {
		name := filepath.Join(c.run.dir(), fmt.Sprintf("inline-%d.yaml", i))
		return types.ConfigFile{Filename: name, Content: []byte(b.Text)}, nil
	}
	s, ok := value.PathText(v)
	if !ok {
		return types.ConfigFile{}, fmt.Errorf("docker_compose files must be a string, a blob, or a sequence of these; found a %T", v)
	}
	file := c.run.abs(s)
	data, err := c.run.files.Read(file)
	return types.ConfigFile{Filename: file, Content: data}, err
}

// projectName is the name of a project that is not given one: what the
// environment says, or the folder of the first file, as Tilt passes it to Compose.
// A name in the files does not count then, which is told: volumes and networks of
// `docker compose` alone are called otherwise.
func (r *run) projectName(p *composeProject) string {
	if set := r.env.Var("COMPOSE_PROJECT_NAME"); set != "" {
		return loader.NormalizeProjectName(set)
	}
	name := loader.NormalizeProjectName(filepath.Base(p.dir()))
	for i, f := range p.files {
		docs, err := yamldoc.Parse(string(f.Content))
		if err != nil || len(docs) == 0 {
			continue
		}
		m, _ := docs[0].Value.(map[string]any)
		if own, _ := m["name"].(string); own != "" && own != name {
			r.warn(fmt.Sprintf("the Compose project is called %q, as Tilt calls it, not %q as %s says: docker_compose(…, project_name=%q) keeps that",
				name, own, filepath.Base(p.paths[i]), own))
		}
	}
	return name
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
		project.blobs = append(project.blobs, added.blobs...)
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
	dir := p.dir()
	env, err := r.composeEnv(p, dir)
	if err != nil {
		return nil, err
	}
	watch := composeWatch{run: r, seen: map[string]bool{}, lookup: func(name string) (string, bool) { v, ok := env[name]; return v, ok }}
	for _, f := range p.files {
		watch.file(string(f.Content), dir)
	}
	key, keep := p.cacheKey(dir, env)
	if kept, ok := cache.Get[*loadedProject](r.opts.Cache, key); keep && ok && kept.holds(r.files) {
		return kept.project, nil
	}
	// The library remarks on files to this process's stderr, by way of logrus.
	logrus.SetOutput(io.Discard)
	details := types.ConfigDetails{WorkingDir: dir, ConfigFiles: p.files, Environment: env}
	loaded, err := loader.LoadWithContext(r.ctx, details, func(o *loader.Options) {
		o.SetProjectName(p.name, true)
		o.Profiles = p.activeProfiles(env)
		o.ResolvePaths = true
	})
	if err != nil {
		return nil, fmt.Errorf("parsing compose file(s) (%s): %w", strings.Join(p.paths, ", "), err)
	}
	if keep {
		r.opts.Cache.Put(key, newLoadedProject(loaded, r.files))
	}
	return loaded, nil
}

// cacheKey is what a project is loaded of. It is not kept when the files name
// others that the library reads by itself.
func (p *composeProject) cacheKey(dir string, env map[string]string) (key cache.Key, keep bool) {
	parts := []string{dir, p.name, strings.Join(p.activeProfiles(env), "\x00")}
	for _, f := range p.files {
		text := string(f.Content)
		for _, word := range []string{"include", "extends", "label_file"} {
			if strings.Contains(text, word) {
				return cache.Key{}, false
			}
		}
		parts = append(parts, f.Filename, text)
	}
	for _, name := range value.SortedKeys(env) {
		parts = append(parts, name, env[name])
	}
	return cache.Key{Kind: "compose", Content: cache.Hash(parts...)}, true
}

// loadedProject is a project as it was loaded, and the files of variables that
// it was loaded of.
type loadedProject struct {
	project *types.Project
	envs    map[string]string // what readEnv says of each
}

func newLoadedProject(p *types.Project, files *inputs.Recorder) *loadedProject {
	loaded := &loadedProject{p, map[string]string{}}
	for _, services := range []types.Services{p.Services, p.DisabledServices} {
		for _, s := range services {
			for _, f := range s.EnvFiles {
				loaded.envs[f.Path] = readEnv(files, f.Path)
			}
		}
	}
	return loaded
}

// holds reports whether the same would be loaded again.
func (l *loadedProject) holds(files *inputs.Recorder) bool {
	for path, was := range l.envs {
		if readEnv(files, path) != was {
			return false
		}
	}
	return true
}

// readEnv is what a file of variables holds, or why it cannot be read.
func readEnv(files *inputs.Recorder, path string) string {
	data, err := files.Content(path)
	if err != nil {
		return "\x00" + err.Error()
	}
	return string(data)
}

// dir is the project's folder: that of its first file. A Blob counts as a file
// beside the Tiltfile, if there is no other.
func (p *composeProject) dir() string {
	for _, f := range p.paths {
		if !slices.Contains(p.blobs, f) {
			return filepath.Dir(f)
		}
	}
	return filepath.Dir(p.paths[0])
}

// activeProfiles are those of the calls, or those of the environment.
func (p *composeProject) activeProfiles(env map[string]string) []string {
	if len(p.profiles) > 0 || env["COMPOSE_PROFILES"] == "" {
		return p.profiles
	}
	var profiles []string
	for name := range strings.SplitSeq(env["COMPOSE_PROFILES"], ",") {
		profiles = append(profiles, strings.TrimSpace(name))
	}
	return profiles
}

// composeEnv is the run's environment, over that of the project's file of
// variables.
func (r *run) composeEnv(p *composeProject, dir string) (map[string]string, error) {
	env := r.env.Copy()
	file := p.envFile
	if file == "" {
		if file = filepath.Join(dir, ".env"); !r.files.Exists(file) {
			return env, nil
		}
	}
	data, err := r.files.Read(file)
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
		text = p.name + "_" + service.Name
	}
	if text != "" {
		name, err := r.imageNames.ImageName(text)
		if err != nil {
			return fmt.Errorf("parsing image %s of service %s: %w", text, service.Name, err)
		}
		s.image = name
	}
	if service.Build != nil && service.Build.DockerfileInline == "" && !isRemote(service.Build.Context) {
		r.files.Watch(value.JoinPath(service.Build.Context, cmp.Or(service.Build.Dockerfile, "Dockerfile")))
	}
	return nil
}
