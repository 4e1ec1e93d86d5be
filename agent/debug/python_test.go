//go:build linux

package debug

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/towline-dev/towline/agent/wire"
	"github.com/towline-dev/towline/internal/podtest"
)

// An image without debugpy is refused before anything is done to its program.
// It is asked of what the program was started as, not of the executable: a
// virtual environment is a link to that.
func TestPythonWithoutDebugpy(t *testing.T) {
	link := filepath.Join(t.TempDir(), "python")
	for code, want := range map[int]bool{0: true, 3: false} {
		if err := os.WriteFile(link, []byte("#!/bin/sh\nexit "+strconv.Itoa(code)+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command(interpreter(t), "-c", "import sys; sys.stdin.read()")
		cmd.Args[0] = link
		in, err := cmd.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		p := examine(cmd.Process.Pid)
		if p.Language != "Python" {
			t.Errorf("%+v is not taken for Python", p)
		}
		err = new(python).Can(t.Context(), p)
		var refused *wire.Error
		if want && err != nil || !want && (!errors.As(err, &refused) || !strings.Contains(refused.Message, "no debugpy") || refused.Hint == "") {
			t.Errorf("CanDebug = %v, want it to be possible: %v", err, want)
		}
		in.Close()
		cmd.Wait()
	}
}

// The hook leaves a program alone that nobody waits for, and runs the image's
// own module of the same name.
func TestHookChains(t *testing.T) {
	own := t.TempDir()
	if err := os.WriteFile(filepath.Join(own, "sitecustomize.py"), []byte("print('own')\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	h := newPython(t.TempDir())
	defer h.Close()
	env := append(os.Environ(), "PYTHONPATH="+own)
	cmd := exec.Command(interpreter(t), "-c", "import sys; print([p for p in sys.path if p.endswith('/python')])")
	cmd.Env = append(env, h.Env([]string{"python3"}, env)...)
	out, err := cmd.CombinedOutput()
	if got, want := string(out), "own\n[]\n"; got != want || err != nil {
		t.Errorf("it says %q, %v, want %q", got, err, want)
	}
}

// interpreter returns Debian's, which may have debugpy.
func interpreter(t *testing.T) string {
	t.Helper()
	return podtest.Need(t, "/usr/bin/python3")
}

// hooked starts programs in Python as the agent does, and returns the pid of the
// one that says a line.
func hooked(t *testing.T, p *python, code string, args ...string) int {
	t.Helper()
	for _, v := range p.Env([]string{"python3"}, nil) {
		name, value, _ := strings.Cut(v, "=")
		t.Setenv(name, value)
	}
	return run(t, 1, append([]string{interpreter(t)}, append(args, "-c", code)...)...)
}

const waits = "import sys; print('runs', flush=True); sys.stdin.read()"

// A program is sent the signal only when it has a handler for it: else that would
// be its end.
func TestSignalOnlyWhereItIsCaught(t *testing.T) {
	p := newPython(t.TempDir())
	defer p.Close()
	pid := hooked(t, p, "import signal; signal.signal(57, signal.SIG_DFL); "+waits)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if _, err := p.Attach(ctx, examine(pid)); !errors.Is(err, ErrStart) {
		t.Errorf("Attach = %v, want that it is to be started anew", err)
	}
	if dead(pid) {
		t.Error("the program was killed")
	}
	alone := run(t, 1, interpreter(t), "-I", "-c", waits)
	if _, err := p.Attach(ctx, examine(alone)); !errors.Is(err, ErrStart) {
		t.Errorf("Attach without the hook = %v", err)
	}
	var refused *wire.Error
	if err := p.Can(ctx, examine(alone)); !errors.As(err, &refused) || !strings.Contains(refused.Message, "-I") || refused.Hint == "" {
		t.Errorf("Can = %v", err)
	}
}

// Whoever is not meant goes on at once: a helper of Python's own, and another
// program than the one that is debugged.
func TestDoor(t *testing.T) {
	meant := map[int]bool{}
	var mu sync.Mutex
	p := newPython(t.TempDir())
	if err := p.writeHook(); err != nil {
		t.Fatal(err)
	}
	d, err := openDoor(filepath.Join(p.dir, "socket"), func(pid int, _ string) bool {
		mu.Lock()
		defer mu.Unlock()
		return meant[pid] || len(meant) == 0
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range p.pythonPath(nil) {
		name, value, _ := strings.Cut(v, "=")
		t.Setenv(name, value)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.Command(interpreter(t), "-c", "print('runs')")
	out := new(strings.Builder)
	cmd.Stdout = out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	c, err := d.take(ctx, cmd.Process.Pid)
	if err != nil || out.Len() != 0 || c.why != "start" {
		t.Fatalf("take = %+v, %v, %q", c, err, out)
	}
	mu.Lock()
	meant[c.pid] = true
	mu.Unlock()
	_, came := d.stands(0)
	other, err := exec.Command(interpreter(t), "-c", "print('runs')").CombinedOutput()
	select {
	case <-came:
		t.Error("a program stood that is not meant")
	default:
	}
	if string(other) != "runs\n" || err != nil {
		t.Errorf("another program says %q, %v", other, err)
	}
	d.close() // with it the first goes on
	if err := cmd.Wait(); err != nil || out.String() != "runs\n" {
		t.Errorf("it says %q, %v", out, err)
	}
	if _, err := os.Stat(d.path); err == nil {
		t.Error("the door stayed open")
	}
}

// A debugger that the image has as source only is compiled once for the
// container, and the program's own modules are left as they were.
func TestDebuggerIsCompiledOnce(t *testing.T) {
	packages := t.TempDir()
	for name, text := range map[string]string{
		"debugpy/__init__.py":        "def configure(**_): pass\ndef connect(address):\n    import socket\n    socket.create_connection(address).close()\n",
		"debugpy/server/__init__.py": "",
		"debugpy/server/api.py":      "def _settrace(): pass\n",
		"pydevd.py":                  "class PyDB:\n    def on_configuration_done(self): pass\ndef get_global_debugger(): pass\n",
		"own.py":                     "",
	} {
		file := filepath.Join(packages, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PYTHONDONTWRITEBYTECODE", "1")
	t.Setenv("PYTHONPATH", packages)
	p := newPython(t.TempDir())
	defer p.Close()
	start, err := p.Begin()
	if err != nil {
		t.Fatal(err)
	}
	defer start.Close()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.Command(interpreter(t), "-c", "import own, sys; print(sys.dont_write_bytecode, sys.pycache_prefix)")
	cmd.Env = append(os.Environ(), start.Launch().Env...)
	out := new(strings.Builder)
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	session, err := start.Attach(ctx, Program{PID: cmd.Process.Pid, Language: "Python"})
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	if err := cmd.Wait(); err != nil || out.String() != "True None\n" {
		t.Errorf("the program says %q, %v", out, err)
	}
	var compiled []string
	_ = filepath.WalkDir(filepath.Join(p.dir, "cache"), func(path string, _ os.DirEntry, _ error) error {
		if filepath.Ext(path) == ".pyc" {
			compiled = append(compiled, filepath.Base(path))
		}
		return nil
	})
	if text := strings.Join(compiled, " "); !strings.Contains(text, "api.") || strings.Contains(text, "own.") {
		t.Errorf("compiled are %q, want the debugger's modules alone", text)
	}
}
