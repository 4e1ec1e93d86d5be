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
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/server/run/command"
	"github.com/towline-dev/towline/server/run/output"
)

// ErrRunning says that another daemon serves the workspace already.
var ErrRunning = errors.New("another daemon serves this workspace")

// Daemon serves one workspace.
type Daemon struct {
	*shared
	queue *queue[*core]
	stop  context.CancelFunc

	silences   silences
	unanswered output.Repeats // why connections to pods said nothing, since one did
}

// newDaemon returns one that calls stop when it is to end. Its faces are to be
// closed, and its logs.
func newDaemon(o Options, stop context.CancelFunc) *Daemon {
	return &Daemon{shared: newShared(o, stop), queue: newQueue[*core](), stop: stop}
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
	lock, err := acquire(ctx, o.Endpoint)
	if err != nil {
		return err
	}
	markOwn(o.Endpoint)
	socket := &listener{e: o.Endpoint, log: o.Log, lock: lock}
	defer func() { socket.lock.Close() }()
	if err := socket.open(); err != nil {
		return err
	}
	defer socket.close()
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	d := newDaemon(o, stop)
	defer d.logs.Close()
	socket.end = stop
	socket.anew = func() { d.queue.put(func(c *core) { c.store.anew() }) }
	c, err := newCore(ctx, d.shared, d.queue)
	if err != nil {
		return err
	}
	server := &http.Server{Handler: d.handler(), BaseContext: func(net.Listener) context.Context { return ctx }}
	context.AfterFunc(ctx, func() { server.Close() })
	served := make(chan struct{})
	go func() { defer close(served); socket.serve(ctx, server) }()
	o.Log.Info("serving", "workspace", o.Endpoint.Workspace, "socket", socket.socket, "pid", os.Getpid())
	c.loop(ctx)
	stop()
	d.faces.close()
	<-served
	o.Log.Info("ended", "workspace", o.Endpoint.Workspace)
	return socket.lock.Truncate(0) // nothing is left for the next one to end
}

// acquire takes the workspace's lock, which the kernel gives back however the
// daemon ends, and notes in it whose it is. Those who ask whether a daemon lives
// hold it for a moment, so it is tried more than once.
func acquire(ctx context.Context, e api.Endpoint) (*os.File, error) {
	if err := os.MkdirAll(e.State, 0o700); err != nil {
		return nil, fmt.Errorf("creating %s: %w", e.State, err)
	}
	lock, err := os.OpenFile(e.Lock, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("opening the lock: %w", err)
	}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for range 5 {
		if err = syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err == nil {
			break
		}
		select {
		case <-ctx.Done():
		case <-tick.C:
		}
	}
	if err != nil {
		lock.Close()
		return nil, ErrRunning
	}
	if before := noted(lock); before != 0 && before != os.Getpid() { // it was killed
		command.EndOrphans(command.Owner(e.ID(), before))
	}
	if err := errors.Join(lock.Truncate(0), note(lock, os.Getpid())); err != nil {
		lock.Close()
		return nil, fmt.Errorf("noting the pid in the lock: %w", err)
	}
	return lock, nil
}

// markOwn marks all that this daemon will run.
func markOwn(e api.Endpoint) {
	_ = os.Setenv(command.OwnerName, command.Owner(e.ID(), os.Getpid())) // fails for no such name
}

// noted is the pid in a lock, 0 where there is none.
func noted(lock *os.File) int {
	data, err := io.ReadAll(io.NewSectionReader(lock, 0, 32))
	if err != nil {
		return 0
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(data)))
	if err != nil || pid < 0 {
		return 0
	}
	return pid
}

func note(lock *os.File, pid int) error {
	_, err := lock.WriteAt([]byte(strconv.Itoa(pid)+"\n"), 0)
	return err
}
