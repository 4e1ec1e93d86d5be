// Package doctor looks at what Towline needs of a machine and of a cluster, and
// says what is wrong with it and what cures that. It changes nothing.
package doctor

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/towline-dev/towline/server/kube"
	"github.com/towline-dev/towline/starlark/config"
)

// State says how one thing is.
type State string

// The states.
const (
	Good   State = "ok"
	Poor   State = "warning" // some of it will not work
	Bad    State = "error"   // nothing that needs it works
	Unseen State = "unknown" // something else has to be cured first
)

// Finding is what is to be said of one thing.
type Finding struct {
	Topic string `json:"topic"` // "cluster"
	State State  `json:"state"`
	Text  string `json:"text"`           // one line
	Cure  string `json:"cure,omitempty"` // what a person does about it
}

// Cluster is the part of a cluster that is looked at.
type Cluster interface {
	Identity() kube.Identity
	ServerVersion(context.Context) (string, error)
	Nodes(context.Context) ([]kube.Node, error)
	May(context.Context, kube.Right) (bool, error)
	DiscoverRegistry(context.Context) (found *config.Registry, unread string, err error)
}

// Options say what is looked at.
type Options struct {
	Open    func() (Cluster, error)                        // of the kubeconfig; the error is for a person
	Spare   bool                                           // the project needs no cluster
	Builder func(context.Context) (name string, err error) // of images
	Compose func(context.Context) (name string, err error) // what runs Compose services; nil where the project has none
	Agents  []string                                       // architectures that there is an agent of, "amd64"
	Watches func() (Watches, error)                        // nil where the system has no such limits
	Timeout time.Duration                                  // of each answer
}

// Watches are the limits of a system for those who watch files.
type Watches struct {
	Folders   int // fs.inotify.max_user_watches
	Instances int // fs.inotify.max_user_instances
}

// Examine looks at everything, at the same time, and returns what it found in
// the order in which a person would ask.
func Examine(ctx context.Context, o Options) []Finding {
	looks := []func(context.Context) []Finding{o.cluster, o.builder, o.compose, o.watches}
	found := make([][]Finding, len(looks))
	var all sync.WaitGroup
	for i, look := range looks {
		all.Go(func() { found[i] = look(ctx) })
	}
	all.Wait()
	return slices.Concat(found...)
}

// cluster looks at all that the API server answers.
func (o Options) cluster(ctx context.Context) []Finding {
	unseen := func(topics ...string) []Finding {
		var all []Finding
		for _, topic := range topics {
			all = append(all, Finding{Topic: topic, State: Unseen, Text: "not seen: the cluster comes first"})
		}
		return all
	}
	c, err := o.Open()
	if err != nil {
		none := failed("kubeconfig", o.lacking(), err)
		return slices.Concat([]Finding{none}, unseen("cluster", "rights"), []Finding{o.agent(nil)}, unseen("registry"))
	}
	kubeconfig := contextOf(c.Identity())
	began := time.Now()
	version, err := within(ctx, o.Timeout, c.ServerVersion)
	if err != nil {
		return slices.Concat([]Finding{kubeconfig, failed("cluster", o.lacking(), err)}, unseen("rights"), []Finding{o.agent(nil)}, unseen("registry"))
	}
	reached := Finding{Topic: "cluster", State: Good, Text: fmt.Sprintf("Kubernetes %s answers in %s", version, time.Since(began).Round(time.Millisecond))}
	nodes, _ := within(ctx, o.Timeout, c.Nodes) // a right that few need: without it the images' architecture is not known
	if len(nodes) > 0 {
		reached.Text += fmt.Sprintf("; %s, %s/%s", counted(len(nodes), "node"), nodes[0].OS, nodes[0].Arch)
	}
	return []Finding{kubeconfig, reached, o.rights(ctx, c), o.agent(nodes), o.registry(ctx, c)}
}

// lacking is how bad it is that there is no cluster: Compose services and local
// resources need none.
func (o Options) lacking() State {
	if o.Spare {
		return Poor
	}
	return Bad
}

// contextOf says which cluster is meant, and whether that has to be allowed.
func contextOf(id kube.Identity) Finding {
	f := Finding{Topic: "kubeconfig", State: Good, Text: fmt.Sprintf("context %s, namespace %s, %s", id.Context, id.Namespace, id.Server)}
	if id.Product != "" {
		f.Text += fmt.Sprintf(" (%s)", id.Product)
	}
	if ok, problem := kube.Allowed(id, nil); !ok {
		f.State, f.Cure = Poor, problem.Hint
		f.Text += ": used only where the Tiltfile allows it"
	}
	return f
}

// cures are what a person does about what failed and named no cure itself.
var cures = map[string]string{
	"kubeconfig": "set KUBECONFIG to the file that names your cluster, or make one: `kind create cluster` does",
	"cluster":    "see whether it runs, and whether the way to it is open: `kubectl cluster-info`",
	"rights":     "ask who runs the cluster for what `towline doctor --role` prints",
	"registry":   "name one that answers in the Tiltfile: default_registry('HOST/PATH')",
	"builder":    "install docker or buildctl and start its daemon: `docker version` says what it lacks",
	"compose":    "install Docker's Compose plugin: `docker compose version` has to answer",
	"watching":   "`sysctl fs.inotify` shows the limits",
}

// failed is what is said of what ended in an error.
func failed(topic string, state State, err error) Finding {
	f := Finding{Topic: topic, State: state, Text: err.Error()}
	var p *config.Problem
	if errors.As(err, &p) {
		f.Text, f.Cure = p.Message, p.Hint
	}
	if f.Cure == "" {
		f.Cure = cures[topic]
	}
	f.Text, _, _ = strings.Cut(f.Text, "\n")
	return f
}

// within bounds an answer.
func within[T any](ctx context.Context, timeout time.Duration, ask func(context.Context) (T, error)) (T, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	return ask(ctx)
}

// agent says whether there is an agent for the nodes.
func (o Options) agent(nodes []kube.Node) Finding {
	f := Finding{Topic: "agent", State: Good, Text: "for linux/" + strings.Join(o.Agents, ", linux/")}
	if len(o.Agents) == 0 {
		f.State, f.Text = Bad, "there is no towline-agent beside the towline program: nothing is synced or debugged"
		f.Cure = "install the whole archive: towline-agent lies beside towline, and another architecture's as towline-agent-linux-ARCH"
		return f
	}
	var lacking []string
	for _, n := range nodes {
		if !slices.Contains(o.Agents, n.Arch) && !slices.Contains(lacking, n.Arch) {
			lacking = append(lacking, n.Arch)
		}
	}
	if len(lacking) > 0 {
		f.State, f.Text = Poor, f.Text+"; the cluster has nodes of linux/"+strings.Join(lacking, ", linux/")
		f.Cure = "put towline-agent-linux-" + lacking[0] + " beside the towline program"
	}
	return f
}

// registry says where images go.
func (o Options) registry(ctx context.Context, c Cluster) Finding {
	f := Finding{Topic: "registry", State: Good}
	type answer struct {
		found  *config.Registry
		unread string
	}
	a, err := within(ctx, o.Timeout, func(ctx context.Context) (answer, error) {
		found, unread, err := c.DiscoverRegistry(ctx)
		return answer{found, unread}, err
	})
	switch {
	case err != nil:
		return failed("registry", Poor, err)
	case a.found == nil && c.Identity().Local():
		f.Text = "the cluster names none; images are loaded into it, or pushed where default_registry() says"
	case a.found == nil:
		f.State, f.Text = Poor, "the cluster names none"
		if a.unread != "" {
			f.Text += " (" + a.unread + ")"
		}
		f.Cure = "say in the Tiltfile where built images go: default_registry('HOST/PATH')"
	default:
		f.Text = a.found.Host + ", as the cluster says"
		if err := o.ping(ctx, a.found.Host); err != nil {
			f.State, f.Text = Poor, f.Text+"; it does not answer: "+err.Error()
			f.Cure = "start it, or name another with default_registry()"
		}
	}
	return f
}

// ping asks a registry whether it is one. Any answer of HTTP will do: what it
// wants to know of a user is for docker to say.
func (o Options) ping(ctx context.Context, host string) error {
	host, _, _ = strings.Cut(host, "/")
	ctx, cancel := context.WithTimeout(ctx, o.Timeout)
	defer cancel()
	var last error
	for _, scheme := range []string{"https", "http"} {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, scheme+"://"+host+"/v2/", nil)
		if err != nil {
			return err
		}
		res, err := http.DefaultClient.Do(req)
		if err == nil {
			return res.Body.Close()
		}
		last = err
	}
	if inner := errors.Unwrap(last); inner != nil {
		return inner
	}
	return last
}

// builder says what builds images.
func (o Options) builder(ctx context.Context) []Finding {
	name, err := within(ctx, o.Timeout, o.Builder)
	if err != nil {
		return []Finding{failed("builder", Poor, err)}
	}
	return []Finding{{Topic: "builder", State: Good, Text: name}}
}

// compose says what runs the project's Compose services.
func (o Options) compose(ctx context.Context) []Finding {
	if o.Compose == nil {
		return nil
	}
	name, err := within(ctx, o.Timeout, o.Compose)
	if err != nil {
		return []Finding{failed("compose", Bad, err)}
	}
	return []Finding{{Topic: "compose", State: Good, Text: name}}
}

// Limits below which large projects are not watched whole.
const (
	fewFolders   = 65536
	fewInstances = 128
)

// watches says how many folders can be watched.
func (o Options) watches(context.Context) []Finding {
	if o.Watches == nil {
		return nil
	}
	limit, err := o.Watches()
	if err != nil {
		return []Finding{failed("watching", Unseen, err)}
	}
	f := Finding{Topic: "watching", State: Good, Text: fmt.Sprintf("up to %d folders, %d watchers", limit.Folders, limit.Instances)}
	var cures []string
	if limit.Folders < fewFolders {
		cures = append(cures, "fs.inotify.max_user_watches=524288")
	}
	if limit.Instances < fewInstances {
		cures = append(cures, "fs.inotify.max_user_instances=512")
	}
	if len(cures) > 0 {
		f.State, f.Cure = Poor, "sudo sysctl -w "+strings.Join(cures, " ")
		f.Text += ": few, and what is not watched is found seconds later"
	}
	return []Finding{f}
}

// counted is "1 node", "3 nodes".
func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
