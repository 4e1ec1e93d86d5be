package host

import (
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestShims tells our own keepers of containers from those of another
// containerd, and from those of one that has the same path in another file
// system. The program pause, which ignores its arguments, plays the shim.
func TestShims(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("this is not root, who alone may change the root folder")
	}
	root := t.TempDir()
	build := exec.Command("go", "build", "-o", filepath.Join(root, "containerd-shim-test"), "../pause")
	build.Env = append(os.Environ(), "CGO_ENABLED=0") // the other root has no libraries
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	start := func(chroot, address string) int {
		t.Helper()
		program := filepath.Join(root, "containerd-shim-test")
		if chroot != "" {
			program = "/containerd-shim-test"
		}
		cmd := exec.Command(program, "-address", address)
		cmd.Dir = "/"
		cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: chroot}
		must(t, cmd.Start())
		t.Cleanup(func() {
			must(t, cmd.Process.Kill())
			_ = cmd.Wait() // killed, as it says
		})
		return cmd.Process.Pid
	}
	const address = "/testbed/shim_test.sock"
	ours := start("", address)
	start("", address+".other")
	start(root, address)
	if diff := cmp.Diff([]int{ours}, shims(address)); diff != "" {
		t.Errorf("shims (-want +got):\n%s", diff)
	}
}
