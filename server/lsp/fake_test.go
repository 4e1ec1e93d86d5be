package lsp

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/starlark/config"
)

// fakeDaemon is a daemon in memory. Tests set what it answers and read what it
// was asked.
type fakeDaemon struct {
	mu       sync.Mutex
	status   api.Status
	changed  chan struct{} // closed and replaced with each status
	gone     chan struct{} // closed by kill and end
	goneErr  error
	asked    []string // "hint a b", "up", …
	upErr    error
	upWith   api.UpRequest // the last
	downWith api.DownRequest
	answers  []api.AnswerRequest
	refuses  error       // an answer
	typed    []time.Time // with each hint
	logLines []api.LogLine
	project  config.Project
	breaks   string            // the request that breaks the connection
	onAsk    func(what string) // may be nil
}

func newFakeDaemon(pid int) *fakeDaemon {
	return &fakeDaemon{
		changed: make(chan struct{}), gone: make(chan struct{}),
		status: api.Status{Seq: 1, Daemon: api.DaemonInfo{Pid: pid}},
	}
}

// set changes the status.
func (d *fakeDaemon) set(change func(*api.Status)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	next := d.status
	next.Seq++
	next.Resources = slices.Clone(next.Resources)
	change(&next)
	d.status = next
	close(d.changed)
	d.changed = make(chan struct{})
}

// kill ends the daemon; its connections break off with err, or end well when
// it is nil.
func (d *fakeDaemon) kill(err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.goneErr = err
	close(d.gone)
}

var errGone = errors.New("connection reset by peer")

func (d *fakeDaemon) ask(what string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	select {
	case <-d.gone:
		return errGone
	default:
	}
	d.asked = append(d.asked, what)
	if d.onAsk != nil {
		d.onAsk(what)
	}
	if what == d.breaks {
		go d.kill(errGone)
		return errGone
	}
	return nil
}

// breakAt makes the daemon go down while it is asked something.
func (d *fakeDaemon) breakAt(what string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.breaks = what
}

func (d *fakeDaemon) calls() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.asked)
}

func (d *fakeDaemon) Watch(ctx context.Context, visit func(*api.Status) error) error {
	for {
		d.mu.Lock()
		status, changed := d.status, d.changed
		d.mu.Unlock()
		if err := visit(&status); err != nil {
			return err
		}
		select {
		case <-changed:
		case <-d.gone:
			return d.goneErr
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (d *fakeDaemon) Project(context.Context) (*config.Project, error) {
	err := d.ask("project")
	d.mu.Lock()
	defer d.mu.Unlock()
	p := d.project
	return &p, err
}

func (d *fakeDaemon) Allow(context.Context) (api.Status, error) {
	err := d.ask("allow")
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.status, err
}

func (d *fakeDaemon) Up(_ context.Context, req api.UpRequest) (api.Status, error) {
	d.mu.Lock()
	d.upWith = req
	d.mu.Unlock()
	if err := d.ask("up"); err != nil {
		return api.Status{}, err
	}
	if d.upErr != nil {
		return api.Status{}, d.upErr
	}
	d.set(func(s *api.Status) { s.Up = true })
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.status, nil
}

func (d *fakeDaemon) SetArgs(_ context.Context, args ...string) (api.Status, error) {
	if err := d.ask(strings.Join(append([]string{"args"}, args...), " ")); err != nil {
		return api.Status{}, err
	}
	d.set(func(s *api.Status) { s.Args = args })
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.status, nil
}

func (d *fakeDaemon) Down(_ context.Context, req api.DownRequest) error {
	d.mu.Lock()
	d.downWith = req
	d.mu.Unlock()
	return d.ask("down")
}

func (d *fakeDaemon) Hint(_ context.Context, typed time.Time, paths ...string) error {
	d.mu.Lock()
	d.typed = append(d.typed, typed)
	d.mu.Unlock()
	return d.ask("hint " + strings.Join(paths, " "))
}

// hints are when was typed, of each hint.
func (d *fakeDaemon) hints() []time.Time {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.typed)
}

func (d *fakeDaemon) Noticed(_ context.Context, paths ...string) error {
	return d.ask("noticed " + strings.Join(paths, " "))
}

func (d *fakeDaemon) Answer(_ context.Context, req api.AnswerRequest) error {
	d.mu.Lock()
	d.answers = append(d.answers, req)
	refuses := d.refuses
	d.mu.Unlock()
	if err := d.ask("answer " + req.ID); err != nil {
		return err
	}
	return refuses
}

// given are the answers so far.
func (d *fakeDaemon) given() []api.AnswerRequest {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.answers)
}

// refuse has answers refused from now on.
func (d *fakeDaemon) refuse(err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.refuses = err
}

func (d *fakeDaemon) Press(_ context.Context, req api.ButtonRequest) error {
	return d.ask(fmt.Sprintf("press %s of %s with %v", req.Button, req.Resource, req.Inputs))
}

func (d *fakeDaemon) Trigger(_ context.Context, resource string) error {
	return d.ask("trigger " + resource)
}

func (d *fakeDaemon) Restart(_ context.Context, resource string) error {
	return d.ask("restart " + resource)
}

func (d *fakeDaemon) Stop(context.Context) error {
	err := d.ask("stop")
	d.kill(nil)
	return err
}

func (d *fakeDaemon) Logs(_ context.Context, req api.LogsRequest, visit func(api.LogLine) error) error {
	if err := d.ask("logs"); err != nil {
		return err
	}
	for _, line := range d.logLines {
		if len(req.Resources) == 0 || slices.Contains(req.Resources, line.Resource) {
			if err := visit(line); err != nil {
				return err
			}
		}
	}
	return nil
}

// daemons is a Connector of fakes: each call of next makes the daemon that the
// next connection finds.
type daemons struct {
	mu      sync.Mutex
	running *fakeDaemon
	next    []*fakeDaemon // started one after the other
	err     error         // of starting one
	starts  int

	of map[string]*fakeDaemon // by the name of the project's folder; nil: one for all
}

func (d *daemons) connect(_ context.Context, folder string, start bool) (Daemon, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if own := d.of[filepath.Base(folder)]; own != nil && (start || own.status.Up) {
		return own, nil
	}
	if d.running != nil {
		select {
		case <-d.running.gone:
			d.running = nil
		default:
			return d.running, nil
		}
	}
	if !start {
		return nil, ErrNoDaemon
	}
	d.starts++
	if d.err != nil {
		return nil, d.err
	}
	if len(d.next) == 0 {
		return nil, errors.New("the test has no further daemon")
	}
	d.running, d.next = d.next[0], d.next[1:]
	return d.running, nil
}

// count returns how often a daemon was to be started.
func (d *daemons) count() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.starts
}
