// Package daemon is the process behind a workspace: it serves the API to every
// face, feeds the engine, and owns its own lifetime.
//
// One goroutine, loop, owns the core: the engine's state, the file tree and
// the project. All else (API handlers, the runner, the file watcher,
// evaluations) hands it functions to run, through a queue that never blocks,
// and readers get immutable snapshots: the latest api.Status and the log.
//
// The daemon outlives editors. It ends when it was asked to, when it has had
// no face for a while, and never because of a Tiltfile, a cluster or a file.
// What it has to know after a kill -9 lies in the workspace's state folder:
// whether the project was up, and what its images were built from.
package daemon

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/server/tree"
	"github.com/towline-dev/towline/starlark/config"
)

// Options are what a daemon is made from.
type Options struct {
	Endpoint api.Endpoint
	Version  string
	Linger   time.Duration     // how long it stays without faces; 0: 10 minutes
	Agent    map[string][]byte // the agent's binaries for linux by architecture
	Evaluate Evaluate
	Log      *slog.Logger

	notify func() (notifier, error) // a test's; nil: the operating system's
	reader tree.Reader              // a test's; nil: the disk
}

func (d *Daemon) notifier() func() (notifier, error) {
	if d.o.notify != nil {
		return d.o.notify
	}
	return newSystem
}

// ErrRunning says that another daemon serves the workspace already.
var ErrRunning = errors.New("another daemon serves this workspace")

// Daemon serves one workspace.
type Daemon struct {
	o     Options
	queue *queue
	logs  *logStore
	faces *faces
	stop  context.CancelFunc

	secrets atomic.Pointer[config.Secrets] // that nobody shall see

	published *publisher
	work      sync.WaitGroup // what the core began beside its loop
}

// tell writes a line of the daemon's own into the log.
func (d *Daemon) tell(level, text string) {
	d.logs.add(api.LogLine{Time: time.Now(), Source: api.LogTowline, Level: level, Text: text})
}

// Run serves a workspace until ctx ends, Shutdown is called or the daemon has
// lingered without faces. The error is ErrRunning when there is nothing to do.
func Run(ctx context.Context, o Options) error {
	if o.Linger == 0 {
		o.Linger = 10 * time.Minute
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	lock, err := acquire(o.Endpoint)
	if err != nil {
		return err
	}
	defer lock.Close()
	listener, err := listen(o.Endpoint)
	if err != nil {
		return err
	}
	defer os.Remove(o.Endpoint.Socket)
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	d := &Daemon{
		o: o, queue: newQueue(), logs: newLogStore(), stop: stop,
		published: newPublisher(),
	}
	d.faces = newFaces(o.Linger, stop)
	c, err := newCore(ctx, d)
	if err != nil {
		return err
	}
	server := &http.Server{Handler: d.handler(), BaseContext: func(net.Listener) context.Context { return ctx }}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	context.AfterFunc(ctx, func() { server.Close() })
	o.Log.Info("serving", "workspace", o.Endpoint.Workspace, "socket", o.Endpoint.Socket, "pid", os.Getpid())
	c.loop(ctx)
	stop()
	d.faces.close()
	if err := <-served; err != nil && !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	o.Log.Info("ended", "workspace", o.Endpoint.Workspace)
	return nil
}

// acquire takes the workspace's lock, which the kernel gives back however the
// daemon ends.
func acquire(e api.Endpoint) (*os.File, error) {
	for _, dir := range []string{filepath.Dir(e.Socket), e.State} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, fmt.Errorf("creating %s: %w", dir, err)
		}
	}
	if err := private(filepath.Dir(e.Socket)); err != nil {
		return nil, err
	}
	lock, err := os.OpenFile(e.Lock, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("opening the lock: %w", err)
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		lock.Close()
		return nil, ErrRunning
	}
	return lock, nil
}

// private refuses a folder for sockets that others own or may enter.
func private(dir string) error {
	info, err := os.Lstat(dir)
	if err != nil {
		return err
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !info.IsDir() || ok && int(stat.Uid) != os.Getuid() {
		return fmt.Errorf("%s is not a folder of yours; set XDG_RUNTIME_DIR to one", dir)
	}
	if info.Mode().Perm()&0o077 != 0 {
		if err := os.Chmod(dir, 0o700); err != nil {
			return fmt.Errorf("making %s private: %w", dir, err)
		}
	}
	return nil
}

// listen opens the socket in place of one that a killed daemon left.
func listen(e api.Endpoint) (net.Listener, error) {
	if err := os.Remove(e.Socket); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("removing the old socket: %w", err)
	}
	old := syscall.Umask(0o177)
	listener, err := net.Listen("unix", e.Socket)
	syscall.Umask(old)
	if err != nil {
		return nil, fmt.Errorf("listening on %s: %w", e.Socket, err)
	}
	if err := os.WriteFile(e.Address, []byte(e.Socket), 0o600); err != nil {
		listener.Close()
		return nil, fmt.Errorf("noting the socket: %w", err)
	}
	return listener, nil
}
