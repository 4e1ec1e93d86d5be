//go:build linux

package serve_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/towline-dev/towline/agent/wire"
	"github.com/towline-dev/towline/internal/podtest"
)

// A closed tunnel is gone at both ends at once, whatever the program does: it
// neither reads nor notices an end, or it never ceases to speak.
func TestClosedTunnelIsGone(t *testing.T) {
	silent := func(hold chan struct{}) func(*net.TCPConn) error {
		return func(*net.TCPConn) error { <-hold; return nil }
	}
	for name, half := range map[string]bool{"closed": false, "half-closed before": true} {
		t.Run("silent program, "+name, func(t *testing.T) {
			h := start(t, nil)
			hold := make(chan struct{})
			defer close(hold)
			port, _ := podtest.Program(t, silent(hold))
			conn, err := h.Dial(t.Context(), port)
			if err != nil {
				t.Fatal(err)
			}
			read := make(chan error, 1)
			go func() {
				_, err := io.Copy(io.Discard, conn)
				read <- err
			}()
			if half {
				conn.(interface{ CloseWrite() error }).CloseWrite()
			}
			conn.Close()
			podtest.Within(t, read, "the reader's end")
			eventually(t, "the stream's end", func() bool { return h.Streams() == 0 })
		})
	}
	t.Run("program that speaks on", func(t *testing.T) {
		h := start(t, nil)
		port, ended := podtest.Program(t, func(conn *net.TCPConn) error {
			for {
				if _, err := io.WriteString(conn, strings.Repeat("x", 1<<20)); err != nil {
					return err
				}
			}
		})
		conn, err := h.Dial(t.Context(), port)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(conn, make([]byte, 1)); err != nil {
			t.Fatal(err)
		}
		conn.Close()
		if err := podtest.Within(t, ended, "the program's end"); err == nil {
			t.Error("the program was not told")
		}
		eventually(t, "the stream's end", func() bool { return h.Streams() == 0 })
	})
	t.Run("what was sent arrives", func(t *testing.T) {
		h := start(t, nil)
		port, ended := podtest.Program(t, func(conn *net.TCPConn) error {
			all, err := io.ReadAll(conn)
			if string(all) != "goodbye" {
				return fmt.Errorf("read %q, %w", all, err)
			}
			return nil
		})
		conn, err := h.Dial(t.Context(), port)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprint(conn, "goodbye")
		conn.Close()
		if err := podtest.Within(t, ended, "the program's end"); err != nil {
			t.Error(err)
		}
	})
}

// A command that floods a daemon which has given up is killed and forgotten.
func TestCommandOfADaemonThatGaveUp(t *testing.T) {
	h := start(t, nil)
	session := h.mux(t)
	stream, err := session.OpenStream()
	if err != nil {
		t.Fatal(err)
	}
	full := filepath.Join(t.TempDir(), "full")
	flood := wire.Command{Argv: []string{"sh", "-c", `head -c 8400000 /dev/zero; : >"$0"; cat /dev/zero`, full}}
	w := wire.NewWriter(stream)
	if err := errors.Join(w.Request(wire.MethodRun, flood), w.Flush()); err != nil {
		t.Fatal(err)
	}
	eventually(t, "nearly what a stream holds", func() bool {
		_, err := os.Stat(full)
		return err == nil
	})
	stream.Close()
	eventually(t, "the stream's end", func() bool { return session.NumStreams() == 0 })
}
