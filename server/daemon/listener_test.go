package daemon

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/starlark/config"
)

// runs starts a daemon of its own, and waits for it to end.
func runs(t *testing.T) api.Endpoint {
	t.Helper()
	home, err := os.MkdirTemp("", "tow") // short: it holds a socket
	must(t, err)
	t.Cleanup(func() { os.RemoveAll(home) })
	t.Setenv("XDG_RUNTIME_DIR", filepath.Join(home, "run"))
	t.Setenv("XDG_STATE_HOME", filepath.Join(home, "state"))
	e, err := api.EndpointOf(t.TempDir())
	must(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- Run(ctx, Options{Endpoint: e, Evaluate: func(context.Context, Evaluation) *config.Project { return &config.Project{} }})
	}()
	t.Cleanup(func() {
		cancel()
		if err := receive(t, ended, "the daemon's end"); err != nil {
			t.Error(err)
		}
		for _, socket := range []string{e.Socket, e.Elsewhere()} {
			if _, err := os.Lstat(socket); err == nil {
				t.Errorf("%s is left", socket)
			}
		}
	})
	answers(t, e)
	return e
}

func answers(t *testing.T, e api.Endpoint) {
	t.Helper()
	for !api.Running(t.Context(), e) {
		if t.Context().Err() != nil {
			t.Fatal("no daemon")
		}
		runtime.Gosched()
	}
	if _, err := api.NewClient(e).Status(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestListensAnew takes the socket away in several ways: the daemon that lives
// is found again, by clients that come at once, and can be ended.
func TestListensAnew(t *testing.T) {
	for name, spoil := range map[string]func(t *testing.T, e api.Endpoint){
		"the socket is gone": func(t *testing.T, e api.Endpoint) { must(t, os.Remove(e.Socket)) },
		"the folder is gone": func(t *testing.T, e api.Endpoint) { must(t, os.RemoveAll(filepath.Dir(filepath.Dir(e.Socket)))) },
		"a dead socket lies there": func(t *testing.T, e api.Endpoint) {
			must(t, os.Remove(e.Socket))
			l, err := net.ListenUnix("unix", &net.UnixAddr{Name: e.Socket, Net: "unix"})
			must(t, err)
			l.SetUnlinkOnClose(false)
			must(t, l.Close())
		},
		"there is no runtime folder any more": func(t *testing.T, e api.Endpoint) {
			run := filepath.Dir(filepath.Dir(e.Socket))
			must(t, os.RemoveAll(run))
			must(t, os.WriteFile(run, nil, 0o600)) // not even root makes a folder below it
		},
	} {
		t.Run(name, func(t *testing.T) {
			e := runs(t)
			pid, err := os.ReadFile(e.Lock)
			if err != nil || strings.TrimSpace(string(pid)) != strconv.Itoa(os.Getpid()) {
				t.Errorf("the lock says %q, %v", pid, err)
			}
			spoil(t, e)
			var clients sync.WaitGroup
			for range 2 {
				clients.Go(func() {
					if !api.Running(t.Context(), e) {
						t.Error("nothing is up")
					}
					if _, err := api.Connect(t.Context(), e, api.Launcher{Program: "/no/such/program"}); err != nil {
						t.Error(err)
					}
				})
			}
			clients.Wait()
			must(t, api.NewClient(e).Stop(t.Context()))
		})
	}
}

// TestHoldsItsFolder takes the state folder away: the daemon makes it anew with what it
// knows, and stays the only one.
func TestHoldsItsFolder(t *testing.T) {
	e := runs(t)
	must(t, os.RemoveAll(e.State))
	deadline := time.Now().Add(time.Minute)
	for tick := time.NewTicker(10 * time.Millisecond); ; <-tick.C {
		pid, err := os.ReadFile(e.Lock)
		_, noRecord := os.Stat(filepath.Join(e.State, recordFile))
		if err == nil && noRecord == nil && strings.TrimSpace(string(pid)) == strconv.Itoa(os.Getpid()) {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("the lock says %q, %v; the record: %v", pid, err, noRecord)
		}
	}
	if err := Run(t.Context(), Options{Endpoint: e}); !errors.Is(err, ErrRunning) {
		t.Errorf("another daemon: %v", err)
	}
	must(t, api.NewClient(e).Stop(t.Context()))
}

// TestEndsBesideAnother: who has the lock of the folder that was made anew serves the
// workspace, and a daemon of before goes.
func TestEndsBesideAnother(t *testing.T) {
	e := runs(t)
	must(t, os.RemoveAll(e.State))
	must(t, os.MkdirAll(filepath.Dir(e.Lock), 0o700))
	lock, err := os.OpenFile(e.Lock, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	must(t, err)
	defer lock.Close()
	must(t, syscall.Flock(int(lock.Fd()), syscall.LOCK_EX))
	deadline := time.Now().Add(time.Minute)
	for tick := time.NewTicker(10 * time.Millisecond); ; <-tick.C {
		if _, err := os.Lstat(e.Socket); errors.Is(err, fs.ErrNotExist) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("it goes on beside another daemon")
		}
	}
}

// TestListensElsewhere starts a daemon where there cannot be a runtime folder.
func TestListensElsewhere(t *testing.T) {
	home := t.TempDir()
	t.Setenv("XDG_STATE_HOME", home)
	t.Setenv("XDG_RUNTIME_DIR", filepath.Join(home, "file"))
	must(t, os.WriteFile(filepath.Join(home, "file"), nil, 0o600))
	e, err := api.EndpointOf(home)
	must(t, err)
	must(t, os.MkdirAll(e.State, 0o700))
	d := &listener{e: e, log: slog.New(slog.DiscardHandler)}
	must(t, d.open())
	defer d.close()
	if d.socket != e.Elsewhere() {
		t.Errorf("it listens on %s", d.socket)
	}
}

// TestFoldersOfOthers are not listened in.
func TestFoldersOfOthers(t *testing.T) {
	home := t.TempDir()
	must(t, os.Mkdir(home+"/real", 0o700))
	must(t, os.Symlink("real", home+"/link"))
	if _, err := listen(home + "/link/a.sock"); err == nil {
		t.Error("it listens through a link")
	}
	if os.Getuid() != 0 {
		t.Skip("only root gives files away")
	}
	must(t, os.Chown(home+"/real", 65534, 65534))
	if _, err := listen(home + "/real/a.sock"); err == nil {
		t.Error("it listens in a folder of another")
	}
}

// TestOthersAreNotLetIn has another user at a socket that is open to all, as
// root's are not to be; the daemon's own user is served after that.
func TestOthersAreNotLetIn(t *testing.T) {
	if os.Getuid() != 0 || runtime.GOOS != "linux" {
		t.Skip("only root comes as another")
	}
	home, err := os.MkdirTemp("", "tow")
	must(t, err)
	defer os.RemoveAll(home)
	l, err := listen(home + "/a.sock")
	must(t, err)
	defer l.Close()
	must(t, os.Chmod(home, 0o777))
	must(t, os.Chmod(home+"/a.sock", 0o777))
	came := make(chan struct{})
	go func() {
		defer close(came)
		runtime.LockOSThread() // for good: the thread ends with this goroutine
		if _, _, failed := syscall.RawSyscall(syscall.SYS_SETREUID, 65534, 65534, 0); failed != 0 {
			t.Error(failed)
			return
		}
		conn, err := net.Dial("unix", home+"/a.sock")
		if err != nil {
			t.Error(err)
			return
		}
		t.Cleanup(func() { conn.Close() })
	}()
	receive(t, came, "a visitor")
	mine, err := net.Dial("unix", home+"/a.sock")
	must(t, err)
	defer mine.Close()
	conn, err := l.Accept()
	must(t, err)
	defer conn.Close()
	if uid, known := api.PeerUID(conn); !known || uid != os.Getuid() {
		t.Errorf("uid %d was let in", uid)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
