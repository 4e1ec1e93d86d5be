// Package compose loads Docker Compose projects with Compose's library, and says
// what their services are and build. A project is kept with all that it was
// loaded of; whatever its files name is watched.
package compose

import (
	"context"
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

	"github.com/towline-dev/towline/starlark/cache"
	"github.com/towline-dev/towline/starlark/value"
	"github.com/towline-dev/towline/starlark/yamldoc"
)

// Files reads files. What an evaluation depends on is watched.
type Files interface {
	Watch(path string)
	Read(path string) ([]byte, error)    // of a file that is watched
	Content(path string) ([]byte, error) // of any other
	Exists(path string) bool
}

// Loader loads the projects of one evaluation.
type Loader struct {
	Files Files
	Cache *cache.Cache
	Env   map[string]string // the developer's
	Parse func(text string) ([]yamldoc.Document, error)
}

// Project is the files of one Compose project, of one or more calls of
// docker_compose.
type Project struct {
	Name     string
	Paths    []string
	EnvFile  string
	Profiles []string
	Wait     bool

	Model []byte // what Load made of it: see config.ComposeProject

	inline []string // those of Paths that are no files
	files  []types.ConfigFile
}

// Add adds a file, or a text that counts as one of that name.
func (p *Project) Add(path string, content []byte, inline bool) {
	p.Paths = append(p.Paths, path)
	p.files = append(p.files, types.ConfigFile{Filename: path, Content: content})
	if inline {
		p.inline = append(p.inline, path)
	}
}

// Merge adds what another call says of the project.
func (p *Project) Merge(added *Project) error {
	if added.EnvFile != "" && p.EnvFile != "" && added.EnvFile != p.EnvFile {
		return fmt.Errorf("docker_compose project %q was already given the env_file %s", p.Name, p.EnvFile)
	}
	p.files = append(p.files, added.files...)
	p.Paths = append(p.Paths, added.Paths...)
	p.inline = append(p.inline, added.inline...)
	p.Profiles = append(p.Profiles, added.Profiles...)
	p.Wait = p.Wait || added.Wait
	if p.EnvFile == "" {
		p.EnvFile = added.EnvFile
	}
	return nil
}

// NormalName is the form in which Compose knows a project's name.
func NormalName(name string) string { return loader.NormalizeProjectName(name) }

// NameOf is the name of a project that is not given one: what the environment
// says, or the folder of the first file, as Tilt passes it to Compose. A name in
// the files does not count then, of which the warnings tell: volumes and networks
// of `docker compose` alone are called otherwise.
func (l Loader) NameOf(p *Project) (name string, warnings []string) {
	if set := l.Env["COMPOSE_PROJECT_NAME"]; set != "" {
		return NormalName(set), nil
	}
	name = NormalName(filepath.Base(p.Dir()))
	for i, f := range p.files {
		docs, err := l.Parse(string(f.Content))
		if err != nil || len(docs) == 0 {
			continue
		}
		m, _ := docs[0].Value.(map[string]any)
		if own, _ := m["name"].(string); own != "" && own != name {
			warnings = append(warnings, fmt.Sprintf("the Compose project is called %q, as Tilt calls it, not %q as %s says: docker_compose(…, project_name=%q) keeps that",
				name, own, filepath.Base(p.Paths[i]), own))
		}
	}
	return name, warnings
}

// Load returns a project's services, dependencies first.
func (l Loader) Load(ctx context.Context, p *Project) ([]*Service, error) {
	dir := p.Dir()
	env, err := l.environment(p, dir)
	if err != nil {
		return nil, err
	}
	watch := watch{Loader: l, seen: map[string]bool{}, lookup: func(name string) (string, bool) { v, ok := env[name]; return v, ok }}
	for _, f := range p.files {
		watch.file(string(f.Content), dir)
	}
	key, keep := p.cacheKey(dir, env)
	if kept, ok := cache.Get[*loaded](l.Cache, key); keep && ok && kept.holds(l.Files) {
		p.Model = kept.model
		return kept.services, nil
	}
	// The library remarks on files to this process's stderr, by way of logrus.
	logrus.SetOutput(io.Discard)
	details := types.ConfigDetails{WorkingDir: dir, ConfigFiles: p.files, Environment: env}
	project, err := loader.LoadWithContext(ctx, details, func(o *loader.Options) {
		o.SetProjectName(p.Name, true)
		o.Profiles = p.activeProfiles(env)
		o.ResolvePaths = true
	})
	if err != nil {
		return nil, fmt.Errorf("parsing compose file(s) (%s): %w", strings.Join(p.Paths, ", "), p.located(err))
	}
	made, err := newLoaded(project, l.Files)
	if err != nil {
		return nil, fmt.Errorf("writing the Compose project %s: %w", p.Name, err)
	}
	if keep {
		l.Cache.Put(key, made)
	}
	p.Model = made.model
	return made.services, nil
}

// cacheKey is what a project is loaded of. It is not kept when the files name
// others that the library reads by itself.
func (p *Project) cacheKey(dir string, env map[string]string) (key cache.Key, keep bool) {
	parts := []string{dir, p.Name, strings.Join(p.activeProfiles(env), "\x00")}
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

// loaded is a project as it was loaded, and the files of variables that
// it was loaded of.
type loaded struct {
	services []*Service
	model    []byte
	envs     map[string]string // what readEnv says of each
}

func newLoaded(p *types.Project, files Files) (*loaded, error) {
	model, definitions, err := modelOf(p)
	if err != nil {
		return nil, err
	}
	made := &loaded{servicesOf(p), model, map[string]string{}}
	for _, s := range made.services {
		s.Definition = definitions[s.Name]
	}
	for _, services := range []types.Services{p.Services, p.DisabledServices} {
		for _, s := range services {
			for _, f := range s.EnvFiles {
				made.envs[f.Path] = readEnv(files, f.Path)
			}
		}
	}
	return made, nil
}

// holds reports whether the same would be loaded again.
func (l *loaded) holds(files Files) bool {
	for path, was := range l.envs {
		if readEnv(files, path) != was {
			return false
		}
	}
	return true
}

// readEnv is what a file of variables holds, or why it cannot be read.
func readEnv(files Files, path string) string {
	data, err := files.Content(path)
	if err != nil {
		return "\x00" + err.Error()
	}
	return string(data)
}

// Dir is the project's folder: that of its first file. A text counts as a file
// beside the Tiltfile, if there is no other.
func (p *Project) Dir() string {
	for _, f := range p.Paths {
		if !slices.Contains(p.inline, f) {
			return filepath.Dir(f)
		}
	}
	return filepath.Dir(p.Paths[0])
}

// activeProfiles are those of the calls, or those of the environment.
func (p *Project) activeProfiles(env map[string]string) []string {
	if len(p.Profiles) > 0 || env["COMPOSE_PROFILES"] == "" {
		return p.Profiles
	}
	var profiles []string
	for name := range strings.SplitSeq(env["COMPOSE_PROFILES"], ",") {
		profiles = append(profiles, strings.TrimSpace(name))
	}
	return profiles
}

// environment is the developer's, over that of the project's file of variables.
func (l Loader) environment(p *Project, dir string) (map[string]string, error) {
	env := maps.Clone(l.Env)
	file := p.EnvFile
	if file == "" {
		if file = filepath.Join(dir, ".env"); !l.Files.Exists(file) {
			return env, nil
		}
	}
	data, err := l.Files.Read(file)
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
