//go:build !windows

package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/starlark/config"
)

// program is a command that runs beside the test, in a workspace of its own.
type program struct {
	cmd   *exec.Cmd
	lines chan string // its output, closed at its end
	ended chan error
}

// workspaceOf makes a folder with a Tiltfile, and what runs commands in it. What
// the daemon of it leaves is taken down at the end.
func workspaceOf(t *testing.T, tiltfile string) (dir string, start func(args ...string) *program) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	root, err := os.MkdirTemp("", "tl") // sockets have short paths
	if err != nil {
		t.Fatal(err)
	}
	dir = filepath.Join(root, "shop")
	write(t, dir, map[string]string{"Tiltfile": tiltfile})
	command := func(args ...string) *exec.Cmd {
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
		t.Cleanup(cancel)
		cmd := exec.CommandContext(ctx, self, args...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), asTowline+"=1", "HOME="+root, "XDG_RUNTIME_DIR="+root+"/run", "XDG_STATE_HOME="+root+"/state", "KUBECONFIG="+root+"/none")
		return cmd
	}
	t.Cleanup(func() {
		if out, err := command("down").CombinedOutput(); err != nil {
			t.Errorf("at the end: %v: %s", err, out)
		}
		for deadline := time.Now().Add(30 * time.Second); os.RemoveAll(root) != nil; time.Sleep(5 * time.Millisecond) {
			if time.Now().After(deadline) { // the daemon writes there until its end
				t.Fatalf("%s cannot be removed", root)
			}
		}
	})
	return dir, func(args ...string) *program {
		p := &program{cmd: command(args...), lines: make(chan string, 1000), ended: make(chan error, 1)}
		out, in := io.Pipe()
		p.cmd.Stdout, p.cmd.Stderr = in, in
		if err := p.cmd.Start(); err != nil {
			t.Fatal(err)
		}
		go func() { err := p.cmd.Wait(); in.Close(); p.ended <- err }()
		go func() {
			defer close(p.lines)
			for s := bufio.NewScanner(out); s.Scan(); {
				p.lines <- s.Text()
			}
		}()
		return p
	}
}

// says waits for a line.
func (p *program) says(t *testing.T, want string) {
	t.Helper()
	var all []string
	deadline := time.After(time.Minute)
	for {
		select {
		case line, more := <-p.lines:
			all = append(all, line)
			switch {
			case strings.Contains(line, want):
				return
			case !more:
				t.Fatalf("it ended without %q: %s", want, strings.Join(all, "\n"))
			}
		case <-deadline:
			_ = p.cmd.Process.Kill()
			t.Fatalf("it does not say %q: %s", want, strings.Join(all, "\n"))
		}
	}
}

// ends waits for the end, and returns the exit code.
func (p *program) ends(t *testing.T) int {
	t.Helper()
	select {
	case <-p.ended:
	case <-time.After(time.Minute):
		_ = p.cmd.Process.Kill()
		t.Fatalf("%v goes on", p.cmd.Args)
	}
	return p.cmd.ProcessState.ExitCode()
}

// rest is what one that has ended said besides what was waited for.
func (p *program) rest(t *testing.T) string {
	t.Helper()
	var all []string
	for deadline := time.After(time.Minute); ; {
		select {
		case line, more := <-p.lines:
			if !more {
				return strings.Join(all, "\n")
			}
			all = append(all, line)
		case <-deadline:
			t.Fatalf("the output of %v does not end", p.cmd.Args)
		}
	}
}

const (
	runs      = "local_resource('web', serve_cmd='touch begun; exec sleep 1000')\n"
	neverDone = "local_resource('web', cmd='touch begun; exec sleep 1000')\n"
	evaluates = "local('touch begun; while ! test -e go; do sleep 0.05; done')\nlocal_resource('web', cmd='true')\n"
)

// TestTakenDownElsewhere ends all who follow a project, with a sentence.
func TestTakenDownElsewhere(t *testing.T) {
	for _, test := range []struct{ tiltfile, follow, when, how, want string }{
		{runs, "up", "Following", "down", "the project was taken down elsewhere"},
		{runs, "up", "Following", "down --forget", "the project was taken down elsewhere"},
		{neverDone, "up", "", "down", "the project was taken down elsewhere"},
		{neverDone, "ci", "", "down", "the project was taken down elsewhere"},
	} {
		t.Run(fmt.Sprintf("%s/%s/%s", test.follow, test.when, test.how), func(t *testing.T) {
			t.Parallel()
			dir, start := workspaceOf(t, test.tiltfile)
			up := start(test.follow)
			begun(t, dir)
			if test.when != "" {
				up.says(t, test.when)
			}
			down := start(strings.Fields(test.how)...)
			up.says(t, test.want)
			if code := up.ends(t); code != 1 {
				t.Errorf("exit code %d, want 1", code)
			}
			down.says(t, map[string]string{"down": "down in", "down --forget": "forgotten"}[test.how])
			if code := down.ends(t); code != 0 {
				t.Errorf("down's exit code is %d", code)
			}
		})
	}
}

// TestForwardEndsWithTheProject, and not with a daemon that is killed.
func TestForwardEndsWithTheProject(t *testing.T) {
	dir, start := workspaceOf(t, runs)
	t.Setenv("XDG_RUNTIME_DIR", filepath.Dir(dir)+"/run")
	t.Setenv("XDG_STATE_HOME", filepath.Dir(dir)+"/state")
	up := start("up", "--detach")
	if code := up.ends(t); code != 0 {
		t.Fatalf("up ended with %d: %s", code, up.rest(t))
	}
	e, err := api.EndpointOf(dir)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	p, err := look(ctx, e, api.NewClient(e))
	if err != nil {
		t.Fatal(err)
	}
	said, out := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		ended <- p.keepForwards(ctx, forwards{resource: "web", specs: []config.PortForward{{Container: 80}}}, out, io.Discard)
	}()
	if line := lineOf(t, bufio.NewReader(said)); !strings.HasSuffix(line, " -> web:80\n") {
		t.Fatal(line)
	}
	if err := syscall.Kill(p.status.Daemon.Pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	again := start("up", "--detach")
	if code := again.ends(t); code != 0 {
		t.Fatalf("up ended with %d: %s", code, again.rest(t))
	}
	select {
	case err := <-ended:
		t.Fatalf("it ended with the daemon: %v", err)
	default:
	}
	down := start("down")
	select {
	case err := <-ended:
		if err == nil || !strings.Contains(err.Error(), "taken down elsewhere") {
			t.Errorf("it ended with %v", err)
		}
	case <-ctx.Done():
		t.Error("it goes on after the project is taken down")
	}
	down.ends(t)
	if p.status, err = (api.Status{}), nil; p.keepForwards(ctx, forwards{resource: "web"}, io.Discard, io.Discard) == nil {
		t.Error("ports of what is not up are forwarded")
	}
}

// TestUpBesideDown begins while another shell takes the project down: it comes up,
// or says that it was overtaken. Who followed the project before may follow on when
// it is up again; when it is down for good, nobody does.
func TestUpBesideDown(t *testing.T) {
	t.Parallel()
	_, start := workspaceOf(t, runs)
	first := start("up")
	first.says(t, "Following")
	down, second := start("down"), start("up", "--detach")
	if code := down.ends(t); code != 0 {
		t.Errorf("down's exit code is %d: %s", code, down.rest(t))
	}
	second.ends(t) // with either
	last := start("down")
	if code := last.ends(t); code != 0 {
		t.Errorf("the last down's exit code is %d: %s", code, last.rest(t))
	}
	first.ends(t)
}

// TestInterruptedFollower says that all runs on only where it does.
func TestInterruptedFollower(t *testing.T) {
	for _, test := range []struct{ tiltfile, when, want string }{
		{runs, "Following", "Left running."},
		{evaluates, "", "Interrupted."},
	} {
		t.Run(test.want, func(t *testing.T) {
			t.Parallel()
			dir, start := workspaceOf(t, test.tiltfile)
			up := start("up")
			begun(t, dir)
			if test.when != "" {
				up.says(t, test.when)
			}
			if err := up.cmd.Process.Signal(syscall.SIGINT); err != nil {
				t.Fatal(err)
			}
			up.says(t, test.want)
			if code := up.ends(t); code != 0 {
				t.Errorf("exit code %d", code)
			}
			write(t, dir, map[string]string{"go": ""})
		})
	}
}

// begun waits until the project's command runs.
func begun(t *testing.T, dir string) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !exists(filepath.Join(dir, "begun")); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("its command does not run")
		}
	}
}
