package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/towline-dev/towline/server/api"
)

// patience bounds each wait of these tests, on a machine that has little time.
const patience = time.Minute

// screen is a terminal with a program in it.
type screen struct {
	t    *testing.T
	keys *os.File // the side of the person
	tty  *os.File // the side of the program
	cmd  *exec.Cmd
	done chan error

	mu  sync.Mutex
	out strings.Builder // since the screen was painted anew
	all strings.Builder
}

// openScreen runs a command of a shell on a terminal of its own.
func openScreen(t *testing.T, dir, command string, columns, rows uint16) *screen {
	t.Helper()
	keys, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	s := &screen{t: t, keys: keys, done: make(chan error, 1)}
	n, err := unix.IoctlGetInt(int(keys.Fd()), unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(int(keys.Fd()), unix.TIOCSPTLCK, 0)
	}
	if err == nil {
		s.tty, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|syscall.O_NOCTTY, 0)
	}
	if err != nil {
		t.Fatal(err)
	}
	s.resize(columns, rows)
	s.cmd = exec.Command("/bin/sh", "-c", command)
	s.cmd.Dir, s.cmd.Stdin, s.cmd.Stdout, s.cmd.Stderr = dir, s.tty, s.tty, s.tty
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var read sync.WaitGroup
	read.Go(s.read)
	go func() { s.done <- s.cmd.Wait() }()
	t.Cleanup(func() {
		_ = s.cmd.Process.Kill()
		keys.Close()
		s.tty.Close()
		read.Wait()
	})
	return s
}

func (s *screen) read() {
	buf := make([]byte, 1<<14)
	for {
		n, err := s.keys.Read(buf)
		s.mu.Lock()
		s.out.Write(buf[:n])
		s.all.Write(buf[:n])
		s.mu.Unlock()
		if err != nil {
			return
		}
	}
}

func (s *screen) resize(columns, rows uint16) {
	if err := unix.IoctlSetWinsize(int(s.keys.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Col: columns, Row: rows}); err != nil {
		s.t.Fatal(err)
	}
}

func (s *screen) types(keys string) {
	if _, err := s.keys.WriteString(keys); err != nil {
		s.t.Fatal(err)
	}
}

// shows waits until the screen has all of some texts. It is painted anew for it:
// a terminal is told of changes alone.
func (s *screen) shows(texts ...string) {
	s.t.Helper()
	var got string
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		s.mu.Lock()
		s.out.Reset()
		s.mu.Unlock()
		s.types("\x0c") // Ctrl-L
		for range 20 {
			time.Sleep(20 * time.Millisecond)
			s.mu.Lock()
			got = s.out.String()
			s.mu.Unlock()
			if containsAll(got, texts) {
				return
			}
		}
	}
	s.t.Fatalf("the terminal does not show %q:\n%q", texts, got)
}

// says waits for what the terminal is told after all.
func (s *screen) says(text string) {
	s.t.Helper()
	await(s.t, "the terminal says "+text, func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return strings.Contains(s.all.String(), text)
	})
}

func (s *screen) ends() error {
	s.t.Helper()
	select {
	case err := <-s.done:
		return err
	case <-time.After(patience):
		s.t.Fatal("it does not end")
		return nil
	}
}

// isCooked reports whether the terminal is as a shell wants it, with the screen
// that was there before.
func (s *screen) isCooked() bool {
	mode, err := unix.IoctlGetTermios(int(s.tty.Fd()), unix.TCGETS)
	s.mu.Lock()
	defer s.mu.Unlock()
	all := s.all.String()
	return err == nil && mode.Lflag&(unix.ICANON|unix.ECHO) == unix.ICANON|unix.ECHO &&
		strings.LastIndex(all, "\x1b[?1049h") < strings.LastIndex(all, "\x1b[?1049l") && strings.LastIndex(all, "\x1b[?25l") < strings.LastIndex(all, "\x1b[?25h")
}

func containsAll(text string, parts []string) bool {
	for _, part := range parts {
		if !strings.Contains(text, part) {
			return false
		}
	}
	return true
}

func await(t *testing.T, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !is(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not in %s: %s", patience, what)
		}
	}
}

// viewed is a project for the view, with its daemon's endpoint.
func viewed(t *testing.T) (dir string, e api.Endpoint) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir = t.TempDir()
	for name, value := range map[string]string{asTowline: "1", "TOWLINE": self, "HOME": dir, "XDG_STATE_HOME": "", "XDG_RUNTIME_DIR": "", "KUBECONFIG": dir + "/none", "TERM": "xterm", "NO_COLOR": "1"} {
		t.Setenv(name, value)
	}
	write(t, dir, map[string]string{"shop/Tiltfile": `
local_resource('web', serve_cmd='echo web says hello; exec sleep 1000')
local_resource('broken', 'echo run >> runs; echo main.go:3 is wrong; exit 2')
`})
	dir = filepath.Join(dir, "shop")
	if e, err = api.EndpointOf(dir); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd := exec.Command(self, "down")
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("down: %v: %s", err, out)
		}
	})
	return dir, e
}

func ranIn(dir string) int {
	data, _ := os.ReadFile(filepath.Join(dir, "runs"))
	return strings.Count(string(data), "run\n")
}

// daemonPid is the process of the daemon that serves now, 0 for none.
func daemonPid(e api.Endpoint) int {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	s, err := api.NewClient(e).Status(ctx)
	if err != nil {
		return 0
	}
	return s.Daemon.Pid
}

// TestUpOnATerminal drives the view of a real project by its keys, through the
// death of the daemon, and leaves it.
func TestUpOnATerminal(t *testing.T) {
	dir, e := viewed(t)
	s := openScreen(t, dir, `exec "$TOWLINE" up`, 100, 30)
	s.shows("needs you: 1", "web says hello")
	s.types("?")
	s.shows("Ctrl-Z")
	s.types("\x1b")
	s.shows("logs of all")

	s.types("gjt") // the first that needs somebody
	s.shows("triggered broken")
	await(t, "broken runs again", func() bool { return ranIn(dir) >= 2 })
	s.types("\r")
	s.shows("State:", "exit status 2")
	s.types("l")
	s.shows("logs of broken", "main.go:3 is wrong")
	s.types("\t/nothing\r")
	s.shows("No line of broken")

	s.resize(48, 14)
	s.shows("logs of broken", "nothing", "? keys")
	s.types("\t") // to the list, which alone is shown then
	s.shows("needs you: 1")
	s.resize(100, 30)

	old := daemonPid(e)
	if old == 0 {
		t.Fatal("no daemon serves")
	}
	if err := syscall.Kill(old, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	await(t, "another daemon serves", func() bool { pid := daemonPid(e); return pid != 0 && pid != old })
	was := ranIn(dir)
	s.shows("needs you: 1", "1 of 2 ready")
	s.types("gjt")
	await(t, "broken runs again, by the new daemon", func() bool { return ranIn(dir) > was })

	s.types("\x1a") // no shell could let it go on
	s.shows("needs you: 1")
	s.types("q")
	s.says("Left running.")
	if err := s.ends(); err != nil {
		t.Errorf("it ends with %v", err)
	}
	await(t, "the terminal is as it was", s.isCooked)
	if daemonPid(e) == 0 {
		t.Error("the project does not stay up")
	}
}

// TestWatchOnATerminal waits for a project, is stopped and goes on, stays when
// the project goes, and ends with its terminal.
func TestWatchOnATerminal(t *testing.T) {
	dir, e := viewed(t)
	s := openScreen(t, dir, `set -m; "$TOWLINE" watch --view; echo stopped with $?; fg >/dev/null; echo ended with $?`, 100, 30)
	s.shows("Nothing is up")
	towline := func(args ...string) {
		t.Helper()
		cmd := exec.Command(os.Getenv("TOWLINE"), args...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil && args[0] != "up" { // broken fails
			t.Fatalf("towline %v: %v: %s", args, err, out)
		}
	}
	towline("up", "--detach")
	s.shows("needs you: 1", "web says hello")
	s.types("\x1a")
	s.says("stopped with 148")
	await(t, "it goes on", func() bool { return !s.isCooked() })
	s.shows("needs you: 1")
	towline("down")
	s.shows("Nothing is up")
	if daemonPid(e) != 0 {
		t.Error("the view has started a daemon")
	}
	s.types("q")
	s.says("ended with 0")
	if err := s.ends(); err != nil {
		t.Errorf("it ends with %v", err)
	}
	await(t, "the terminal is as it was", s.isCooked)
}

// TestViewEndsWithItsTerminal: the hang-up of a terminal ends it, and nothing else.
func TestViewEndsWithItsTerminal(t *testing.T) {
	dir, e := viewed(t)
	s := openScreen(t, dir, `exec "$TOWLINE" up`, 80, 24)
	s.shows("needs you: 1")
	if err := s.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	var code *exec.ExitError
	if err := s.ends(); !errors.As(err, &code) || code.ExitCode() != 128+int(syscall.SIGHUP) {
		t.Errorf("it ends with %v", err)
	}
	await(t, "the terminal is as it was", s.isCooked)
	if daemonPid(e) == 0 {
		t.Error("the project does not stay up")
	}
}

// TestUpInLines: where it is asked for, and where a terminal cannot be drawn on,
// up is the flow of lines.
func TestUpInLines(t *testing.T) {
	for _, command := range []string{`exec "$TOWLINE" up --stream`, `TOWLINE_UP=stream exec "$TOWLINE" up`, `TERM=dumb exec "$TOWLINE" up`, `exec "$TOWLINE" up < /dev/null`} {
		t.Run(command, func(t *testing.T) {
			dir, _ := viewed(t)
			s := openScreen(t, dir, command, 100, 30)
			s.says("Following the logs from here")
			s.mu.Lock()
			drawn := strings.Contains(s.all.String(), "\x1b[?1049h")
			s.mu.Unlock()
			if drawn {
				t.Error("the view is shown")
			}
			s.types("\x03")
			s.says("Left running.")
			if err := s.ends(); err != nil {
				t.Errorf("it ends with %v", err)
			}
		})
	}
}
