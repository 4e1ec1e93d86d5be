package rollout

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/towline-dev/towline/agent/wire"
	"github.com/towline-dev/towline/server/engine"
	"github.com/towline-dev/towline/server/inject"
	"github.com/towline-dev/towline/server/kube"
	"github.com/towline-dev/towline/starlark/config"
)

// facts are all that is known of the project, the cluster and the agents. Nothing
// here watches, judges or asks for the time: what is told is taken (news.go), and
// what is asked answered.
type facts struct {
	workspaceID string
	namespace   string                     // the project's, "" where it is not known
	pushed      map[string]string          // references of the project's images, by their refs
	refs        map[string][]string        // and the other way round, sorted
	applied     map[string]*deployment     // by resource
	pods        map[string]kube.Pod        // by UID
	workloads   map[kube.Ref]kube.Workload //
	deleted     map[kube.Ref]departure     // objects that are ours no more, under their names
	refused     map[kube.Ref]error         // why workloads of a kind in a namespace may not be seen
	listed      map[string]bool            // namespaces in which all pods of our own are known
	namespaces  map[string]*namespaceState // those in which resources claim what carries no label of ours
	agents      map[engine.TargetID]Agent  // what they said last
	refusals    map[string]kube.Notice     // of pods that could not be made, last, by their workload's UID
	firstSeen   map[program]time.Time      // when programs were first seen to run
}

// program is one start of a container.
type program struct{ pod, container, instance string }

// Object is an applied object and the hash of its pod template, "" where it
// has none.
type Object struct {
	kube.Applied
	Template string
	Theirs   bool // it was left as another program applied it
}

// Live says which containers of a resource have an agent for its LiveImage.
type Live struct {
	Ref        string
	Containers []string
}

// deployment is what a resource's last apply left in the cluster.
type deployment struct {
	readinessSpec
	objects  []object
	complete bool // all of it; before, nothing of it is ready
	external bool // another program applied it
	updating bool // that program runs again: what it deletes is not missed
	live     Live
}

// hasPods reports whether an object of the deployment has pods of its own.
func (d *deployment) hasPods() bool { return slices.ContainsFunc(d.objects, object.hasPods) }

// readinessSpec is what the Tiltfile says of a resource's pods, which needs no
// apply to hold.
type readinessSpec struct {
	readiness config.PodReadiness
	images    []string            // refs of the images that it runs
	selectors []map[string]string // of pods that belong to it too
	only      bool                // no other pods do
}

func readinessSpecOf(res config.Resource) readinessSpec {
	return readinessSpec{
		readiness: res.PodReadiness, images: res.Images,
		selectors: res.ExtraPodSelectors, only: res.DiscoveryStrategy == "selectors-only",
	}
}

// samePods reports whether both find the same pods.
func (s readinessSpec) samePods(other readinessSpec) bool {
	return s.only == other.only && slices.EqualFunc(s.selectors, other.selectors, maps.Equal)
}

// object is one object of a deployment.
type object struct {
	ref        kube.Ref
	generation int64
	template   string // hash in inject.LabelTemplate, "" without pods
	rollout    kube.Rollout
	wants      int       // pods, where they alone tell how far it is
	theirs     bool      // another program applied it
	adopted    bool      // that, and it has pods
	changed    time.Time // its spec, last, by the cluster's clock
}

func objectOf(o Object) object {
	return object{ref: o.Ref, theirs: o.Theirs, generation: o.Generation, template: o.Template, rollout: kube.RolloutOf(o.Content), wants: kube.WantedPods(o.Content), changed: kube.ChangedAt(o.Content)}
}

func (o object) hasPods() bool { return o.template != "" || o.adopted }

func noFacts(workspaceID, namespace string) *facts {
	return &facts{
		workspaceID: workspaceID, namespace: namespace,
		pushed: map[string]string{}, refs: map[string][]string{}, applied: map[string]*deployment{},
		pods: map[string]kube.Pod{}, workloads: map[kube.Ref]kube.Workload{}, deleted: map[kube.Ref]departure{},
		refused: map[kube.Ref]error{}, listed: map[string]bool{}, namespaces: map[string]*namespaceState{},
		agents: map[engine.TargetID]Agent{}, refusals: map[string]kube.Notice{}, firstSeen: map[program]time.Time{},
	}
}

// podsOf returns a resource's pods, oldest first.
func (f *facts) podsOf(resource string) []kube.Pod {
	label, d := kube.LabelValue(resource), f.applied[resource]
	var own []kube.Pod
	for _, p := range f.pods {
		if p.Labels[kube.LabelResource] == label && (d == nil || d.finds(p)) {
			own = append(own, p)
		}
	}
	slices.SortFunc(own, func(a, b kube.Pod) int {
		if c := a.CreatedAt.Compare(b.CreatedAt); c != 0 {
			return c
		}
		return strings.Compare(a.Name, b.Name)
	})
	return own
}

// finds reports whether a pod with the resource's label is one of its pods: with
// discovery_strategy='selectors-only' not all are.
func (s readinessSpec) finds(p kube.Pod) bool { return !s.only || matches(s.selectors, p.Labels) }

// resource finds the resource whose label an object carries.
func (f *facts) resource(labels map[string]string) string {
	for name := range f.applied {
		if kube.LabelValue(name) == labels[kube.LabelResource] {
			return name
		}
	}
	return ""
}

// resourceOf finds the resource that a pod belongs to.
func (f *facts) resourceOf(p kube.Pod) string {
	name := f.resource(p.Labels)
	if d := f.applied[name]; d != nil && !d.finds(p) {
		return ""
	}
	return name
}

// resourcesWith are the resources that have an object of a kind.
func (f *facts) resourcesWith(is func(object) bool) []string {
	var names []string
	for name, d := range f.applied {
		if slices.ContainsFunc(d.objects, is) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// all are all resources that were applied.
func (f *facts) all() []string { return slices.Sorted(maps.Keys(f.applied)) }

// podNamed finds a pod by its name.
func (f *facts) podNamed(namespace, name string) (kube.Pod, bool) {
	for _, p := range f.pods {
		if p.Name == name && p.Namespace == namespace {
			return p, true
		}
	}
	return kube.Pod{}, false
}

// target describes a container that runs one of the project's images, or its
// deployment's LiveImage, under the agent.
func (f *facts) target(d *deployment, p kube.Pod, c kube.Container) (engine.Seen, bool) {
	ref, pushed := f.imageOf(d, c)
	if ref == "" || p.Container(inject.InstallerName) == nil {
		return engine.Seen{}, false // none of the project's, or it was started without an agent
	}
	return engine.Seen{
		ID:       engine.TargetID{Namespace: p.Namespace, Pod: p.Name, Container: c.Name},
		Image:    ref,
		Pushed:   pushed,
		Instance: c.ID,
		Running:  c.State == kube.ContainerRunning && c.ID != "",
	}, true
}

// imageOf is the project's image that a container runs. Where several became the
// same one, it is one that the resource uses.
func (f *facts) imageOf(d *deployment, c kube.Container) (ref, pushed string) {
	refs := f.refs[c.Image]
	for _, ref := range refs {
		if slices.Contains(d.images, ref) {
			return ref, c.Image
		}
	}
	switch {
	case len(refs) > 0:
		return refs[0], c.Image
	case slices.Contains(d.live.Containers, c.Name):
		return d.live.Ref, d.live.Ref
	}
	return "", ""
}

// paused reports whether a pod's program stands still in its debugger.
func (f *facts) paused(pod kube.Ref) bool {
	for id, a := range f.agents {
		if id.Pod == pod.Name && id.Namespace == pod.Namespace && a.Process.Paused {
			return true
		}
	}
	return false
}

// departure is the end of an object that was ours.
type departure struct {
	uid   string
	asked bool   // the cluster is asked what became of it
	done  bool   // it had succeeded: it is not missed unless somebody else has it
	owner string // another workspace that has taken it over; "": it was deleted
}

// missing reports whether an object was deleted since it was applied, or taken over.
func (f *facts) missing(o object) bool {
	d, gone := f.deleted[withoutUID(o.ref)]
	return gone && !d.asked && d.uid == o.ref.UID
}

// volumeAt is what a container's pod mounts at a place, "" where it does not say.
// The agent names mount points without the symbolic links that a pod may name
// them by: then the file's own name tells.
func (f *facts) volumeAt(id engine.TargetID, at wire.Covered) string {
	p, _ := f.podNamed(id.Namespace, id.Pod)
	c := p.Container(id.Container)
	if c == nil {
		return ""
	}
	var best kube.Mount
	for _, m := range c.Mounts {
		if m.Path == at.Mount {
			return m.Volume
		}
		if strings.HasPrefix(at.Path+"/", m.Path+"/") && len(m.Path) > len(best.Path) {
			best = m
		}
	}
	return best.Volume
}

// selectedFrom returns the namespaces that a deployment's selected pods are
// looked for in: those of its objects, or else the project's.
func (f *facts) selectedFrom(d *deployment) []string {
	if len(d.selectors) == 0 {
		return nil
	}
	var found []string
	for _, o := range d.objects {
		if ns := o.ref.Namespace; ns != "" && !slices.Contains(found, ns) {
			found = append(found, ns)
		}
	}
	if len(found) == 0 && f.namespace != "" {
		found = append(found, f.namespace)
	}
	return found
}

// crashed is when one of the programs of some pods did last and was started again,
// by the kubelet or its agent; zero: none did.
func (f *facts) crashed(pods []kube.Pod) (last time.Time) {
	note := func(at time.Time) {
		if at.After(last) {
			last = at
		}
	}
	for _, p := range pods {
		for _, c := range slices.Concat(p.InitContainers, p.Containers) {
			if c.RestartCount > 0 && c.ExitCode != 0 && !p.Deleting {
				note(c.FinishedAt)
			}
		}
	}
	for id, a := range f.agents {
		exit := a.Process.Exit
		if exit == nil || exit.OK() || exit.Asked {
			continue
		}
		if slices.ContainsFunc(pods, func(p kube.Pod) bool { return p.Name == id.Pod && p.Namespace == id.Namespace && !p.Deleting }) {
			note(time.Unix(0, exit.At))
		}
	}
	return last
}
