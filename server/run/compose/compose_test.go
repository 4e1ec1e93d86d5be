package compose

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/towline-dev/towline/agent/wire"
	"github.com/towline-dev/towline/server/engine"
	"github.com/towline-dev/towline/server/inject"
	"github.com/towline-dev/towline/server/run/agents"
	"github.com/towline-dev/towline/server/run/output"
	"github.com/towline-dev/towline/starlark/config"
)

// fake is a docker whose containers a test changes.
type fake struct {
	mu         sync.Mutex
	containers []Container
	logs       map[string][]string // lines of a container, "SECONDS TEXT"
	ups        []string
	broken     error // of all that is asked
	slow       time.Duration
	running    int
	changed    map[int]func() // of those who follow
	followers  int
	removed    []string
	refuse     func(Up) error // nil: nothing is refused
}

var began = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

func (f *fake) do(what func() error) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.broken != nil {
		return f.broken
	}
	return what()
}

// change changes something and tells whoever follows.
func (f *fake) change(what func()) {
	f.mu.Lock()
	what()
	var tell []func()
	for _, g := range f.changed {
		tell = append(tell, g)
	}
	f.mu.Unlock()
	for _, g := range tell {
		g()
	}
}

func (f *fake) Up(ctx context.Context, u Up) error {
	if f.refuse != nil && f.refuse(u) != nil {
		return f.refuse(u)
	}
	if err := f.do(func() error { f.running++; return nil }); err != nil {
		return err
	}
	select {
	case <-ctx.Done():
	case <-time.After(f.slow):
	}
	f.change(func() {
		if f.running--; f.running > 0 {
			panic("two services of one project at once")
		}
		f.ups = append(f.ups, strings.TrimSpace(fmt.Sprintf("%s %s %v", u.Service, u.Image.Pushed, u.Forced)))
		f.containers = slices.DeleteFunc(f.containers, func(c Container) bool { return c.Service == u.Service })
		f.containers = append(f.containers, Container{
			ID: fmt.Sprintf("%s%d", u.Service, len(f.ups)), Name: "p-" + u.Service + "-1", Service: u.Service, State: "running", StartedAt: time.Now(),
			Image: u.Image.Pushed, Supervised: u.Agent != "",
		})
	})
	return ctx.Err()
}

func (f *fake) Remove(_ context.Context, c config.Compose) error {
	return f.do(func() error {
		f.removed = append(f.removed, c.Service)
		f.containers = slices.DeleteFunc(f.containers, func(x Container) bool { return x.Service == c.Service })
		return nil
	})
}

func (f *fake) Down(_ context.Context, project string) error {
	return f.do(func() error { f.removed = append(f.removed, "all of "+project); return nil })
}

func (f *fake) List(context.Context, string) (list []Container, err error) {
	err = f.do(func() error { list = slices.Clone(f.containers); return nil })
	return list, err
}

func (f *fake) Events(ctx context.Context, _ string, changed func()) error {
	cut := make(chan struct{})
	id := 0
	err := f.do(func() error {
		f.followers++
		id = f.followers
		f.changed[id] = func() {
			changed()
			f.mu.Lock()
			defer f.mu.Unlock()
			if f.broken != nil {
				delete(f.changed, id)
				close(cut)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-cut:
		return errors.New("unexpected EOF")
	}
}

func (f *fake) Logs(_ context.Context, id string, after time.Time, line func(time.Time, string)) error {
	return f.do(func() error {
		for i, text := range f.logs[id] {
			if at := began.Add(time.Duration(i+1) * time.Nanosecond); !at.Before(after) { // as docker does: that line once more
				line(at, text)
			}
		}
		return nil
	})
}

func (f *fake) Exec(context.Context, string, []string) (io.ReadWriteCloser, error) {
	return nil, errors.New("no agent here")
}

func (f *fake) Restart(_ context.Context, ids []string) error {
	return f.do(func() error { f.removed = append(f.removed, "restart "+strings.Join(ids, " ")); return nil })
}

// stand is Services with a fake docker, and what they told.
type stand struct {
	*fake
	*Services
	mu     sync.Mutex
	events []engine.Event
	lines  []string
	gone   []string
	shown  []agents.Container
	agent  string // the path of the binary
}

func (s *stand) said() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.lines, "\n")
}

// state is the last that was told of a resource.
func (s *stand) state(resource string) engine.Observed {
	s.mu.Lock()
	defer s.mu.Unlock()
	var last engine.Observed
	for _, e := range s.events {
		if o, ok := e.(engine.Observed); ok && o.Resource == resource {
			last = o
		}
	}
	return last
}

func (s *stand) applied(resource string) (last engine.Applied, n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range s.events {
		if a, ok := e.(engine.Applied); ok && a.Resource == resource {
			last, n = a, n+1
		}
	}
	return last, n
}

func resource(name string) config.Resource {
	return config.Resource{Name: name, Kind: config.KindCompose, Compose: &config.Compose{Project: "p", Service: name}, Pos: config.Position{File: "/w/Tiltfile", Line: 3}}
}

// play has a test act in a bubble, where waiting takes no time.
func play(t *testing.T, act func(t *testing.T, s *stand)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := &stand{fake: &fake{logs: map[string][]string{}, changed: map[int]func(){}}}
		s.Services = Start(t.Context(), Options{
			Docker: s.fake,
			Log: output.Log{Emit: func(l output.Line) {
				s.mu.Lock()
				defer s.mu.Unlock()
				s.lines = append(s.lines, l.Resource+": "+l.Text)
			}},
			Image: func(ref string) inject.Image {
				return inject.Image{Pushed: ref + ":built", Entrypoint: []string{"/app"}}
			},
			Agent: func(string) (string, error) { return s.agent, nil },
			Container: func(c agents.Container) {
				s.mu.Lock()
				defer s.mu.Unlock()
				s.shown = append(s.shown, c)
			},
			Tell: func(e engine.Event) {
				s.mu.Lock()
				defer s.mu.Unlock()
				s.events = append(s.events, e)
			},
			Removed: func(c config.Compose) { s.gone = append(s.gone, c.Service) },
		})
		defer s.Close()
		web := resource("web")
		web.Images = []string{"img"}
		s.Configure(&config.Project{
			Resources: []config.Resource{web, resource("db")},
			Images:    []config.Image{{Ref: "img", LiveUpdate: []config.Step{{Kind: config.StepSync}}}},
			Compose:   []config.ComposeProject{{Name: "p", Model: []byte(`{}`)}},
		})
		act(t, s)
	})
}

func (s *stand) up(name string) { s.apply(name, false) }

func (s *stand) apply(name string, again bool) {
	res := resource(name)
	if name == "web" {
		res.Images = []string{"img"}
	}
	s.Apply(engine.Apply{Resource: res, Again: again})
	s.settle()
}

// settle lets a moment pass in which all that is to happen happens.
func (s *stand) settle() {
	time.Sleep(2 * moment)
	synctest.Wait()
}

func (s *stand) container(service string, change func(*Container)) {
	s.change(func() {
		for i := range s.containers {
			if s.containers[i].Service == service {
				change(&s.containers[i])
			}
		}
	})
	s.settle()
}

func TestUpBecomesReady(t *testing.T) {
	play(t, func(t *testing.T, s *stand) {
		s.slow = 100 * time.Millisecond
		web := resource("web")
		web.Images = []string{"img"}
		s.Apply(engine.Apply{Resource: web})
		s.Apply(engine.Apply{Resource: resource("db"), Forced: true})
		time.Sleep(250 * time.Millisecond)
		synctest.Wait()
		if o := s.state("web"); o.Ready || !strings.Contains(o.Message, "just started") {
			t.Errorf("before a moment has passed: %+v", o)
		}
		s.settle()
		if !s.state("web").Ready || !s.state("db").Ready {
			t.Errorf("%+v, %+v", s.state("web"), s.state("db"))
		}
		if a, n := s.applied("web"); n != 1 || a.Problem != nil || !slices.Equal(a.Agentless, []string{"img"}) {
			t.Errorf("applied %d times: %+v", n, a)
		}
		if want := []string{"web img:built false", "db  true"}; !slices.Equal(s.ups, want) {
			t.Errorf("docker was asked for %q, want %q", s.ups, want)
		}
		if n := strings.Count(s.said(), "nothing is synced"); n != 1 {
			t.Errorf("that there is no live update was told %d times", n)
		}
	})
}

func TestWhatContainersComeTo(t *testing.T) {
	exited := func(code int) func(*Container) {
		return func(c *Container) { c.State, c.ExitCode = "exited", code }
	}
	for name, test := range map[string]struct {
		change func(*Container)
		want   engine.Observed // Message is a part
	}{
		"unhealthy":   {func(c *Container) { c.Health, c.HealthOutput = "unhealthy", "no route\n" }, engine.Observed{Broken: true, Message: "p-db-1 is unhealthy: no route"}},
		"starting":    {func(c *Container) { c.Health = "starting" }, engine.Observed{Message: "health check"}},
		"healthy":     {func(c *Container) { c.Health = "healthy" }, engine.Observed{Ready: true}},
		"done":        {exited(0), engine.Observed{Ready: true, Ended: true}},
		"crashed":     {exited(3), engine.Observed{Broken: true, Ended: true, Message: "ended with exit code 3: last words"}},
		"out of room": {func(c *Container) { exited(137)(c); c.OOMKilled = true }, engine.Observed{Broken: true, Ended: true, Message: "no more memory"}},
		"stopped":     {func(c *Container) { exited(0)(c); c.RestartPolicy = "always" }, engine.Observed{Broken: true, Ended: true, Message: "exit code 0"}},
		"loops":       {func(c *Container) { exited(1)(c); c.State, c.Restarts = "restarting", 4 }, engine.Observed{Broken: true, Ended: true, Message: "4 times"}},
		"paused":      {func(c *Container) { c.State = "paused" }, engine.Observed{Message: "paused"}},
		"port taken":  {func(c *Container) { c.State, c.Error = "created", "port is allocated" }, engine.Observed{Broken: true, Message: "port is allocated"}},
	} {
		t.Run(name, func(t *testing.T) {
			play(t, func(t *testing.T, s *stand) {
				s.logs["db1"] = []string{"first", "last words"}
				s.up("db")
				s.container("db", test.change)
				got := s.state("db")
				message := got.Message
				test.want.Resource, got.Message = "db", test.want.Message
				if got.Ready != test.want.Ready || got.Broken != test.want.Broken || got.Ended != test.want.Ended || !strings.Contains(message, test.want.Message) {
					t.Errorf("%+v %q, want %+v", got, message, test.want)
				}
				s.up("db")
				if !s.state("db").Ready {
					t.Errorf("brought up again: %+v", s.state("db"))
				}
			})
		})
	}
}

// TestByHand: what others do to containers is told, and what docker itself does.
func TestByHand(t *testing.T) {
	play(t, func(t *testing.T, s *stand) {
		s.up("db")
		s.container("db", func(c *Container) { c.StartedAt = time.Now() })
		if !s.state("db").Ready || !strings.Contains(s.said(), "p-db-1 was started again") {
			t.Errorf("%+v %s", s.state("db"), s.said())
		}
		s.change(func() { s.containers = nil })
		s.settle()
		if o := s.state("db"); !o.Gone || !o.Broken || !strings.Contains(s.said(), "p-db-1 was removed") {
			t.Errorf("%+v %s", o, s.said())
		}
	})
}

// TestDockerGoesAndComesBack with other containers than it went with.
func TestDockerGoesAndComesBack(t *testing.T) {
	play(t, func(t *testing.T, s *stand) {
		s.logs["db1"] = []string{"one", "two"}
		s.up("db")
		s.change(func() { s.broken = errors.New("connection refused") })
		time.Sleep(time.Minute)
		synctest.Wait()
		if o := s.state("db"); !o.Broken || !strings.Contains(o.Message, "does not answer") {
			t.Errorf("docker is gone: %+v", o)
		}
		if n := strings.Count(s.said(), "docker does not answer"); n != 1 {
			t.Errorf("told %d times: %s", n, s.said())
		}
		s.change(func() {
			s.broken, s.containers[0].StartedAt = nil, time.Now()
			s.logs["db1"] = append(s.logs["db1"], "three")
		})
		time.Sleep(2 * lastRetry)
		synctest.Wait()
		if !s.state("db").Ready || !strings.Contains(s.said(), "answers again") {
			t.Errorf("docker is back: %+v %s", s.state("db"), s.said())
		}
		for _, text := range []string{"db: one", "db: two", "db: three"} {
			if n := strings.Count(s.said()+"\n", text+"\n"); n != 1 {
				t.Errorf("%q stands %d times in the log: %s", text, n, s.said())
			}
		}
	})
}

func TestFailures(t *testing.T) {
	play(t, func(t *testing.T, s *stand) {
		s.broken = &Failure{Problem: config.Problem{Message: "docker has no Compose plugin", Hint: "install it"}}
		s.up("db")
		if a, _ := s.applied("db"); a.Problem == nil || a.Passing || a.Problem.Hint == "" || a.Problem.Pos.Line != 3 {
			t.Errorf("%+v %+v", a, a.Problem)
		}
		s.broken = &Failure{Passing: true, Problem: config.Problem{Message: "docker does not answer"}}
		s.up("db")
		time.Sleep(retryPause)
		synctest.Wait()
		if a, _ := s.applied("db"); !a.Passing {
			t.Errorf("%+v", a)
		}
		if last := s.events[len(s.events)-1]; last != (engine.Retry{Resource: "db"}) {
			t.Errorf("it is not tried again: %+v", last)
		}
		for range 9 {
			s.apply("db", true)
		}
		if n := strings.Count(s.said(), "docker does not answer"); n != 2 || !strings.Contains(s.said(), "(10 times)") {
			t.Errorf("told %d times, want once and with its count: %s", n, s.said())
		}
		s.up("db") // a person asks again
		s.apply("db", true)
		if n := strings.Count(s.said(), "docker does not answer"); n != 3 {
			t.Errorf("told %d times, want once more: %s", n, s.said())
		}
	})
}

// TestWhatLeaves is removed, also while it is being brought up; a failure is not
// taken for a removal.
func TestWhatLeaves(t *testing.T) {
	play(t, func(t *testing.T, s *stand) {
		s.slow = time.Minute
		s.Apply(engine.Apply{Resource: resource("db")})
		time.Sleep(time.Second)
		s.Forget(engine.Forget{Dropped: []string{"db"}, Services: []config.Compose{*resource("db").Compose}})
		s.settle()
		if _, n := s.applied("db"); n != 0 || !slices.Equal(s.gone, []string{"db"}) || len(s.containers) != 0 {
			t.Errorf("applied %d times, gone %q, left %+v", n, s.gone, s.containers)
		}
		s.broken = errors.New("refused")
		s.Forget(engine.Forget{Services: []config.Compose{*resource("web").Compose}})
		s.settle()
		if len(s.gone) != 1 || !strings.Contains(s.said(), "removing the Compose service web of p") {
			t.Errorf("gone %q: %s", s.gone, s.said())
		}
		if err := s.Services.Down(t.Context(), []string{"p", "q"}); err == nil || strings.Count(err.Error(), "refused") != 2 {
			t.Errorf("down: %v", err)
		}
		s.broken = nil
		if err := s.Services.Down(t.Context(), []string{"p", "q"}); err != nil || len(s.removed) != 3 {
			t.Errorf("down: %v, %q", err, s.removed)
		}
	})
}

// TestRestart restarts the containers that are there when what was asked for
// before has ended.
func TestRestart(t *testing.T) {
	play(t, func(t *testing.T, s *stand) {
		s.up("db")
		s.slow = 5 * time.Second
		s.Apply(engine.Apply{Resource: resource("db"), Forced: true})
		s.settle()
		s.Services.Restart("db")
		s.settle()
		s.change(func() {
			if len(s.removed) > 0 {
				t.Errorf("while it is replaced: %q", s.removed)
			}
		})
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if !slices.Equal(s.removed, []string{"restart db2"}) {
			t.Errorf("%q", s.removed)
		}
		s.change(func() { s.containers = nil })
		s.Services.Restart("db")
		s.settle()
		if want := "db: restarting its containers: there is none; `towline trigger` makes one"; !strings.Contains(s.said(), want) {
			t.Errorf("said %s, want %s", s.said(), want)
		}
	})
}

// TestUnderTheAgent: a container with the agent is one that files are brought into,
// and what its agent says of its program decides.
func TestUnderTheAgent(t *testing.T) {
	id := engine.TargetID{Pod: "p-web-1", Container: "web"}
	process := func(p wire.Process) agents.Status { return agents.Status{ID: id, Resource: "web", Process: p} }
	play(t, func(t *testing.T, s *stand) {
		s.agent = "/state/agent"
		web := resource("web")
		web.Images = []string{"img"}
		s.Apply(engine.Apply{Resource: web, Images: map[string]string{"img": "img@1"}})
		s.settle()
		if a, _ := s.applied("web"); len(a.Agentless) > 0 {
			t.Errorf("it is said to have no agent: %+v", a)
		}
		o := s.state("web")
		if len(o.Targets) != 1 || o.Targets[0].ID != id || o.Targets[0].Pushed != "img@1" || !o.Targets[0].Running || o.Ready || !strings.Contains(o.Message, "agent has not answered") {
			t.Fatalf("before its agent has answered: %+v", o)
		}
		first := o.Targets[0].Instance
		for name, test := range map[string]struct {
			p    wire.Process
			want engine.Observed
		}{
			"held":    {wire.Process{State: wire.StateHeld}, engine.Observed{Message: "about to start"}},
			"runs":    {wire.Process{State: wire.StateRunning, PID: 7, Starts: 1}, engine.Observed{Ready: true}},
			"crashed": {wire.Process{State: wire.StateExited, Starts: 1, Exit: &wire.Exit{Code: 3}}, engine.Observed{Broken: true, Ended: true, Message: "exit code 3"}},
			"is done": {wire.Process{State: wire.StateExited, Starts: 1, Exit: &wire.Exit{}}, engine.Observed{Ready: true, Ended: true}},
		} {
			s.Agent(process(test.p))
			s.settle()
			if o := s.state("web"); o.Ready != test.want.Ready || o.Broken != test.want.Broken || o.Ended != test.want.Ended || !strings.Contains(o.Message, test.want.Message) {
				t.Errorf("%s: %+v, want %+v", name, o, test.want)
			}
			if last := s.shown[len(s.shown)-1]; last.ID != id || last.Process.State != test.p.State {
				t.Errorf("%s: told as %+v", name, last)
			}
		}
		s.Agent(process(wire.Process{State: wire.StateRunning, PID: 7, Starts: 1, Started: time.Now().UnixNano()}))
		s.container("web", func(c *Container) { c.Health = "unhealthy" })
		if o := s.state("web"); !o.Broken || !strings.Contains(o.Message, "unhealthy") {
			t.Errorf("docker's word of a program that runs: %+v", o)
		}
		s.container("web", func(c *Container) { c.Health, c.StartedAt = "", time.Now() })
		if o := s.state("web"); len(o.Targets) != 1 || o.Targets[0].Instance == first {
			t.Errorf("started again it is the same: %+v", o.Targets)
		}
		s.container("web", func(c *Container) { c.Image = "img:other" })
		if o := s.state("web"); len(o.Targets) != 0 {
			t.Errorf("one that runs another build is a target: %+v", o)
		}
		s.AgentGone(id)
		s.settle()
		if last := s.shown[len(s.shown)-1]; last.ID != id || last.Resource != "" {
			t.Errorf("it is not told that it is gone: %+v", last)
		}
	})
}

// TestDockerElsewhere cannot mount the agent: the service comes up without it.
func TestDockerElsewhere(t *testing.T) {
	play(t, func(t *testing.T, s *stand) {
		s.agent = "/state/agent"
		s.refuse = func(u Up) error {
			if u.Agent == "" {
				return nil
			}
			return &Failure{Problem: config.Problem{Message: "docker: bind source path does not exist: " + u.Agent}}
		}
		s.up("web")
		if a, _ := s.applied("web"); a.Problem != nil || !slices.Equal(a.Agentless, []string{"img"}) || !s.state("web").Ready {
			t.Errorf("applied %+v, %+v", a, s.state("web"))
		}
		if n := strings.Count(s.said(), "docker cannot mount /state/agent"); n != 1 {
			t.Errorf("told %d times: %s", n, s.said())
		}
	})
}

// TestWhoseEndIsWaitedFor runs without an agent, and is not ready before it has ended.
func TestWhoseEndIsWaitedFor(t *testing.T) {
	play(t, func(t *testing.T, s *stand) {
		s.agent = "/state/agent"
		web := resource("web")
		web.Images, web.Compose.Ends = []string{"img"}, true
		s.Apply(engine.Apply{Resource: web})
		s.settle()
		if a, _ := s.applied("web"); len(a.Agentless) > 0 || !slices.Equal(a.Ending, []string{"img"}) {
			t.Errorf("it keeps live updates from others: %+v", a)
		}
		if o := s.state("web"); o.Ready || o.Broken || len(o.Targets) > 0 || !strings.Contains(o.Message, "others wait for its end") {
			t.Errorf("while it runs: %+v", o)
		}
		s.container("web", func(c *Container) { c.State = "exited" })
		if o := s.state("web"); !o.Ready || !o.Ended {
			t.Errorf("at its end: %+v", o)
		}
	})
}

// TestCovered: what is mounted from the very folder that is synced is there.
func TestCovered(t *testing.T) {
	c := Container{Mounts: []Mount{{Type: "bind", Source: "/w/src", Destination: "/app"}, {Type: "volume", Name: "p_data", Destination: "/data"}}}
	got := c.covered(map[string]wire.Covered{
		"/w/src/a": {Path: "/app/a", Mount: "/app", Type: "ext4"}, "/w/lib/b": {Path: "/app/b", Mount: "/app", Type: "ext4"},
		"/w/c": {Path: "/data/c", Mount: "/data", Type: "ext4"}, "/w/d": {Path: "/proc/d", Mount: "/proc", Type: "proc"},
	})
	var words []string
	for _, f := range got {
		words = append(words, f.Local+": "+f.Volume)
	}
	if want := []string{"/w/c: volume p_data", "/w/d: a file system of type proc", "/w/lib/b: /w/src of this machine"}; !slices.Equal(words, want) {
		t.Errorf("got %q, want %q", words, want)
	}
}
