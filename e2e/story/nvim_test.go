package story

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestADayInNeovim is the whole loop in a real editor: what Neovim does is in
// e2e/nvim/story.lua, what it left in the cluster is asked here.
func TestADayInNeovim(t *testing.T) {
	s := newEmptyStage(t, "tl-e2e-nvim")
	ctx, cancel := context.WithTimeout(t.Context(), 8*time.Minute)
	defer cancel()
	// The local command compiles with the cache of whoever runs the test.
	cache, err := exec.Command("go", "env", "GOCACHE").Output()
	s.must(err)
	s.nvim(ctx, t, "story.lua", "GOCACHE="+strings.TrimSpace(string(cache)))
	s.leavesNothing(ctx)
}

// nvim runs a script of e2e/nvim to its end, which must be a success.
func (s *stage) nvim(ctx context.Context, t *testing.T, script string, env ...string) {
	t.Helper()
	nvim, err := exec.LookPath("nvim")
	if err != nil && os.Getenv("CI") == "true" {
		t.Fatal("nvim is not installed: ", err)
	} else if err != nil {
		t.Skip("nvim is not installed: ", err)
	}
	scripts, err := filepath.Abs("../nvim")
	s.must(err)
	// An error in the script ends Neovim, which would otherwise wait for a user.
	run := fmt.Sprintf(`lua package.path = %[1]q .. "/?.lua;" .. package.path `+
		`local ok, problem = pcall(dofile, %[1]q .. "/" .. %[2]q) `+
		`if not ok then io.stderr:write(tostring(problem)) vim.cmd("cquit 1") end`, scripts, script)
	cmd := exec.CommandContext(ctx, nvim, "--headless", "-u", "NONE", "-i", "NONE", "--cmd", "set noswapfile", "-c", run)
	cmd.Dir = s.options.Workspace
	cmd.Env = append(append(append(os.Environ(), s.options.Env...), "LC_ALL=C.UTF-8", "XDG_CACHE_HOME="+t.TempDir(), "XDG_DATA_HOME="+t.TempDir(),
		"TOWLINE="+s.options.Towline, "WORKSPACE="+s.options.Workspace, "NAMESPACE="+s.options.Namespace), env...)
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "PASS") {
		t.Fatalf("nvim: %v\n%s", err, out)
	}
}
