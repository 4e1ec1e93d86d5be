package doctor

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/towline-dev/towline/server/kube"
	"github.com/towline-dev/towline/starlark/config"
)

// patient is a cluster with what is wrong with it.
type patient struct {
	id       kube.Identity
	reach    error
	nodes    []kube.Node
	lacks    func(kube.Right) bool
	mayErr   error
	registry *config.Registry
	unread   string
}

func (p *patient) Identity() kube.Identity { return p.id }
func (p *patient) ServerVersion(ctx context.Context) (string, error) {
	if p.reach == context.DeadlineExceeded {
		<-ctx.Done() // it never answers
	}
	return "v1.34.0", p.reach
}
func (p *patient) Nodes(context.Context) ([]kube.Node, error) { return p.nodes, nil }
func (p *patient) May(_ context.Context, r kube.Right) (bool, error) {
	return p.lacks == nil || !p.lacks(r), p.mayErr
}
func (p *patient) DiscoverRegistry(context.Context) (*config.Registry, string, error) {
	return p.registry, p.unread, nil
}

// healthy is a local cluster with nothing wrong with it.
func healthy() (*patient, Options) {
	p := &patient{
		id:    kube.Identity{Context: "kind-dev", Namespace: "dev", Server: "https://127.0.0.1:6443", Product: "kind"},
		nodes: []kube.Node{{OS: "linux", Arch: "amd64"}},
	}
	return p, Options{
		Open:    func() (Cluster, error) { return p, nil },
		Builder: func(context.Context) (string, error) { return "docker with BuildKit (/bin/docker)", nil },
		Agents:  []string{"amd64"}, Timeout: time.Second,
		Watches: func() (Watches, error) { return Watches{Folders: 1 << 20, Instances: 512}, nil },
	}
}

func TestExamine(t *testing.T) {
	registry := httptest.NewServer(http.NotFoundHandler())
	defer registry.Close()
	for _, test := range []struct {
		name string
		ill  func(*patient, *Options)
		want []string // "topic state: text" of what is not ok, and its cure after →
	}{
		{"nothing is wrong", func(*patient, *Options) {}, nil},
		{"no kubeconfig", func(_ *patient, o *Options) {
			o.Open = func() (Cluster, error) { return nil, &config.Problem{Message: "no cluster", Hint: "start one"} }
		}, []string{"kubeconfig error: no cluster → start one", "cluster unknown", "rights unknown", "registry unknown"}},
		{"no kubeconfig, and the project needs none", func(_ *patient, o *Options) {
			o.Spare = true
			o.Open = func() (Cluster, error) { return nil, &config.Problem{Message: "no cluster", Hint: "start one"} }
		}, []string{"kubeconfig warning: no cluster → start one", "cluster unknown", "rights unknown", "registry unknown"}},
		{"a cluster that does not answer, and the project needs none", func(p *patient, o *Options) { o.Spare, p.reach = true, errors.New("refused") },
			[]string{"cluster warning: refused", "rights unknown", "registry unknown"}},
		{"no Compose plugin", func(_ *patient, o *Options) {
			o.Compose = func(context.Context) (string, error) {
				return "", &config.Problem{Message: "no plugin", Hint: "install it"}
			}
		}, []string{"compose error: no plugin → install it"}},
		{"a Compose plugin", func(_ *patient, o *Options) {
			o.Compose = func(context.Context) (string, error) { return "docker compose 2.40.0", nil }
		}, nil},
		{"a context of another kind", func(p *patient, _ *Options) { p.id.Product = "" }, []string{
			"kubeconfig warning: context kind-dev, namespace dev, https://127.0.0.1:6443: used only where", "registry warning: the cluster names none → say in the Tiltfile"}},
		{"a cluster that never answers", func(p *patient, o *Options) { p.reach, o.Timeout = context.DeadlineExceeded, time.Millisecond },
			[]string{"cluster error: ", "rights unknown", "registry unknown"}},
		{"no rights for the way to the agent", func(p *patient, _ *Options) {
			p.lacks = func(r kube.Right) bool { return r.Resource == "pods/exec" }
		}, []string{"rights warning: you may not create, get pods/exec in namespace dev: no live updates, no debugging → ask for the Role"}},
		{"a namespace of somebody else's", func(p *patient, _ *Options) { p.lacks = func(kube.Right) bool { return true } },
			[]string{"rights error: you may not get, list, watch, create, patch, delete deployments.apps; "}},
		{"rights that cannot be asked for", func(p *patient, _ *Options) { p.mayErr = errors.New("no such API") }, []string{"rights unknown: no such API"}},
		{"no agent", func(_ *patient, o *Options) { o.Agents = nil }, []string{"agent error: there is no towline-agent"}},
		{"nodes of another kind", func(p *patient, _ *Options) { p.nodes = append(p.nodes, kube.Node{OS: "linux", Arch: "arm64"}) },
			[]string{"agent warning: for linux/amd64; the cluster has nodes of linux/arm64 → put towline-agent-linux-arm64 beside"}},
		{"a registry that is there", func(p *patient, _ *Options) {
			p.registry = &config.Registry{Host: strings.TrimPrefix(registry.URL, "http://") + "/path"}
		}, nil},
		{"a registry that is not", func(p *patient, _ *Options) { p.registry = &config.Registry{Host: "127.0.0.1:1"} },
			[]string{"registry warning: 127.0.0.1:1, as the cluster says; it does not answer: "}},
		{"no builder", func(_ *patient, o *Options) {
			o.Builder = func(context.Context) (string, error) { return "", errors.New("no docker") }
		}, []string{"builder warning: no docker"}},
		{"few watches", func(_ *patient, o *Options) { o.Watches = func() (Watches, error) { return Watches{8192, 64}, nil } },
			[]string{"watching warning: up to 8192 folders, 64 watchers: few, and what is not watched is found seconds later → sudo sysctl -w fs.inotify.max_user_watches=524288 fs.inotify.max_user_instances=512"}},
		{"no such limits", func(_ *patient, o *Options) { o.Watches = nil }, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			p, o := healthy()
			test.ill(p, &o)
			var got []string
			for _, f := range Examine(t.Context(), o) {
				if f.State == Good && f.Cure == "" {
					continue
				}
				if f.Cure == "" && !strings.Contains(f.Text, "comes first") {
					t.Errorf("%s: %s: without a cure", f.Topic, f.Text)
				}
				text := f.Topic + " " + string(f.State) + ": " + f.Text
				if f.Cure != "" {
					text += " → " + f.Cure
				}
				got = append(got, text)
			}
			ok := len(got) == len(test.want)
			for i := 0; ok && i < len(got); i++ {
				for part := range strings.SplitSeq(test.want[i], " → ") {
					ok = ok && strings.Contains(got[i], part)
				}
			}
			if !ok {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(test.want, "\n"))
			}
		})
	}
}
