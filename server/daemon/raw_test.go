package daemon

import (
	"context"
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
