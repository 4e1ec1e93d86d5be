// Package forward holds the port-forwards of a project's resources: ports on
// this machine that answer with what listens in a pod.
package forward

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/towline-dev/towline/server/run/inbox"
	"github.com/towline-dev/towline/server/run/output"
	"github.com/towline-dev/towline/starlark/config"
)

// Facts are the ports of a resource that answer on this machine.
type Facts struct {
	Resource string
	Forwards []Forward
}

// Forward is one such port.
type Forward struct {
	Spec    config.PortForward
	Local   string // host:port that is listened on
	Remote  int
	Problem string // why it does not answer, for a person
	Err     error  // with Problem: why the system does not listen there
	Moved   string // why it is another port than the one that was asked for, "" where it is that
	Silent  string // why nothing in the pod answered the last connection, "" where something did
}

// Dialer connects to the pods. DialPod is called concurrently, for each
// accepted connection, so that a forward outlives the pods behind it.
type Dialer interface {
	DialPod(ctx context.Context, resource string, spec config.PortForward) (net.Conn, error)
}

// Forwards are the port-forwards of a project. Its methods may be called
// concurrently and do not wait. One goroutine owns the list of resources;
// each resource has one that owns its listeners, each listener one that
// accepts, and each connection two that copy. All end with their resource's
// context.
type Forwards struct {
	dialer Dialer
	next   atomic.Bool // where a port is in use, the next free one is taken
	log    output.Log
	tell   func(Facts)
	box    *inbox.Inbox[state]
}

// state has the resources whose ports are open, or about to be.
type state map[string]*listeners

// listeners are one resource's ports. serving ends when none is listened on any
// more.
type listeners struct {
	specs   []config.PortForward
	ended   bool // the resource is not up: only a new Open opens any
	serving *inbox.Operation
}

// Start returns Forwards without any.
func Start(ctx context.Context, dialer Dialer, log output.Log, tell func(Facts)) *Forwards {
	return &Forwards{dialer: dialer, log: log, tell: tell, box: inbox.Start(ctx, &state{})}
}

// Close ends all forwards and waits for them.
func (f *Forwards) Close() { f.box.Close() }

// Open opens a resource's forwards, or keeps them as they are.
func (f *Forwards) Open(resource string, specs []config.PortForward) {
	f.box.Put(func(ctx context.Context, s *state) { f.open(ctx, *s, resource, specs) })
}

// TakeNext has ports that are opened from now on be the next free one where the one
// that is asked for is in use.
func (f *Forwards) TakeNext(is bool) { f.next.Store(is) }

// Follow takes the forwards of a project over: those that are open follow what
// it says, those of resources that it has not end.
func (f *Forwards) Follow(p *config.Project) {
	f.TakeNext(p.Settings.Ours().TakesNextPort())
	f.box.Put(func(ctx context.Context, s *state) {
		for _, res := range p.Resources {
			if l := (*s)[res.Name]; l != nil && !l.ended {
				f.open(ctx, *s, res.Name, res.PortForwards)
			}
		}
		for name := range *s {
			if !slices.ContainsFunc(p.Resources, func(r config.Resource) bool { return r.Name == name }) {
				f.end(ctx, *s, name)
			}
		}
	})
}

// End ends the forwards of resources.
func (f *Forwards) End(resources []string) {
	f.box.Put(func(ctx context.Context, s *state) {
		for _, name := range resources {
			f.end(ctx, *s, name)
		}
	})
}

// end leaves a resource without forwards, which is told when its ports are
// free.
func (f *Forwards) end(ctx context.Context, s state, resource string) {
	if l := s[resource]; l != nil && !l.ended {
		f.open(ctx, s, resource, nil)
		s[resource].ended = true
	}
}

func (f *Forwards) open(ctx context.Context, s state, resource string, specs []config.PortForward) {
	old := s[resource]
	if old != nil && !old.ended && slices.Equal(old.specs, specs) {
		return
	}
	var before *inbox.Operation
	if old != nil {
		before = old.serving
	}
	before.Cancel()
	ctx, serving := inbox.Begin(ctx)
	s[resource] = &listeners{specs: specs, serving: serving}
	f.box.Go(func() {
		defer serving.End()
		before.Wait()
		f.serve(ctx, resource, specs)
	})
}

// portRetry is the time between attempts to listen on a port that cannot be had.
const portRetry = time.Second

// serving is the work for one resource's ports.
type serving struct {
	*Forwards
	resource  string
	accepting sync.WaitGroup
	silences  chan silence
}

// silence says why nothing answers on a port, or that something does again.
type silence struct {
	local string
	why   string
}

// serve listens on a resource's ports until ctx ends. A port that cannot be had is
// tried again until it can.
func (f *Forwards) serve(ctx context.Context, resource string, specs []config.PortForward) {
	s := &serving{Forwards: f, resource: resource, silences: make(chan silence)}
	defer s.accepting.Wait()
	facts := Facts{Resource: resource}
	for _, spec := range specs {
		fwd := s.listen(ctx, spec)
		if failed(fwd) {
			fwd.Problem = s.problem(ctx, fwd)
		}
		facts.Forwards = append(facts.Forwards, fwd)
		switch {
		case fwd.Problem != "":
			f.log.Say(resource, "error", fwd.Problem)
		case fwd.Moved != "":
			f.log.Say(resource, "warn", fwd.Moved)
		}
	}
	f.tell(facts)
	retry := time.NewTicker(portRetry)
	defer retry.Stop()
	for {
		var next []Forward
		select {
		case <-ctx.Done():
			return
		case now := <-s.silences:
			next = silenced(facts.Forwards, now)
		case <-retry.C:
			next = s.listenAgain(ctx, facts)
		}
		if next != nil {
			facts.Forwards = next
			f.tell(facts)
		}
		if !slices.ContainsFunc(facts.Forwards, failed) {
			retry.Stop()
		}
	}
}

func failed(fwd Forward) bool { return fwd.Err != nil }

// silenced notes a silence, and returns a new list when that is news.
func silenced(forwards []Forward, now silence) []Forward {
	at := slices.IndexFunc(forwards, func(f Forward) bool { return f.Local == now.local && !failed(f) })
	if at < 0 || forwards[at].Silent == now.why {
		return nil
	}
	next := slices.Clone(forwards) // the old list is in others' hands
	next[at].Silent = now.why
	return next
}

// listenAgain tries the ports that could not be had, and returns a new list when
// one of them can.
func (s *serving) listenAgain(ctx context.Context, facts Facts) (next []Forward) {
	for i, old := range facts.Forwards {
		if !failed(old) {
			continue
		}
		now := s.listen(ctx, old.Spec)
		if failed(now) {
			continue
		}
		if next == nil {
			next = slices.Clone(facts.Forwards) // the old list is in others' hands
		}
		next[i] = now
		s.log.Say(facts.Resource, "", fmt.Sprintf("port %d can be listened on now: forwarding", now.Spec.Local))
	}
	return next
}

// mostTried is how many ports after one that is in use are tried.
const mostTried = 100

// bind listens for one forward, and says why on another port than it asks for.
func (s *serving) bind(ctx context.Context, host string, spec config.PortForward) (ln net.Listener, moved string, err error) {
	var lc net.ListenConfig
	at := func(port int) string { return net.JoinHostPort(host, strconv.Itoa(port)) }
	ln, err = lc.Listen(ctx, "tcp", at(spec.Local))
	if !errors.Is(err, syscall.EADDRINUSE) || !s.next.Load() {
		return ln, "", err
	}
	for port := spec.Local + 1; port <= min(spec.Local+mostTried, 65535); port++ {
		if next, failed := lc.Listen(ctx, "tcp", at(port)); failed == nil {
			return next, fmt.Sprintf("port %d is in use by %s: %d is forwarded in its place", spec.Local, s.user(ctx, at(spec.Local)), port), nil
		}
	}
	return nil, "", err
}

// user says who listens where we would: a forward of this project's, or another program.
func (s *serving) user(ctx context.Context, local string) string {
	name, pid := Holder(local)
	if pid == os.Getpid() {
		if by := s.holder(ctx, s.resource, local); by != "" {
			return by + "'s own forward"
		}
	}
	if name == "" {
		return "another program"
	}
	return name
}

// holder is another resource whose forward listens at a place, "" for none.
func (f *Forwards) holder(ctx context.Context, resource, local string) string {
	return inbox.Ask(ctx, f.box, func(_ context.Context, s *state) string {
		for _, name := range slices.Sorted(maps.Keys(*s)) {
			l := (*s)[name]
			if name != resource && !l.ended && slices.ContainsFunc(l.specs, func(spec config.PortForward) bool { return place(spec) == local }) {
				return name
			}
		}
		return ""
	})
}

// place is where a forward listens.
func place(spec config.PortForward) string {
	return net.JoinHostPort(cmp.Or(spec.Host, "127.0.0.1"), strconv.Itoa(spec.Local))
}

// problem says why a port cannot be listened on, and what helps.
func (s *serving) problem(ctx context.Context, fwd Forward) string {
	const again = "; it is tried again"
	port, err := fwd.Spec.Local, fwd.Err
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Sprintf("port %d is in use by %s; it is tried again until it is free, or choose another local port in port_forwards, or towline.forwards(in_use='next')", port, s.user(ctx, fwd.Local))
	case errors.Is(err, os.ErrPermission):
		return fmt.Sprintf("port %d: %v; choose a local port in port_forwards that this user may listen on, such as one above 1023", port, err) + again
	default:
		return fmt.Sprintf("port %d: %v; choose a host of this machine in port_forwards, such as localhost", port, err) + again
	}
}

// listen opens one forward's port on this machine.
func (s *serving) listen(ctx context.Context, spec config.PortForward) Forward {
	fwd := Forward{Spec: spec, Local: place(spec), Remote: spec.Container}
	ln, moved, err := s.bind(ctx, cmp.Or(spec.Host, "127.0.0.1"), spec)
	if err != nil {
		fwd.Err = err
		return fwd
	}
	fwd.Local, fwd.Moved = ln.Addr().String(), moved
	if spec.Local == 0 || moved != "" {
		fwd.Spec.Local = ln.Addr().(*net.TCPAddr).Port
	}
	s.accepting.Go(func() { // who waits for the end may listen there
		<-ctx.Done()
		ln.Close()
	})
	failures := &row{}
	tell := func(why string) {
		select {
		case s.silences <- silence{fwd.Local, why}:
		case <-ctx.Done():
		}
	}
	s.accepting.Go(func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			s.box.Go(func() { s.carry(ctx, conn, connection{s.resource, fwd.Spec, failures, tell}) })
		}
	})
	return fwd
}
