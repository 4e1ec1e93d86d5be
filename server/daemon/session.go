package daemon

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/server/build"
	"github.com/towline-dev/towline/server/engine"
	"github.com/towline-dev/towline/server/kube"
	"github.com/towline-dev/towline/server/run"
	"github.com/towline-dev/towline/server/status"
	"github.com/towline-dev/towline/starlark/config"
)

// session is what a request is being, or was, carried out with: the cluster
// that it means, pinned when it was opened, and the runner that works there.
type session struct {
	own      string        // the file of the kubeconfig that knows the cluster alone
	warn     func(error)   // of what is wrong with a kubeconfig
	request  api.UpRequest // of the last Up or evaluation
	cluster  *kube.Cluster // nil: lost says why
	runner   runner        // nil: nothing is up
	facts    clusterFacts  // of the runner's cluster
	remote   bool          // the runner works in the cluster; else on this machine alone
	serial   int           // counts runners, so that a late event of an old one is known
	lost     error         // the cluster's last failure
	missed   string        // why what is up without a cluster cannot get the one that it has come to need
	joining  bool          // it is being asked for
	retry    *time.Timer   // the next time
	targets  map[engine.TargetID]status.Target
	forwards map[string][]api.Forward
	steps    map[string]string // of the builds that go on, by image
}

// runner performs effects: a run.Runner, or a test's. Its methods may be called
// concurrently.
type runner interface {
	Configure(p *config.Project)
	Perform(e engine.Effect)
	Adopt(ref string, result build.Result)
	Built(ref string) build.Result
	Debug(ctx context.Context, resource, pod, container string, launch bool) (net.Conn, run.Session, error)
	DialPod(ctx context.Context, resource string, spec config.PortForward) (net.Conn, error)
	Down(ctx context.Context, end run.End) error
	Close()
}

func newSession(own string, warn func(error)) session {
	return session{own: own, warn: warn, targets: map[engine.TargetID]status.Target{}, forwards: map[string][]api.Forward{}, steps: map[string]string{}}
}

// open opens the cluster of the request, pinned from then on, and writes the
// kubeconfig that knows it alone. It does not talk to it. A kubeconfig that cannot
// be used leaves no cluster and its problem in lost.
func (s *session) open() {
	file, warn := s.own, s.warn
	var open atomic.Pointer[kube.Cluster]
	cluster, err := kube.Open(kube.Options{
		Context: s.request.Context, Namespace: s.request.Namespace, Warn: func(text string) { warn(warning(text)) },
		Renewed: func() {
			if c := open.Load(); c != nil && c.WriteKubeconfig(file) != nil {
				warn(warning("the commands' own kubeconfig still has the old credentials: " + file))
			}
		},
	})
	if err != nil {
		s.cluster, s.lost = nil, err
		return
	}
	open.Store(cluster)
	s.cluster, s.lost = cluster, nil
	if err := cluster.WriteKubeconfig(file); err != nil {
		warn(err)
	}
}

// warning is a text that is an error to whoever tells it.
type warning string

func (w warning) Error() string { return string(w) }

// end gives up the runner and what it told, and returns it, nil if there is
// none.
func (s *session) end() runner {
	old := s.runner
	if old != nil {
		request, cluster, lost := s.request, s.cluster, s.lost
		s.reset()
		s.request, s.cluster, s.lost = request, cluster, lost
	}
	return old
}

// reset forgets all. What a runner until now still tells is an old one's.
func (s *session) reset() {
	serial := s.serial + 1
	*s = newSession(s.own, s.warn)
	s.serial = serial
}

// usable says why the cluster cannot be used for a project, nil if it can.
func (s *session) usable(p *config.Project) error {
	if s.cluster == nil {
		return s.lost
	}
	ok, problem := kube.Allowed(s.cluster.Identity(), allowedBy(p))
	if ok {
		return nil
	}
	located := *problem
	located.Pos = config.Position{File: p.Tiltfile, Line: 1, Col: 1}
	return &located
}

// needsCluster reports whether what is up does without a cluster that is needed by now.
func (s *session) needsCluster(needed bool) bool { return !s.remote && needed }

// setCluster has a runner work in the cluster.
func (s *session) setCluster(o *run.Options) {
	o.Cluster, o.Namespace = s.cluster, s.namespace()
}

// status says which cluster is used and whether it answers.
func (s *session) status(allowedContexts []string) api.ClusterStatus {
	var out api.ClusterStatus
	if s.cluster != nil {
		id := s.cluster.Identity()
		out.Context, out.Namespace, out.Product = id.Context, id.Namespace, string(id.Product)
		out.Kubeconfig = s.cluster.Kubeconfig()
		out.Allowed, out.Problem = kube.Allowed(id, allowedContexts)
		out.Connected = s.runner != nil && s.lost == nil
		out.MadeNamespace = s.runner != nil && s.facts.made
	}
	if s.lost != nil {
		out.Problem = problemOf(s.lost)
	}
	return out
}

// moved says that the context where the project is up leads to another cluster
// than the pinned one by now, nil when it does not: a name proves nothing.
func (s *session) moved(pin string) *config.Problem {
	if s.cluster == nil || pin == "" {
		return nil
	}
	id := s.cluster.Identity()
	if pinOf(id) == pin {
		return nil
	}
	return &config.Problem{
		Message: fmt.Sprintf("the context %s leads to another cluster (%s) than the one where the project is up", id.Context, id.Server),
		Hint:    "bring the old entry of the kubeconfig back; or, if that cluster is gone, forget it: `towline down --forget`",
		Pos:     config.Position{File: s.cluster.Kubeconfig()},
	}
}

// namespace is the one that objects without one go to.
func (s *session) namespace() string {
	if s.cluster == nil {
		return ""
	}
	return s.cluster.Identity().Namespace
}

// tiltfile is the file that is evaluated in a workspace.
func (s *session) tiltfile(workspace string) string {
	return cmp.Or(s.request.Tiltfile, filepath.Join(workspace, "Tiltfile"))
}

// take notes a fact that the runner told.
func (s *session) take(f run.Facts) {
	switch {
	case f.Target != nil && f.Target.PodUID == "" && f.Target.Resource == "":
		delete(s.targets, f.Target.ID)
	case f.Target != nil:
		s.targets[f.Target.ID] = targetFacts(f.Target)
	case f.Forwards != nil:
		s.forwards[f.Forwards.Resource] = forwardsStatus(f.Forwards.Forwards)
	case f.Step != nil && f.Step.Text == "":
		delete(s.steps, f.Step.Image)
	case f.Step != nil:
		s.steps[f.Step.Image] = f.Step.Text
	case f.Cluster != nil:
		s.lost = f.Cluster.Err
	}
}

// targetFacts are what a runner tells of a container, for the status.
func targetFacts(f *run.TargetFacts) status.Target {
	t := status.Target{
		PodUID: f.PodUID, Image: f.Image, Ready: f.Ready, Restarts: f.Restarts, Process: f.Process, Problem: f.Problem,
	}
	for _, c := range f.Covered {
		t.Covered = append(t.Covered, api.Covered(c))
	}
	return t
}

// forwardsStatus are the ports of a resource that answer on this machine.
func forwardsStatus(forwards []run.Forward) []api.Forward {
	out := make([]api.Forward, len(forwards))
	for i, f := range forwards {
		out[i] = api.Forward{
			Local: f.Local, Remote: f.Remote, Name: f.Spec.Name, Problem: f.Problem, Moved: f.Moved, Silent: f.Silent,
			URL: "http://" + f.Local + linkPath(f.Spec.Path),
		}
	}
	return out
}

// linkPath is a path as a URL has it.
func linkPath(path string) string {
	if path == "" || strings.HasPrefix(path, "/") {
		return path
	}
	return "/" + path
}
