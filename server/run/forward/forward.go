// Package forward holds the port-forwards of a project's resources: ports on
// this machine that answer with what listens in a pod.
package forward

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strconv"
	"sync"
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
	Problem string
	Err     error // with Problem: why the system does not listen there
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

// Follow takes the forwards of a project over: those that are open follow what
// it says, those of resources that it has not end.
func (f *Forwards) Follow(p *config.Project) {
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

// serve listens on a resource's ports until ctx ends. A port that cannot be had is
// tried again until it can.
func (f *Forwards) serve(ctx context.Context, resource string, specs []config.PortForward) {
	var accepting sync.WaitGroup
	defer accepting.Wait()
	facts := Facts{Resource: resource}
	for _, spec := range specs {
		fwd := f.listen(ctx, &accepting, resource, spec)
		facts.Forwards = append(facts.Forwards, fwd)
		if fwd.Problem != "" {
			f.log.Say(resource, "error", fwd.Problem)
		}
	}
	f.tell(facts)
	retry := time.NewTicker(portRetry)
	defer retry.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-retry.C:
		}
		if next := f.listenAgain(ctx, &accepting, facts); next != nil {
			facts.Forwards = next
			f.tell(facts)
		}
		if !slices.ContainsFunc(facts.Forwards, failed) {
			retry.Stop()
		}
	}
}

func failed(fwd Forward) bool { return fwd.Problem != "" }

// listenAgain tries the ports that could not be had, and returns a new list when
// one of them can.
func (f *Forwards) listenAgain(ctx context.Context, accepting *sync.WaitGroup, facts Facts) (next []Forward) {
	for i, old := range facts.Forwards {
		if !failed(old) {
			continue
		}
		now := f.listen(ctx, accepting, facts.Resource, old.Spec)
		if failed(now) {
			continue
		}
		if next == nil {
			next = slices.Clone(facts.Forwards) // the old list is in others' hands
		}
		next[i] = now
		f.log.Say(facts.Resource, "", fmt.Sprintf("port %d can be listened on now: forwarding", now.Spec.Local))
	}
	return next
}

// remedy is what helps where a port cannot be listened on.
func remedy(err error) string {
	const again = "; it is tried again"
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return "it is tried again until it is free, or choose another local port in port_forwards"
	case errors.Is(err, os.ErrPermission):
		return "choose a local port in port_forwards that this user may listen on, such as one above 1023" + again
	default:
		return "choose a host of this machine in port_forwards, such as localhost" + again
	}
}

// listen opens one forward's port on this machine.
func (f *Forwards) listen(ctx context.Context, accepting *sync.WaitGroup, resource string, spec config.PortForward) Forward {
	host := spec.Host
	if host == "" {
		host = "127.0.0.1"
	}
	fwd := Forward{Spec: spec, Local: net.JoinHostPort(host, strconv.Itoa(spec.Local)), Remote: spec.Container}
	var lc net.ListenConfig
	ln, err := lc.Listen(ctx, "tcp", fwd.Local)
	if err != nil {
		fwd.Err = err
		fwd.Problem = fmt.Sprintf("port %d: %v; %s", spec.Local, err, remedy(err))
		return fwd
	}
	fwd.Local = ln.Addr().String()
	if spec.Local == 0 {
		fwd.Spec.Local = ln.Addr().(*net.TCPAddr).Port
	}
	accepting.Go(func() { // who waits for the end may listen there
		<-ctx.Done()
		ln.Close()
	})
	failures := &row{}
	accepting.Go(func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			f.box.Go(func() { f.carry(ctx, conn, resource, fwd.Spec, failures) })
		}
	})
	return fwd
}
