package daemon

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"github.com/towline-dev/towline/server/tree"
	"github.com/towline-dev/towline/starlark/config"
)

// links are the symbolic links that lead out of a project's synced folders.
type links struct {
	*tree.Links
	project *config.Project
	targets map[string][]string // of the links, as they are watched
	told    map[string]bool     // links that lead out of the repository
}

func newLinks(r tree.Reader) *links {
	return &links{Links: tree.NewLinks(r, filepath.EvalSymlinks), told: map[string]bool{}}
}

// of takes the synced folders from a project.
func (l *links) of(p *config.Project) {
	l.project = p
	var synced []string
	for _, img := range p.LiveImages() {
		for _, step := range img.LiveUpdate {
			if step.Kind == config.StepSync {
				synced = append(synced, step.Local)
			}
		}
	}
	l.Set(repository(filepath.Dir(p.Tiltfile)), synced)
	l.targets = nil
}

// repository is the folder of the git repository that a folder lies in, or
// else the folder itself.
func repository(folder string) string {
	for dir := folder; dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		if _, err := os.Lstat(filepath.Join(dir, ".git")); err == nil {
			return dir
		}
	}
	return folder
}

// names are those by which a path is found behind links, and of a folder also
// the links that lead to what may have come with it.
func (l *links) names(path string) []string {
	names := behind(l.targets, path)
	for link, hops := range l.targets {
		if above(hops, path) && !slices.Contains(names, link) {
			names = append(names, link)
		}
	}
	return names
}

// behind are the names behind links of a path that they lead to.
func behind(targets map[string][]string, path string) []string {
	var names []string
	for link, hops := range targets {
		for _, hop := range hops {
			if tree.Within(hop, path) {
				names = append(names, link+strings.TrimPrefix(path, hop))
			}
		}
	}
	return names
}

// watch watches a project's files, and what its links lead to.
func (s *sources) watch(p *config.Project) {
	targets, keep := s.links.targets, watchOf(p)
	roots := slices.Clone(s.roots)
	for _, hops := range targets {
		roots = append(roots, hops...)
	}
	s.watcher.set(roots, slices.Sorted(maps.Keys(p.Listed)), func(path string, dir bool) bool {
		return keep(path, dir) || dir && above(roots, path) || slices.ContainsFunc(behind(targets, path), func(name string) bool { return keep(name, dir) })
	})
}

// relink watches what links lead to now, and reports whether that is new.
func (s *sources) relink() bool {
	s.warnOutside()
	now := s.links.Targets()
	maps.DeleteFunc(now, func(link string, _ []string) bool { return !s.interests.keep(link, false) })
	if s.links.project == nil || len(now) == 0 && len(s.links.targets) == 0 || reflect.DeepEqual(now, s.links.targets) {
		return false
	}
	s.links.targets = now
	s.watch(s.links.project)
	return true
}

// warnOutside says once which links are not followed.
func (s *sources) warnOutside() {
	for link := range s.links.Outside() {
		if s.links.told[link] || !s.interests.keep(link, false) {
			continue
		}
		s.links.told[link] = true
		target, _ := os.Readlink(link)
		s.warn(s.owners(link), fmt.Errorf("%s: a symbolic link out of the repository, to %s, is synced as it is, and leads there in the container; "+
			"move the target into the repository or name the link in ignore", link, target))
	}
}
