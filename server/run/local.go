package run

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/towline-dev/towline/server/engine"
	"github.com/towline-dev/towline/starlark/config"
)

// stopGrace is how long a local command may take to end after SIGTERM.
const stopGrace = 5 * time.Second

// local is a local resource's serve command. Its goroutine ends with the
// command; stop ends both.
type local struct {
	stop context.CancelFunc
	done chan struct{}
}

// beginLocal returns the context of a run of a resource's command, which
// endLocal ends. It is called in the order of the effects, so that a stop ends
// what began before it and spares what comes after.
func (r *Runner) beginLocal(name string) (ctx context.Context, done func()) {
	ctx, cancel := context.WithCancel(r.ctx)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.running[name] = cancel
	return ctx, cancel
}

// endLocal ends a resource's command and its serve command.
func (r *Runner) endLocal(name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if cancel := r.running[name]; cancel != nil {
		cancel()
		delete(r.running, name)
	}
	if l := r.locals[name]; l != nil {
		l.stop() // whoever serves in its place waits for its end
	}
}

// runLocal runs a resource's command and, when that succeeded, its serve
// command.
func (r *Runner) runLocal(ctx context.Context, e engine.RunLocal) {
	name, spec := e.Resource.Name, e.Resource.Local
	var problem *config.Problem
	if !spec.Cmd.Empty() {
		began := time.Now()
		r.log(name, "towline", "", "running: "+commandText(spec.Cmd.Argv))
		if err := r.command(ctx, name, spec.Cmd, "build"); err != nil {
			problem = &config.Problem{
				Message: fmt.Sprintf("%s: %v", commandText(spec.Cmd.Argv), err),
				Hint:    fmt.Sprintf("`towline logs %s` shows its output; it runs again when one of its deps changes", name),
				Pos:     e.Resource.Pos,
			}
			r.log(name, "towline", "error", problem.Message)
		} else {
			r.log(name, "towline", "", "done in "+time.Since(began).Round(time.Millisecond).String())
		}
	}
	if problem == nil && !spec.ServeCmd.Empty() {
		r.serve(ctx, e.Resource)
	}
	r.o.Sink.Event(engine.LocalDone{Resource: name, Problem: problem})
	if spec.ServeCmd.Empty() {
		r.o.Sink.Event(engine.Observed{Resource: name, Ready: problem == nil})
	}
}

// serve starts a serve command in place of the one that runs, unless the run
// that it belongs to was ended.
func (r *Runner) serve(run context.Context, res config.Resource) {
	r.stopLocal(res.Name)
	ctx, cancel := context.WithCancel(r.ctx)
	l := &local{stop: cancel, done: make(chan struct{})}
	r.mu.Lock()
	if run.Err() != nil {
		r.mu.Unlock()
		cancel()
		return
	}
	r.locals[res.Name] = l
	r.mu.Unlock()
	r.log(res.Name, "towline", "", "serving: "+commandText(res.Local.ServeCmd.Argv))
	r.spawn(func() {
		defer close(l.done)
		defer cancel()
		err := r.command(ctx, res.Name, res.Local.ServeCmd, "runtime")
		if r.ctx.Err() != nil || ctx.Err() != nil {
			return
		}
		text := "the serve command ended"
		if err != nil {
			text += ": " + err.Error()
		}
		r.log(res.Name, "towline", "error", text)
		r.o.Sink.Event(engine.Observed{Resource: res.Name, Broken: true, Message: text})
	})
	r.spawn(func() { r.probe(ctx, res) })
}

// stopLocal ends a resource's serve command and waits for it.
func (r *Runner) stopLocal(name string) {
	r.mu.Lock()
	l := r.locals[name]
	delete(r.locals, name)
	r.mu.Unlock()
	if l != nil {
		l.stop()
		<-l.done
	}
}

// command runs a program in a process group of its own, to its end or that of
// ctx, with its output in the resource's log.
func (r *Runner) command(ctx context.Context, resource string, c config.Command, source string) error {
	cmd := exec.CommandContext(ctx, c.Argv[0], c.Argv[1:]...)
	cmd.Dir = c.Dir
	cmd.Env = r.environment(c.Env)
	out := r.lines(func(text string) { r.o.Sink.Log(Line{Resource: resource, Source: source, Text: text}) })
	defer out.Flush()
	cmd.Stdout, cmd.Stderr = out, out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
	cmd.WaitDelay = stopGrace
	err := cmd.Run()
	if cmd.Process != nil && ctx.Err() != nil {
		// What the command left behind in its group goes with it.
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
	}
	return err
}

// environment is the daemon's, with a kubeconfig of the cluster and a command's
// own additions.
func (r *Runner) environment(extra map[string]string) []string {
	env := os.Environ()
	if r.o.Kubeconfig != "" {
		env = append(env, "KUBECONFIG="+r.o.Kubeconfig)
	}
	if self, err := os.Executable(); err == nil {
		env = append(env, "TOWLINE="+self) // for commands of extensions that have none of their own
	}
	for _, k := range sortedKeys(extra) {
		env = append(env, k+"="+extra[k])
	}
	return env
}

// probe tells when a serve command is ready, and when it no longer is.
func (r *Runner) probe(ctx context.Context, res config.Resource) {
	p := res.Local.Probe
	if p == nil {
		r.o.Sink.Event(engine.Observed{Resource: res.Name, Ready: true})
		return
	}
	r.o.Sink.Event(engine.Observed{Resource: res.Name, Message: "waiting for the readiness probe"})
	if !pause(ctx, p.InitialDelay) {
		return
	}
	ready, good, bad := false, 0, 0
	for ctx.Err() == nil {
		err := r.try(ctx, res, p)
		if err == nil {
			good, bad = good+1, 0
		} else {
			good, bad = 0, bad+1
		}
		switch {
		case !ready && good >= max(p.SuccessThreshold, 1):
			ready = true
			r.o.Sink.Event(engine.Observed{Resource: res.Name, Ready: true})
		case ready && bad >= max(p.FailureThreshold, 1):
			ready = false
			r.o.Sink.Event(engine.Observed{Resource: res.Name, Message: "the readiness probe fails: " + err.Error()})
		}
		if !pause(ctx, max(p.Period, 10*time.Millisecond)) {
			return
		}
	}
}

// try performs one attempt of a probe.
func (r *Runner) try(ctx context.Context, res config.Resource, p *config.Probe) error {
	ctx, cancel := context.WithTimeout(ctx, max(p.Timeout, 10*time.Millisecond))
	defer cancel()
	switch {
	case p.HTTP != nil:
		url := fmt.Sprintf("%s://%s%s", p.HTTP.Scheme, net.JoinHostPort(p.HTTP.Host, strconv.Itoa(p.HTTP.Port)), p.HTTP.Path)
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return err
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		if resp.StatusCode < 200 || resp.StatusCode >= 400 {
			return fmt.Errorf("%s answered %s", url, resp.Status)
		}
		return nil
	case p.TCP != nil:
		var d net.Dialer
		conn, err := d.DialContext(ctx, "tcp", net.JoinHostPort(p.TCP.Host, strconv.Itoa(p.TCP.Port)))
		if err != nil {
			return err
		}
		return conn.Close()
	case len(p.Exec) > 0:
		cmd := exec.CommandContext(ctx, p.Exec[0], p.Exec[1:]...)
		cmd.Dir = res.Local.ServeCmd.Dir
		cmd.Env = r.environment(res.Local.ServeCmd.Env)
		return cmd.Run()
	}
	return nil
}

func pause(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

// commandText shows a command as a person would type it.
func commandText(argv []string) string {
	if len(argv) == 3 && argv[1] == "-c" && slices.Contains([]string{"sh", "bash", "/bin/sh"}, argv[0]) {
		return argv[2]
	}
	return strings.Join(argv, " ")
}
