package api

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/towline-dev/towline/starlark/config"
)

// nobody is a user who is not the one who tests.
const nobody = 65534

// TestNothingIsSentToOthers has sockets that others may have made: a client
// says what is wrong, starts nothing and sends nothing.
func TestNothingIsSentToOthers(t *testing.T) {
	chown := func(path string) func(*testing.T, string) {
		return func(t *testing.T, dir string) {
			if os.Getuid() != 0 {
				t.Skip("only root gives files away")
			}
			must(t, os.Lchown(filepath.Join(dir, path), nobody, nobody))
		}
	}
	for name, test := range map[string]struct {
		spoil func(t *testing.T, home string)
		says  string
	}{
		"folder of another": {chown("run/towline"), "is not a folder of yours"},
		"socket of another": {chown("run/towline/s"), "is not a socket of yours"},
		"link as the folder": {func(t *testing.T, home string) {
			must(t, os.Rename(home+"/run/towline", home+"/theirs"))
			must(t, os.Symlink(home+"/theirs", home+"/run/towline"))
		}, "is not a folder of yours"},
		"link as the socket": {func(t *testing.T, home string) {
			must(t, os.Rename(home+"/run/towline/s", home+"/theirs"))
			must(t, os.Symlink(home+"/theirs", home+"/run/towline/s"))
		}, "is not a socket of yours"},
		"open folder": {func(t *testing.T, home string) {
			must(t, os.Chmod(home+"/run/towline", 0o750))
		}, "chmod 700"},
		"open socket": {func(t *testing.T, home string) {
			must(t, os.Chmod(home+"/run/towline/s", 0o777))
		}, "is open to others"},
	} {
		t.Run(name, func(t *testing.T) {
			e := newEndpoint(t, "fail")
			e.Socket = filepath.Join(filepath.Dir(e.Socket), "s")
			must(t, os.MkdirAll(filepath.Dir(e.Socket), 0o700))
			l, err := net.ListenUnix("unix", &net.UnixAddr{Name: e.Socket, Net: "unix"})
			must(t, err)
			defer l.Close()
			must(t, os.Chmod(e.Socket, 0o600))
			must(t, own(e.Socket))
			test.spoil(t, e.Workspace)
			_, err = NewClient(e).Up(t.Context(), UpRequest{Env: []string{"TOKEN=secret"}})
			refuses(t, err, test.says)
			_, _, err = NewClient(e).Debug(t.Context(), DebugRequest{})
			refuses(t, err, test.says)
			_, err = Connect(t.Context(), e, e.launcher())
			refuses(t, err, test.says)
			if !Running(t.Context(), e) {
				t.Error("it is told as if nothing were up")
			}
			must(t, l.SetDeadline(time.Now()))
			if conn, err := l.Accept(); err == nil {
				conn.Close()
				t.Error("the client came")
			}
		})
	}
}

// TestAnothersDaemonIsRefused has all look right but the one who listens.
func TestAnothersDaemonIsRefused(t *testing.T) {
	if os.Getuid() != 0 || runtime.GOOS != "linux" {
		t.Skip("only root listens as another")
	}
	e := newEndpoint(t, "fail")
	must(t, os.MkdirAll(filepath.Dir(e.Socket), 0o700))
	must(t, os.Chmod(e.Workspace, 0o777))
	theirs := e.Workspace + "/theirs"
	listening := make(chan net.Listener)
	go func() {
		defer close(listening)
		runtime.LockOSThread() // for good: the thread ends with this goroutine
		if _, _, failed := syscall.RawSyscall(syscall.SYS_SETREUID, nobody, nobody, 0); failed != 0 {
			t.Error(failed)
			return
		}
		l, err := net.Listen("unix", theirs)
		if err != nil {
			t.Error(err)
			return
		}
		listening <- l
	}()
	l, ok := <-listening
	if !ok {
		t.FailNow()
	}
	defer l.Close()
	must(t, os.Rename(theirs, e.Socket))
	must(t, os.Chown(e.Socket, 0, 0))
	_, err := Connect(t.Context(), e, e.launcher())
	refuses(t, err, "is not you (uid 65534)")
}

// TestALivingDaemonIsWaitedFor has a daemon that holds the lock and listens a
// little later, for two clients at once.
func TestALivingDaemonIsWaitedFor(t *testing.T) {
	e := newEndpoint(t, "fail")
	must(t, os.MkdirAll(e.State, 0o700))
	must(t, os.MkdirAll(filepath.Dir(e.Socket), 0o700))
	lock, err := os.Create(e.Lock)
	must(t, err)
	defer lock.Close()
	must(t, syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB))
	var clients sync.WaitGroup
	for range 2 {
		clients.Go(func() {
			if _, err := Connect(t.Context(), e, e.launcher()); err != nil {
				t.Error(err)
			}
		})
	}
	clients.Go(func() {
		if !Running(t.Context(), e) {
			t.Error("nothing is up")
		}
	})
	listening := make(chan net.Listener, 1)
	time.AfterFunc(200*time.Millisecond, func() { // they wait by then, or come to one that listens
		l, err := net.Listen("unix", e.Socket)
		if err != nil {
			t.Error(err)
		}
		listening <- l
	})
	clients.Wait()
	(<-listening).Close()

	must(t, os.WriteFile(e.Lock, []byte("4711\n"), 0o600))
	_, err = NewClient(e).Status(t.Context())
	p := refuses(t, err, "runs, and does not listen")
	if p != nil && !strings.Contains(p.Hint, "kill 4711") {
		t.Errorf("hint = %s", p.Hint)
	}
	must(t, lock.Close())
	if Running(t.Context(), e) {
		t.Error("a daemon that ended is up")
	}
}

// TestLongFolders has a runtime folder that is too long for sockets.
func TestLongFolders(t *testing.T) {
	t.Setenv("XDG_STATE_HOME", t.TempDir())
	long := "/" + strings.Repeat("x", 120)
	for _, temp := range []string{"/var/tmp", long} {
		t.Setenv("TMPDIR", temp)
		t.Setenv("XDG_RUNTIME_DIR", long)
		e, err := EndpointOf(t.TempDir())
		must(t, err)
		want := strings.Replace(e.Elsewhere(), "/tmp", temp, 1)
		if temp == long {
			want = e.Elsewhere()
		}
		if e.Socket != want {
			t.Errorf("TMPDIR %s: %s, want %s", temp, e.Socket, want)
		}
	}
	limit := len(syscall.RawSockaddrUnix{}.Path)
	for length, fits := range map[int]bool{limit - 1: true, limit: false} {
		dir := "/" + strings.Repeat("x", length-len("/")-len("/towline/0123456789abcdef.sock"))
		t.Setenv("XDG_RUNTIME_DIR", dir)
		e, err := EndpointOf(t.TempDir())
		must(t, err)
		if got := strings.HasPrefix(e.Socket, dir); got != fits {
			t.Errorf("a path of %d: %s", length, e.Socket)
		}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func refuses(t *testing.T, err error, says string) *config.Problem {
	t.Helper()
	p, is := errors.AsType[*config.Problem](err)
	if !is || !strings.Contains(p.Message+p.Hint, says) || p.Hint == "" {
		t.Errorf("error = %v, want a problem that says %q", err, says)
	}
	return p
}
