package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/towline-dev/towline/server/api"
)

// TestNeovim lets headless Neovim use the language server as a person's
// configuration would.
func TestNeovim(t *testing.T) {
	nvim := needProgram(t, "nvim")
	w := newWorkspace(t)
	scripts, err := filepath.Abs("nvim")
	if err != nil {
		t.Fatal(err)
	}
	w.nvim(t, nvim, scripts, "language.lua")
}

// TestEmacs does the same with Emacs and eglot.
func TestEmacs(t *testing.T) {
	emacs := needProgram(t, "emacs")
	if err := exec.Command(emacs, "--batch", "-f", "package-initialize", "-l", "eglot").Run(); err != nil {
		skipUnlessCI(t, "Emacs has no eglot")
	}
	w := newWorkspace(t)
	script, err := filepath.Abs(filepath.Join("emacs", "language.el"))
	if err != nil {
		t.Fatal(err)
	}
	w.run(t, emacs, "--batch", "-f", "package-initialize", "-l", script)
}

// workspace is a project's folder, and an environment in which the programs
// that the editor starts leave nothing behind.
type workspace struct {
	dir string
	env []string
}

// newWorkspace makes a workspace with a Tiltfile that has a mistake in its
// third line.
func newWorkspace(t *testing.T) *workspace {
	t.Helper()
	// The runtime folder holds sockets, whose paths must be short.
	home, err := os.MkdirTemp("", "tow")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(home) })
	w := &workspace{dir: filepath.Join(home, "w")}
	for _, dir := range []string{w.dir, filepath.Join(home, "run")} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	files := map[string]string{
		"Tiltfile":   "# A project.\n\ndocker_build('web', '.'\n",
		"Dockerfile": "FROM scratch\n",
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(w.dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	// Daemons are found by what these say, for the test and for the editor.
	t.Setenv("XDG_RUNTIME_DIR", filepath.Join(home, "run"))
	t.Setenv("XDG_STATE_HOME", filepath.Join(home, "state"))
	w.env = append(os.Environ(), "HOME="+home, "XDG_CONFIG_HOME="+home, "XDG_CACHE_HOME="+home, "XDG_DATA_HOME="+home,
		"KUBECONFIG="+filepath.Join(home, "none"), "LC_ALL=C.UTF-8", "TOWLINE="+towline(t), "WORKSPACE="+w.dir)
	t.Cleanup(func() { w.shutdown(t) })
	return w
}

// nvim runs a script of e2e/nvim. An error in it ends Neovim, which would
// otherwise wait for a user.
func (w *workspace) nvim(t *testing.T, nvim, scripts, name string) {
	t.Helper()
	script := fmt.Sprintf(`lua package.path = %[1]q .. "/?.lua;" .. package.path
		local ok, problem = pcall(dofile, %[1]q .. "/" .. %[2]q)
		if not ok then io.stderr:write(tostring(problem)) vim.cmd("cquit 1") end`, scripts, name)
	w.run(t, nvim, "--headless", "-u", "NONE", "-i", "NONE", "--cmd", "set noswapfile", "-c", strings.ReplaceAll(script, "\n", " "))
}

// run runs an editor to its end, which must be a success.
func (w *workspace) run(t *testing.T, program string, args ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir, cmd.Env = w.dir, w.env
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "PASS") {
		t.Fatalf("%s: %v\n%s", filepath.Base(program), err, out)
	}
}

// shutdown ends the daemon that the editor's server started, if it did.
func (w *workspace) shutdown(t *testing.T) {
	e, err := api.EndpointOf(w.dir)
	if err != nil {
		t.Error(err)
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if !api.Running(ctx, e) {
		return
	}
	if err := api.NewClient(e).Shutdown(ctx); err != nil {
		t.Errorf("ending the daemon: %v", err)
	}
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for api.Running(ctx, e) && ctx.Err() == nil {
		<-tick.C
	}
}

// needProgram returns a program's path; without it the test is skipped, in CI
// it fails.
func needProgram(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if errors.Is(err, exec.ErrNotFound) {
		skipUnlessCI(t, name+" is not installed")
	} else if err != nil {
		t.Fatal(err)
	}
	return path
}

func skipUnlessCI(t *testing.T, reason string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatal(reason)
	}
	t.Skip(reason)
}
