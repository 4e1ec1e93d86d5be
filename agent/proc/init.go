//go:build linux

package proc

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/sys/unix"
)

// RunAsInit is the job of a container's first process: it starts the command,
// passes signals on to it, reaps whatever is orphaned, and returns with the
// command's exit code when that ends. It is a process of its own so that the
// one that does the work never waits for children that are not its own, which
// would steal the wait statuses of a debugger.
func RunAsInit(path string, argv []string) (int, error) {
	signals := make(chan os.Signal, 128)
	signal.Notify(signals)
	if os.Getpid() != 1 {
		// The pod shares its process namespace: orphans would go to the pause
		// container, which reaps them too, but they are ours.
		unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
	}
	child, err := syscall.ForkExec(path, argv, &syscall.ProcAttr{
		Env: os.Environ(), Files: []uintptr{0, 1, 2},
	})
	if err != nil {
		return 0, fmt.Errorf("starting %s: %w", path, err)
	}
	for sig := range signals {
		switch sig {
		case syscall.SIGCHLD:
			if code, ended := reap(child); ended {
				return code, nil
			}
		case syscall.SIGURG, syscall.SIGPIPE: // the first is the Go runtime's own
		default:
			syscall.Kill(child, sig.(syscall.Signal))
		}
	}
	return 0, errors.New("unreachable: the signal channel is never closed")
}

// reap takes in all children that have ended, and reports whether the one that
// counts is among them, and its exit code as a shell would tell it.
func reap(child int) (code int, ended bool) {
	for {
		var ws syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &ws, syscall.WNOHANG, nil)
		switch {
		case err == syscall.EINTR:
			continue
		case err != nil || pid == 0:
			return code, ended
		case pid == child && ws.Exited():
			code, ended = ws.ExitStatus(), true
		case pid == child && ws.Signaled():
			code, ended = 128+int(ws.Signal()), true
		}
	}
}
