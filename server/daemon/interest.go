package daemon

import (
	"io"
	"io/fs"
	"os"
	"slices"
	"time"

	"github.com/towline-dev/towline/internal/file"
	"github.com/towline-dev/towline/server/tree"
	"github.com/towline-dev/towline/starlark/config"
)

// interest says who depends on which files. Exactly one of image, resource
// and config is set.
type interest struct {
	image    string // ref
	resource string // of a local command
	config   bool   // the Tiltfile read them
	roots    []string
	only     []string // none: all below roots
	filter   tree.Filter
	except   string // the Tiltfile, which no image depends on
}

// holds reports whether a file is one of these.
func (in interest) holds(path string) bool {
	return path != in.except && below(in.roots, path) && (len(in.only) == 0 || below(in.only, path)) && in.filter.Keep(path, false)
}

// files returns the known files of an interest.
func (in interest) files(t *tree.Tree) []string {
	var files []string
	for _, root := range in.roots {
		files = append(files, t.Under(root, in.holds)...)
	}
	slices.Sort(files)
	return slices.Compact(files)
}

func below(roots []string, path string) bool {
	return slices.ContainsFunc(roots, func(root string) bool { return tree.Within(root, path) })
}

// interests are who depends on what in a project. They are never changed.
type interests []interest

// interestsOf collects a project's interests.
func interestsOf(p *config.Project) (interests, []config.Problem) {
	var all interests
	var problems []config.Problem
	add := func(in interest, ignores ...[]config.Ignore) {
		var bad []config.Problem
		in.filter, bad = tree.NewFilter(ignores...)
		problems = append(problems, bad...)
		all = append(all, in)
	}
	for _, img := range p.LiveImages() {
		roots := img.Deps
		for _, step := range img.LiveUpdate {
			if step.Kind == config.StepSync && !below(roots, step.Local) {
				roots = append(slices.Clone(roots), step.Local)
			}
		}
		add(interest{image: img.Ref, roots: roots, only: img.Only, except: p.Tiltfile}, img.Ignores, p.Settings.WatchIgnores)
	}
	for _, r := range p.Resources {
		switch {
		case r.Local != nil && len(r.Local.Deps) > 0:
			add(interest{resource: r.Name, roots: r.Local.Deps}, r.Local.Ignore, p.Settings.WatchIgnores)
		case r.CustomDeploy != nil && len(r.CustomDeploy.Deps) > 0 && len(r.CustomDeploy.LiveUpdate) == 0: // else its LiveImage has them
			add(interest{resource: r.Name, roots: r.CustomDeploy.Deps}, r.CustomDeploy.Ignores, p.Settings.WatchIgnores)
		}
	}
	add(interest{config: true, roots: p.ConfigFiles})
	return all, problems
}

// keep reports whether anybody depends on a file, or on files in a folder.
func (all interests) keep(path string, dir bool) bool {
	for _, in := range all {
		if dir {
			if (below(in.roots, path) || above(in.roots, path)) && in.filter.Keep(path, true) {
				return true
			}
		} else if in.holds(path) {
			return true
		}
	}
	return false
}

// of returns those of an image.
func (all interests) of(image string) interests {
	var own interests
	for _, in := range all {
		if in.image == image {
			own = append(own, in)
		}
	}
	return own
}

// hold reports whether one of them depends on a file, be it there or not.
func (all interests) hold(path string) bool {
	return slices.ContainsFunc(all, func(in interest) bool { return in.holds(path) })
}

// files returns the known files of all of them.
func (all interests) files(t *tree.Tree) []string {
	var files []string
	for _, in := range all {
		files = append(files, in.files(t)...)
	}
	slices.Sort(files)
	return slices.Compact(files)
}

// roots are the files and folders that they depend on.
func (all interests) roots() []string {
	var roots []string
	for _, in := range all {
		roots = append(roots, in.roots...)
	}
	return roots
}

// above reports whether one of the roots lies below a folder.
func above(roots []string, dir string) bool {
	return slices.ContainsFunc(roots, func(root string) bool { return tree.Within(dir, root) })
}

// disk is the real file system.
type disk struct{}

func (disk) Now() time.Time                             { return time.Now() }
func (disk) Lstat(name string) (fs.FileInfo, error)     { return file.Lstat(name) }
func (disk) ReadDir(name string) ([]fs.DirEntry, error) { return os.ReadDir(name) }
func (disk) Open(name string) (io.ReadCloser, error)    { return os.Open(name) }
func (disk) Readlink(name string) (string, error)       { return os.Readlink(name) }
