//go:build linux

package proc

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"syscall"
)

// startFrozen starts a process and leaves it stopped at the first instruction
// of its program. The kernel stops a traced child at its exec; we let it go
// with a SIGSTOP instead of a continue, so that a debugger in another process
// can take it over. A shim execs twice; the program is what is not our own
// file.
func startFrozen(path string, argv []string, attr *os.ProcAttr) (*os.Process, error) {
	runtime.LockOSThread() // the thread that forks is the tracer
	defer runtime.UnlockOSThread()
	sys := *attr.Sys
	sys.Ptrace = true
	traced := *attr
	traced.Sys = &sys
	p, err := os.StartProcess(path, argv, &traced)
	if err != nil {
		return nil, err
	}
	if err := freeze(p.Pid); err != nil {
		p.Kill()
		p.Wait()
		return nil, fmt.Errorf("stopping it at its first instruction: %w", err)
	}
	return p, nil
}

// freeze waits until the child stands at the exec of its program and detaches.
func freeze(pid int) error {
	self, _ := os.Readlink("/proc/self/exe")
	for {
		ws, err := wait(pid, 0)
		if err != nil {
			return err
		}
		if !ws.Stopped() {
			return fmt.Errorf("it ended before (%v)", ws)
		}
		exe, _ := os.Readlink("/proc/" + strconv.Itoa(pid) + "/exe")
		if ws.StopSignal() == syscall.SIGTRAP && exe != self {
			if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
				return err
			}
			if err := syscall.PtraceDetach(pid); err != nil {
				return err
			}
			_, err := wait(pid, syscall.WUNTRACED) // it takes a moment to stop
			return err
		}
		pass := int(ws.StopSignal())
		if ws.StopSignal() == syscall.SIGTRAP {
			pass = 0
		}
		if err := syscall.PtraceCont(pid, pass); err != nil {
			return err
		}
	}
}

// wait waits for the next stop or the end of a child.
func wait(pid, options int) (syscall.WaitStatus, error) {
	for {
		var ws syscall.WaitStatus
		if _, err := syscall.Wait4(pid, &ws, options, nil); err != syscall.EINTR {
			return ws, err
		}
	}
}
