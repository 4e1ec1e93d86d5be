// Package agents keeps the connections to the agents in a project's
// containers, and brings them what they are to have: files, commands,
// restarts, and how their application is to be treated.
package agents

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/towline-dev/towline/agent/client"
	"github.com/towline-dev/towline/agent/wire"
	"github.com/towline-dev/towline/server/engine"
	"github.com/towline-dev/towline/server/run/inbox"
	"github.com/towline-dev/towline/server/run/output"
	"github.com/towline-dev/towline/starlark/config"
)

// Syncer is an agent that changes files. Done is closed when it is lost.
type Syncer interface {
	Apply(ctx context.Context, change client.Change) (wire.Result, error)
	Verify(ctx context.Context, want []wire.File) ([]wire.Entry, error)
	Managed(ctx context.Context) ([]wire.Path, error)
	Done() <-chan struct{}
}

// Starter is an agent that starts and stops its application.
type Starter interface {
	Start(ctx context.Context, o wire.StartOptions) (wire.Process, error)
	Stop(ctx context.Context) (wire.Process, error)
	SetPolicy(ctx context.Context, p wire.Policy) (wire.Process, error)
}

// Tunnel is an agent that connects to its pod's ports and debuggers.
type Tunnel interface {
	Dial(ctx context.Context, port int) (net.Conn, error)
	Debug(ctx context.Context, d wire.DebugRequest) (net.Conn, wire.DebugReady, error)
}

// Agent is a connection to an agent. Its methods are called concurrently;
// Events returns when the connection has ended.
type Agent interface {
	Syncer
	Starter
	Tunnel
	Facts() wire.Facts
	Events(ctx context.Context, handle func(wire.Event) error) error
	io.Closer
}

// Options are what Agents work with. The functions may be called from any
// goroutine; all but Connect must not block.
type Options struct {
	Connect func(ctx context.Context, id engine.TargetID) (Agent, error)
	Log     output.Log
	Tell    func(engine.Event)
	Status  func(Status)
	Gone    func(engine.TargetID) // no agent is wanted there any longer
	Sent    string                // folder for the large files that were sent last; "": none are kept
}

// Agents are the agents of one project. Its methods may be called concurrently;
// those that answer nothing do not wait.
//
// One goroutine owns the targets. Each target has one that connects, follows
// the agent's events and begins anew when the connection is lost, until it is
// detached; a newer one for the same container begins when the older has
// ended. Each live update has one, which ends with its answer.
type Agents struct {
	o    Options
	sent *sent
	box  *inbox.Inbox[state]
}

// state is what the owner knows.
type state struct {
	project *config.Project
	set     config.Ours // of project
	targets map[engine.TargetID]*target
	ending  map[engine.TargetID]*target // that were detached and may not have ended yet
	stale   map[string]age              // resources of which it is told that the process is older than its files
}

// target is one container that has an agent.
type target struct {
	engine.Attach
	stop   context.CancelFunc
	done   chan struct{} // closed when its goroutine has ended
	agent  Agent         // nil while not connected
	policy wire.Policy   // that the agent was told, or has by itself
	held   bool          // the process was stopped and waits for its debugger
	status Status
}

// Start returns Agents that know no container.
func Start(ctx context.Context, o Options) *Agents {
	a := &Agents{o: o, box: inbox.Start(ctx, &state{project: &config.Project{}, targets: map[engine.TargetID]*target{}, ending: map[engine.TargetID]*target{}, stale: map[string]age{}})}
	var err error
	if a.sent, err = newSent(o.Sent); err != nil {
		o.Log.Say("", "warn", err.Error()+"; files travel whole")
	}
	return a
}

// Close ends all connections and waits.
func (a *Agents) Close() {
	a.box.Close()
	a.sent.close()
}

// Configure tells of the project, whose restart settings are in force at once.
func (a *Agents) Configure(p *config.Project) {
	a.box.Put(func(ctx context.Context, s *state) {
		s.project, s.set = p, p.Settings.Ours()
		for _, t := range s.targets {
			if c, policy, due := s.policy(t); due {
				a.box.Go(func() { a.setPolicy(ctx, t, c, policy) })
			}
		}
	})
}

// Attach connects to a container's agent, again and again until it is detached.
func (a *Agents) Attach(e engine.Attach) {
	a.box.Put(func(ctx context.Context, s *state) {
		ctx, cancel := context.WithCancel(ctx)
		t := &target{Attach: e, stop: cancel, done: make(chan struct{}), policy: policyOf(config.RestartSetting{})}
		t.status = Status{ID: e.Target, Resource: e.Resource}
		old := cmp.Or(s.targets[e.Target], s.ending[e.Target])
		s.targets[e.Target] = t
		delete(s.ending, e.Target)
		if old != nil {
			old.stop()
		}
		a.o.Status(t.status)
		a.box.Go(func() {
			defer close(t.done)
			if old != nil {
				<-old.done
			}
			a.follow(ctx, t)
		})
	})
}

// Detach gives a container's agent up.
func (a *Agents) Detach(id engine.TargetID) {
	a.box.Put(func(_ context.Context, s *state) {
		if t := s.targets[id]; t != nil {
			t.stop()
			delete(s.targets, id)
			s.ending[id] = t
			a.box.Go(func() { a.forget(t) })
		}
		a.o.Gone(id)
	})
}

// forget forgets a detached target that has ended.
func (a *Agents) forget(t *target) {
	<-t.done
	a.box.Put(func(_ context.Context, s *state) {
		if s.ending[t.Target] == t {
			delete(s.ending, t.Target)
		}
	})
}

// Connected returns a container's agent, nil while it is not reached.
func (a *Agents) Connected(ctx context.Context, id engine.TargetID) Agent {
	return inbox.Ask(ctx, a.box, func(_ context.Context, s *state) Agent {
		if t := s.targets[id]; t != nil {
			return t.agent
		}
		return nil
	})
}

// Debugged reports whether a debugger is attached to a container's process.
func (a *Agents) Debugged(ctx context.Context, id engine.TargetID) bool {
	s, err := a.session(ctx, id)
	return err == nil && s.debugged
}

// session is what an update of a container works with, as it is at one moment.
type session struct {
	agent    Agent
	resource string
	image    *config.Image
	sync     config.SyncSetting
	debugged bool // a debugger is attached to the process
}

// session returns the agent of a container and what the project says of it.
func (a *Agents) session(ctx context.Context, id engine.TargetID) (session, error) {
	found := inbox.Ask(ctx, a.box, func(_ context.Context, s *state) session {
		t := s.targets[id]
		if t == nil {
			return session{}
		}
		img := s.image(t.Image)
		return session{agent: t.agent, resource: t.Resource, image: img, sync: s.set.SyncOf(img.Ref), debugged: t.status.Process.Debug}
	})
	if found.agent == nil {
		return found, fmt.Errorf("%s: no agent is connected", id)
	}
	return found, nil
}

func (s *state) image(ref string) *config.Image {
	for _, img := range s.project.LiveImages() {
		if img.Ref == ref {
			return &img
		}
	}
	return &config.Image{Ref: ref}
}

// update changes what is known of a target and tells it, unless another took
// the target's place.
func (a *Agents) update(t *target, change func(*target)) {
	a.box.Put(func(_ context.Context, s *state) {
		if s.targets[t.Target] == t {
			change(t)
			a.o.Status(t.status)
		}
	})
}

// processed takes over what an agent said of its process. Answers and events
// come by different streams: one that is older than what is known is dropped.
func (a *Agents) processed(t *target, p wire.Process) {
	a.update(t, func(t *target) {
		if !outdated(t.status.Process, p) {
			t.status.Process = p
		}
	})
}

// outdated reports whether a process is told as it was before what is known:
// an earlier start, or still running after its end was seen.
func outdated(known, p wire.Process) bool {
	ended := known.State == wire.StateExited || known.State == wire.StateBackoff
	return p.Starts < known.Starts || p.Starts == known.Starts && ended && p.State == wire.StateRunning
}

func pause(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}
