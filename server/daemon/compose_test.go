package daemon

import (
	"context"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/server/engine"
	"github.com/towline-dev/towline/server/run"
	"github.com/towline-dev/towline/server/run/compose"
	"github.com/towline-dev/towline/starlark/config"
)

// fakeDocker has the services that were brought up.
type fakeDocker struct {
	mu       sync.Mutex
	services []string
	down     []string // projects
	broken   error
}

func (f *fakeDocker) do(what func()) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.broken == nil {
		what()
	}
	return f.broken
}

func (f *fakeDocker) names() (names string) {
	_ = f.do(func() { names = strings.Join(f.services, " ") })
	return names
}

func (f *fakeDocker) Up(_ context.Context, u compose.Up) error {
	return f.do(func() {
		if !slices.Contains(f.services, u.Service) {
			f.services = append(f.services, u.Service)
		}
		slices.Sort(f.services)
	})
}

func (f *fakeDocker) Remove(_ context.Context, c config.Compose) error {
	return f.do(func() {
		f.services = slices.DeleteFunc(f.services, func(name string) bool { return name == c.Service })
	})
}

func (f *fakeDocker) Down(_ context.Context, project string) error {
	return f.do(func() {
		f.services = nil
		f.down = append(f.down, project)
		slices.Sort(f.down)
	})
}

func (f *fakeDocker) List(context.Context, string) (all []compose.Container, err error) {
	err = f.do(func() {
		for _, name := range f.services {
			all = append(all, compose.Container{ID: name, Name: name, Service: name, State: "running", StartedAt: time.Unix(1, 0)})
		}
	})
	return all, err
}

func (f *fakeDocker) Events(ctx context.Context, _ string, _ func()) error { <-ctx.Done(); return nil }
func (f *fakeDocker) Logs(context.Context, string, time.Time, func(time.Time, string)) error {
	return nil
}
func (f *fakeDocker) Exec(context.Context, string, []string) (io.ReadWriteCloser, error) {
	return nil, io.EOF
}
func (f *fakeDocker) Restart(context.Context, []string) error { return nil }

// TestComposeServicesNeedNoCluster, and are known to the next daemon: what left
// the Tiltfile meanwhile is removed, and down forgets only what is gone.
func TestComposeServicesNeedNoCluster(t *testing.T) {
	docker := &fakeDocker{}
	names := []string{"db", "web"}
	s := aloneStand(t, "", func(p *config.Project) {
		p.Resources = nil
		for _, name := range names {
			p.Resources = append(p.Resources, config.Resource{
				Name: name, Kind: config.KindCompose, AutoInit: true, Enabled: true, Compose: &config.Compose{Project: "p", Service: name},
			})
		}
	})
	s.do(func(c *core) {
		c.newRunner = func(o run.Options) runner {
			o.Docker = docker
			return run.New(t.Context(), o)
		}
	})
	up := func(want string) {
		t.Helper()
		if code, problem := s.post(api.RouteUp, `{}`); code != 200 {
			t.Fatalf("up: %d %+v", code, problem)
		}
		s.reach(want)
	}
	up("db:ready web:ready")
	if code, problem := s.post(api.RouteRestart, `{"resource":"db"}`); code != 200 {
		t.Errorf("restart: %d %+v", code, problem)
	}
	s.do(func(c *core) { // what a kill and a new daemon leave
		old := c.session.end()
		serial := c.session.serial
		c.tiltfile.good, c.tiltfile.last, c.state = nil, nil, engine.State{}
		c.session.reset()
		c.session.serial = serial
		c.spawn(func(context.Context) { old.Close() })
	})
	names = []string{"web"}
	up("web:ready")
	s.await("what left is removed and forgotten", func(*api.Status) bool {
		left := 0
		s.do(func(c *core) { left = len(c.store.record.Compose["p"]) })
		return docker.names() == "web" && left == 1
	})
	s.do(func(c *core) { // as when the last of a project leaves
		c.store.record.Compose["q"] = []string{"cache"}
		c.store.record.removed(&config.Compose{Project: "q", Service: "cache"})
	})
	docker.mu.Lock()
	docker.broken = &compose.Failure{Problem: config.Problem{Message: "docker does not answer"}}
	docker.mu.Unlock()
	if code, problem := s.post(api.RouteDown, `{}`); code == 200 || !strings.Contains(problem.Message, "does not answer") {
		t.Errorf("a down without docker: %d %+v", code, problem)
	}
	docker.mu.Lock()
	docker.broken = nil
	docker.mu.Unlock()
	if code, problem := s.post(api.RouteDown, `{}`); code != 200 || docker.names() != "" || !slices.Equal(docker.down, []string{"p", "q"}) {
		t.Errorf("down: %d %+v, left %q of %q", code, problem, docker.names(), docker.down)
	}
	s.do(func(c *core) {
		if len(c.store.record.Compose) != 0 || c.store.record.Up != nil {
			t.Errorf("kept: %+v", c.store.record)
		}
	})
}
