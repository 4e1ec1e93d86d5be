package gitrepo

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/towline-dev/towline/extensions"
)

// gitRepository makes a repository with one commit and returns its folder and
// a function that commits another text.
func gitRepository(t *testing.T) (dir string, commit func(text string)) {
	t.Helper()
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("git is not installed")
	}
	dir = t.TempDir()
	git := func(args ...string) {
		t.Helper()
		cmd := exec.Command("git", append([]string{"-C", dir, "-c", "user.name=t", "-c", "user.email=t@example.com"}, args...)...)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
	}
	commit = func(text string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Join(dir, "tool"), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "tool", "Tiltfile"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		git("add", ".")
		git("commit", "--quiet", "-m", "change")
	}
	git("init", "--quiet")
	commit("x = 1\n")
	return dir, commit
}

func TestRemoteKeepsWhatItFetched(t *testing.T) {
	repo, commit := gitRepository(t)
	var log []string
	remote := &Remote{Dir: t.TempDir(), Env: os.Environ(), Lock: filepath.Join(t.TempDir(), extensions.LockName), Log: func(s string) { log = append(log, s) }}
	fetch := func() (string, error) {
		dir, err := remote.Fetch(context.Background(), repo, "")
		if err != nil {
			return "", err
		}
		data, err := os.ReadFile(filepath.Join(dir, "tool", "Tiltfile"))
		return string(data), err
	}
	check := func(what, want string) {
		t.Helper()
		if got, err := fetch(); err != nil || got != want {
			t.Errorf("%s: got %q, %v; want %q", what, got, err, want)
		}
	}
	check("first", "x = 1\n")
	commit("x = 2\n")
	check("after an upstream change", "x = 1\n")
	if err := os.Rename(repo, repo+".away"); err != nil {
		t.Fatal(err)
	}
	check("offline", "x = 1\n")
	if err := os.Rename(repo+".away", repo); err != nil {
		t.Fatal(err)
	}

	dir, _ := remote.Fetch(context.Background(), repo, "")
	if err := os.WriteFile(filepath.Join(dir, "tool", "Tiltfile"), []byte("evil = 1\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if got, err := fetch(); got == "evil = 1\n" {
		t.Errorf("a changed cache was used (%v)", err)
	}

	// A new up takes the newest, once, and does without where it cannot.
	ctx := context.Background()
	commit("x = 3\n")
	remote.Fresh = time.Now().Add(time.Hour)
	check("at a new up", "x = 3\n")
	if err := os.Rename(repo, repo+".away"); err != nil {
		t.Fatal(err)
	}
	check("at a new up, offline", "x = 3\n")
	if len(log) != 1 || !strings.Contains(log[0], "are used") {
		t.Errorf("it is not told: %q", log)
	}
	if err := os.Rename(repo+".away", repo); err != nil {
		t.Fatal(err)
	}
	remote.Fresh = time.Time{}

	// What is locked stays, until it is updated.
	locked, err := remote.Update(ctx, repo, "")
	if err != nil {
		t.Fatal(err)
	}
	commit("x = 4\n")
	commit("x = 5\n")
	remote.Fresh = time.Now().Add(time.Hour)
	check("locked, at a new up", "x = 3\n")
	if n, err := remote.Behind(ctx, repo, "", locked.Commit); n != 2 || err != nil {
		t.Errorf("behind by %d, %v", n, err)
	}
	if n, err := remote.Behind(ctx, repo, "", strings.Repeat("0", 40)); n != -1 || err != nil {
		t.Errorf("another history is behind by %d, %v", n, err)
	}
	other := &Remote{Dir: t.TempDir(), Env: os.Environ(), Lock: remote.Lock}
	if dir, err := other.Fetch(ctx, repo, ""); err != nil || filepath.Base(dir) != locked.Commit {
		t.Errorf("another machine with the lock file has %s, %v", dir, err)
	}
	if _, err := remote.Update(ctx, repo, ""); err != nil {
		t.Fatal(err)
	}
	check("after Update", "x = 5\n")
	lock, err := os.ReadFile(remote.Lock)
	if err != nil || strings.Count(string(lock), `"commit"`) != 1 || !strings.Contains(string(lock), `"blake3"`) || strings.Contains(string(lock), "fetched") {
		t.Errorf("lock file: %s, %v", lock, err)
	}

	if err := os.WriteFile(remote.Lock, []byte(`[{"url": "x", "commit": "../../evil"}]`), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := fetch(); err == nil || !strings.Contains(err.Error(), "is no commit") {
		t.Errorf("a lock file with a path for a commit: %v", err)
	}
}

func TestRemoteRefusesOptions(t *testing.T) {
	remote := &Remote{Dir: t.TempDir(), Env: os.Environ()}
	for _, url := range []string{"--upload-pack=touch /tmp/x", "https://127.0.0.1:1/none"} {
		if _, err := remote.Fetch(context.Background(), url, ""); err == nil {
			t.Errorf("Fetch(%q) succeeded", url)
		}
	}
}

// TestFetchLeavesTheUsersRepositoryAlone: a hook of git sets variables that
// name the repository to work in.
func TestFetchLeavesTheUsersRepositoryAlone(t *testing.T) {
	users, commit := gitRepository(t)
	commit("x = 3\n")
	repo, _ := gitRepository(t)
	remote := &Remote{Dir: t.TempDir(), Env: append(os.Environ(),
		"GIT_DIR="+filepath.Join(users, ".git"), "GIT_WORK_TREE="+users, "GIT_INDEX_FILE="+filepath.Join(users, ".git", "index"))}
	dir, err := remote.Fetch(context.Background(), repo, "")
	if err != nil {
		t.Fatal(err)
	}
	for folder, want := range map[string]string{users: "x = 3\n", dir: "x = 1\n"} {
		if got, err := os.ReadFile(filepath.Join(folder, "tool", "Tiltfile")); err != nil || string(got) != want {
			t.Errorf("%s: %q, %v, want %q", folder, got, err, want)
		}
	}
}

// TestChangedLink: a symbolic link of the cache that leads elsewhere is noticed.
func TestChangedLink(t *testing.T) {
	dir := t.TempDir()
	link := filepath.Join(dir, "link")
	var hashes []string
	for _, target := range []string{"a", "b"} {
		os.Remove(link)
		if err := os.Symlink(target, link); err != nil {
			t.Fatal(err)
		}
		hash, err := hashTree(dir)
		if err != nil {
			t.Fatal(err)
		}
		hashes = append(hashes, hash)
	}
	if hashes[0] == hashes[1] {
		t.Error("both have one hash")
	}
}
