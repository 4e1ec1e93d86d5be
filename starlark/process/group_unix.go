//go:build !windows

package process

import (
	"os/exec"
	"syscall"
)

// newGroup gives a command a process group of its own, all of which ends when
// the command is cancelled.
func newGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
}
