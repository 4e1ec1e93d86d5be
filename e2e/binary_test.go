package e2e

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// towline returns the path of the program, built once from the sources at
// hand. Another may be named by $TOWLINE_TEST_PROGRAM.
func towline(t *testing.T) string {
	t.Helper()
	path, err := build()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

var build = sync.OnceValues(func() (string, error) {
	if path := os.Getenv("TOWLINE_TEST_PROGRAM"); path != "" {
		return path, nil
	}
	if err := lookAtSources(); err != nil {
		return "", err
	}
	dir, err := os.MkdirTemp("", "towline-e2e")
	if err != nil {
		return "", err
	}
	builtDir = dir
	path := filepath.Join(dir, "towline")
	cmd := exec.Command("go", "build", "-trimpath", "-o", dir, "../cmd/towline", "../cmd/towline-lsp") // as hack/build
	cmd.Stderr = os.Stderr
	return path, cmd.Run()
})

// lookAtSources stats every source file, so that go test takes a result from
// its cache only if none of them changed.
func lookAtSources() error {
	for _, dir := range []string{"../cmd", "../server", "../starlark", "../agent", "../extensions", "../dap"} {
		err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			_, err = os.Stat(path)
			return err
		})
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

var builtDir string // removed at the end

func TestMain(m *testing.M) {
	code := m.Run()
	if builtDir != "" {
		os.RemoveAll(builtDir)
	}
	os.Exit(code)
}
