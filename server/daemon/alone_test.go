package daemon

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/starlark/config"
)

// TestUpWithoutACluster: what runs on this machine alone asks no cluster,
// whether there is none, a dead one or one that nobody allowed.
func TestUpWithoutACluster(t *testing.T) {
	for name, text := range map[string]string{
		"none":        "",
		"broken":      "clusters: [",
		"dead":        kubeconfig,
		"not allowed": strings.ReplaceAll(kubeconfig, "kind-none", "production"),
	} {
		t.Run(name, func(t *testing.T) {
			s := aloneStand(t, text, func(p *config.Project) {})
			if code, problem := s.post(api.RouteUp, `{}`); code != 200 {
				t.Fatalf("up: %d %+v", code, problem)
			}
			status := s.reach("one:ready two:ready three:ready")
			if status.Cluster != (api.ClusterStatus{}) || status.Text != "3 ready" {
				t.Errorf("the status says %q of the cluster %+v", status.Text, status.Cluster)
			}
			if code, problem := s.post(api.RouteUp, `{"context":"kind-none"}`); code != 200 {
				t.Errorf("up again, in a context: %d %+v", code, problem)
			}
			if code, problem := s.post(api.RouteDown, `{}`); code != 200 {
				t.Errorf("down: %d %+v", code, problem)
			}
			s.await("nothing is up", func(s *api.Status) bool { return !s.Up })
		})
	}
}

// TestObjectsNeedTheirCluster: the safety rules hold as soon as the project has
// an object, at up as for a Tiltfile that gets one later.
func TestObjectsNeedTheirCluster(t *testing.T) {
	production := strings.ReplaceAll(kubeconfig, "kind-none", "production")
	for name, test := range map[string]struct{ kubeconfig, want string }{
		"none":        {"", "kubeconfig"},
		"not allowed": {production, "production"},
	} {
		t.Run(name, func(t *testing.T) {
			objects := false
			s := aloneStand(t, test.kubeconfig, func(p *config.Project) {
				if objects {
					p.Resources = append(p.Resources, config.Resource{Name: "web", Kind: config.KindK8s, AutoInit: true, Enabled: true})
					p.YAML = []config.Object{{Resource: "web", Key: "web", Content: map[string]any{
						"apiVersion": "v1", "kind": "ConfigMap", "metadata": map[string]any{"name": "web"},
					}}}
				}
			})
			objects = true
			if code, problem := s.post(api.RouteUp, `{}`); code == 200 || !strings.Contains(problem.Message, test.want) {
				t.Fatalf("up with an object: %d %+v", code, problem)
			}
			objects = false
			if code, problem := s.post(api.RouteUp, `{}`); code != 200 {
				t.Fatalf("up: %d %+v", code, problem)
			}
			before := s.reach("one:ready two:ready three:ready")
			objects = true
			for range 3 {
				s.evaluate() // whoever waits for it or not
			}
			s.do(func(c *core) {
				if c.session.missed == "" || c.session.joining {
					t.Errorf("the cluster was not asked for, or still is: %q %v", c.session.missed, c.session.joining)
				}
			})
			if told := s.told("has come to need a cluster"); told != 1 {
				t.Errorf("it was told %d times", told)
			}
			status := s.await("the cluster is asked for", func(s *api.Status) bool { return s.Cluster.Problem != nil })
			if !strings.Contains(status.Cluster.Problem.Message, test.want) || began(status, "one") != began(before, "one") {
				t.Errorf("the status says %+v; the first server began %s, before %s", status.Cluster, began(status, "one"), began(before, "one"))
			}
			if !strings.Contains(status.Text, "3 ready, and the Tiltfile has come to need a cluster") {
				t.Errorf("the status says %q", status.Text)
			}
			if got := phases(status); got != "one:ready two:ready three:ready web:stopped" {
				t.Errorf("what is up: %s", got)
			}
		})
	}
}

// told counts the lines of the log that hold a text.
func (s *stand) told(text string) int {
	n := 0
	for _, l := range s.logged() {
		if strings.Contains(l.Text, text) {
			n++
		}
	}
	return n
}

// aloneStand has three local servers, and what more says, beside a kubeconfig.
func aloneStand(t *testing.T, kubeconfig string, more func(*config.Project)) *stand {
	t.Helper()
	file := filepath.Join(t.TempDir(), "kubeconfig")
	if kubeconfig != "" {
		if err := os.WriteFile(file, []byte(kubeconfig), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("KUBECONFIG", file)
	s := newStand(t)
	if err := os.WriteFile(filepath.Join(s.o.Endpoint.Workspace, "Tiltfile"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	s.evaluates(func(_ context.Context, e Evaluation) *config.Project {
		p := servers(e.Args)
		p.Tiltfile, p.ConfigFiles = e.Tiltfile, []string{e.Tiltfile}
		more(p)
		return p
	})
	return s
}
