package eval

import (
	"context"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/zeebo/blake3"

	"github.com/towline-dev/towline/extensions"
)

// GitRemote fetches repositories with the git program into a cache, where each
// commit has a folder of its own that is never changed again.
//
// What was fetched is noted in the cache's lock file: URL, ref, commit and a
// hash of the files. A ref that is in it is not fetched again, so that an
// evaluation is the same tomorrow and offline; `Update` fetches anew. A folder
// whose files no longer have that hash is fetched again.
type GitRemote struct {
	Dir      string   // the cache, see extensions.Cache
	Env      []string // for git
	Commands Commands // nil: the operating system's
}

func (g *GitRemote) cache() extensions.Cache { return extensions.Cache(g.Dir) }

// fetchTimeout bounds one fetch: an evaluation waits for it.
const fetchTimeout = 2 * time.Minute

// Fetch implements Remote.
func (g *GitRemote) Fetch(ctx context.Context, url, ref string) (string, error) {
	if dir, ok := g.Cached(url, ref); ok {
		return dir, nil
	}
	lock, err := g.cache().ReadLock()
	if err != nil {
		return "", err
	}
	i := slices.IndexFunc(lock, func(l extensions.Locked) bool { return l.URL == url && l.Ref == ref })
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	asked := ref
	if i >= 0 {
		asked = lock[i].Commit
	}
	commit, dir, err := g.clone(ctx, url, asked)
	if err != nil {
		return "", err
	}
	hash, err := hashTree(dir)
	if err != nil {
		return "", err
	}
	if i >= 0 {
		if hash != lock[i].Hash {
			return "", fmt.Errorf("%s at %s has other files than when it was first fetched: remove its entry from %s if that is right", url, commit, g.cache().LockFile())
		}
		return dir, nil
	}
	return dir, g.cache().WriteLock(append(lock, extensions.Locked{URL: url, Ref: ref, Commit: commit, Hash: hash}))
}

// Cached returns the folder of a repository that was fetched before and still
// has the files that it had then.
func (g *GitRemote) Cached(url, ref string) (string, bool) {
	lock, err := g.cache().ReadLock()
	if err != nil {
		return "", false
	}
	i := slices.IndexFunc(lock, func(l extensions.Locked) bool { return l.URL == url && l.Ref == ref })
	if i < 0 {
		return "", false
	}
	dir := g.cache().Folder(url, lock[i].Commit)
	hash, err := hashTree(dir)
	return dir, err == nil && hash == lock[i].Hash
}

// clone fetches one commit and moves its files to their folder.
func (g *GitRemote) clone(ctx context.Context, url, ref string) (commit, dir string, err error) {
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
	return commit, dir, replaceTree(work, dir)
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

func (g *GitRemote) git(ctx context.Context, dir string, args ...string) (string, error) {
	commands := g.Commands
	if commands == nil {
		commands = osCommands{}
	}
	var stderr []string
	out, err := commands.Run(ctx, Process{
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

// Update forgets the commits of a URL, so that the next Fetch takes the newest.
func (g *GitRemote) Update(url string) error {
	lock, err := g.cache().ReadLock()
	if err != nil {
		return err
	}
	return g.cache().WriteLock(slices.DeleteFunc(lock, func(l extensions.Locked) bool { return l.URL == url }))
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
