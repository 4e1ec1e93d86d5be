//go:build linux

package daemon

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/towline-dev/towline/agent/client"
	"github.com/towline-dev/towline/agent/serve"
	"github.com/towline-dev/towline/internal/podtest"
	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/server/run"
	"github.com/towline-dev/towline/starlark/config"
)

// throughAgent is a runner that reaches ports through a real agent.
type throughAgent struct {
	runner
	agent *client.Client
}

func (r throughAgent) DialPod(ctx context.Context, _ string, spec config.PortForward) (net.Conn, error) {
	return r.agent.Dial(ctx, spec.Container)
}

// newAgent is the client of an agent that runs here.
func newAgent(t *testing.T) *client.Client {
	t.Helper()
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	s, err := serve.New(serve.Config{
		Version: "test", Argv: []string{"true"}, NoStart: true, Files: [3]*os.File{null, null, null}, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.Close()
		s.App().Terminate(syscall.SIGKILL)
		<-s.App().Done()
		null.Close()
	})
	key := client.NewKey()
	if _, err := s.Enrol("test", key); err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("tcp", s.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	agent, err := client.New(bounded(t), conn, key)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { agent.Close() })
	return agent
}

// TestDialThroughAnAgent: what a client says, and that it has said all, reaches
// the program, and of one that has gone nothing is left.
func TestDialThroughAnAgent(t *testing.T) {
	s := newStand(t)
	agent := newAgent(t)
	s.queue.put(func(c *core) {
		c.newRunner = func(o run.Options) runner { return throughAgent{run.New(t.Context(), o), agent} }
	})
	s.up("web")
	face := s.face(t)
	dial := func(t *testing.T, talk func(*net.TCPConn) error) (net.Conn, <-chan error) {
		t.Helper()
		port, ended := podtest.Program(t, talk)
		conn, err := face.Dial(bounded(t), api.DialRequest{Resource: "web", Forward: config.PortForward{Container: port}})
		if err != nil {
			t.Fatal(err)
		}
		_ = conn.SetDeadline(time.Now().Add(podtest.Limit)) // an error shows below
		return conn, ended
	}
	nothingIsLeft := func(t *testing.T) {
		t.Helper()
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		for late := time.Now().Add(podtest.Limit); ; <-tick.C {
			s.faces.mu.Lock()
			faces, streams := s.faces.count, agent.Streams()
			s.faces.mu.Unlock()
			if faces == 0 && streams == 0 {
				return
			}
			if time.Now().After(late) {
				t.Fatalf("%d faces and %d streams are left", faces, streams)
			}
		}
	}
	t.Run("the client ends its half", func(t *testing.T) {
		conn, _ := dial(t, podtest.Answering(bytes.ToUpper))
		fmt.Fprint(conn, "hello")
		if err := conn.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
			t.Error(err)
		}
		if answer, err := io.ReadAll(conn); err != nil || string(answer) != "HELLO" {
			t.Errorf("%q, %v", answer, err)
		}
		conn.Close()
		nothingIsLeft(t)
	})
	t.Run("the client goes while the program is silent", func(t *testing.T) {
		conn, ended := dial(t, podtest.Answering(func([]byte) []byte { return nil }))
		conn.Close()
		if err := podtest.Within(t, ended, "the program's end"); err != nil {
			t.Error(err)
		}
		nothingIsLeft(t)
	})
	t.Run("the client goes while the program speaks", func(t *testing.T) {
		conn, ended := dial(t, func(pod *net.TCPConn) error {
			for {
				if _, err := pod.Write(make([]byte, 1<<20)); err != nil {
					return err
				}
			}
		})
		if _, err := io.ReadFull(conn, make([]byte, 1)); err != nil {
			t.Error(err)
		}
		conn.Close()
		if podtest.Within(t, ended, "the program's end") == nil {
			t.Error("the program was not told")
		}
		nothingIsLeft(t)
	})
}
