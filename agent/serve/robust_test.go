//go:build linux

package serve_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hashicorp/yamux"
	"github.com/zeebo/blake3"

	"github.com/towline-dev/towline/agent/client"
	"github.com/towline-dev/towline/agent/wire"
	"github.com/towline-dev/towline/internal/podtest"
)

// eventually waits for a condition that another process or goroutine brings
// about.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(20 * time.Second); !holds(); <-tick.C {
		if time.Now().After(end) {
			t.Fatalf("waited in vain for: %s", what)
		}
	}
}

// mux returns a session with the server without a client above it.
func (h *harness) mux(t *testing.T) *yamux.Session {
	t.Helper()
	conn := h.dial(t)
	if err := wire.Greet(conn, h.key); err != nil {
		t.Fatal(err)
	}
	session, err := wire.Mux(conn, false)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { session.Close() })
	return session
}

func oneFile(root, content string) client.Change {
	f := wire.File{Path: wire.Path{Root: root, Path: "a"}, Size: int64(len(content)), Hash: blake3.Sum256([]byte(content))}
	return client.Change{Transaction: wire.Transaction{Files: []wire.File{f}}, Source: client.Bytes{f.Path.String(): []byte(content)}}
}

// A daemon that goes in the middle of a transaction leaves nothing behind and
// does not block the next one.
func TestAbandonedApply(t *testing.T) {
	h := start(t, nil)
	root := filepath.Join(t.TempDir(), "root") // which one that is taken up late may make again
	for _, whole := range []bool{false, true} {
		session := h.mux(t)
		stream, err := session.OpenStream()
		if err != nil {
			t.Fatal(err)
		}
		change := oneFile(root, strings.Repeat("x", 3<<20))
		w := wire.NewWriter(stream)
		w.Request(wire.MethodApply, change.Transaction)
		w.Message(wire.Content{Encoding: wire.EncodingRaw})
		w.Data(make([]byte, 2<<20))
		w.Flush()
		if whole {
			session.Close() // the connection
		} else {
			stream.Close() // the request only
		}
	}
	if _, err := h.Apply(t.Context(), oneFile(root, "mine")); err != nil {
		t.Fatal(err)
	}
	// An abandoned one may have been taken up after the whole one.
	eventually(t, "only the whole change is left", func() bool {
		entries, err := os.ReadDir(root)
		return err == nil && len(entries) == 1 && entries[0].Name() == "a"
	})
}

// A command ends when the daemon no longer wants it, with all its children.
func TestRunEndsWithItsRequest(t *testing.T) {
	h := start(t, nil)
	ctx, cancel := context.WithCancel(t.Context())
	out, in := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		_, err := h.Run(ctx, wire.Command{Argv: []string{"sh", "-c", "sleep 1000 & echo $!; wait"}}, in, nil)
		ended <- err
	}()
	buf := make([]byte, 32)
	n, err := out.Read(buf)
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(buf[:n])))
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("Run returned %v, want context.Canceled", err)
	}
	eventually(t, "the end of the command's child", func() bool {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		return err != nil || strings.Contains(string(stat), ") Z ")
	})
}

// Output that something in the background holds open does not hold up the
// result.
func TestRunWithBackgroundChild(t *testing.T) {
	h := start(t, nil)
	var out bytes.Buffer
	exit, err := h.Run(t.Context(), wire.Command{Argv: []string{"sh", "-c", "sleep 30 & echo $!; exit 7"}}, &out, nil)
	if err != nil || exit.Code != 7 {
		t.Errorf("got %+v, %v, want exit code 7", exit, err)
	}
	if pid, err := strconv.Atoi(strings.TrimSpace(out.String())); err == nil {
		syscall.Kill(pid, syscall.SIGKILL)
	}
}

func TestRunCannotStart(t *testing.T) {
	h := start(t, nil)
	exit, err := h.Run(t.Context(), wire.Command{Argv: []string{"/no/such/shell", "-c", "x"}}, nil, nil)
	if err != nil || exit.OK() || !strings.Contains(exit.String(), "/no/such/shell") {
		t.Errorf("got %+v, %v, want an exit that names the program", exit, err)
	}
}

// A program that cannot be started does not undo the files, and says why.
func TestRestartFailsAfterApply(t *testing.T) {
	root := t.TempDir()
	h := start(t, nil)
	change := oneFile(root, "content")
	change.Restart = true
	if _, err := h.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Start(t.Context(), wire.StartOptions{Argv: []string{root + "/missing"}}); err == nil {
		t.Error("a missing program was started")
	} else if e := new(wire.Error); !errors.As(err, &e) || e.Code != wire.CodeStartFailed || e.Hint == "" {
		t.Errorf("got %v, want code %s with a hint", err, wire.CodeStartFailed)
	}
	result, err := h.Apply(t.Context(), change)
	if err != nil || len(result.Applied) != 1 {
		t.Fatalf("got %+v, %v", result, err)
	}
	if p := result.Process; p.State == wire.StateRunning || p.Exit == nil || !strings.Contains(p.Exit.Error, "missing") {
		t.Errorf("process %+v, exit %+v, want the reason", p, p.Exit)
	}
}

func TestDial(t *testing.T) {
	port, _ := podtest.Program(t, podtest.Answering(bytes.ToUpper))
	h := start(t, nil)
	conn, err := h.Client.Dial(t.Context(), port)
	if err != nil {
		t.Fatal(err)
	}
	big := bytes.Repeat([]byte("abcd"), 1<<18)
	defer conn.Close()
	_ = conn.SetReadDeadline(time.Now().Add(podtest.Limit)) // an error shows below
	go func() {
		conn.Write(big)
		conn.(interface{ CloseWrite() error }).CloseWrite()
	}()
	got, err := io.ReadAll(conn)
	if err != nil || !bytes.Equal(got, bytes.ToUpper(big)) {
		t.Errorf("%d bytes came back, %v", len(got), err)
	}
}

func TestUnknownMethod(t *testing.T) {
	h := start(t, nil)
	stream, err := h.mux(t).OpenStream()
	if err != nil {
		t.Fatal(err)
	}
	w := wire.NewWriter(stream)
	w.Request("dance", wire.Empty{})
	w.Flush()
	var e *wire.Error
	if err := wire.NewReader(stream).Message(&wire.Empty{}); !errors.As(err, &e) || e.Code != wire.CodeBadRequest {
		t.Errorf("got %v, want code %s", err, wire.CodeBadRequest)
	}
}

// Strangers neither get in nor keep others out for longer than the handshake
// may take.
func TestStrangers(t *testing.T) {
	h := start(t, nil)
	if _, err := client.New(t.Context(), h.dial(t), client.NewKey()); !errors.Is(err, wire.ErrNotEnrolled) {
		t.Errorf("an unknown key: %v, want ErrNotEnrolled", err)
	}
	junk := h.dial(t)
	io.WriteString(junk, "GET / HTTP/1.1\r\nHost: localhost\r\nUser-Agent: somebody\r\n\r\n")
	if said, err := io.ReadAll(junk); len(said) > 0 {
		t.Errorf("the agent said %q to a web client, %v", said, err)
	}
	var silent []net.Conn
	for range 64 {
		silent = append(silent, h.dial(t))
	}
	eventually(t, "one connection too many", func() bool {
		conn := h.dial(t)
		defer conn.Close()
		conn.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
		_, err := conn.Read(make([]byte, 1))
		return err == io.EOF
	})
	if _, err := h.Hello(t.Context()); err != nil {
		t.Errorf("strangers disturb a connection: %v", err)
	}
	for _, conn := range silent {
		conn.Close()
	}
	eventually(t, "room for a friend", func() bool {
		c, err := client.New(t.Context(), h.dial(t), h.key)
		if err == nil {
			c.Close()
		}
		return err == nil
	})
}

// Saves from two workspaces happen one after the other.
func TestConcurrentApplies(t *testing.T) {
	h := start(t, nil)
	root := t.TempDir()
	const n = 20
	errs := make(chan error, n)
	for i := range n {
		go func() {
			_, err := h.Apply(t.Context(), oneFile(root, strings.Repeat(strconv.Itoa(i), 1000)))
			errs <- err
		}()
	}
	for range n {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	content, err := os.ReadFile(root + "/a")
	if err != nil || len(content) < 1000 || strings.Trim(string(content), string(content[:2])) != "" {
		t.Errorf("the file is a mixture: %.40q, %v", content, err)
	}
}
