package eval

import (
	"context"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"

	"github.com/towline-dev/towline/extensions"
	"github.com/towline-dev/towline/starlark/config"
	"github.com/towline-dev/towline/starlark/decl"
)

// defaultRepo is the name of the repository that names without another come
// from; a Tiltfile may give it another URL.
const defaultRepo = "default"

// publicRepo is where extensions are found that are not shipped.
const publicRepo = "https://github.com/tilt-dev/tilt-extensions"

// shippedScheme starts the file names of shipped extensions.
const shippedScheme = "ext://"

// Remote fetches repositories of extensions. Fetch returns a folder with the
// repository's files at a ref ("" is the default branch), which must not be
// changed. It is called from one goroutine at a time.
type Remote interface {
	Fetch(ctx context.Context, url, ref string) (dir string, err error)
}

// extension returns the file of an extension. Names registered by
// v1alpha1.extension come first, then repositories by their load_host, then
// what is shipped, then the public collection.
func (r *run) extension(name string) (string, error) {
	if name == "" || strings.Contains(name, "..") || strings.HasPrefix(name, "/") {
		return "", fmt.Errorf("ext://%s: not an extension's name", name)
	}
	if e := r.apiObject("Extension", name); e != nil {
		repo, _ := e.Spec["repo_name"].(string)
		path, _ := e.Spec["repo_path"].(string)
		if repo == "" {
			repo = defaultRepo
		}
		return r.extensionFile(name, repo, path)
	}
	if host, rest, ok := strings.Cut(name, "/"); ok {
		for _, o := range r.api.objects {
			if o.Kind == "ExtensionRepo" && o.Spec["load_host"] == host {
				return r.extensionFile(name, o.Name, rest)
			}
		}
	}
	if r.apiObject("ExtensionRepo", defaultRepo) == nil {
		if _, ok := extensions.Source(name); ok {
			return shippedScheme + name + "/Tiltfile", nil
		}
		if reason, ok := extensions.Left()[name]; ok && r.opts.Remote == nil {
			return "", fmt.Errorf("ext://%s is not shipped: %s", name, reason)
		}
	}
	return r.extensionFile(name, defaultRepo, name)
}

// extensionFile returns the Tiltfile at a path of a registered repository.
func (r *run) extensionFile(name, repo, path string) (string, error) {
	target, ref, subpath := publicRepo, "", ""
	if o := r.apiObject("ExtensionRepo", repo); o != nil {
		target, _ = o.Spec["url"].(string)
		ref, _ = o.Spec["ref"].(string)
		subpath, _ = o.Spec["git_subpath"].(string)
	} else if repo != defaultRepo {
		return "", fmt.Errorf("ext://%s: there is no extension_repo named %q", name, repo)
	}
	dir, err := r.repository(target, ref)
	if err != nil {
		return "", fmt.Errorf("ext://%s: %w%s", name, err, suggestExtension(name))
	}
	file := filepath.Join(dir, filepath.FromSlash(subpath), filepath.FromSlash(path), "Tiltfile")
	if !r.exists(file) {
		return "", fmt.Errorf("ext://%s: %s has no %s%s", name, target, filepath.ToSlash(filepath.Join(subpath, path, "Tiltfile")), suggestExtension(name))
	}
	return file, nil
}

func suggestExtension(name string) string {
	if near := decl.Nearest(name, extensions.Names()); near != "" {
		return " (did you mean ext://" + near + "?)"
	}
	return ""
}

// repository returns the folder of a repository.
func (r *run) repository(target, ref string) (string, error) {
	u, err := url.Parse(target)
	if err != nil || target == "" {
		return "", fmt.Errorf("%q is not a repository's URL", target)
	}
	switch u.Scheme {
	case "file":
		return filepath.FromSlash(u.Path), nil
	case "http", "https", "ssh", "git":
	default:
		if !strings.HasPrefix(target, "git@") {
			return "", fmt.Errorf("%q is not a repository's URL: https:// and file:// are known", target)
		}
	}
	if r.opts.Remote == nil {
		return "", fmt.Errorf("%s is not fetched here", target)
	}
	return r.opts.Remote.Fetch(r.ctx, target, ref)
}

// apiObject returns an object of Tilt's API that the Tiltfile made.
func (r *run) apiObject(kind, name string) *config.APIObject {
	for i := range r.api.objects {
		if o := &r.api.objects[i]; o.Kind == kind && o.Name == name {
			return o
		}
	}
	return nil
}

// source reads a Tiltfile, or takes a shipped extension's.
func (r *run) source(path string) ([]byte, error) {
	if name, ok := strings.CutPrefix(path, shippedScheme); ok {
		source, _ := extensions.Source(strings.TrimSuffix(name, "/Tiltfile"))
		return source, nil
	}
	return r.files.read(path)
}
