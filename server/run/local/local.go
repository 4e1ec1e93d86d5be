// Package local runs the commands of local resources: the one that updates the
// resource, to its end, and then the one that serves it, until it is stopped.
package local

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"sync"
	"time"

	"github.com/towline-dev/towline/server/engine"
	"github.com/towline-dev/towline/server/run/command"
	"github.com/towline-dev/towline/server/run/inbox"
	"github.com/towline-dev/towline/server/run/output"
	"github.com/towline-dev/towline/starlark/config"
)

// Commands are the commands of a project's local resources. Its methods may be
// called concurrently and do not wait. One goroutine owns what runs; each
// command and each probe has one of its own, which ends with it.
//
// Of a resource at most one serve command runs: the next begins when the one
// before has ended. A stop ends what was begun before it, and nothing else.
type Commands struct {
	shell  command.Shell
	tell   func(engine.Event)
	box    *inbox.Inbox[state]
	moment time.Duration // see moment
}

// state is what runs, by resource.
type state struct {
	running map[string]context.CancelFunc // commands before they serve
	serving map[string]*inbox.Operation   // serve commands
}

// Start returns Commands that run in a shell and tell what comes of them.
func Start(ctx context.Context, shell command.Shell, tell func(engine.Event)) *Commands {
	s := &state{running: map[string]context.CancelFunc{}, serving: map[string]*inbox.Operation{}}
	c := &Commands{shell: shell, tell: tell, box: inbox.Start(ctx, s), moment: moment}
	// What an earlier daemon served that was killed ends before anything runs.
	c.box.Put(func(context.Context, *state) { shell.EndLeft() })
	return c
}

// Close ends all commands and waits for them.
func (c *Commands) Close() { c.box.Close() }

// Run runs a resource's command and, when that succeeded, its serve command.
func (c *Commands) Run(e engine.RunLocal) {
	c.box.Put(func(ctx context.Context, s *state) {
		ctx, cancel := s.begin(ctx, e.Resource.Name)
		c.box.Go(func() {
			defer cancel()
			c.run(ctx, e.Resource)
		})
	})
}

// begin takes the place of what is about to serve a resource.
func (s *state) begin(ctx context.Context, resource string) (context.Context, context.CancelFunc) {
	if old := s.running[resource]; old != nil {
		old()
	}
	ctx, cancel := context.WithCancel(ctx)
	s.running[resource] = cancel
	return ctx, cancel
}

// Restart ends a resource's serve command, if it runs, and starts it again.
func (c *Commands) Restart(res config.Resource) {
	c.box.Put(func(ctx context.Context, s *state) {
		ctx, cancel := s.begin(ctx, res.Name)
		c.box.Go(func() {
			defer cancel()
			c.serve(ctx, res)
		})
	})
}

// Stop ends a resource's command and its serve command.
func (c *Commands) Stop(resource string) {
	c.box.Put(func(_ context.Context, s *state) {
		if cancel := s.running[resource]; cancel != nil {
			cancel()
			delete(s.running, resource)
		}
		s.serving[resource].Cancel() // whoever serves in its place waits for its end
	})
}

func (c *Commands) run(ctx context.Context, res config.Resource) {
	problem := c.update(ctx, res)
	serves := !res.Local.ServeCmd.Empty()
	if problem == nil && serves {
		c.serve(ctx, res)
	}
	c.tell(engine.LocalDone{Resource: res.Name, Problem: problem})
	if !serves {
		c.tell(engine.Observed{Resource: res.Name, Ready: problem == nil})
	}
}

// update runs the command that comes before the serving.
func (c *Commands) update(ctx context.Context, res config.Resource) *config.Problem {
	cmd := res.Local.Cmd
	if cmd.Empty() {
		return nil
	}
	began := time.Now()
	c.shell.Log.Say(res.Name, "", "running: "+command.Text(cmd.Argv))
	last, err := c.shell.Last(ctx, command.Call{Command: cmd, Line: output.Line{Resource: res.Name, Source: "build"}})
	if err == nil {
		c.shell.Log.Say(res.Name, "", "done in "+time.Since(began).Round(time.Millisecond).String())
		return nil
	}
	problem := &config.Problem{
		Message: reason(last, err, cmd.Argv),
		Hint:    fmt.Sprintf("`towline logs %s` shows its output; `towline trigger %[1]s` runs it again, as does a change of its deps", res.Name),
		Pos:     res.Pos,
	}
	c.shell.Log.Say(res.Name, "error", problem.Message)
	return problem
}

// serve starts a serve command when the one that runs has ended, unless the
// run that it belongs to was stopped meanwhile.
func (c *Commands) serve(run context.Context, res config.Resource) {
	old := inbox.Ask(run, c.box, func(_ context.Context, s *state) *inbox.Operation { return s.serving[res.Name] })
	old.Cancel()
	old.Wait()
	inbox.Ask(run, c.box, func(ctx context.Context, s *state) *inbox.Operation {
		if run.Err() != nil {
			return nil
		}
		ctx, next := inbox.Begin(ctx)
		s.serving[res.Name] = next
		c.shell.Log.Say(res.Name, "", "serving: "+command.Text(res.Local.ServeCmd.Argv))
		c.box.Go(func() {
			defer next.End()
			c.serveToEnd(ctx, res)
		})
		return next
	})
}

// serveToEnd runs a serve command and its probe, which says nothing of one that
// has ended. That the command ends by itself is told.
func (c *Commands) serveToEnd(ctx context.Context, res config.Resource) {
	alive, stop := context.WithCancel(ctx)
	defer stop()
	var probe sync.WaitGroup
	probe.Go(func() { c.probe(alive, res) })
	last, err := c.shell.Serve(ctx, command.Call{
		Command: res.Local.ServeCmd, Line: output.Line{Resource: res.Name, Source: "runtime"}, Ended: stop,
	})
	stop() // also where it could not be started
	probe.Wait()
	if ctx.Err() != nil {
		return
	}
	text := "the serve command ended"
	if err != nil {
		text += ": " + err.Error()
	}
	text = output.WithWords(text, last)
	c.shell.Log.Say(res.Name, "error", text)
	c.tell(engine.Observed{Resource: res.Name, Broken: true, Message: text})
}

// reason says why a command failed: what it said itself comes first.
func reason(last string, err error, argv []string) string {
	how := err.Error()
	if _, ran := errors.AsType[*exec.ExitError](err); ran {
		how += " of " + shortened(command.Text(argv))
	}
	if last == "" {
		return how
	}
	return fmt.Sprintf("%s (%s)", last, how)
}

// shortened is a command line that a sentence has room for.
func shortened(text string) string {
	const room = 60
	text, more, _ := strings.Cut(text, "\n")
	if runes := []rune(text); len(runes) > room {
		return string(runes[:room]) + "…"
	} else if more != "" {
		return text + " …"
	}
	return text
}
