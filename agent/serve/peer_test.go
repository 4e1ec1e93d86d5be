//go:build linux

package serve

import (
	"cmp"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

const somebody = 65534 // another user than ours

// TestCheckPeer has our own user and another one at the other end of a socket.
func TestCheckPeer(t *testing.T) {
	name := fmt.Sprintf("@towline-peer-%d", os.Getpid()) // of no folder: anybody reaches it
	ln, err := net.Listen("unix", name)
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	peer := func(uid int) error {
		t.Helper()
		if err := connectAs(uid, name); err != nil {
			t.Skipf("connecting as uid %d: %v", uid, err)
		}
		conn, err := ln.Accept()
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		return checkPeer(conn)
	}
	if err := peer(os.Getuid()); err != nil {
		t.Errorf("our own user: %v", err)
	}
	ours, theirs := net.Pipe()
	defer ours.Close()
	defer theirs.Close()
	if err := checkPeer(ours); err == nil {
		t.Error("what is no socket tells of nobody, and was let in")
	}
	if err := peer(somebody); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("uid %d is on", somebody)) {
		t.Errorf("another user: %v", err)
	}
}

// connectAs connects to a socket as a user, and leaves the connection open. The
// thread alone becomes that user, and ends with the goroutine.
func connectAs(uid int, name string) error {
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // and is never unlocked
		fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		if err == nil && uid != os.Getuid() {
			if _, _, e := unix.RawSyscall(unix.SYS_SETRESUID, uintptr(uid), uintptr(uid), uintptr(uid)); e != 0 {
				err = e
			}
		}
		if err == nil {
			err = unix.Connect(fd, &unix.SockaddrUnix{Name: name})
		}
		done <- err
	}()
	return <-done
}

func TestCheckUser(t *testing.T) {
	if err := checkUser(os.Getuid()); err != nil {
		t.Errorf("our own: %v", err)
	}
	for _, uid := range []int{os.Getuid() + 1, somebody, -1} {
		if err := checkUser(uid); err == nil {
			t.Errorf("uid %d was let in", uid)
		}
	}
}

// TestEnrolFolder: whatever stands there before, only our user reaches the socket,
// or nobody listens.
func TestEnrolFolder(t *testing.T) {
	old := syscall.Umask(0)
	defer syscall.Umask(old)
	for name, test := range map[string]struct {
		before  func(dir string) error
		refused string
	}{
		"nothing":              {func(string) error { return nil }, ""},
		"a folder of ours":     {func(dir string) error { return os.Mkdir(dir, 0o755) }, ""},
		"one open to all":      {func(dir string) error { return os.Mkdir(dir, 0o777) }, ""},
		"a socket left behind": {leftSocket, ""},
		"a file for a socket": {func(dir string) error {
			return cmp.Or(os.Mkdir(dir, 0o777), os.WriteFile(filepath.Join(dir, enrolSocket), nil, 0o666))
		}, ""},
		"a link for a socket": {func(dir string) error {
			return cmp.Or(os.Mkdir(dir, 0o777), os.Symlink(filepath.Join(dir, "elsewhere"), filepath.Join(dir, enrolSocket)))
		}, ""},
		"a file":                {func(dir string) error { return os.WriteFile(dir, nil, 0o666) }, "not a directory"},
		"a link to a folder":    {func(dir string) error { return cmp.Or(os.Mkdir(dir+"2", 0o777), os.Symlink(dir+"2", dir)) }, "not to us"},
		"a folder of another's": {func(dir string) error { return cmp.Or(os.Mkdir(dir, 0o777), os.Chown(dir, somebody, somebody)) }, "not to us"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "run")
			if err := test.before(dir); err != nil {
				t.Skip("making what stands there before:", err)
			}
			ln, err := listenEnrol(dir)
			if test.refused != "" {
				if err == nil || !strings.Contains(err.Error(), test.refused) {
					t.Fatalf("listening: %v, want it refused with %q", err, test.refused)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			defer ln.Close()
			wantMode(t, dir, fs.ModeDir|0o700)
			wantMode(t, filepath.Join(dir, enrolSocket), fs.ModeSocket|0o600)
		})
	}
}

func leftSocket(dir string) error {
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	ln, err := net.Listen("unix", filepath.Join(dir, enrolSocket))
	if err != nil {
		return err
	}
	ln.(*net.UnixListener).SetUnlinkOnClose(false)
	return ln.Close()
}

func wantMode(t *testing.T, name string, want fs.FileMode) {
	t.Helper()
	info, err := os.Lstat(name)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode() != want || info.Sys().(*syscall.Stat_t).Uid != uint32(os.Getuid()) {
		t.Errorf("%s has mode %v of uid %d, want %v of ours", filepath.Base(name), info.Mode(), info.Sys().(*syscall.Stat_t).Uid, want)
	}
}
