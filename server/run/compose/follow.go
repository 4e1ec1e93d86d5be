package compose

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"time"

	"github.com/towline-dev/towline/server/run/output"
	"github.com/towline-dev/towline/starlark/config"
)

// The waits between attempts to hear of events, and how long it takes them to
// begin at most: what changes meanwhile is seen by a look.
const (
	firstRetry = 200 * time.Millisecond
	lastRetry  = 5 * time.Second
	settling   = 500 * time.Millisecond
)

// follow hears of a project's containers from now on.
func (s *Services) follow(ctx context.Context, st *state, name string) {
	p := st.project(name)
	if p.followed {
		return
	}
	p.followed = true
	look := func(ctx context.Context, st *state) { s.look(ctx, st, name) }
	s.box.Go(func() {
		for wait := firstRetry; ctx.Err() == nil; wait = min(2*wait, lastRetry) {
			s.box.Put(func(ctx context.Context, st *state) {
				look(ctx, st)
				s.box.After(settling, look)
			})
			_ = s.o.Docker.Events(ctx, name, func() { // the next look says whether docker answers
				wait = firstRetry
				s.box.Put(look)
			})
			select {
			case <-ctx.Done():
			case <-time.After(wait):
			}
		}
	})
}

// look looks at a project's containers, once more if it does so already.
func (s *Services) look(ctx context.Context, st *state, name string) {
	p := st.project(name)
	if p.looking {
		p.again = true
		return
	}
	p.looking = true
	s.box.Go(func() {
		seen, err := s.o.Docker.List(ctx, name)
		s.box.Put(func(ctx context.Context, st *state) {
			p.looking = false
			s.seen(ctx, st, name, seen, err)
			if p.again {
				p.again = false
				s.look(ctx, st, name)
			}
		})
	})
}

// seen takes what a look saw.
func (s *Services) seen(ctx context.Context, st *state, name string, seen []Container, err error) {
	if ctx.Err() != nil {
		return
	}
	p := st.project(name)
	if err != nil {
		problem, _ := problemOf(err, config.Position{})
		if p.lost == "" {
			s.o.Log.Say("", "error", "docker does not answer, so nothing is known of the services of "+name+": "+problem.Message)
		}
		p.lost = problem.Message
	} else {
		if p.lost != "" {
			s.o.Log.Say("", "", "docker answers again")
			p.lost = ""
		}
		s.logChanges(st, name, p.containers, seen)
		for _, old := range p.containers {
			if l := st.logs[old.ID]; l != nil && !l.reading && !slices.ContainsFunc(seen, func(c Container) bool { return c.ID == old.ID }) {
				delete(st.logs, old.ID)
			}
		}
		p.containers = seen
	}
	for resource, sv := range st.services {
		if sv.res.Compose.Project == name {
			s.readLogs(ctx, st, sv)
			s.observe(st, resource)
		}
	}
}

// of returns the containers of a service.
func (st *state) of(sv *service) []Container {
	var own []Container
	for _, c := range st.project(sv.res.Compose.Project).containers {
		if c.Service == sv.res.Compose.Service {
			own = append(own, c)
		}
	}
	return own
}

// logChanges says what happened to containers that nobody asked for here.
func (s *Services) logChanges(st *state, name string, before, after []Container) {
	byID := func(all []Container, id string) *Container {
		if i := slices.IndexFunc(all, func(c Container) bool { return c.ID == id }); i >= 0 {
			return &all[i]
		}
		return nil
	}
	say := func(service, text string) {
		for resource, sv := range st.services {
			if c := sv.res.Compose; c.Project == name && c.Service == service && !sv.busy && sv.told.Resource != "" {
				s.o.Log.Say(resource, "", text)
			}
		}
	}
	for _, old := range before {
		now := byID(after, old.ID)
		switch {
		case now == nil:
			say(old.Service, old.Name+" was removed")
		case !now.StartedAt.Equal(old.StartedAt):
			say(old.Service, now.Name+" was started again")
		case now.State != old.State && now.State == "exited":
			say(old.Service, fmt.Sprintf("%s ended with exit code %d", now.Name, now.ExitCode))
		}
	}
	for _, c := range after {
		if byID(before, c.ID) == nil {
			say(c.Service, c.Name+" was made, and not by Towline")
		}
	}
}

// observe judges a resource and tells what is new. It looks again by itself
// where only time decides.
func (s *Services) observe(st *state, resource string) {
	sv := st.services[resource]
	if sv == nil || sv.busy {
		return
	}
	var all []verdict
	for _, c := range st.of(sv) {
		v := judge(c, st.agents[c.target()], time.Now(), st.lastLine(c.ID))
		if sv.res.Compose.Ends && v.ready && !v.ended {
			v = verdict{message: c.Name + " runs, and others wait for its end"}
		}
		all = append(all, v)
	}
	v := judgeAll(all)
	if lost := st.project(sv.res.Compose.Project).lost; lost != "" {
		v = verdict{broken: true, message: "docker does not answer: " + lost}
	}
	e := v.observed(resource)
	e.Targets, e.Crashed = st.targets(sv), st.crashed(sv)
	if !reflect.DeepEqual(e, sv.told) {
		sv.told = e
		s.o.Tell(e)
	}
	s.show(st, resource, v.ready) // after whose it is
	if v.wake > 0 {
		s.box.After(v.wake, func(_ context.Context, st *state) { s.observe(st, resource) })
	}
}

// logs is what was read of a container's log.
type logs struct {
	reading bool
	broke   bool      // it was not read to its end
	started time.Time // of the run that it is, or was, read of
	until   time.Time // of the last line
	line    string    // that line
}

func (st *state) lastLine(id string) string {
	if l := st.logs[id]; l != nil {
		return l.line
	}
	return ""
}

// readLogs begins to read the logs of a service's containers, each from its
// first line, and goes on where it broke off.
func (s *Services) readLogs(ctx context.Context, st *state, sv *service) {
	for _, c := range st.of(sv) {
		l := st.logs[c.ID]
		if l == nil {
			l = &logs{}
			if s.o.Reached != nil {
				l.until = s.o.Reached(output.Place{Pod: c.Name})
			}
			st.logs[c.ID] = l
		}
		same := l.started.Equal(c.StartedAt)
		if l.reading || c.StartedAt.IsZero() || same && !(l.broke && c.State == "running") {
			continue
		}
		l.reading, l.started = true, c.StartedAt
		resource, id, name, after := sv.res.Name, c.ID, c.Name, l.until
		s.box.Go(func() { s.readLog(ctx, resource, id, name, after) })
	}
}

// readLog reads a container's log to its end. It runs beside the owner.
func (s *Services) readLog(ctx context.Context, resource, id, name string, after time.Time) {
	until, line := after, ""
	out := s.o.Log.Lines(func(text string) {
		s.o.Log.Emit(output.Line{Time: until, Resource: resource, Source: "runtime", Pod: name, Text: text})
		line = text
	})
	err := s.o.Docker.Logs(ctx, id, after, func(at time.Time, text string) {
		if !at.After(after) {
			return
		}
		until = at
		_, _ = out.Write([]byte(text + "\n")) // never fails
	})
	out.Flush()
	s.box.Put(func(ctx context.Context, st *state) {
		if l := st.logs[id]; l != nil {
			l.reading, l.broke, l.until = false, err != nil, until
			if line != "" {
				l.line = line
			}
		}
		s.observe(st, resource)
		sv := st.services[resource]
		switch {
		case sv == nil:
		case err == nil:
			s.readLogs(ctx, st, sv) // it was started again meanwhile
		case until.After(after): // a log that can be read at all
			s.box.After(lastRetry, func(ctx context.Context, st *state) { s.look(ctx, st, sv.res.Compose.Project) })
		}
	})
}
