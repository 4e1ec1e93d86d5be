// Package local is a Backend of the debugging bridge without a cluster: a real
// Go program on this machine, under the debugger that the agent brings. Tests
// and benchmarks use it.
//
// The debugger runs in a process of its own, for which the binary at hand is
// started again: its main, or TestMain, begins with a call of Main.
package local

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/towline-dev/towline/agent/debug"
	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/starlark/config"
)

// Resource is the name of the one resource; Pod and Container are where it
// pretends to run.
const (
	Resource  = "api"
	Pod       = "api-1"
	Container = "api"
)

// ErrNoProcess is what Open returns while the program does not run.
var ErrNoProcess = errors.New("the application does not run")

// Host runs a program that answers each line of its standard input with one of
// its standard output. Its methods may be called concurrently.
type Host struct {
	binary string

	mu       sync.Mutex
	proc     *running // nil: none
	status   api.Status
	changed  chan struct{} // closed and replaced at each change of status
	sessions []*debug.Session
	workers  sync.WaitGroup
	// Pairs are what DebugSession.Paths says; set before the first Open.
	Pairs []api.PathPair
}

// running is one process of the program.
type running struct {
	cmd    *exec.Cmd
	in     io.WriteCloser
	pipe   *os.File // the program writes to its other end
	out    *bufio.Reader
	exited chan struct{}
}

// New returns a host of a binary that does not run yet.
func New(binary string) *Host {
	h := &Host{binary: binary, changed: make(chan struct{})}
	h.status = api.Status{Up: true, Daemon: api.DaemonInfo{Pid: os.Getpid()}, Resources: []api.ResourceStatus{{
		Name: Resource, Kind: config.KindK8s, Phase: api.PhaseStarting,
		Targets: []api.Target{{Pod: Pod, Container: Container, Agent: true}},
	}}}
	return h
}

// Start starts the program.
func (h *Host) Start() error {
	cmd := exec.Command(h.binary)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	out, w, err := os.Pipe()
	if err != nil {
		return err
	}
	cmd.Stdout = w
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("starting %s: %w", h.binary, err)
	}
	w.Close()
	p := &running{cmd: cmd, in: in, pipe: out, out: bufio.NewReader(out), exited: make(chan struct{})}
	h.workers.Go(func() {
		_, _ = cmd.Process.Wait()
		out.Close()
		close(p.exited)
	})
	h.mu.Lock()
	h.proc = p
	h.mu.Unlock()
	h.Change(func(r *api.ResourceStatus) {
		r.Phase, r.Targets[0].Pid, r.Targets[0].Process = api.PhaseReady, cmd.Process.Pid, "running"
	})
	return nil
}

// Kill ends the program and waits for its end.
func (h *Host) Kill() {
	h.mu.Lock()
	p := h.proc
	h.proc = nil
	h.mu.Unlock()
	if p == nil {
		return
	}
	_ = p.cmd.Process.Kill() // it may have ended already
	<-p.exited
	p.in.Close()
	h.Change(func(r *api.ResourceStatus) {
		r.Phase, r.Targets[0].Pid, r.Targets[0].Process = api.PhaseUpdating, 0, "stopped"
	})
}

// Pid returns the program's process id, 0 when it does not run.
func (h *Host) Pid() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.proc == nil {
		return 0
	}
	return h.proc.cmd.Process.Pid
}

// Say writes a line to the program, for which a breakpoint may be set.
func (h *Host) Say(line string) error {
	h.mu.Lock()
	p := h.proc
	h.mu.Unlock()
	if p == nil {
		return ErrNoProcess
	}
	_, err := fmt.Fprintln(p.in, line)
	return err
}

// Answer returns the program's next line, or an error when the context ends first;
// nothing can be read after that.
func (h *Host) Answer(ctx context.Context) (string, error) {
	h.mu.Lock()
	p := h.proc
	h.mu.Unlock()
	if p == nil {
		return "", ErrNoProcess
	}
	defer context.AfterFunc(ctx, func() { p.pipe.SetReadDeadline(time.Now()) })()
	line, err := p.out.ReadString('\n')
	if ctx.Err() != nil {
		return line, ctx.Err()
	}
	return line, err
}

// Change changes the status and tells those who follow it.
func (h *Host) Change(f func(*api.ResourceStatus)) {
	h.ChangeAll(func(st *api.Status) { f(&st.Resources[0]) })
}

// ChangeAll is Change for the whole status.
func (h *Host) ChangeAll(f func(*api.Status)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	next := h.status
	next.Seq++
	next.Resources = append([]api.ResourceStatus(nil), next.Resources...)
	for i := range next.Resources {
		next.Resources[i].Targets = append([]api.Target(nil), next.Resources[i].Targets...)
	}
	f(&next)
	h.status = next
	close(h.changed)
	h.changed = make(chan struct{})
}

// Follow implements bridge.Backend.
func (h *Host) Follow(ctx context.Context, visit func(api.Status) error) error {
	for {
		h.mu.Lock()
		st, changed := h.status, h.changed
		h.mu.Unlock()
		if err := visit(st); err != nil {
			return err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Restart implements bridge.Backend.
func (h *Host) Restart(context.Context, string) error {
	h.Kill()
	return h.Start()
}

// Open implements bridge.Backend.
func (h *Host) Open(ctx context.Context, req api.DebugRequest) (net.Conn, api.DebugSession, error) {
	pid := h.Pid()
	if pid == 0 {
		return nil, api.DebugSession{}, ErrNoProcess
	}
	conn, err := h.Debug(ctx, pid)
	at := api.DebugSession{
		Resource: req.Resource, Pod: Pod, Container: Container, Pid: pid, Program: h.binary, Paths: h.Pairs,
	}
	return conn, at, err
}

// Debug attaches a debugger to a process and returns its stream.
func (h *Host) Debug(ctx context.Context, pid int) (net.Conn, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	session, err := debug.Attach(ctx, self, pid)
	if err != nil {
		return nil, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.sessions = append(h.sessions, session)
	return &stream{session: session}, nil
}

// Main serves a debugging process and ends, if that is what the binary was
// started for.
func Main() {
	if len(os.Args) != 3 || os.Args[1] != "debug" {
		return
	}
	var err error
	if addr, ok := strings.CutPrefix(os.Args[2], "--inspector="); ok {
		err = debug.Inspect(addr, stdio{})
	} else if pid, e := strconv.Atoi(strings.TrimPrefix(os.Args[2], "--pid=")); e == nil {
		err = debug.Serve(pid, stdio{})
	} else {
		err = e
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// stdio is the debugging process's connection.
type stdio struct{}

func (stdio) Read(p []byte) (int, error)  { return os.Stdin.Read(p) }
func (stdio) Write(p []byte) (int, error) { return os.Stdout.Write(p) }
func (stdio) Close() error                { return errors.Join(os.Stdin.Close(), os.Stdout.Close()) }

// stream is a debugger's connection. Nobody asks it for addresses or sets
// deadlines.
type stream struct {
	net.Conn
	session *debug.Session
}

func (s *stream) Read(p []byte) (int, error)  { return s.session.Read(p) }
func (s *stream) Write(p []byte) (int, error) { return s.session.Write(p) }

// Close does not wait for the debugger to detach; Host.Close does.
func (s *stream) Close() error {
	go s.session.Close()
	return nil
}

// Close ends the debuggers and the program.
func (h *Host) Close() {
	h.mu.Lock()
	sessions := h.sessions
	h.mu.Unlock()
	for _, s := range sessions {
		s.Close()
	}
	h.Kill()
	h.workers.Wait()
}

// Busy gives the program a line after the other, whichever process it is,
// until stop is called. What it answers is dropped, so Say and Answer are not
// used meanwhile.
func (h *Host) Busy() (stop func()) {
	done := make(chan struct{})
	var worker sync.WaitGroup
	worker.Go(func() {
		for {
			h.mu.Lock()
			p, changed := h.proc, h.changed
			h.mu.Unlock()
			if p == nil {
				select {
				case <-changed:
					continue
				case <-done:
					return
				}
			}
			h.feed(p, done)
			select {
			case <-done:
				return
			default:
			}
		}
	})
	return sync.OnceFunc(func() {
		close(done)
		worker.Wait()
	})
}

// feed asks one process until it ends or done is closed.
func (h *Host) feed(p *running, done <-chan struct{}) {
	answered := make(chan error, 1)
	for {
		if _, err := fmt.Fprintln(p.in, "busy"); err != nil {
			select { // the next process is on its way
			case <-p.exited:
			case <-done:
			}
			return
		}
		go func() {
			_, err := p.out.ReadString('\n')
			answered <- err
		}()
		select {
		case err := <-answered:
			if err != nil {
				<-p.exited
				return
			}
		case <-p.exited:
			<-answered
			return
		case <-done:
			return
		}
	}
}
