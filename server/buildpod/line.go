package buildpod

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/towline-dev/towline/server/kube"
)

// line is a socket here that leads to BuildKit in a pod. One goroutine accepts, and
// each connection has one that runs the command in the pod; all end with end.
type line struct {
	keeper         *Keeper
	namespace, pod string
	ln             net.Listener
	cancel         context.CancelFunc
	all            sync.WaitGroup

	mu   sync.Mutex
	lost error // why a connection ended that nobody here ended
}

// listen opens a line.
func (k *Keeper) listen(ctx context.Context, namespace, pod string) (address string, end func() error, err error) {
	dir, err := os.MkdirTemp("", "towline-buildkit-") // of its owner alone
	if err != nil {
		return "", nil, fmt.Errorf("making a way to BuildKit in the cluster: %w", err)
	}
	socket := filepath.Join(dir, "s")
	ln, err := net.Listen("unix", socket)
	if err != nil {
		_ = os.RemoveAll(dir)
		return "", nil, fmt.Errorf("making a way to BuildKit in the cluster: %w", err)
	}
	ctx, cancel := context.WithCancel(ctx)
	l := &line{keeper: k, namespace: namespace, pod: pod, ln: ln, cancel: cancel}
	l.all.Go(func() { l.accept(ctx) })
	return "unix://" + socket, func() error {
		_ = ln.Close()
		cancel()
		l.all.Wait()
		_ = os.RemoveAll(dir)
		return l.lost
	}, nil
}

// accept ends with the listener.
func (l *line) accept(ctx context.Context) {
	for {
		conn, err := l.ln.Accept()
		if err != nil {
			return
		}
		l.all.Go(func() { l.serve(ctx, conn) })
	}
}

// serve connects one connection with BuildKit. It ends when either side does, or
// with ctx.
func (l *line) serve(ctx context.Context, conn net.Conn) {
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() }) // what reads from it would wait for ever
	defer stop()
	in := &ending{Conn: conn}
	var complaint bounded
	code, err := l.keeper.o.Kube.Exec(ctx, kube.ExecOptions{
		Namespace: l.namespace, Pod: l.pod, Container: container, Argv: []string{"buildctl", "dial-stdio"},
		Stdin: in, Stdout: conn, Stderr: &complaint,
	})
	if ctx.Err() != nil || in.ended() {
		return // buildctl had what it wanted
	}
	words := strings.TrimSpace(complaint.String())
	switch {
	case err != nil:
	case words != "":
		err = errors.New(words)
	default:
		err = fmt.Errorf("the connection ended with code %d", code)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lost = err
}

// ending is a connection that knows whether its own end was read.
type ending struct {
	net.Conn
	mu   sync.Mutex
	done bool
}

// Read notes the end.
func (e *ending) Read(p []byte) (int, error) {
	n, err := e.Conn.Read(p)
	if err != nil {
		e.mu.Lock()
		e.done = true
		e.mu.Unlock()
	}
	return n, err
}

func (e *ending) ended() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.done
}

// bounded keeps the beginning of what is written to it.
type bounded struct{ bytes.Buffer }

// Write takes all and keeps 4 KB.
func (b *bounded) Write(p []byte) (int, error) {
	if room := 4<<10 - b.Len(); room > 0 {
		_, _ = b.Buffer.Write(p[:min(room, len(p))])
	}
	return len(p), nil
}
