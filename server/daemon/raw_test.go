package daemon

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/towline-dev/towline/internal/podtest"
	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/server/run"
	"github.com/towline-dev/towline/starlark/config"
)

// echoing is a runner whose pods answer with what they got, once it has ended.
type echoing struct {
	runner
	t *testing.T
}

func (e echoing) DialPod(_ context.Context, resource string, spec config.PortForward) (net.Conn, error) {
	return podtest.Dial(e.t, podtest.Answering(func(got []byte) []byte {
		return fmt.Appendf(nil, "%s:%d got %s", resource, spec.Container, got)
	}))
}

// face is a client of the stand's own socket.
func (s *stand) face(t *testing.T) *api.Client {
	t.Helper()
	dir, err := os.MkdirTemp("", "dial") // a socket's path is short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	socket := filepath.Join(dir, "s")
	ln, err := net.Listen("unix", socket)
	if err == nil {
		err = os.Chmod(socket, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: s.handler()}
	served := make(chan error, 1)
	go func() { served <- server.Serve(ownListener{ln}) }()
	t.Cleanup(func() {
		server.Close()
		receive(t, served, "the server's end")
	})
	return api.NewClient(api.Endpoint{Workspace: s.o.Endpoint.Workspace, Socket: socket})
}

// TestDialReachesAPod through the daemon's socket: an answer that waits for the
// end of the request comes.
func TestDialReachesAPod(t *testing.T) {
	s := newStand(t)
	s.queue.put(func(c *core) {
		c.newRunner = func(o run.Options) runner { return echoing{run.New(t.Context(), o), t} }
	})
	s.up("web")
	client := s.face(t)
	for range 3 {
		conn, err := client.Dial(bounded(t), api.DialRequest{Resource: "web", Forward: config.PortForward{Container: 80}})
		if err != nil {
			t.Fatal(err)
		}
		_ = conn.SetDeadline(time.Now().Add(time.Minute)) // an error shows below
		fmt.Fprint(conn, "hello")
		if err := conn.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
			t.Error(err)
		}
		if answer, err := io.ReadAll(conn); err != nil || string(answer) != "web:80 got hello" {
			t.Errorf("%q, %v", answer, err)
		}
		conn.Close()
	}
}

// mute is a runner whose pods are connected to, and end with err before they say
// anything.
type mute struct {
	runner
	err chan error // of the next connection
}

func (m mute) DialPod(context.Context, string, config.PortForward) (net.Conn, error) {
	here, there := net.Pipe()
	there.Close()
	return endsWith{here, <-m.err}, nil
}

// endsWith is a connection that was made, and on which nothing is said.
type endsWith struct {
	net.Conn
	err error
}

func (c endsWith) Read([]byte) (int, error) { return 0, c.err }

// TestDialSaysWhyNothingAnswers in the resource's log: once, and again when it was
// answered meanwhile.
func TestDialSaysWhyNothingAnswers(t *testing.T) {
	s := newStand(t)
	r := mute{err: make(chan error, 1)}
	s.queue.put(func(c *core) {
		c.newRunner = func(o run.Options) runner { return mute{run.New(t.Context(), o), r.err} }
	})
	s.up("web")
	client := s.face(t)
	refused := errors.New("connection refused")
	for _, c := range []struct {
		port int
		err  error
		want int // so often it is in the log by then
	}{{9999, refused, 1}, {9999, refused, 1}, {9998, refused, 2}, {9999, io.EOF, 2}, {9999, refused, 3}} {
		r.err <- c.err
		conn, err := client.Dial(bounded(t), api.DialRequest{Resource: "web", Forward: config.PortForward{Local: 28081, Container: c.port}})
		if err != nil {
			t.Fatal(err)
		}
		_ = conn.SetDeadline(time.Now().Add(time.Minute)) // an error shows below
		if answer, err := io.ReadAll(conn); err != nil || len(answer) > 0 {
			t.Errorf("%q, %v", answer, err)
		}
		conn.Close()
		s.alone(t)
		if n := s.told("`towline forward web`: port 999"); n != c.want {
			t.Errorf("port %d ends with %v: said %d times by then, want %d: %+v", c.port, c.err, n, c.want, s.logged())
		}
	}
}

// alone waits until the daemon has no faces: what they asked for has ended.
func (s *stand) alone(t *testing.T) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for late := time.Now().Add(time.Minute); ; <-tick.C {
		s.faces.mu.Lock()
		faces := s.faces.count
		s.faces.mu.Unlock()
		if faces == 0 {
			return
		}
		if time.Now().After(late) {
			t.Fatalf("%d faces are left", faces)
		}
	}
}
