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
	"time"

	"github.com/towline-dev/towline/internal/file"
	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/server/tree"
	"github.com/towline-dev/towline/starlark/config"
)

// readAhead reads the files of a project that lie below no known root, so that
// the core, which has saves to see to, need not.
func readAhead(ctx context.Context, p *config.Project, known []string) *tree.Tree {
	ahead := tree.New(disk{})
	interests, _ := interestsOf(p) // its filters are not safe for two goroutines
	keep := (&core{interests: interests}).keep
	for _, in := range interests {
		for _, root := range in.roots {
			if ctx.Err() == nil && !below(known, root) {
				_, _ = ahead.Scan(root, keep) // the core's own scan tells what cannot be read
			}
		}
	}
	return ahead
}

// follow watches all the files of a project from now on, looks at them, and
// returns those that changed since they were last looked at.
// The files of the last good one stay watched beside those of a failed one.
func (c *core) follow(p *config.Project, ahead *tree.Tree) map[string]bool {
	watched := *p
	if p.Error != nil && c.good != nil {
		watched = *c.good
		watched.ConfigFiles = slices.Concat(c.good.ConfigFiles, p.ConfigFiles)
		watched.Listed = maps.Clone(c.good.Listed)
		if watched.Listed == nil {
			watched.Listed = map[string][]string{}
		}
		maps.Copy(watched.Listed, p.Listed)
	}
	watched.ConfigFiles = linked(watched.ConfigFiles)
	interests, problems := interestsOf(&watched)
	for _, problem := range problems {
		c.d.logs.add(api.LogLine{Time: time.Now(), Source: api.LogTowline, Level: "warn", Text: problem.Error()})
	}
	old := &core{interests: c.interests}
	c.interests, c.listed = interests, maps.Clone(watched.Listed)
	c.roots = nil
	for _, in := range interests {
		c.roots = append(c.roots, in.roots...)
	}
	// What changes from here on is seen, what changed before is found.
	c.watcher.set(c.roots, slices.Sorted(maps.Keys(watched.Listed)), watchOf(&watched))
	c.sweepKeep = watchOf(&watched)
	c.unwatched(c.watcher.incomplete())
	if ahead != nil {
		c.tree.Adopt(ahead, func(path string) bool { return !old.keep(path, false) })
	}
	// A file that nobody depended on until now is new here, but not changed.
	changed := map[string]bool{}
	for _, root := range c.roots {
		found, err := c.tree.Scan(root, c.keep)
		if err != nil {
			c.d.o.Log.Warn("scanning", "root", root, "err", err)
		}
		for _, path := range found {
			if old.keep(path, false) {
				changed[path] = true
			}
		}
	}
	return changed
}

// unwatched says once that not all files are watched, and what helps.
func (c *core) unwatched(why error) {
	if why != nil && !c.partly {
		c.d.logs.add(api.LogLine{Time: time.Now(), Source: api.LogTowline, Level: "warn", Text: fmt.Sprintf(
			"not all files are watched (%v): a change made outside of the editor is seen within some seconds; raise fs.inotify.max_user_watches and max_user_instances", why)})
	}
	c.partly = why != nil
}

// hintAttributes looks again at files of which only attributes are said to
// have changed: content is read again if the file is not as it was.
func (c *core) hintAttributes(paths []string) {
	c.hint(slices.DeleteFunc(paths, func(path string) bool {
		known, ok := c.tree.Entry(path)
		info, err := file.Lstat(path)
		if !ok || err != nil {
			return false
		}
		now := file.StampOf(info)
		now.CTime = known.Stamp.CTime // it grows with the number of the file's names, too
		return now == known.Stamp
	}), false)
}

// watchOf says which paths the watcher is to tell of.
func watchOf(p *config.Project) func(path string, dir bool) bool {
	interests, _ := interestsOf(p) // its filters are not safe for two goroutines
	shared := &core{interests: interests}
	listed := p.Listed
	return func(path string, dir bool) bool {
		_, itself := listed[path]
		_, within := listed[filepath.Dir(path)]
		return itself || within || shared.keep(path, dir)
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

// overtake evaluates again if a file that the Tiltfile read, or a folder that
// it listed, is no longer what it was then: it changed before it was watched.
func (c *core) overtake(p *config.Project) {
	for _, path := range slices.Sorted(maps.Keys(p.Read)) {
		if now, ok := c.content(path); ok && now != p.Read[path] {
			c.reevaluate(path)
			return
		}
	}
	if dir := c.listing(slices.Sorted(maps.Keys(p.Listed))); dir != "" {
		c.reevaluate(dir)
	}
}

// content is what a file holds that the Tiltfile depends on; ok is false of
// one that it does not, or that is no regular file.
func (c *core) content(path string) (content config.Content, ok bool) {
	if entry, known := c.tree.Entry(path); known && entry.Stamp.Mode&fs.ModeSymlink != 0 {
		real, err := filepath.EvalSymlinks(path)
		if err != nil {
			return content, errors.Is(err, fs.ErrNotExist)
		}
		path = real
	}
	if !slices.ContainsFunc(c.interests, func(in interest) bool { return in.config && in.holds(path) }) {
		return content, false
	}
	entry, known := c.tree.Entry(path)
	if known {
		return config.Content{Exists: true, Sum: entry.Hash}, entry.Stamp.Mode.IsRegular()
	}
	_, err := os.Stat(path)
	return content, errors.Is(err, fs.ErrNotExist)
}

// listing returns the first of some folders that holds other names than the
// Tiltfile saw, "" if none does.
func (c *core) listing(dirs []string) string {
	for _, dir := range dirs {
		was, listed := c.listed[dir]
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
			c.listed[dir] = now // one change is told once
			return dir
		}
	}
	return ""
}

// unrest is what is known of files that change again and again while the
// Tiltfile is evaluated, as those do that it writes itself.
type unrest struct {
	begun  []time.Time // evaluations that a changed file caused, the latest
	pause  time.Duration
	paused bool // one is to begin when the pause ends
}

// When more than calm evaluations were caused by files within restless, the
// next one waits, and longer each time.
const (
	calm       = 5
	restless   = 10 * time.Second
	firstPause = time.Second
	lastPause  = time.Minute
)

// reevaluate evaluates because a file changed, by itself and not by a person's
// save. An evaluation that goes on is overtaken, unless that was done so often
// that it would never come to an end.
func (c *core) reevaluate(path string) {
	u, now := &c.unrest, time.Now()
	if u.paused {
		return
	}
	if len(u.begun) > 0 && now.Sub(u.begun[len(u.begun)-1]) > lastPause+restless {
		u.pause = 0
	}
	u.begun = slices.DeleteFunc(u.begun, func(at time.Time) bool { return now.Sub(at) > restless })
	if len(u.begun) < calm {
		u.begun = append(u.begun, now)
		c.evaluate(nil)
		return
	}
	u.paused, u.pause = true, min(max(2*u.pause, firstPause), lastPause)
	c.d.logs.add(api.LogLine{Time: time.Now(), Source: api.LogTowline, Level: "warn", Text: fmt.Sprintf(
		"%s changes again and again; the Tiltfile is evaluated again in %s. If the Tiltfile writes it, let it do so only when the content is another", path, u.pause)})
	time.AfterFunc(u.pause, func() {
		c.d.queue.put(func(c *core) {
			c.unrest.paused, c.unrest.begun = false, []time.Time{time.Now()}
			c.evaluate(nil)
		})
	})
}
