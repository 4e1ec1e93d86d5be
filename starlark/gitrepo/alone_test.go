package gitrepo

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/towline-dev/towline/extensions"
	"github.com/towline-dev/towline/starlark/process"
)

// fetchEnv makes the test's program another process, which fetches into a cache:
// "CACHE REPOSITORY REF MILLISECONDS", the last being how long it may take.
const fetchEnv = "TOWLINE_TEST_FETCH"

func TestMain(m *testing.M) {
	if job := os.Getenv(fetchEnv); job != "" {
		if err := fetchAs(job); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// onlyLock is the ref of a process that only takes the cache's lock.
const onlyLock = "lock"

func fetchAs(job string) error {
	var dir, repo, ref string
	var within int
	if _, err := fmt.Sscan(job, &dir, &repo, &ref, &within); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Duration(within)*time.Millisecond)
	defer cancel()
	remote := &Remote{Dir: dir, Env: os.Environ()}
	if ref == onlyLock {
		return remote.alone(ctx, func() error { return nil })
	}
	_, err := remote.Fetch(ctx, repo, ref)
	return err
}

// fetchElsewhere fetches in another process and returns what that says.
func fetchElsewhere(t *testing.T, dir, repo, ref string, within time.Duration) (string, error) {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, program)
	cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%s %s %s %d", fetchEnv, dir, repo, ref, within.Milliseconds()))
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// before runs f, once, before a git command of a kind.
type before struct {
	verb string
	f    func()
}

func (b *before) Run(ctx context.Context, c process.Command) ([]byte, error) {
	if f := b.f; f != nil && slices.Contains(c.Argv, b.verb) {
		b.f = nil
		f()
	}
	return process.OS{}.Run(ctx, c)
}

// TestTwoProcessesFetch: what another process fetched, while this one did, stays
// known, and both have the files.
func TestTwoProcessesFetch(t *testing.T) {
	repo, commit := gitRepository(t)
	tag := func(name string) {
		if out, err := exec.Command("git", "-C", repo, "tag", name).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	tag("one")
	commit("x = 2\n")
	tag("two")
	remote := &Remote{Dir: t.TempDir(), Env: os.Environ()}
	remote.Commands = &before{"rev-parse", func() {
		for _, ref := range []string{"one", "two"} { // the same commit, and another
			if out, err := fetchElsewhere(t, remote.Dir, repo, ref, 30*time.Second); err != nil {
				t.Errorf("%v: %s", err, out)
			}
		}
	}}
	if _, err := remote.Fetch(context.Background(), repo, "one"); err != nil {
		t.Fatal(err)
	}
	index, err := remote.cache().ReadLock()
	if err != nil {
		t.Fatal(err)
	}
	for _, ref := range []string{"one", "two"} {
		entry, ok := extensions.FindLocked(index, repo, ref)
		if _, kept := remote.kept(entry); !ok || !kept {
			t.Errorf("%s: noted %v, its files are kept %v", ref, ok, kept)
		}
	}
}

// TestOneProcessChangesTheCache: while one does, another waits, and no longer than
// it may.
func TestOneProcessChangesTheCache(t *testing.T) {
	remote := &Remote{Dir: t.TempDir(), Env: os.Environ()}
	err := remote.alone(t.Context(), func() error {
		out, err := fetchElsewhere(t, remote.Dir, "none", onlyLock, 100*time.Millisecond)
		if err == nil || !strings.Contains(out, "waiting for another process that changes") {
			t.Errorf("got %v: %s", err, out)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if out, err := fetchElsewhere(t, remote.Dir, "none", onlyLock, 30*time.Second); err != nil {
		t.Errorf("after the change: %v: %s", err, out)
	}
}
