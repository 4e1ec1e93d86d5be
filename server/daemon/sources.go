package daemon

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/towline-dev/towline/internal/file"
	"github.com/towline-dev/towline/server/engine"
	"github.com/towline-dev/towline/server/tree"
	"github.com/towline-dev/towline/starlark/config"
)

// sources are the files that a project is made from: what is known of them,
// who depends on which, and the watch that tells of their changes. The core's
// goroutine alone uses it.
type sources struct {
	tree      *tree.Tree
	links     *links
	watcher   *watcher
	poller    *poller
	pollKeep  func(path string, dir bool) bool // interests.keep, for the poller
	partly    *config.Problem                  // what was said of folders that are not watched; nil: all are
	left      int                              // so many files were said to be left out
	held      map[string][]string              // files that went and are kept in the pods, by image
	unsure    map[string][]string              // files that were sent and may be gone, which cannot be told yet, by image
	interests interests
	roots     []string                            // of the interests; replaced, never changed
	listed    map[string][]string                 // names in folders that the Tiltfile listed
	warn      func(resources []string, err error) // none: it is about all of them
}

// sourcesOptions are what sources work with.
type sourcesOptions struct {
	reader tree.Reader
	watch  watcherOptions                          // but for overflow
	post   func(func())                            // runs something on the owner's goroutine
	swept  func(seen *tree.Tree, changed []string) // takes what a sweep found there
	warn   func(resources []string, err error)     // is told of what cannot be watched or read
}

// newSources returns sources of no project yet.
func newSources(o sourcesOptions) *sources {
	l := newLinks(o.reader)
	s := &sources{tree: tree.New(l), links: l, poller: newPoller(), held: map[string][]string{}, unsure: map[string][]string{}, warn: o.warn}
	s.poller.post, s.poller.swept = o.post, o.swept
	s.poller.view = func() view { return view{tree: s.tree.Copy(), roots: s.roots, keep: s.pollKeep} }
	o.watch.overflow = s.poller.overflow
	s.watcher = newWatcher(o.watch)
	s.poller.watcher = s.watcher
	return s
}

// readAhead reads the files of a project that lie below no known root, so that
// the core, which has saves to see to, need not.
func readAhead(ctx context.Context, p *config.Project, known []string) *tree.Tree {
	ahead := tree.New(disk{})
	all, _ := interestsOf(p) // its filters are not safe for two goroutines
	for _, root := range all.roots() {
		if ctx.Err() == nil && !below(known, root) {
			_, _ = ahead.Scan(root, all.keep) // the core's own scan tells what cannot be read
		}
	}
	return ahead
}

// follow watches all the files of a project from now on, looks at them, and
// returns those that changed since they were last looked at.
// The files of the last good one stay watched beside those of a failed one.
func (s *sources) follow(p, good *config.Project, ahead *tree.Tree) map[string]bool {
	watched := *p
	if p.Error != nil && good != nil {
		watched = *good
		watched.ConfigFiles = slices.Concat(good.ConfigFiles, p.ConfigFiles)
		watched.Listed = maps.Clone(good.Listed)
		if watched.Listed == nil {
			watched.Listed = map[string][]string{}
		}
		maps.Copy(watched.Listed, p.Listed)
	}
	watched.ConfigFiles = linked(watched.ConfigFiles)
	all, problems := interestsOf(&watched)
	for i := range problems {
		s.warn(nil, &problems[i])
	}
	old := s.interests
	s.interests, s.listed, s.roots = all, maps.Clone(watched.Listed), all.roots()
	for dir := range watched.Listed {
		if _, saw := p.Listed[dir]; !saw {
			s.listing([]string{dir}) // a failed one that did not list it cannot be mended by what is there now
		}
	}
	// What changes from here on is seen, what changed before is found.
	s.links.of(&watched)
	s.watch(&watched)
	s.pollKeep = watchOf(&watched)
	s.unwatched()
	if ahead != nil {
		s.tree.Adopt(ahead, func(path string) bool { return !old.keep(path, false) })
	}
	// A file that nobody depended on until now is new here, but not changed.
	changed := s.scan()
	if s.relink() {
		maps.Copy(changed, s.scan()) // what changed behind a link until it was watched
	}
	maps.DeleteFunc(changed, func(path string, _ bool) bool { return !old.keep(path, false) })
	return changed
}

// scan looks at everything again and returns what changed.
func (s *sources) scan() map[string]bool {
	changed := map[string]bool{}
	for _, root := range s.roots {
		found, err := s.tree.Scan(root, s.interests.keep)
		if err != nil {
			s.warn(s.owners(root), err)
		}
		for _, path := range found {
			changed[path] = true
		}
	}
	s.warnSkippedFiles()
	return changed
}

// renew takes what a sweep saw, and returns a listed folder that holds other
// names than before, "" if none does.
func (s *sources) renew(seen *tree.Tree) (dir string) {
	s.tree.Renew(seen)
	return s.listing(slices.Sorted(maps.Keys(s.listed)))
}

// warnSkippedFiles says once which files are left out.
func (s *sources) warnSkippedFiles() {
	left := s.tree.LeftOut()
	if len(left) == s.left {
		return
	}
	s.left = len(left)
	of := map[string][]string{}
	for _, path := range left {
		who := strings.Join(s.owners(path), "\x00")
		of[who] = append(of[who], path)
	}
	const shown = 10
	for who, paths := range of {
		names := fmt.Sprintf("%q", paths[:min(len(paths), shown)])
		if len(paths) > shown {
			names += fmt.Sprintf(" and %d more", len(paths)-shown)
		}
		s.warn(strings.FieldsFunc(who, func(r rune) bool { return r == 0 }),
			fmt.Errorf("files whose names, or the names that they link to, are not UTF-8 are left out of live updates: %s; rename them", names))
	}
}

// owners are the resources that depend on a file, or on what is below a folder;
// none where the Tiltfile does.
func (s *sources) owners(path string) []string {
	var names []string
	p := s.links.project
	for _, in := range s.interests {
		if !in.holds(path) && !slices.Contains(in.roots, path) {
			continue
		}
		switch {
		case in.config:
			return nil
		case in.resource != "":
			names = append(names, in.resource)
		case in.image != "" && p != nil:
			names = append(names, engine.Users(p, in.image)...)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// look looks at paths again. It returns the files that changed, and a listed
// folder that holds other names than before, "" if none does.
func (s *sources) look(paths []string) (changed map[string]bool, dir string) {
	changed = map[string]bool{}
	var dirs []string
	for _, p := range paths {
		if !filepath.IsAbs(p) {
			continue
		}
		p = filepath.Clean(p)
		dirs = append(dirs, p, filepath.Dir(p))
		for _, name := range s.names(p) {
			for _, found := range s.tree.Hint(name, s.interests.keep) {
				changed[found] = true
			}
		}
	}
	if s.relink() {
		maps.Copy(changed, s.scan())
	}
	s.warnSkippedFiles()
	return changed, s.listing(dirs)
}

// names are all that a clean path is known by.
func (s *sources) names(p string) []string { return append(s.links.names(p), p) }

// invalidate has files looked at again soon that a live update found otherwise than
// they are known.
func (s *sources) invalidate(files []engine.File) {
	for _, f := range files {
		s.tree.Invalidate(f.Local, f.Seen)
		s.poller.saved()
	}
}

// dependents sorts changed files by who depends on them. files are those that
// the Tiltfile depends on.
func (s *sources) dependents(paths map[string]bool) (e engine.Changed, files []string) {
	e.Images, e.Own = map[string][]string{}, map[string][]string{}
	for _, in := range s.interests {
		hit := ""
		for _, p := range slices.Sorted(maps.Keys(paths)) {
			if !in.holds(p) {
				continue
			}
			hit = p
			if in.image != "" {
				e.Images[in.image] = append(e.Images[in.image], p)
			}
			if in.resource != "" {
				e.Own[in.resource] = append(e.Own[in.resource], p)
			}
			if in.config {
				files = append(files, p)
			}
		}
		if hit != "" && in.resource != "" {
			e.Locals = append(e.Locals, in.resource)
		}
	}
	return e, files
}

// readable is who depends on files that could not be looked at and can be again.
func (s *sources) readable() (e engine.Readable) {
	for _, path := range s.tree.Opened() {
		if s.hidden(path) {
			continue // a look at the files does not come there, and would tell of it each time
		}
		for _, in := range s.interests {
			switch {
			case !slices.ContainsFunc(in.roots, func(root string) bool { return tree.Within(root, path) || tree.Within(path, root) }):
			case in.image != "":
				e.Images = append(e.Images, in.image)
			case in.resource != "":
				e.Locals = append(e.Locals, in.resource)
			}
		}
	}
	return e
}

// hashes are the contents of an image's files.
func (s *sources) hashes(image string) map[string]tree.Hash {
	files := map[string]tree.Hash{}
	for _, p := range s.interests.of(image).files(s.tree) {
		entry, _ := s.tree.Entry(p)
		files[p] = entry.Hash
	}
	return files
}

// syncable returns every file that an image's sync steps cover.
func (s *sources) syncable(img *config.Image) []engine.File {
	var files []engine.File
	for _, p := range s.interests.of(img.Ref).files(s.tree) {
		files = append(files, engine.SyncFiles(img, p)...)
	}
	return files
}

// complete has files as they are settled between an image's sync steps, and
// says of each what it is known to be.
func (s *sources) complete(img *config.Image, files []engine.File) []engine.File {
	files = slices.Clone(s.resolveOverlaps(img, files))
	for i := range files {
		var known bool
		files[i].Seen, known = s.tree.Entry(files[i].Local)
		files[i].Gone = files[i].Gone || !known && !files[i].Folder && !s.hidden(files[i].Local)
	}
	return files
}

// gone returns those of some files of an image that do not count or are not there.
// Those of which that cannot be told are kept until it can: see recalled.
func (s *sources) gone(image string, paths []string) []string {
	delete(s.unsure, image)
	var gone []string
	for _, p := range paths {
		if _, known := s.tree.Entry(p); known {
			continue
		}
		if s.hidden(p) {
			s.unsure[image] = append(s.unsure[image], p)
		} else {
			gone = append(gone, p)
		}
	}
	return gone
}

// hidden reports whether a file cannot be found since the folder that it would be
// in cannot be read: it is not taken for deleted, and whoever asked is told when
// that can be judged.
func (s *sources) hidden(path string) bool {
	if s.tree.Linked(path) || !hidden(path) {
		return false
	}
	s.tree.Close(path)
	return true
}

func hidden(path string) bool {
	if _, err := file.Lstat(path); err != nil && !file.IsMissing(err) {
		return true
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return !file.IsMissing(err)
	}
	dir.Close()
	return false
}

// overtaken returns a file that the Tiltfile read, or a folder that it listed,
// that is no longer what it was then, "" if all are: it changed before it was
// watched.
func (s *sources) overtaken(p *config.Project) string {
	for _, path := range slices.Sorted(maps.Keys(p.Read)) {
		if now, ok := s.content(path); ok && now != p.Read[path] {
			return path
		}
	}
	return s.listing(slices.Sorted(maps.Keys(p.Listed)))
}

// unread are those of some files, which changed while a project was evaluated,
// that it may depend on as they were before. Of one that it read, overtaken
// knows; one that a failed evaluation never came to, though the last good one
// did, cannot mend it.
func (s *sources) unread(p *config.Project, files []string) []string {
	if len(files) == 0 || p.Read == nil {
		return files
	}
	read, depends := linked(slices.Collect(maps.Keys(p.Read))), linked(p.ConfigFiles)
	return slices.DeleteFunc(slices.Clone(files), func(path string) bool {
		if _, listed := p.Listed[path]; listed {
			return true
		}
		if slices.Contains(read, path) {
			_, known := s.content(path)
			return known
		}
		return p.Error != nil && !below(depends, path)
	})
}

// unwatched says when not all files are watched, and what helps, and reports
// whether that is another sentence than before.
func (s *sources) unwatched() bool {
	var now *config.Problem
	if gap := s.watcher.incomplete(); gap != nil {
		now = gap.problem(s.poller.pause() + s.poller.took())
	}
	before := s.partly
	s.partly = now
	if now != nil && before == nil {
		s.warn(nil, now)
		s.warn(nil, errors.New("hint: "+now.Hint))
	}
	return (before == nil) != (now == nil) || now != nil && before.Message != now.Message
}

// touched are those of some files, of which only attributes are said to have
// changed, that are not as they were: their content is to be read again.
func (s *sources) touched(paths []string) []string {
	return slices.DeleteFunc(paths, func(path string) bool {
		known, ok := s.tree.Entry(path)
		info, err := file.Lstat(path)
		if !ok || err != nil {
			return false
		}
		now := file.StampOf(info)
		now.CTime = known.Stamp.CTime // it grows with the number of the file's names, too
		return now == known.Stamp
	})
}

// watchOf says which paths the watcher is to tell of.
func watchOf(p *config.Project) func(path string, dir bool) bool {
	all, _ := interestsOf(p) // its filters are not safe for two goroutines
	listed := p.Listed
	return func(path string, dir bool) bool {
		_, itself := listed[path]
		_, within := listed[filepath.Dir(path)]
		return itself || within || all.keep(path, dir)
	}
}

// linked adds to files what those that are symbolic links lead to: a change
// there is one of what was read.
func linked(files []string) []string {
	all := slices.Clone(files)
	for _, file := range files {
		info, err := os.Lstat(file)
		if err != nil || info.Mode()&fs.ModeSymlink == 0 {
			continue
		}
		if real, err := filepath.EvalSymlinks(file); err == nil {
			all = append(all, real)
		}
	}
	return all
}

// content is what a file holds that the Tiltfile depends on; ok is false of
// one that it does not, or that is no regular file.
func (s *sources) content(path string) (content config.Content, ok bool) {
	if entry, known := s.tree.Entry(path); known && entry.Stamp.Mode&fs.ModeSymlink != 0 {
		real, err := filepath.EvalSymlinks(path)
		if err != nil {
			return content, errors.Is(err, fs.ErrNotExist)
		}
		path = real
	}
	if !slices.ContainsFunc(s.interests, func(in interest) bool { return in.config && in.holds(path) }) {
		return content, false
	}
	entry, known := s.tree.Entry(path)
	if known && entry.Unread {
		return content, false
	}
	if known {
		return config.Content{Exists: true, Sum: entry.Hash}, entry.Stamp.Mode.IsRegular()
	}
	_, err := os.Stat(path)
	return content, errors.Is(err, fs.ErrNotExist)
}

// listing returns the first of some folders that holds other names than the
// Tiltfile saw, "" if none does.
func (s *sources) listing(dirs []string) string {
	for _, dir := range dirs {
		was, listed := s.listed[dir]
		if !listed {
			continue
		}
		now := []string{}
		entries, err := os.ReadDir(dir)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			continue // what cannot be looked at is not taken for empty
		}
		for _, e := range entries {
			now = append(now, e.Name())
		}
		slices.Sort(now)
		if !slices.Equal(was, now) {
			s.listed[dir] = now // one change is told once
			return dir
		}
	}
	return ""
}
