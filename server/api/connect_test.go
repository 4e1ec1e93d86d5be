package api

import (
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// behave names what this test's binary does when Connect starts it.
const behave = "TOWLINE_TEST_DAEMON"

func TestMain(m *testing.M) {
	switch os.Getenv(behave) {
	case "serve":
		os.Exit(serveAsDaemon(os.Args[1]))
	case "fail":
		os.Exit(3)
	}
	os.Exit(m.Run())
}

// serveAsDaemon does what a daemon does for those who look for it: it takes the
// lock or ends, notes that it started, and listens.
func serveAsDaemon(workspace string) int {
	e, err := EndpointOf(workspace)
	if err != nil {
		return 1
	}
	lock, err := os.OpenFile(e.Lock, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return 1
	}
	if syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) != nil {
		return 0 // another one serves, as the real one ends
	}
	started, err := os.OpenFile(filepath.Join(e.State, "started"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return 1
	}
	started.WriteString(strconv.Itoa(os.Getpid()) + "\n")
	if os.MkdirAll(filepath.Dir(e.Socket), 0o700) != nil {
		return 1
	}
	l, err := net.Listen("unix", e.Socket)
	if err != nil {
		return 1
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	server := &http.Server{Handler: http.NotFoundHandler()}
	context.AfterFunc(ctx, func() { server.Close() })
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return 1
	}
	return 0
}

// newEndpoint is one of a test's own; what was started there ends with it.
func newEndpoint(t *testing.T, behaviour string) Endpoint {
	t.Helper()
	home, err := os.MkdirTemp("", "tow") // short: it holds a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("XDG_RUNTIME_DIR", filepath.Join(home, "run"))
	t.Setenv("XDG_STATE_HOME", filepath.Join(home, "state"))
	t.Setenv(behave, behaviour)
	e, err := EndpointOf(home)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for _, pid := range e.started(t) {
			_ = syscall.Kill(pid, syscall.SIGTERM) // it may have ended already
		}
		os.RemoveAll(home)
	})
	return e
}

// started returns the pids of the daemons that got the lock.
func (e Endpoint) started(t *testing.T) []int {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(e.State, "started"))
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	var pids []int
	for _, word := range strings.Fields(string(data)) {
		pid, err := strconv.Atoi(word)
		if err != nil {
			t.Fatal(err)
		}
		pids = append(pids, pid)
	}
	return pids
}

func (e Endpoint) launcher() Launcher { return Launcher{Args: []string{e.Workspace}} }

// TestConnectsAtOnceStartOneDaemon has several faces that come at the same
// moment: all are served, by one.
func TestConnectsAtOnceStartOneDaemon(t *testing.T) {
	e := newEndpoint(t, "serve")
	var faces sync.WaitGroup
	for range 4 {
		faces.Go(func() {
			if _, err := Connect(t.Context(), e, e.launcher()); err != nil {
				t.Error(err)
			}
		})
	}
	faces.Wait()
	if !Running(t.Context(), e) {
		t.Error("no daemon runs")
	}
	if pids := e.started(t); len(pids) != 1 {
		t.Errorf("the daemons %v serve, want one", pids)
	}
	if _, err := Connect(t.Context(), e, Launcher{Program: "/no/such/program"}); err != nil {
		t.Errorf("connecting to the one that runs: %v", err)
	}
}

func TestConnectTellsWhyNoneStarts(t *testing.T) {
	t.Run("it ends", func(t *testing.T) {
		e := newEndpoint(t, "fail")
		_, err := Connect(t.Context(), e, e.launcher())
		if err == nil || !strings.Contains(err.Error(), "exit status 3") || !strings.Contains(err.Error(), e.LogFile()) {
			t.Errorf("error = %v, want the exit code and the log's name", err)
		}
	})
	t.Run("it is not there", func(t *testing.T) {
		e := newEndpoint(t, "")
		_, err := Connect(t.Context(), e, Launcher{Program: "/no/such/program"})
		if err == nil || !strings.Contains(err.Error(), "/no/such/program") {
			t.Errorf("error = %v, want the program's name", err)
		}
	})
	t.Run("nobody waits any more", func(t *testing.T) {
		e := newEndpoint(t, "fail")
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := Connect(ctx, e, e.launcher()); err == nil {
			t.Error("no error")
		}
	})
}

func TestEndpointIsStable(t *testing.T) {
	home := t.TempDir()
	t.Setenv("XDG_RUNTIME_DIR", "/run/user/7")
	t.Setenv("XDG_STATE_HOME", "/home/me/state")
	for _, name := range []string{"a", "b"} {
		if err := os.Mkdir(filepath.Join(home, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("a", filepath.Join(home, "link")); err != nil {
		t.Fatal(err)
	}
	of := func(path string) Endpoint {
		t.Helper()
		e, err := EndpointOf(path)
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	a := of(filepath.Join(home, "a"))
	for _, same := range []string{"a", "a/", "./b/../a", "link"} {
		if got := of(home + "/" + same); got != a {
			t.Errorf("%s: %+v, want %+v", same, got, a)
		}
	}
	t.Chdir(filepath.Join(home, "a"))
	if got := of("."); got != a {
		t.Errorf("from within: %+v, want %+v", got, a)
	}
	if got := of(filepath.Join(home, "b")); got.ID() == a.ID() || got.Socket == a.Socket {
		t.Errorf("two folders share %s", got.ID())
	}

	// The id labels objects in clusters: it must not change between versions.
	if got := of("/no/such/workspace").ID(); got != "5064de0726cdc8fc" {
		t.Errorf("the id of /no/such/workspace is %s", got)
	}

	// Wherever the runtime folder is, the workspace is the same one.
	t.Setenv("XDG_RUNTIME_DIR", "/elsewhere")
	moved := of(".")
	if moved.ID() != a.ID() || moved.State != a.State || moved.Lock != a.Lock || moved.Socket == a.Socket {
		t.Errorf("with another runtime folder: %+v, before %+v", moved, a)
	}
	if _, err := os.Stat(a.State); err == nil {
		t.Error("asking for an endpoint created its folder")
	}
}

// TestAddressWins lets a face find a daemon that listens elsewhere.
func TestAddressWins(t *testing.T) {
	e := newEndpoint(t, "")
	if got := e.listening(); got != e.Socket {
		t.Errorf("without a note %s, want %s", got, e.Socket)
	}
	if err := os.MkdirAll(e.State, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(e.Address, []byte("/other.sock"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := e.listening(); got != "/other.sock" {
		t.Errorf("noted /other.sock, got %s", got)
	}
}

// TestAnOpenSocketIsNoDaemon: one whose process was killed may be open for a
// moment yet, held by a child. One that does not come to answering lives.
func TestAnOpenSocketIsNoDaemon(t *testing.T) {
	e := newEndpoint(t, "")
	if err := os.MkdirAll(filepath.Dir(e.Socket), 0o700); err != nil {
		t.Fatal(err)
	}
	for closed, want := range map[bool]bool{false: true, true: false} {
		l, err := net.Listen("unix", e.Socket)
		if err != nil {
			t.Fatal(err)
		}
		err = ping(t.Context(), e, func(ctx context.Context, e Endpoint) (net.Conn, error) {
			conn, err := net.Dial("unix", e.Socket)
			if closed {
				l.Close()
			}
			return conn, err
		})
		if lives := err == nil; lives != want {
			t.Errorf("closed %v: %v", closed, err)
		}
		l.Close()
	}
}
