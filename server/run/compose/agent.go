package compose

import (
	"cmp"
	"context"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/towline-dev/towline/agent/wire"
	"github.com/towline-dev/towline/server/engine"
	"github.com/towline-dev/towline/server/run/agents"
	"github.com/towline-dev/towline/server/run/inbox"
	"github.com/towline-dev/towline/server/run/output"
	"github.com/towline-dev/towline/starlark/config"
)

// supervised reports whether a service runs under the agent: where something is to
// be synced into it, or towline.agent() names it. It outlives what it runs, so that
// a service for whose end others wait has none.
func supervised(p *config.Project, res *config.Resource) bool {
	set := p.Settings.Ours().AgentOf(res.Name)
	if !set.Enabled || res.Compose.Ends {
		return false
	}
	return set.Resource != "" || slices.ContainsFunc(p.Images, func(img config.Image) bool {
		return len(img.LiveUpdate) > 0 && slices.Contains(res.Images, img.Ref)
	})
}

// agent is the binary that comes into a service's containers; "" where there is
// none, of which the log tells.
func (s *Services) agent(resource, ref string) string {
	path, err := s.o.Agent(ref)
	switch {
	case err != nil:
		s.withoutAgent(resource, err.Error())
	case path == "":
		s.withoutAgent(resource, "there is no towline-agent for it beside the towline program: install both")
	}
	return path
}

func (s *Services) withoutAgent(resource, why string) {
	s.o.Log.Say(resource, "warn", "nothing is synced into its container, and a change builds the image: "+why)
}

// bringUp brings a service up, without the agent where docker does not see this
// machine's files, as one that runs elsewhere. It returns the images that run
// without one.
func (s *Services) bringUp(ctx context.Context, res config.Resource, up Up) (agentless []string, err error) {
	err = s.o.Docker.Up(ctx, up)
	if err != nil && up.Agent != "" && ctx.Err() == nil && strings.Contains(err.Error(), up.Agent) {
		s.withoutAgent(res.Name, "docker cannot mount "+up.Agent+", and probably runs on another machine")
		up.Agent = ""
		err = s.o.Docker.Up(ctx, up)
	}
	if up.Agent == "" {
		return res.Images, err
	}
	return nil, err
}

// Connect reaches the agent in a container.
func (s *Services) Connect(ctx context.Context, id engine.TargetID) (agents.Agent, error) {
	return agents.ConnectByExec(ctx, s.o.Docker, s.o.Owner, id)
}

// Targets are the containers of a service that run under the agent, in the order
// of their names.
func (s *Services) Targets(ctx context.Context, resource string) []engine.TargetID {
	return inbox.Ask(ctx, s.box, func(_ context.Context, st *state) (ids []engine.TargetID) {
		for _, c := range st.supervised(st.services[resource]) {
			ids = append(ids, c.target())
		}
		return ids
	})
}

// Agent tells what an agent said.
func (s *Services) Agent(a agents.Status) {
	s.box.Put(func(_ context.Context, st *state) {
		st.agents[a.ID] = a
		s.observe(st, a.Resource)
	})
}

// AgentGone tells that a container's agent was given up.
func (s *Services) AgentGone(id engine.TargetID) {
	s.box.Put(func(_ context.Context, st *state) {
		delete(st.agents, id)
		s.hide(st, id)
	})
}

// target is the name that a container has for agents.
func (c *Container) target() engine.TargetID {
	return engine.TargetID{Pod: c.Name, Container: c.Service}
}

// supervised are those of a service's containers that run the build that it is to
// run, under the agent.
func (st *state) supervised(sv *service) []Container {
	if sv == nil || sv.runs.ref == "" {
		return nil
	}
	return slices.DeleteFunc(st.of(sv), func(c Container) bool { return !c.Supervised || c.Image != sv.runs.local })
}

// targets are the containers that files are brought into.
func (st *state) targets(sv *service) (seen []engine.Seen) {
	for _, c := range st.supervised(sv) {
		seen = append(seen, engine.Seen{
			ID: c.target(), Image: sv.runs.ref, Pushed: sv.runs.pushed,
			Instance: c.ID + " " + c.StartedAt.Format(time.RFC3339Nano), Running: c.State == "running",
		})
	}
	return seen
}

// crashed is when one of a service's programs did last and was started again by its
// agent; zero: none did.
func (st *state) crashed(sv *service) (last time.Time) {
	for _, c := range st.supervised(sv) {
		if exit := st.agents[c.target()].Process.Exit; exit != nil && !exit.OK() && !exit.Asked {
			if at := time.Unix(0, exit.At); at.After(last) {
				last = at
			}
		}
	}
	return last
}

// show tells what is known of a service's containers, as far as that is new.
func (s *Services) show(st *state, resource string, ready bool) {
	sv := st.services[resource]
	still := map[engine.TargetID]bool{}
	for _, c := range st.supervised(sv) {
		id := c.target()
		still[id] = true
		a := st.agents[id]
		now := agents.Container{
			ID: id, Resource: resource, PodUID: c.ID, Image: c.Image, Ready: ready, Restarts: c.Restarts,
			Process: a.Process, Problem: a.Problem, Covered: c.covered(a.Covered),
		}
		if was, shown := st.shown[id]; !shown || !reflect.DeepEqual(was, now) {
			st.shown[id] = now
			s.o.Container(now)
			s.logCovered(was.Covered, now)
		}
	}
	for id, c := range st.shown {
		if _, attached := st.agents[id]; c.Resource == resource && !still[id] && !attached {
			s.hide(st, id) // one with an agent stays told of until AgentGone
		}
	}
}

// logCovered says what is not brought into a container, as far as that is new.
func (s *Services) logCovered(before []agents.Covered, c agents.Container) {
	for _, f := range c.Covered {
		if !slices.Contains(before, f) {
			text, hint := f.Words()
			s.o.Log.Say(c.Resource, "warn", text)
			s.o.Log.Say(c.Resource, "", "hint: "+hint)
		}
	}
}

func (s *Services) hide(st *state, id engine.TargetID) {
	if _, shown := st.shown[id]; shown {
		delete(st.shown, id)
		s.o.Container(agents.Container{ID: id})
	}
}

// Mount is what a container has mounted.
type Mount struct{ Type, Name, Source, Destination string }

// words names what is mounted, for a person.
func (m Mount) words() string {
	switch m.Type {
	case "bind":
		return m.Source + " of this machine"
	case "volume":
		return "volume " + m.Name
	}
	return cmp.Or(m.Type, "something")
}

// covered are the files that something is mounted over. One that its own folder
// here is mounted over is there as it is.
func (c *Container) covered(found map[string]wire.Covered) (all []agents.Covered) {
	for _, local := range slices.Sorted(maps.Keys(found)) {
		at := found[local]
		i := slices.IndexFunc(c.Mounts, func(m Mount) bool { return m.Destination == at.Mount })
		volume := "a file system of type " + at.Type
		if i >= 0 {
			if m := c.Mounts[i]; m.Type == "bind" && m.Source+strings.TrimPrefix(at.Path, m.Destination) == local {
				continue
			}
			volume = c.Mounts[i].words()
		}
		all = append(all, agents.Covered{Local: local, Path: at.Path, Mount: at.Mount, Volume: volume})
	}
	return all
}

// says is a verdict on a container by its agent, which outlives what it runs. It
// decides nothing where that runs.
func says(c Container, a agents.Status, last string) (v verdict, decides bool) {
	p := a.Process
	has := p.State == wire.StateExited || p.State == wire.StateBackoff
	if has && p.Exit != nil && p.Exit.OK() && !c.again() {
		return verdict{ready: true, ended: true}, true
	}
	standing := a.Standing(c.target())
	v = verdict{broken: standing.Broken, ended: has, message: standing.Message}
	if has {
		v.message = output.WithWords(v.message, last)
	}
	return v, !standing.Ready
}
