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
	"testing"

	"github.com/towline-dev/towline/agent/wire"
)

// An image without debugpy is refused before anything is done to its program.
// It is asked of what the program was started as, not of the executable: a
// virtual environment is a link to that.
func TestPythonWithoutDebugpy(t *testing.T) {
	interpreter, err := exec.LookPath("/usr/bin/python3")
	if err != nil {
		t.Skip(err)
	}
	link := filepath.Join(t.TempDir(), "python")
	for code, want := range map[int]bool{0: true, 3: false} {
		if err := os.WriteFile(link, []byte("#!/bin/sh\nexit "+strconv.Itoa(code)+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command(interpreter, "-c", "import sys; sys.stdin.read()")
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
	t.Setenv("PYTHONPATH", own)
	h, err := NewHook(filepath.Join(t.TempDir(), "hook"))
	if err != nil {
		t.Fatal(err)
	}
	h.Close()
	cmd := exec.Command("/usr/bin/python3", "-c", "import sys; print([p for p in sys.path if p.endswith('hook')])")
	cmd.Env = append(os.Environ(), h.Launch().Env...)
	out, err := cmd.CombinedOutput()
	if errors.Is(err, os.ErrNotExist) {
		t.Skip(err)
	}
	if got, want := string(out), "own\n[]\n"; got != want || err != nil {
		t.Errorf("it says %q, %v, want %q", got, err, want)
	}
}

// Only the process that is meant gets the debugger; one that it runs goes on.
func TestHookRefusesChildren(t *testing.T) {
	h, err := NewHook(filepath.Join(t.TempDir(), "hook"))
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	ctx, cancel := context.WithCancel(t.Context())
	accepted := make(chan error, 1)
	go func() {
		_, err := h.Attach(ctx, Program{PID: 1}) // not the pid of what follows
		accepted <- err
	}()
	cmd := exec.Command("/usr/bin/python3", "-c", "print('runs')")
	cmd.Env = append(os.Environ(), h.Launch().Env...)
	out, err := cmd.CombinedOutput()
	if errors.Is(err, os.ErrNotExist) {
		t.Skip(err)
	}
	if string(out) != "runs\n" || err != nil {
		t.Errorf("it says %q, %v", out, err)
	}
	cancel()
	if err := <-accepted; !errors.Is(err, context.Canceled) {
		t.Errorf("Attach = %v", err)
	}
}
