//go:build linux

// Package proc runs the application: one process in its own process group,
// started, stopped, restarted and watched. When it crashes it is started again
// by a policy, as the kubelet would do, but without a new container.
//
// An [App] is a small machine with one owner goroutine, which alone touches
// its fields. Requests are functions sent to that goroutine; readers take a
// snapshot. A restart is: stop signal to the whole group, a grace, SIGKILL,
// the wait for the end of the process and of what is left of it, in its group
// and out of it, then the start. A new process therefore never meets the port of the old one.
package proc

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

// State is the state of the application.
type State int

// The states. Held is the first one: nothing was started yet.
const (
	Held State = iota
	Running
	Exited  // by itself
	Backoff // exited by itself, starts again at Status.Next
	Stopped // because Stop was called
)

// Restart says when a process that ended by itself starts again.
type Restart int

// The restart rules.
const (
	OnFailure Restart = iota
	Always
	Never
)

// Policy says when the application is started and how it is stopped. All fields must be set.
type Policy struct {
	Restart    Restart
	Backoff    time.Duration // before the first start again; doubles each time
	BackoffMax time.Duration
	Healthy    time.Duration // a process that lived as long resets the backoff
	Grace      time.Duration // between StopSignal and SIGKILL
	StopSignal syscall.Signal
}

// Spec is what to run.
type Spec struct {
	Argv []string
	Dir  string   // "" is the agent's own
	Env  []string // whole environment
	// Files are the process's stdin, stdout and stderr.
	Files [3]*os.File
	// Shim is a command that is put before the program, and that must exec
	// the program named by its first argument with the rest as its argv. nil
	// starts the program directly.
	Shim []string
	// Reaper is the init process that takes in the application's orphans, 0
	// if there is none: then orphans outlive a restart.
	Reaper int
}

// Launch are the options of one start.
type Launch struct {
	Argv     []string // replaces the command until Original; nil keeps it
	Env      []string // additions, replaced together with Argv
	Original bool     // back to Spec.Argv
	// Once changes the command for this start alone; nil leaves it.
	Once func(argv []string) []string
	// Frozen leaves the new process stopped at its first instruction, by
	// SIGSTOP, for a debugger to take over.
	Frozen bool
}

// Exit says how a process ended.
type Exit struct {
	Code   int            // -1 when a signal ended it or it never started
	Signal syscall.Signal // 0 when none
	OOM    bool           // the kernel killed it for want of memory
	Asked  bool           // we stopped it
	Err    error          // why it could not be started
	At     time.Time
}

// OK reports a success.
func (e *Exit) OK() bool { return e.Code == 0 && e.Signal == 0 && e.Err == nil }

// Status is a snapshot of the application.
type Status struct {
	State   State
	PID     int // while Running
	Starts  int
	Started time.Time // of the last process
	Argv    []string  // of the last process
	Exit    *Exit     // of the last process that ended
	Next    time.Time // with Backoff
}

// ErrNotRunning is returned by requests that need a running process.
var ErrNotRunning = errors.New("the application does not run")

// ErrEnded is returned by requests to an App that has been terminated.
var ErrEnded = errors.New("the agent is shutting down")

// App supervises one application. Its methods may be called concurrently.
//
// Goroutines: the owner (loop), which blocks on requests, the exit of the
// process and the backoff timer, and ends after Terminate when the process has
// ended; and one waiter for each process, which ends with it.
type App struct {
	spec     Spec
	notify   func(Status)
	requests chan func()
	done     chan struct{}
	status   atomic.Pointer[Status]

	// Owned by the loop.
	policy  Policy
	argv    []string // as to be started
	env     []string // additions
	run     *process // nil while none runs
	backoff time.Duration
	timer   *time.Timer
	ending  bool // Terminate was called
}

// New returns an App in state Held. The notify function is called on the
// owner's goroutine with each change of the status; it must return at once and
// not call back.
func New(spec Spec, policy Policy, notify func(Status)) *App {
	a := &App{
		spec: spec, policy: policy, notify: notify, argv: spec.Argv,
		requests: make(chan func()), done: make(chan struct{}),
		timer: time.NewTimer(time.Hour),
	}
	a.timer.Stop()
	a.status.Store(&Status{State: Held, Argv: spec.Argv})
	go a.loop()
	return a
}

// Status returns the application's state as it is now.
func (a *App) Status() Status { return *a.status.Load() }

// Done is closed when the application has ended after Terminate.
func (a *App) Done() <-chan struct{} { return a.done }

// Start starts the application unless it runs.
func (a *App) Start(ctx context.Context, l Launch) (Status, error) {
	return a.ask(ctx, func() error {
		if a.run != nil {
			return nil
		}
		return a.start(l)
	})
}

// Restart stops the application if it runs, and starts it.
func (a *App) Restart(ctx context.Context, l Launch) (Status, error) {
	return a.ask(ctx, func() error {
		a.stop()
		return a.start(l)
	})
}

// Stop stops the application; it stays stopped until it is asked to start.
func (a *App) Stop(ctx context.Context) (Status, error) {
	return a.ask(ctx, func() error {
		a.stop()
		a.timer.Stop()
		a.update(func(s *Status) { s.State, s.Next = Stopped, time.Time{} })
		return nil
	})
}

// SetPolicy changes the policy through change, which gets the one in force.
func (a *App) SetPolicy(ctx context.Context, change func(*Policy)) (Status, error) {
	return a.ask(ctx, func() error { change(&a.policy); return nil })
}

// Signal sends a signal to the application's process group.
func (a *App) Signal(ctx context.Context, sig syscall.Signal) (Status, error) {
	return a.ask(ctx, func() error {
		if a.run == nil {
			return ErrNotRunning
		}
		return a.run.signal(sig)
	})
}

// Terminate sends sig to the application, lets it end in its own time, and
// starts it never again. Done tells when it has ended. Further calls send
// further signals.
func (a *App) Terminate(sig syscall.Signal) {
	a.ask(context.Background(), func() error {
		a.ending = true
		a.timer.Stop()
		if a.run != nil {
			a.run.asked = true
			a.run.signal(sig)
			a.run.signal(syscall.SIGCONT)
		}
		return nil
	})
}

// ask has the owner perform f and returns the status after it.
func (a *App) ask(ctx context.Context, f func() error) (Status, error) {
	type answer struct {
		s   Status
		err error
	}
	answers := make(chan answer, 1)
	request := func() {
		err := f()
		answers <- answer{a.Status(), err}
	}
	select {
	case a.requests <- request:
	case <-a.done:
		return a.Status(), ErrEnded
	case <-ctx.Done():
		return a.Status(), context.Cause(ctx)
	}
	select {
	case r := <-answers:
		return r.s, r.err
	case <-ctx.Done():
		return a.Status(), context.Cause(ctx)
	}
}

// loop is the owner.
func (a *App) loop() {
	defer close(a.done)
	for {
		var exited <-chan Exit
		if a.run != nil {
			exited = a.run.exited
		} else if a.ending {
			return
		}
		select {
		case f := <-a.requests:
			f()
		case e := <-exited:
			a.ended(e)
		case <-a.timer.C:
			a.start(Launch{})
		}
	}
}

// update publishes a changed copy of the status.
func (a *App) update(change func(*Status)) {
	s := a.Status()
	change(&s)
	a.status.Store(&s)
	a.notify(s)
}

// start starts a process. A failure is published as an exit, too.
func (a *App) start(l Launch) error {
	if a.ending {
		return ErrEnded
	}
	a.timer.Stop()
	switch {
	case l.Original:
		a.argv, a.env = a.spec.Argv, nil
	case len(l.Argv) > 0:
		a.argv, a.env = l.Argv, l.Env
	case len(l.Env) > 0:
		a.env = l.Env
	}
	spec := a.spec
	spec.Argv = a.argv
	spec.Env = latest(append(append([]string(nil), spec.Env...), a.env...))
	if l.Once != nil {
		spec.Argv = l.Once(spec.Argv)
	}
	run, err := begin(spec, l.Frozen)
	if err != nil {
		a.update(func(s *Status) { s.Argv, s.Started = spec.Argv, time.Now(); s.Starts++ })
		a.unexpected(Exit{Code: -1, Err: err, At: time.Now()})
		return err
	}
	a.run = run
	a.update(func(s *Status) {
		s.State, s.PID, s.Argv, s.Next = Running, run.pid, spec.Argv, time.Time{}
		s.Starts++
		s.Started = run.started
	})
	return nil
}

// latest drops what a later setting of the same variable replaces: which of two
// counts is each program's own choice.
func latest(env []string) []string {
	set := map[string]bool{}
	var kept []string
	for _, e := range slices.Backward(env) {
		name, _, _ := strings.Cut(e, "=")
		if !set[name] {
			set[name] = true
			kept = append(kept, e)
		}
	}
	slices.Reverse(kept)
	return kept
}

// stop ends the process if there is one.
func (a *App) stop() {
	if a.run == nil {
		return
	}
	e := a.run.stop(a.policy.StopSignal, a.policy.Grace)
	a.run = nil
	a.backoff = 0
	a.update(func(s *Status) { s.State, s.PID, s.Exit = Stopped, 0, &e })
}

// ended handles a process that ended while nobody waited for it.
func (a *App) ended(e Exit) {
	run := a.run
	a.run = nil
	run.left(syscall.SIGTERM) // what it leaves behind
	run.sweep(a.policy.Grace)
	if e.At.Sub(run.started) >= a.policy.Healthy {
		a.backoff = 0
	}
	a.unexpected(e)
}

// unexpected publishes an exit that nobody asked for and decides what follows.
func (a *App) unexpected(e Exit) {
	again := !a.ending && !e.Asked && (a.policy.Restart == Always || a.policy.Restart == OnFailure && !e.OK())
	if !again {
		a.update(func(s *Status) { s.State, s.PID, s.Exit = Exited, 0, &e })
		return
	}
	a.backoff = min(max(2*a.backoff, a.policy.Backoff), a.policy.BackoffMax)
	next := time.Now().Add(a.backoff)
	a.timer.Reset(a.backoff)
	a.update(func(s *Status) { s.State, s.PID, s.Exit, s.Next = Backoff, 0, &e, next })
}
