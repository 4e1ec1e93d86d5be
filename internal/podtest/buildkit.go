package podtest

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// BuildKit returns a folder with buildctl and buildkitd, which Go's cache keeps. The
// folder is in the cache too, and stays.
func BuildKit(t testing.TB) string {
	t.Helper()
	dir, err := buildKit()
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

var buildKit = sync.OnceValues(func() (string, error) {
	root, err := os.Getwd()
	for err == nil {
		if _, missing := os.Stat(filepath.Join(root, "hack", "buildkit", "go.mod")); missing == nil {
			break
		}
		if root == filepath.Dir(root) {
			err = errors.New("no hack/buildkit above the test's folder")
		}
		root = filepath.Dir(root)
	}
	cache, cacheErr := os.UserCacheDir()
	if err = errors.Join(err, cacheErr); err != nil {
		return "", err
	}
	dir := filepath.Join(cache, "towline", "test-buildkit") + string(filepath.Separator)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	build := exec.Command("go", "build", "-C", filepath.Join(root, "hack", "buildkit"), "-trimpath", "-ldflags=-s -w", "-o", dir,
		"github.com/moby/buildkit/cmd/buildctl", "github.com/moby/buildkit/cmd/buildkitd")
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building BuildKit: %v\n%s", err, out)
	}
	return filepath.Clean(dir), nil
})
