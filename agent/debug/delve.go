//go:build linux

package debug

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"time"
)

// detachTime is how long a session may take to detach before its process is
// killed, which may cost the application its life if breakpoints are set.
const detachTime = 10 * time.Second

// Session is a debugging process with its stream of the Debug Adapter Protocol.
type Session struct {
	cmd    *exec.Cmd
	in     io.WriteCloser
	pipe   *os.File // its stdout
	out    *bufio.Reader
	stderr tail
	done   chan struct{} // closed when the process has ended
}

// Attach starts a debugging process for the program with the given pid and
// returns when it has attached. self is the agent's own binary, whose command
// `debug` calls Serve on its stdin and stdout.
func Attach(ctx context.Context, self string, pid int) (*Session, error) {
	return spawn(ctx, self, "--pid="+strconv.Itoa(pid))
}

// spawn starts a debugging process on what an argument of `debug` names, and
// returns when it has attached.
func spawn(ctx context.Context, self, on string) (*Session, error) {
	s := &Session{cmd: exec.Command(self, "debug", on), done: make(chan struct{})}
	s.cmd.Stderr = &s.stderr
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	in, err := s.cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, outEnd, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	s.cmd.Stdout = outEnd
	err = s.cmd.Start()
	outEnd.Close()
	if err != nil {
		out.Close()
		return nil, fmt.Errorf("starting the debugger: %w", err)
	}
	s.in, s.pipe, s.out = in, out, bufio.NewReader(out)
	go func() {
		s.cmd.Wait()
		close(s.done)
	}()
	stop := context.AfterFunc(ctx, func() { s.Close() })
	defer stop()
	if err := s.greeted(); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// greeted waits for the greeting.
func (s *Session) greeted() error {
	line, err := s.out.ReadBytes('\n')
	var g greeting
	if err == nil {
		err = json.Unmarshal(line, &g)
	}
	if err != nil {
		s.Close()
		return fmt.Errorf("the debugger ended before it attached: %w: %s", err, s.stderr.buf)
	}
	if g.Error != "" {
		return errors.New(g.Error)
	}
	return nil
}

// Read reads what the debugger sends.
func (s *Session) Read(p []byte) (int, error) { return s.out.Read(p) }

// Write sends to the debugger.
func (s *Session) Write(p []byte) (int, error) { return s.in.Write(p) }

// Done is closed when the debugging process has ended.
func (s *Session) Done() <-chan struct{} { return s.done }

// Close ends the session: the debugger detaches and its process ends. It
// returns when it has.
func (s *Session) Close() error {
	s.in.Close()
	timer := time.NewTimer(detachTime)
	defer timer.Stop()
	select {
	case <-s.done:
	case <-timer.C:
		s.cmd.Process.Kill()
		<-s.done
	}
	s.pipe.Close()
	return nil
}

// tail keeps the end of what is written to it. os/exec writes from one
// goroutine, and it is read when that has ended.
type tail struct{ buf []byte }

// Write keeps the end of p.
func (t *tail) Write(p []byte) (int, error) {
	t.buf = append(t.buf, p...)
	if over := len(t.buf) - 4096; over > 0 {
		t.buf = t.buf[over:]
	}
	return len(p), nil
}
