package api

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/towline-dev/towline/starlark/config"
)

// startTimeout bounds how long Connect waits for a daemon that it started.
const startTimeout = 10 * time.Second

// NextDaemon is how soon one who waits for the next daemon looks for it again.
const NextDaemon = 250 * time.Millisecond

// Launcher names the program that Connect starts when no daemon runs.
type Launcher struct {
	Program string   // "": this executable
	Args    []string // none: daemon --workspace FOLDER
}

// Connect returns a client of the endpoint's daemon, starting one when none
// answers. Several faces may call it at once: the daemons that they start race
// for a lock, one wins and the others end.
func Connect(ctx context.Context, e Endpoint, l Launcher) (*Client, error) {
	if err := ping(ctx, e, dial); err == nil {
		return NewClient(e), nil
	} else if config.IsProblem(err) {
		return nil, err
	}
	exited, err := l.start(e)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("starting the daemon of %s: %w; its log is %s", e.Workspace, ctx.Err(), e.LogFile())
		case err := <-exited:
			// Losing the race for the lock is no failure: the winner answers.
			if pingErr := ping(ctx, e, dialOnce); pingErr != nil && err != nil {
				return nil, fmt.Errorf("starting the daemon of %s: %w; its log is %s", e.Workspace, err, e.LogFile())
			}
			exited = nil
		case <-tick.C:
			switch err := ping(ctx, e, dialOnce); {
			case err == nil:
				return NewClient(e), nil
			case config.IsProblem(err):
				return nil, err
			}
		}
	}
}

// Stop ends the daemon, as Shutdown does, and returns when it has ended and
// another one can take its place.
func (c *Client) Stop(ctx context.Context) error {
	if err := c.Shutdown(ctx); err != nil {
		return err
	}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for c.endpoint.held() {
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting for the daemon of %s to end: %w", c.endpoint.Workspace, ctx.Err())
		case <-tick.C:
		}
	}
	return nil
}

// Running reports whether there is a daemon to talk to. One that must not or
// cannot be talked to is: a Client's methods say why.
func Running(ctx context.Context, e Endpoint) bool {
	err := ping(ctx, e, dial)
	return err == nil || config.IsProblem(err)
}

func ping(ctx context.Context, e Endpoint, dial func(context.Context, Endpoint) (net.Conn, error)) error {
	conn, err := dial(ctx, e)
	if err != nil {
		return err
	}
	defer conn.Close()
	return answers(conn)
}

// answerTimeout is how long a daemon that is busy may take to show that it
// lives.
const answerTimeout = time.Second

// answers returns an error if nobody is behind a connection: the socket of a
// daemon that was killed in the middle of starting a program stays open until
// that is its program.
func answers(conn net.Conn) error {
	err := conn.SetDeadline(time.Now().Add(answerTimeout))
	if err == nil {
		_, err = io.WriteString(conn, "HEAD / HTTP/1.0\r\n\r\n")
	}
	if err == nil {
		_, err = conn.Read(make([]byte, 1))
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return nil // it is busy
	}
	return err
}

// start runs the daemon in a session of its own, so that it outlives the face
// and its terminal. The channel yields its exit.
func (l Launcher) start(e Endpoint) (<-chan error, error) {
	program, args := l.Program, l.Args
	if program == "" {
		self, err := os.Executable()
		if err != nil {
			return nil, fmt.Errorf("finding the program to start the daemon with: %w", err)
		}
		program = self
	}
	if args == nil {
		args = []string{"daemon", "--workspace", e.Workspace}
	}
	if err := os.MkdirAll(e.State, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("creating %s: %w", e.State, err)
	}
	log, err := os.OpenFile(filepath.Clean(e.LogFile()), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("opening the daemon's log: %w", err)
	}
	defer log.Close()
	cmd := exec.Command(program, args...)
	cmd.Dir = e.Workspace
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting %s: %w", program, err)
	}
	exited := make(chan error, 1)
	go func() { exited <- cmd.Wait() }()
	return exited, nil
}
