// Package gitrepo fetches repositories of extensions with the git program.
package gitrepo

import (
	"cmp"
	"context"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/zeebo/blake3"

	"github.com/towline-dev/towline/extensions"
	"github.com/towline-dev/towline/starlark/process"
)

// Remote fetches repositories with the git program into a cache, where each
// commit has a folder of its own that is never changed again. Its methods are
// called by one goroutine at a time; other processes may use the cache meanwhile.
//
// A URL and ref that the lock file names mean that commit, today and tomorrow. Any
// other is fetched anew where the cache has it from before Fresh, as Tilt does at
// each `up`; where that cannot be done, offline, the cache's is used and told. A
// folder whose files no longer have their hash is fetched again.
type Remote struct {
	Dir      string         // the cache, see extensions.Cache
	Lock     string         // the lock file; "": there is none
	Fresh    time.Time      // what was fetched before that is old; zero: nothing is
	Env      []string       // for git
	Log      func(string)   // what a person should know; may be nil
	Commands process.Runner // nil: the operating system's
}

func (g *Remote) cache() extensions.Cache { return extensions.Cache(g.Dir) }

// fetchTimeout bounds one fetch: an evaluation waits for it.
const fetchTimeout = 2 * time.Minute

// Cached returns the folder of what need not be fetched.
func (g *Remote) Cached(url, ref string) (dir string, ok bool) {
	if locked, ok := g.locked(url, ref); ok {
		return g.kept(locked)
	}
	index, err := g.cache().ReadLock()
	if err != nil {
		return "", false
	}
	entry, ok := extensions.FindLocked(index, url, ref)
	if !ok || entry.Commit != ref && entry.Fetched.Before(g.Fresh) {
		return "", false
	}
	return g.kept(entry)
}

// locked is what the lock file says of a URL and ref. One that cannot be read says
// nothing here; Fetch tells why.
func (g *Remote) locked(url, ref string) (extensions.Locked, bool) {
	lock, err := g.readLock()
	if err != nil {
		return extensions.Locked{}, false
	}
	return extensions.FindLocked(lock, url, ref)
}

func (g *Remote) readLock() ([]extensions.Locked, error) {
	if g.Lock == "" {
		return nil, nil
	}
	return extensions.ReadLock(g.Lock)
}

// kept is the folder of a commit, if the cache has it as it was fetched.
func (g *Remote) kept(entry extensions.Locked) (dir string, ok bool) {
	dir = g.cache().Folder(entry.URL, entry.Commit)
	hash, err := hashTree(dir)
	return dir, err == nil && hash == entry.Hash
}

// Fetch implements eval.Remote.
func (g *Remote) Fetch(ctx context.Context, url, ref string) (string, error) {
	if _, err := g.readLock(); err != nil {
		return "", err
	}
	if dir, ok := g.Cached(url, ref); ok {
		return dir, nil
	}
	index, err := g.cache().ReadLock()
	if err != nil {
		return "", err
	}
	locked, isLocked := g.locked(url, ref)
	asked := ref
	if isLocked {
		asked = locked.Commit
	}
	got, err := g.get(ctx, url, asked)
	if err != nil {
		before, known := extensions.FindLocked(index, url, ref)
		if dir, ok := g.kept(before); known && ok && !isLocked {
			g.say(fmt.Sprintf("%v; its files of %s are used", err, before.Fetched.Format(time.DateTime)))
			return dir, nil
		}
		return "", err
	}
	if isLocked && got.Hash != locked.Hash {
		return "", fmt.Errorf("%s at %s has other files than when it was locked: `towline extensions update` locks them if that is right", url, locked.Commit)
	}
	got.Ref = ref
	return g.cache().Folder(url, got.Commit), g.note(ctx, got)
}

func (g *Remote) say(text string) {
	if g.Log != nil {
		g.Log(text)
	}
}

// get fetches a commit, tag or branch into the cache.
func (g *Remote) get(ctx context.Context, url, ref string) (extensions.Locked, error) {
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	commit, dir, err := g.clone(ctx, url, ref)
	if err != nil {
		return extensions.Locked{}, err
	}
	hash, err := hashTree(dir)
	return extensions.Locked{URL: url, Ref: ref, Commit: commit, Hash: hash, Fetched: time.Now().UTC().Truncate(time.Second)}, err
}

// clone fetches one commit and moves its files to their folder.
func (g *Remote) clone(ctx context.Context, url, ref string) (commit, dir string, err error) {
	if strings.HasPrefix(url, "-") || strings.HasPrefix(ref, "-") {
		return "", "", fmt.Errorf("%q at %q is no repository", url, ref)
	}
	if err := os.MkdirAll(g.Dir, 0o755); err != nil {
		return "", "", err
	}
	work, err := os.MkdirTemp(g.Dir, ".fetch-")
	if err != nil {
		return "", "", err
	}
	defer os.RemoveAll(work)
	if ref == "" {
		ref = "HEAD"
	}
	for _, args := range [][]string{{"init", "--quiet"}, {"fetch", "--quiet", "--depth=1", "--", url, ref}, {"checkout", "--quiet", "--detach", "FETCH_HEAD"}} {
		if _, err := g.git(ctx, work, args...); err != nil {
			return "", "", fmt.Errorf("fetching %s at %s: %w", url, ref, err)
		}
	}
	out, err := g.git(ctx, work, "rev-parse", "HEAD")
	if err != nil {
		return "", "", err
	}
	commit = strings.TrimSpace(out)
	if sum, err := hex.DecodeString(commit); err != nil || len(sum) < 20 {
		return "", "", fmt.Errorf("fetching %s at %s: git says that the commit is %q", url, ref, commit)
	}
	if err := os.RemoveAll(filepath.Join(work, ".git")); err != nil {
		return "", "", err
	}
	dir = g.cache().Folder(url, commit)
	return commit, dir, g.alone(ctx, func() error { return replaceTree(work, dir) })
}

// replaceTree moves a folder to where another may be. One with the same files
// stays: somebody may be reading them.
func replaceTree(from, to string) error {
	want, err := hashTree(from)
	if err != nil {
		return err
	}
	if got, err := hashTree(to); err == nil && got == want {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	if err := os.RemoveAll(to); err != nil {
		return err
	}
	return os.Rename(from, to)
}

func (g *Remote) git(ctx context.Context, dir string, args ...string) (string, error) {
	commands := g.Commands
	if commands == nil {
		commands = process.OS{}
	}
	var stderr []string
	out, err := commands.Run(ctx, process.Command{
		Argv: append([]string{"git", "-c", "core.hooksPath=/dev/null"}, args...), Dir: dir,
		Env: append(withoutRepository(g.Env), "GIT_TERMINAL_PROMPT=0"), Log: func(s string) { stderr = append(stderr, s) },
	})
	if err != nil && len(stderr) > 0 {
		err = fmt.Errorf("%w: %s", err, strings.TrimSpace(strings.Join(stderr, "\n")))
	}
	return string(out), err
}

// withoutRepository leaves out the variables that name a repository: a hook of
// git sets them, and git would then work in the user's own.
func withoutRepository(env []string) []string {
	return slices.DeleteFunc(slices.Clone(env), func(v string) bool {
		name, _, _ := strings.Cut(v, "=")
		return slices.Contains([]string{
			"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_COMMON_DIR", "GIT_OBJECT_DIRECTORY", "GIT_NAMESPACE", "GIT_PREFIX",
		}, name)
	})
}

// Update fetches the newest commit of a URL and ref and locks it.
func (g *Remote) Update(ctx context.Context, url, ref string) (extensions.Locked, error) {
	if _, err := g.readLock(); err != nil {
		return extensions.Locked{}, err
	}
	got, err := g.get(ctx, url, ref)
	if err != nil {
		return got, err
	}
	if err := g.note(ctx, got); err != nil {
		return got, err
	}
	got.Fetched = time.Time{}
	return got, g.alone(ctx, func() error {
		lock, err := g.readLock()
		if err != nil {
			return err
		}
		return extensions.WriteLock(g.Lock, extensions.Lock(lock, got))
	})
}

// Using returns the commit that a URL and ref mean now, and whether the lock file
// says so; ok is false where nothing was fetched.
func (g *Remote) Using(url, ref string) (entry extensions.Locked, locked, ok bool) {
	if entry, ok := g.locked(url, ref); ok {
		return entry, true, true
	}
	index, _ := g.cache().ReadLock()
	entry, ok = extensions.FindLocked(index, url, ref)
	return entry, false, ok
}

// Behind counts the commits of a ref that came after a commit; -1 where that is
// none of the ref's.
func (g *Remote) Behind(ctx context.Context, url, ref, commit string) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	work, err := os.MkdirTemp(g.Dir, ".fetch-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(work)
	if strings.HasPrefix(url, "-") || strings.HasPrefix(ref, "-") {
		return 0, fmt.Errorf("%q at %q is no repository", url, ref)
	}
	for _, args := range [][]string{{"init", "--quiet", "--bare"}, {"fetch", "--quiet", "--filter=tree:0", "--", url, cmp.Or(ref, "HEAD")}} {
		if _, err := g.git(ctx, work, args...); err != nil {
			return 0, fmt.Errorf("looking at %s: %w", url, err)
		}
	}
	out, err := g.git(ctx, work, "rev-list", "--count", commit+"..FETCH_HEAD")
	if err != nil {
		return -1, nil // rewritten, or another branch
	}
	return strconv.Atoi(strings.TrimSpace(out))
}

// hashTree is a hash of the names and contents of the files below a folder, and
// of where symbolic links lead.
func hashTree(dir string) (string, error) {
	h := blake3.New()
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		var data []byte
		switch e.Type() {
		case 0:
			data, err = os.ReadFile(path)
		case fs.ModeSymlink:
			var target string
			target, err = os.Readlink(path)
			data = []byte("-> " + target)
		default:
			return nil
		}
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		_, _ = fmt.Fprintf(h, "%s\x00%d\x00", filepath.ToSlash(rel), len(data))
		_, _ = h.Write(data)
		return err
	})
	return hex.EncodeToString(h.Sum(nil)), err
}
