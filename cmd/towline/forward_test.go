package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/towline-dev/towline/server/run/forward"
	"github.com/towline-dev/towline/starlark/config"
)

func TestPortForwardsOfTheCommandLine(t *testing.T) {
	specs, err := portForwards([]string{"8080:80", "9187", "localhost:0:5432"})
	want := []config.PortForward{{Local: 8080, Container: 80}, {Local: 9187}, {Host: "localhost", Container: 5432}}
	if err != nil || len(specs) != 3 || specs[0] != want[0] || specs[1] != want[1] || specs[2] != want[2] {
		t.Errorf("%+v, %v", specs, err)
	}
	for _, bad := range []string{"http", "8080:", "1:2:3:4", "70000", ""} {
		if _, err := portForwards([]string{"80", bad}); err == nil || !strings.Contains(err.Error(), bad) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

// shy is a Dialer whose pods are there at the second call.
type shy struct{ calls chan int }

func (s shy) DialPod(_ context.Context, resource string, spec config.PortForward) (net.Conn, error) {
	n := <-s.calls
	s.calls <- n + 1
	if n == 0 {
		return nil, errors.New("no pod of " + resource + " runs")
	}
	here, there := net.Pipe()
	go func() {
		_, _ = io.WriteString(there, "hello\n") // who reads it says so
		there.Close()
	}()
	return here, nil
}

// TestForwardsStay where a pod comes late, say where they answer, and end with
// Ctrl-C.
func TestForwardsStay(t *testing.T) {
	ctx, interrupt := context.WithCancel(t.Context())
	calls := make(chan int, 1)
	calls <- 0
	said, out := io.Pipe()
	noted, problems := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		ended <- keepForwards(ctx, shy{calls}, forwards{resource: "web", specs: []config.PortForward{{Container: 80}}}, out, problems)
	}()
	addr, found := strings.CutSuffix(lineOf(t, bufio.NewReader(said)), " -> web:80\n")
	if !found {
		t.Fatalf("answers on %q", addr)
	}
	note := make(chan string, 1)
	go func() { text, _ := bufio.NewReader(noted).ReadString('\n'); note <- text }() // "" fails below
	if got := readAll(t, addr); got != "" {
		t.Errorf("without a pod: %q", got)
	}
	select {
	case text := <-note:
		if !strings.Contains(text, "no pod of web runs") {
			t.Errorf("noted %q", text)
		}
	case <-time.After(time.Minute):
		t.Fatal("nothing is noted for a minute")
	}
	if got := readAll(t, addr); got != "hello\n" {
		t.Errorf("with a pod: %q", got)
	}
	interrupt()
	select {
	case err := <-ended:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(time.Minute):
		t.Fatal("it goes on for a minute after Ctrl-C")
	}
}

func lineOf(t *testing.T, r *bufio.Reader) string {
	t.Helper()
	text, err := r.ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// readAll is what comes from an address until it closes.
func readAll(t *testing.T, addr string) string {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(time.Minute)) // an error shows below
	all, err := io.ReadAll(conn)
	if err != nil && !strings.Contains(err.Error(), "reset") {
		t.Error(err)
	}
	return string(all)
}

// TestForwardOfAPortInUse ends, and says whose it is.
func TestForwardOfAPortInUse(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	port := taken.Addr().(*net.TCPAddr).Port
	for by, want := range map[string]string{"web": "is in use: web's own forward holds it", "": fmt.Sprintf("is in use by %s (pid %d)", filepath.Base(os.Args[0]), os.Getpid())} {
		if by == "" && runtime.GOOS != "linux" {
			want = "is in use by another program" // the system does not tell
		}
		var said, noted strings.Builder
		holder := func(_ context.Context, local string) string {
			if local != taken.Addr().String() {
				t.Errorf("asked for %s", local)
			}
			return by
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		err := keepForwards(ctx, shy{}, forwards{resource: "api", specs: []config.PortForward{{Local: port, Container: 80}}, holder: holder}, &said, &noted)
		cancel()
		if p := new(config.Problem); !errors.As(err, &p) || !strings.Contains(p.Message, want) || !strings.Contains(p.Hint, "towline forward api 0:") || !strings.Contains(p.Hint, "--next-free") {
			t.Errorf("%v, want %q", err, want)
		}
		if said.String()+noted.String() != "" {
			t.Errorf("said %q, %q", said.String(), noted.String())
		}
	}
}

// TestForwardTakesTheNextPort when it is asked to, and says so.
func TestForwardTakesTheNextPort(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	port := taken.Addr().(*net.TCPAddr).Port
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	said, out := io.Pipe()
	noted, problems := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		ended <- keepForwards(ctx, shy{}, forwards{resource: "web", specs: []config.PortForward{{Local: port, Container: 80}}, next: true}, out, problems)
	}()
	if note := lineOf(t, bufio.NewReader(noted)); !strings.Contains(note, fmt.Sprintf("port %d is in use by ", port)) || !strings.Contains(note, "in its place") {
		t.Errorf("noted %q", note)
	}
	if line := lineOf(t, bufio.NewReader(said)); !strings.HasSuffix(line, " -> web:80\n") || strings.Contains(line, fmt.Sprintf(":%d ", port)) {
		t.Errorf("said %q", line)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// TestForwardThatCannotListen says why, and blames nobody.
func TestForwardThatCannotListen(t *testing.T) {
	here := forwards{resource: "api", holder: func(context.Context, string) string {
		t.Error("it is looked for who has a port that is not in use")
		return ""
	}}
	away := here
	away.specs = []config.PortForward{{Host: "192.0.2.1", Local: 8123, Container: 80}}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for _, c := range []struct {
		err        error
		want, hint string
	}{
		{keepForwards(ctx, shy{}, away, io.Discard, io.Discard), "192.0.2.1:8123: bind: cannot assign requested address", "localhost"},
		{here.failure(ctx, refused("127.0.0.1:80", os.NewSyscallError("bind", syscall.EACCES))), "127.0.0.1:80: bind: permission denied", "towline forward api 0:"},
		{here.failure(ctx, refused("nowhere:80", &net.DNSError{Err: "no such host", Name: "nowhere"})), "nowhere:80: lookup nowhere: no such host", "localhost"},
	} {
		if p := new(config.Problem); !errors.As(c.err, &p) || !strings.HasSuffix(p.Message, c.want) || !strings.Contains(p.Hint, c.hint) {
			t.Errorf("%v, want %q and a hint with %q", c.err, c.want, c.hint)
		}
	}
}

// refused is a forward whose port cannot be listened on.
func refused(local string, err error) forward.Forward {
	return forward.Forward{Local: local, Problem: "no", Err: &net.OpError{Op: "listen", Net: "tcp", Err: err}}
}

// TestRemotePort is said also where none was named.
func TestRemotePort(t *testing.T) {
	for want, port := range map[string]forward.Forward{
		":80": {Remote: 80}, ", the port that its pod exposes or else 8080": {Spec: config.PortForward{Local: 8080}},
	} {
		if got := remotePort(port); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
