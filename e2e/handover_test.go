package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// TestTheSmallServerTakesOver says that the process of `towline lsp` becomes
// towline-lsp where both lie in one folder.
func TestTheSmallServerTakesOver(t *testing.T) {
	program := towline(t)
	small := filepath.Join(filepath.Dir(program), "towline-lsp")
	if _, err := os.Stat(small); err != nil {
		t.Skipf("no towline-lsp beside %s, which $TOWLINE_TEST_PROGRAM named", program)
	}
	cmd := exec.Command(program, "lsp", "--stdio")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close() // ends the server
		_ = cmd.Wait()
	})
	want, err := filepath.EvalSymlinks(small)
	if err != nil {
		t.Fatal(err)
	}
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(10 * time.Second); ; <-tick.C {
		got, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", cmd.Process.Pid))
		if got == want {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("the process runs %q (%v), want %q", got, err, want)
		}
	}
}
