package daemon

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/server/run"
	"github.com/towline-dev/towline/starlark/config"
)

// panicky is a runner with a defect.
type panicky struct {
	runner
	inDown bool
}

func (p panicky) Down(ctx context.Context, end run.End) error {
	if p.inDown {
		panic("a defect")
	}
	return p.runner.Down(ctx, end)
}

func (p panicky) Close() {
	p.runner.Close()
	if !p.inDown {
		panic("a defect")
	}
}

// TestDefectInADown: whoever asked is told, and what is asked after it does not
// wait for its end.
func TestDefectInADown(t *testing.T) {
	for name, breaks := range map[string]func(c *core) (mend func(c *core)){
		"making the runner": func(c *core) func(*core) {
			good := c.newRunner
			c.newRunner = func(run.Options) runner { panic("a defect") }
			return func(c *core) { c.newRunner = good }
		},
		"deleting": func(c *core) func(*core) {
			good := c.newRunner
			c.newRunner = func(o run.Options) runner { return panicky{good(o), true} }
			return func(c *core) { c.newRunner = good }
		},
		"ending the runner": func(c *core) func(*core) {
			good := c.newRunner
			c.newRunner = func(o run.Options) runner { return panicky{good(o), false} }
			return func(c *core) { c.newRunner = good }
		},
		"taking the evaluation's outcome": func(c *core) func(*core) {
			good := c.o.Evaluate
			c.o.Evaluate = func(context.Context, Evaluation) *config.Project { return nil }
			return func(c *core) { c.o.Evaluate = good }
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPlay(t, "db web")
			p.up()
			var mend func(*core)
			p.do(func(c *core) { mend = breaks(c) })
			if code, problem := p.post(api.RouteDown, `{}`); code == 200 || !strings.Contains(problem.Message, "internal error") {
				t.Errorf("the defect: %d %+v", code, problem)
			}
			p.await("the Down has ended", func(s *api.Status) bool { return s.State != api.StateStopping })
			p.do(mend)
			if code, problem := p.post(api.RouteDown, `{}`); code != 200 || p.world.names() != "" {
				t.Errorf("again: %d %+v, left %s", code, problem, p.world.names())
			}
		})
	}
}

// TestDefectInAnUp: it is told, nothing is taken for under way after it, and the
// next one brings the project up.
func TestDefectInAnUp(t *testing.T) {
	t.Setenv("KUBECONFIG", t.TempDir()+"/none")
	s := upServers(t)
	if code, problem := s.post(api.RouteDown, `{}`); code != 200 {
		t.Fatalf("%d %+v", code, problem)
	}
	var good func(run.Options) runner
	s.do(func(c *core) {
		good = c.newRunner
		c.newRunner = func(run.Options) runner { panic("a defect") }
	})
	if code, problem := s.post(api.RouteUp, `{}`); code == 200 || !strings.Contains(problem.Message, "internal error") {
		t.Errorf("the defect: %d %+v", code, problem)
	}
	s.settle()
	s.do(func(c *core) {
		c.newRunner = good
		if c.requests.asked != 0 || c.session.joining {
			t.Errorf("%d requests are taken for under way, joining %v", c.requests.asked, c.session.joining)
		}
	})
	if code, problem := s.post(api.RouteUp, `{}`); code != 200 {
		t.Errorf("again: %d %+v", code, problem)
	}
	s.reach("one:ready two:ready three:ready")
}

// TestJoinAsksNothingOfNames: a resource that was named, and that has left the
// Tiltfile since, is not taken for a missing cluster.
func TestJoinAsksNothingOfNames(t *testing.T) {
	objects := false
	s := aloneStand(t, strings.ReplaceAll(kubeconfig, "kind-none", "production"), func(p *config.Project) {
		if objects {
			p.Resources = append(p.Resources[1:], config.Resource{Name: "web", Kind: config.KindK8s, AutoInit: true, Enabled: true})
			p.YAML = []config.Object{{Resource: "web", Key: "web", Content: map[string]any{
				"apiVersion": "v1", "kind": "ConfigMap", "metadata": map[string]any{"name": "web"},
			}}}
		}
	})
	if code, problem := s.post(api.RouteUp, `{"resources":["one"]}`); code != 200 {
		t.Fatalf("%d %+v", code, problem)
	}
	objects = true
	s.evaluate()
	s.do(func(c *core) {
		if missed := fmt.Sprint(c.session.missed); !strings.Contains(missed, "production") || strings.Contains(missed, "no resource") {
			t.Errorf("it misses %q, want a cluster", missed)
		}
	})
}
