//go:build linux

package serve

import (
	"context"
	"os"
	"syscall"

	"github.com/towline-dev/towline/agent/proc"
)

// Signals acts on the signals that the container gets, until the application
// has ended for good, and returns the exit code for the container. The stop
// signal, SIGTERM, SIGINT and SIGQUIT end the application, in its own time:
// how long it may take is the pod's terminationGracePeriodSeconds. All others
// are passed on.
func (s *Server) Signals(signals <-chan os.Signal) int {
	for {
		select {
		case sig := <-signals:
			switch sig {
			case syscall.SIGCHLD, syscall.SIGURG, syscall.SIGPIPE:
			case s.cfg.StopSignal, syscall.SIGTERM, syscall.SIGINT, syscall.SIGQUIT:
				s.hold.release()
				s.app.Terminate(sig.(syscall.Signal))
			default:
				s.app.Signal(context.Background(), sig.(syscall.Signal)) // none runs: nobody to tell
			}
		case <-s.app.Done():
			return exitCode(s.app.Status())
		}
	}
}

// exitCode is the code of the last process, as a shell would tell it. A
// process that we stopped for a restart or on request does not count.
func exitCode(st proc.Status) int {
	switch e := st.Exit; {
	case e == nil || st.State != proc.Exited:
		return 0
	case e.Err != nil:
		return 127
	case e.Signal != 0:
		return 128 + int(e.Signal)
	default:
		return e.Code
	}
}
