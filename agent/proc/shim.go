//go:build linux

package proc

import (
	"fmt"
	"os"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// PtraceScope returns the kernel's yama restriction of debuggers: 0 for none
// (or no yama), 1 for parents only, unless the process allows more, 2 for
// privileged ones only, 3 for nobody.
func PtraceScope() int {
	data, err := os.ReadFile("/proc/sys/kernel/yama/ptrace_scope")
	if err != nil {
		return 0
	}
	scope := 0
	fmt.Sscan(strings.TrimSpace(string(data)), &scope)
	return scope
}

// ExecTraceable allows any process that may otherwise do so to debug this one,
// and becomes the program. It must run on the process's first thread: the
// permission is the thread's, and that thread survives the exec. It returns
// only with an error.
func ExecTraceable(path string, argv, env []string) error {
	// Without yama the call fails, and is not needed.
	unix.Prctl(unix.PR_SET_PTRACER, ^uintptr(0), 0, 0, 0)
	if err := syscall.Exec(path, argv, env); err != nil {
		return fmt.Errorf("starting %s: %w", path, err)
	}
	return nil
}
