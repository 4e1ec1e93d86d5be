package eval

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"slices"
	"strings"

	"go.starlark.net/starlark"

	"github.com/towline-dev/towline/extensions"
	"github.com/towline-dev/towline/starlark/decl"
	"github.com/towline-dev/towline/starlark/fault"
)

// extension returns the file of an extension.
func (r *run) extension(ctx context.Context, name string) (string, error) {
	place, err := extensions.Registered(r.api.All()).Locate(name)
	switch {
	case err != nil:
		return "", err
	case place.Shipped:
		return extensions.Path(name), nil
	}
	if reason, ok := extensions.Left()[name]; ok && place.Repo.URL == extensions.PublicRepo && r.opts.Remote == nil {
		return "", fault.Environment(fmt.Errorf("ext://%s is not shipped: %s", name, reason))
	}
	dir, err := r.repository(ctx, place.Repo.URL, place.Repo.Ref)
	if reason, ok := extensions.Left()[name]; err != nil && ok && place.Repo.URL == extensions.PublicRepo {
		return "", fmt.Errorf("ext://%s is not shipped (%s), and could not be fetched: %w", name, reason, err)
	}
	if err != nil {
		return "", fmt.Errorf("ext://%s: %w%s", name, err, suggestExtension(name))
	}
	file := filepath.Join(dir, filepath.FromSlash(place.File))
	if !r.files.Exists(file) {
		return "", fmt.Errorf("ext://%s: %s has no %s%s", name, place.Repo.URL, place.File, suggestExtension(name))
	}
	return file, nil
}

// missingName returns the first name that is not among the globals.
func missingName(globals starlark.StringDict, wants []string) string {
	i := slices.IndexFunc(wants, func(name string) bool { return !globals.Has(name) })
	if i < 0 {
		return ""
	}
	return wants[i]
}

// publicModule executes the public extension in place of the shipped one, which
// lacks a name: the public collection goes on, and what is shipped does not know
// what it has since.
func (r *run) publicModule(ctx context.Context, name, lacks string) (starlark.StringDict, error) {
	shipped := extensions.Path(name)
	near := ""
	if n := decl.Nearest(lacks, r.modules[shipped].globals.Keys()); n != "" {
		near = " (did you mean " + n + "?)"
	}
	what := fmt.Sprintf("ext://%s as it is shipped has no %s%s", name, lacks, near)
	dir, err := r.repository(ctx, extensions.PublicRepo, "")
	if err != nil {
		return nil, fault.Environment(fmt.Errorf("%s, and the public one could not be looked at: %w", what, err))
	}
	file := filepath.Join(dir, filepath.FromSlash(name), "Tiltfile")
	if !r.files.Exists(file) {
		return nil, errors.New(what)
	}
	globals, err := r.exec(file)
	if err == nil && !globals.Has(lacks) {
		err = fmt.Errorf("%s, nor has the public one", what)
	}
	return globals, err
}

func suggestExtension(name string) string {
	if near := decl.Nearest(name, extensions.Names()); near != "" && near != name {
		return " (did you mean ext://" + near + "?)"
	}
	return ""
}

// repository returns the folder of a repository.
func (r *run) repository(ctx context.Context, target, ref string) (string, error) {
	r.outside()
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
		return "", fault.Environment(fmt.Errorf("%s is not fetched here", target))
	}
	r.files.Watch(filepath.Join(filepath.Dir(r.opts.Tiltfile), extensions.LockName))
	if kept, ok := r.opts.Remote.(offline); ok {
		if dir, ok := kept.Cached(target, ref); ok {
			return dir, nil
		}
	}
	if r.held("fetching " + target) {
		return "", errHeld
	}
	dir, err := r.opts.Remote.Fetch(ctx, target, ref)
	return dir, fault.Environment(err)
}

// offline is a Remote that can say what it has, without fetching anything.
type offline interface {
	Cached(url, ref string) (dir string, ok bool)
}
