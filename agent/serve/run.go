//go:build linux

package serve

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/towline-dev/towline/agent/wire"
)

// outputWait is how long the output of a command is read after its end, when
// something that it started still holds it open.
const outputWait = 500 * time.Millisecond

// runs runs the commands of a transaction up to the first that fails.
func (s *Server) runs(ctx context.Context, q *request, cmds []wire.Command, result *wire.Result) error {
	for _, c := range cmds {
		exit, err := s.run(ctx, q, c)
		if err != nil {
			return err
		}
		result.Runs = append(result.Runs, exit)
		if !exit.OK() {
			return nil
		}
	}
	return nil
}

// run runs one command and sends its output as it comes.
func (s *Server) run(ctx context.Context, q *request, c wire.Command) (wire.Exit, error) {
	if len(c.Argv) == 0 || c.Argv[0] == "" {
		return wire.Exit{}, wire.Errorf(wire.CodeBadRequest, "a command without a name")
	}
	cmd := exec.CommandContext(ctx, c.Argv[0], c.Argv[1:]...)
	cmd.Dir = c.Dir
	cmd.Env = append(os.Environ(), c.Env...)
	out := &output{w: q.w}
	cmd.Stdout, cmd.Stderr = out.stream(false), out.stream(true)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = outputWait
	err := cmd.Run()
	if cause := context.Cause(ctx); cause != nil {
		return wire.Exit{}, wire.Errorf(wire.CodeCanceled, "running %s: %v", c.Argv[0], cause)
	}
	return exitOf(c, cmd, err), nil
}

func exitOf(c wire.Command, cmd *exec.Cmd, err error) wire.Exit {
	e := wire.Exit{Code: -1, At: time.Now().UnixNano()}
	var exit *exec.ExitError
	switch {
	case cmd.ProcessState != nil && (err == nil || errors.As(err, &exit) || errors.Is(err, exec.ErrWaitDelay)):
		ws := cmd.ProcessState.Sys().(syscall.WaitStatus)
		e.Code = ws.ExitStatus()
		if ws.Signaled() {
			e.Signal = unix.SignalName(ws.Signal())
		}
	default:
		e.Error = fmt.Sprintf("starting %s: %v", c.Argv[0], errors.Unwrap(err))
		if hint := startHint(err); hint != "" {
			e.Error += " (" + hint + ")"
		}
	}
	return e
}

// output sends what a command writes. Its streams are written by two
// goroutines.
type output struct {
	mu sync.Mutex // guards w
	w  *wire.Writer
}

type outputStream struct {
	o      *output
	stderr bool
}

func (o *output) stream(stderr bool) outputStream { return outputStream{o, stderr} }

// Write sends a piece of output at once.
func (s outputStream) Write(p []byte) (int, error) {
	s.o.mu.Lock()
	defer s.o.mu.Unlock()
	if err := s.o.w.Output(s.stderr, p); err != nil {
		return 0, err
	}
	return len(p), s.o.w.Flush()
}
