package extensions

import (
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/towline-dev/towline/starlark/config"
)

// Scheme starts the names of extensions where they are loaded.
const Scheme = "ext://"

// Path returns the path of a shipped extension, which is no file.
func Path(name string) string { return Scheme + name + "/Tiltfile" }

// NameOf returns the name of the extension that Path gives a path; ok is false
// for the path of a file.
func NameOf(path string) (name string, ok bool) {
	name, ok = strings.CutPrefix(path, Scheme)
	return strings.TrimSuffix(name, "/Tiltfile"), ok
}

// Shipped reports whether a path is that of a shipped extension.
func Shipped(path string) bool { return strings.HasPrefix(path, Scheme) }

// DefaultRepo is the name of the repository that names without another come
// from; a Tiltfile may give it another URL.
const DefaultRepo = "default"

// PublicRepo is the URL of the public collection, where extensions are found
// that are not shipped.
const PublicRepo = "https://github.com/tilt-dev/tilt-extensions"

// Repo is a repository of extensions, as v1alpha1.extension_repo registers it.
type Repo struct {
	Name     string
	URL      string // https://, ssh, or file:// of a folder
	Ref      string // commit, tag or branch; "" is the default branch
	LoadHost string // ext://LoadHost/PATH means this repository
	Subpath  string // the folder that has the extensions, slash-separated
}

// Alias is a name for an extension of a repository, as v1alpha1.extension
// registers it.
type Alias struct {
	Name string
	Repo string // name of a Repo; "" is DefaultRepo
	Path string // of the extension's folder, slash-separated
}

// Registry is what a Tiltfile registered before a load.
type Registry struct {
	Repos   []Repo
	Aliases []Alias
}

// Registered returns what objects of Tilt's API register.
func Registered(objects []config.APIObject) Registry {
	var out Registry
	for _, o := range objects {
		text := func(key string) string { s, _ := o.Spec[key].(string); return s }
		switch o.Kind {
		case "ExtensionRepo":
			out.Repos = append(out.Repos, Repo{
				Name: o.Name, URL: text("url"), Ref: text("ref"), LoadHost: text("load_host"), Subpath: text("git_subpath"),
			})
		case "Extension":
			out.Aliases = append(out.Aliases, Alias{Name: o.Name, Repo: text("repo_name"), Path: text("repo_path")})
		}
	}
	return out
}

// Place is where load('ext://NAME') leads.
type Place struct {
	Shipped bool   // Source has it; the rest is empty
	Repo    Repo   //
	File    string // the Tiltfile, slash-separated, below the repository's folder
}

// Locate returns where a name leads. Aliases come first, then repositories by
// their LoadHost, then what is shipped, then the default repository.
func (r Registry) Locate(name string) (Place, error) {
	if name == "" || strings.Contains(name, "..") || strings.HasPrefix(name, "/") {
		return Place{}, fmt.Errorf("ext://%s: not an extension's name", name)
	}
	for _, a := range r.Aliases {
		if a.Name == name {
			return r.in(name, a.Repo, a.Path)
		}
	}
	if host, rest, ok := strings.Cut(name, "/"); ok {
		for _, repo := range r.Repos {
			if repo.LoadHost == host {
				return r.in(name, repo.Name, rest)
			}
		}
	}
	if _, own := r.repo(DefaultRepo); !own {
		if _, ok := Source(name); ok {
			return Place{Shipped: true}, nil
		}
	}
	return r.in(name, DefaultRepo, name)
}

// in returns the place of an extension in a repository.
func (r Registry) in(name, repo, folder string) (Place, error) {
	if repo == "" {
		repo = DefaultRepo
	}
	found, ok := r.repo(repo)
	switch {
	case ok:
	case repo == DefaultRepo:
		found = Repo{Name: DefaultRepo, URL: PublicRepo}
	default:
		return Place{}, fmt.Errorf("ext://%s: there is no extension_repo named %q", name, repo)
	}
	file := path.Join(strings.TrimLeft(found.Subpath, "/"), strings.TrimLeft(folder, "/"), "Tiltfile")
	if !fs.ValidPath(file) || strings.Contains(file, "\\") {
		return Place{}, fmt.Errorf("ext://%s: %s leads out of the repository", name, file)
	}
	return Place{Repo: found, File: file}, nil
}

func (r Registry) repo(name string) (Repo, bool) {
	for _, repo := range r.Repos {
		if repo.Name == name {
			return repo, true
		}
	}
	return Repo{}, false
}
