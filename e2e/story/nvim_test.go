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
	nvim, err := exec.LookPath("nvim")
	if err != nil && os.Getenv("CI") == "true" {
		t.Fatal("nvim is not installed: ", err)
	} else if err != nil {
		t.Skip("nvim is not installed: ", err)
	}
	s := newEmptyStage(t, "tl-e2e-nvim")
	ctx, cancel := context.WithTimeout(t.Context(), 8*time.Minute)
	defer cancel()
	scripts, err := filepath.Abs("../nvim")
	s.must(err)
	// The local command compiles with the cache of whoever runs the test.
	cache, err := exec.Command("go", "env", "GOCACHE").Output()
	s.must(err)

	// An error in the script ends Neovim, which would otherwise wait for a user.
	script := fmt.Sprintf(`lua package.path = %[1]q .. "/?.lua;" .. package.path `+
		`local ok, problem = pcall(dofile, %[1]q .. "/story.lua") `+
		`if not ok then io.stderr:write(tostring(problem)) vim.cmd("cquit 1") end`, scripts)
	cmd := exec.CommandContext(ctx, nvim, "--headless", "-u", "NONE", "-i", "NONE", "--cmd", "set noswapfile", "-c", script)
	cmd.Dir = s.options.Workspace
	cmd.Env = append(append(os.Environ(), s.options.Env...), "LC_ALL=C.UTF-8",
		"GOCACHE="+strings.TrimSpace(string(cache)), "XDG_CACHE_HOME="+t.TempDir(), "XDG_DATA_HOME="+t.TempDir(),
		"TOWLINE="+s.options.Towline, "WORKSPACE="+s.options.Workspace, "NAMESPACE="+s.options.Namespace)
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "PASS") {
		t.Fatalf("nvim: %v\n%s", err, out)
	}
	s.leavesNothing(ctx)
}
