// Package compose brings Docker Compose services up, follows their containers
// and takes them down again, by the developer's own docker and its Compose plugin.
//
// What a container is like is never guessed from what was asked for: docker's
// events say that something changed, and a look at all containers of the project
// what. Services of one project are brought up one after the other, since they
// share networks and volumes.
package compose

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/towline-dev/towline/server/engine"
	"github.com/towline-dev/towline/server/inject"
	"github.com/towline-dev/towline/server/run/agents"
	"github.com/towline-dev/towline/server/run/inbox"
	"github.com/towline-dev/towline/server/run/output"
	"github.com/towline-dev/towline/starlark/config"
)

// Docker is a docker with the Compose plugin. Its methods may be called
// concurrently. An error that a person can do something about is a *Failure.
type Docker interface {
	Composer
	Containers
}

// Composer changes services.
type Composer interface {
	// Up makes a service be as its project says, and does no more than that takes.
	Up(ctx context.Context, u Up) error
	// Remove stops and removes a service's containers, whatever made them.
	Remove(ctx context.Context, service config.Compose) error
	// Down removes all containers and networks of a project; volumes stay.
	Down(ctx context.Context, project string) error
}

// Containers looks at containers.
type Containers interface {
	// List returns the containers of a project.
	List(ctx context.Context, project string) ([]Container, error)
	// Events tells of each change of a project's containers until it is cut off.
	Events(ctx context.Context, project string, changed func()) error
	// Logs reads what a container printed after a time, and goes on to its end.
	Logs(ctx context.Context, id string, after time.Time, line func(time.Time, string)) error
	// Restart restarts containers.
	Restart(ctx context.Context, ids []string) error
	agents.Containers
}

// Up asks for one service.
type Up struct {
	Project config.ComposeProject
	Service string
	Image   inject.Image // that the service runs in place of the file's, if it was built
	Agent   string       // the agent's binary, which supervises it; "": none does
	Forced  bool         // its containers are replaced, whatever they are
	Line    output.Line
}

// Options are what Services work with. The functions may be called from any
// goroutine and must not block.
type Options struct {
	Docker    Docker
	Owner     string // the workspace's id, for whom agents are enrolled
	Log       output.Log
	Image     func(ref string) inject.Image           // what was built of an image, as docker calls it
	Agent     func(ref string) (path string, e error) // the agent's binary for it; "": there is none
	Tell      func(engine.Event)
	Container func(agents.Container)
	Removed   func(config.Compose)         // nothing of the service is there any more
	Reached   func(output.Place) time.Time // of the last line of a container of Compose, which has no other name than the pod's; nil: none is known
}

// Services are a workspace's Compose services. Its methods may be called
// concurrently and do not wait. One goroutine owns what is known; each change of
// a service, each project that is followed and each log has one of its own.
type Services struct {
	o   Options
	box *inbox.Inbox[state]
}

// state is what the owner knows.
type state struct {
	config   *config.Project
	services map[string]*service // by resource
	projects map[string]*project // by name
	logs     map[string]*logs    // by container
	agents   map[engine.TargetID]agents.Status
	shown    map[engine.TargetID]agents.Container // as they were told
}

// service is one that was brought up.
type service struct {
	res    config.Resource
	change *inbox.Operation // the last one, which may go on
	busy   bool             // a change goes on: what is seen is what is replaced
	told   engine.Observed  // last; without a name: nothing
	failed *output.Repeats  // why changes failed since the last that a person or a change caused
	runs   image            // what its containers were made to run
}

// image is a build of one of the project's images.
type image struct {
	ref    string
	pushed string // as the engine knows it
	local  string // as docker does
}

// project is a Compose project.
type project struct {
	last       *inbox.Operation // the last change of one of its services
	followed   bool
	looking    bool // at its containers
	again      bool // once more when that has ended
	containers []Container
	lost       string // why docker does not answer, "" if it does
}

// Start returns Services of which nothing is up yet.
func Start(ctx context.Context, o Options) *Services {
	return &Services{o: o, box: inbox.Start(ctx, &state{
		config: &config.Project{}, services: map[string]*service{}, projects: map[string]*project{}, logs: map[string]*logs{},
		agents: map[engine.TargetID]agents.Status{}, shown: map[engine.TargetID]agents.Container{},
	})}
}

// Close ends all that goes on and waits for it. Containers stay.
func (s *Services) Close() { s.box.Close() }

// Configure tells of the project that services belong to.
func (s *Services) Configure(p *config.Project) {
	s.box.Put(func(_ context.Context, st *state) { st.config = p })
}

func (st *state) project(name string) *project {
	if st.projects[name] == nil {
		st.projects[name] = &project{}
	}
	return st.projects[name]
}

// next takes the next turn of a project; before has ended when it may begin.
func (p *project) next(ctx context.Context) (own context.Context, o, before *inbox.Operation) {
	own, o = inbox.Begin(ctx)
	before, p.last = p.last, o
	return own, o, before
}

// Apply brings a service up, and answers with engine.Applied unless the resource
// is dropped meanwhile.
func (s *Services) Apply(e engine.Apply) {
	s.box.Put(func(ctx context.Context, st *state) {
		old := st.services[e.Resource.Name]
		sv := &service{res: e.Resource, busy: true, failed: &output.Repeats{}}
		if old != nil && e.Again { // what a person did is answered, also with what was said before
			sv.failed = old.failed
		}
		st.services[e.Resource.Name] = sv
		up := Up{
			Project: projectOf(st.config, e.Resource.Compose.Project), Service: e.Resource.Compose.Service, Forced: e.Forced,
			Line: output.Line{Resource: e.Resource.Name, Source: "build"},
		}
		ctx, change, before := st.project(up.Project.Name).next(ctx)
		sv.change = change
		supervised := supervised(st.config, &e.Resource)
		s.box.Go(func() {
			defer change.End()
			before.Wait()
			if ctx.Err() == nil {
				s.apply(ctx, e, up, supervised)
			}
		})
	})
}

func projectOf(p *config.Project, name string) config.ComposeProject {
	for _, c := range p.Compose {
		if c.Name == name {
			return c
		}
	}
	return config.ComposeProject{Name: name}
}

// apply runs beside the owner, in the project's turn.
func (s *Services) apply(ctx context.Context, e engine.Apply, up Up, supervised bool) {
	var runs image
	if len(e.Resource.Images) > 0 {
		ref := e.Resource.Images[0]
		up.Image = s.o.Image(ref)
		runs = image{ref: ref, pushed: e.Images[ref], local: up.Image.Pushed}
		if supervised {
			up.Agent = s.agent(e.Resource.Name, ref)
		}
	}
	agentless, err := s.bringUp(ctx, e.Resource, up)
	var seen []Container
	if err == nil {
		seen, err = s.o.Docker.List(ctx, up.Project.Name)
	}
	if ctx.Err() != nil {
		return // nobody waits for it: the resource is no longer wanted, or nothing is
	}
	a := engine.Applied{Resource: e.Resource.Name, Agentless: agentless}
	if e.Resource.Compose.Ends { // it keeps live updates from nobody
		a.Agentless, a.Ending = nil, agentless
	}
	s.box.Put(func(ctx context.Context, st *state) {
		if sv := st.services[e.Resource.Name]; sv != nil {
			sv.runs = runs
		}
		s.applied(ctx, st, a, e.Resource, seen, err)
	})
}

// applied ends an apply. Where docker does not answer, it is tried again.
func (s *Services) applied(ctx context.Context, st *state, e engine.Applied, res config.Resource, seen []Container, err error) {
	name := e.Resource
	sv := st.services[name]
	if sv == nil {
		return
	}
	sv.busy, sv.res = false, res
	if err != nil {
		problem, passing := problemOf(err, res.Pos)
		if text := sv.failed.Tell(problem.Error()); text != "" {
			s.o.Log.Say(name, "error", text)
		}
		s.o.Tell(engine.Applied{Resource: name, Problem: problem, Passing: passing})
		if passing {
			s.box.After(retryPause, func(context.Context, *state) { s.o.Tell(engine.Retry{Resource: name}) })
		}
		return
	}
	sv.failed.Reset()
	s.o.Tell(e)
	s.follow(ctx, st, res.Compose.Project)
	s.seen(ctx, st, res.Compose.Project, seen, nil)
}

// retryPause is the time after which an apply is tried again that docker did not
// answer.
const retryPause = 10 * time.Second

// Forget stops and removes services that the project no longer has, in the turn
// of their projects.
func (s *Services) Forget(e engine.Forget) {
	s.box.Put(func(ctx context.Context, st *state) {
		for _, name := range e.Dropped {
			if sv := st.services[name]; sv != nil {
				sv.change.Cancel()
				delete(st.services, name)
			}
		}
		for _, c := range e.Services {
			ctx, change, before := st.project(c.Project).next(ctx)
			s.box.Go(func() {
				defer change.End()
				before.Wait()
				s.forget(ctx, c)
			})
		}
	})
}

func (s *Services) forget(ctx context.Context, c config.Compose) {
	err := s.o.Docker.Remove(ctx, c)
	switch {
	case ctx.Err() != nil:
	case err != nil:
		s.o.Log.Say("", "error", fmt.Sprintf("removing the Compose service %s of %s, which left the Tiltfile: %v", c.Service, c.Project, err))
	default:
		s.o.Log.Say("", "", fmt.Sprintf("removed the Compose service %s of %s", c.Service, c.Project))
		s.o.Removed(c)
	}
}

// Restart restarts a resource's containers, in the turn of its project: those
// that are there when what was asked for before has ended.
func (s *Services) Restart(resource string) {
	s.box.Put(func(ctx context.Context, st *state) {
		sv := st.services[resource]
		if sv == nil {
			return
		}
		name, service := sv.res.Compose.Project, sv.res.Compose.Service
		ctx, change, before := st.project(name).next(ctx)
		s.box.Go(func() {
			defer change.End()
			before.Wait()
			if err := s.restart(ctx, name, service); err != nil && ctx.Err() == nil {
				s.o.Log.Say(resource, "error", fmt.Sprintf("restarting its containers: %v", err))
			}
		})
	})
}

// restart restarts a service's containers. It runs beside the owner.
func (s *Services) restart(ctx context.Context, project, service string) error {
	all, err := s.o.Docker.List(ctx, project)
	if err != nil {
		return err
	}
	var ids []string
	for _, c := range all {
		if c.Service == service {
			ids = append(ids, c.ID)
		}
	}
	if len(ids) == 0 {
		return errors.New("there is none; `towline trigger` makes one")
	}
	return s.o.Docker.Restart(ctx, ids)
}

// downTimeout bounds how long a project may take to go down, with the graces of
// its containers.
const downTimeout = 2 * time.Minute
