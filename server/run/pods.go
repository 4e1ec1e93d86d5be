package run

import (
	"context"
	"slices"
	"strings"

	"github.com/towline-dev/towline/server/engine"
	"github.com/towline-dev/towline/server/inject"
	"github.com/towline-dev/towline/server/kube"
	"github.com/towline-dev/towline/starlark/config"
)

// watchNamespace starts the watch of a namespace unless there is one. The
// caller holds r.mu.
func (r *Runner) watchNamespace(namespace string) {
	if namespace == "" {
		return // the object lives in none
	}
	if _, watched := r.watches[namespace]; watched {
		return
	}
	ctx, cancel := context.WithCancel(r.ctx)
	r.watches[namespace] = cancel
	selector := kube.LabelWorkspace + "=" + r.o.Workspace
	r.spawn(func() {
		// Watch ends only with its context.
		_ = r.o.Cluster.Watch(ctx, namespace, selector, func(e kube.Event) { r.seen(namespace, e) })
	})
}

// seen takes one event of a watch: its namespace, or an adoption in it.
func (r *Runner) seen(watch string, e kube.Event) {
	switch e.Kind {
	case kube.PodChanged:
		r.mu.Lock()
		r.pods[e.Pod.UID] = e.Pod
		r.mu.Unlock()
		r.followLogs(e.Pod)
		r.observe(e.Pod.Labels[kube.LabelResource])
	case kube.PodGone:
		r.mu.Lock()
		delete(r.pods, e.Pod.UID)
		r.mu.Unlock()
		r.observe(e.Pod.Labels[kube.LabelResource])
	case kube.WorkloadChanged:
		r.mu.Lock()
		r.workloads[nameInSpace(e.Workload.Ref)] = e.Workload
		r.mu.Unlock()
		r.observe(e.Workload.Labels[kube.LabelResource])
	case kube.WorkloadGone:
		r.mu.Lock()
		delete(r.workloads, nameInSpace(e.Workload.Ref))
		r.mu.Unlock()
		r.observe(e.Workload.Labels[kube.LabelResource])
	case kube.Noticed:
		r.notice(e.Notice)
	case kube.Synced:
		r.o.Sink.Facts(Facts{Cluster: &ClusterFacts{Connected: true}})
		r.mu.Lock()
		r.listed[watch] = true
		names := sortedKeys(r.deployed)
		r.mu.Unlock()
		for _, name := range names {
			r.observe(name)
		}
	case kube.Lost:
		r.o.Sink.Facts(Facts{Cluster: &ClusterFacts{Err: e.Err}})
	}
}

// nameInSpace drops what two answers about one object may differ in.
func nameInSpace(ref kube.Ref) kube.Ref {
	return kube.Ref{Group: ref.Group, Kind: ref.Kind, Namespace: ref.Namespace, Name: ref.Name}
}

// notice writes what the cluster complains of to the resource's log.
func (r *Runner) notice(n kube.Notice) {
	if !n.Warning {
		return
	}
	r.mu.Lock()
	resource := ""
	for _, p := range r.pods {
		if p.Name == n.About.Name && p.Namespace == n.About.Namespace {
			resource = p.Labels[kube.LabelResource]
		}
	}
	resource = r.resourceLabelled(resource)
	r.mu.Unlock()
	if resource != "" {
		r.log(resource, "towline", "warn", n.About.Name+": "+n.Reason+": "+n.Message)
	}
}

// resourceLabelled finds the resource of a label's value. The caller holds
// r.mu.
func (r *Runner) resourceLabelled(value string) string {
	for name := range r.deployed {
		if kube.LabelValue(name) == value {
			return name
		}
	}
	return ""
}

// observe judges a resource by all that is known and tells the engine.
func (r *Runner) observe(label string) {
	r.mu.Lock()
	name := r.resourceLabelled(label)
	if name == "" {
		name = r.resourceLabelled(kube.LabelValue(label))
	}
	d := r.deployed[name]
	if d == nil {
		r.mu.Unlock()
		return
	}
	pods := r.podsOf(name)
	e := engine.Observed{Resource: name}
	e.Ready, e.Broken, e.Message = r.judge(d, pods)
	var facts []TargetFacts
	for _, p := range pods {
		if p.Deleting {
			continue
		}
		for _, c := range p.Containers {
			seen, ok := r.seenContainer(p, c)
			if !ok {
				continue
			}
			e.Targets = append(e.Targets, seen)
			facts = append(facts, TargetFacts{
				ID: seen.ID, Resource: name, PodUID: p.UID, Image: c.Image, Ready: c.Ready, Restarts: c.RestartCount,
			})
		}
	}
	targets := make([]*target, len(facts))
	for i, f := range facts {
		targets[i] = r.targets[f.ID]
		if e.Ready && targets[i] != nil {
			e.Ready, e.Broken, e.Message = targets[i].judge()
		}
	}
	r.o.Sink.Event(e) // under the lock, so that what is seen later is told later
	r.mu.Unlock()
	for i, f := range facts {
		if t := targets[i]; t != nil {
			t.tell(r, func(known *TargetFacts) {
				known.Resource, known.PodUID, known.Image = f.Resource, f.PodUID, f.Image
				known.Ready, known.Restarts = f.Ready, f.Restarts
			})
		} else {
			r.o.Sink.Facts(Facts{Target: &f})
		}
	}
}

// podsOf returns a resource's pods, oldest first. The caller holds r.mu.
func (r *Runner) podsOf(resource string) []kube.Pod {
	var pods []kube.Pod
	for _, p := range r.pods {
		if p.Labels[kube.LabelResource] == kube.LabelValue(resource) {
			pods = append(pods, p)
		}
	}
	slices.SortFunc(pods, func(a, b kube.Pod) int {
		if c := a.CreatedAt.Compare(b.CreatedAt); c != 0 {
			return c
		}
		return strings.Compare(a.Name, b.Name)
	})
	return pods
}

// seenContainer describes a container that runs one of the project's images
// under the agent. The caller holds r.mu.
func (r *Runner) seenContainer(p kube.Pod, c kube.Container) (engine.Seen, bool) {
	for ref, b := range r.built {
		if b.Ref == c.Image && p.Container(inject.InstallerName) != nil {
			return engine.Seen{
				ID:       engine.TargetID{Namespace: p.Namespace, Pod: p.Name, Container: c.Name},
				Image:    ref,
				Pushed:   b.Ref,
				Instance: c.ID,
				Running:  c.State == kube.ContainerRunning && c.ID != "",
			}, true
		}
	}
	return engine.Seen{}, false
}

// judge says whether a deployment is ready, or what it waits for. The caller
// holds r.mu.
func (r *Runner) judge(d *deployment, pods []kube.Pod) (ready, broken bool, message string) {
	if !d.applied {
		return false, false, "applying its objects"
	}
	if d.readiness == config.ReadinessIgnore {
		return true, false, ""
	}
	for _, o := range d.objects {
		if o.template == "" && o.watch == "" {
			continue // it has no pods: it is ready once it exists
		}
		if !r.listed[o.watched()] {
			return false, false, "asking the cluster for its pods"
		}
		rollout := o.rollout
		if w, ok := r.workloads[nameInSpace(o.ref)]; ok {
			if w.Generation < o.generation {
				return false, false, o.ref.Kind + " " + o.ref.Name + " is being rolled out"
			}
			rollout = w.Rollout
		}
		own := newestPods(pods, o.template)
		if o.bare && len(own) > 0 {
			rollout = own[len(own)-1].Rollout()
		}
		if !rollout.Ready {
			return false, rollout.Failed, why(rollout, own)
		}
	}
	return true, false, ""
}

// watched is what has to be listed before an object's pods are known.
func (o appliedObject) watched() string {
	if o.watch != "" {
		return o.watch
	}
	return o.ref.Namespace
}

// newestPods returns the pods of one template.
func newestPods(pods []kube.Pod, template string) []kube.Pod {
	var own []kube.Pod
	for _, p := range pods {
		if p.Labels[inject.LabelTemplate] == template && !p.Deleting {
			own = append(own, p)
		}
	}
	return own
}

// why prefers what a pod says to what its workload says.
func why(rollout kube.Rollout, pods []kube.Pod) string {
	for _, p := range pods {
		if pr := p.Rollout(); !pr.Ready && pr.Message != "" {
			return p.Name + ": " + pr.Message
		}
	}
	return rollout.Message
}

// followLogs streams the logs of a pod's running containers.
func (r *Runner) followLogs(p kube.Pod) {
	r.mu.Lock()
	defer r.mu.Unlock()
	resource := r.resourceLabelled(p.Labels[kube.LabelResource])
	if resource == "" {
		return
	}
	for _, c := range p.Containers {
		key := logKey{pod: p.UID, container: c.Name, instance: c.ID}
		if c.ID == "" || c.State == kube.ContainerWaiting || r.logs[key] != nil {
			continue
		}
		ctx, cancel := context.WithCancel(r.ctx)
		r.logs[key] = cancel
		r.spawn(func() { r.streamLogs(ctx, resource, p, c) })
	}
}

// streamLogs reads one container's log to its end, resuming where the node
// closes the stream early.
func (r *Runner) streamLogs(ctx context.Context, resource string, p kube.Pod, c kube.Container) {
	o := kube.LogOptions{Namespace: p.Namespace, Pod: p.Name, Container: c.Name, Follow: true}
	out := r.out.Lines(func(text string) {
		r.o.Sink.Log(Line{Time: o.Since, Resource: resource, Source: "runtime", Pod: p.Name, Text: text})
	})
	for wait := firstRetry; ; wait = min(2*wait, lastRetry) {
		err := r.o.Cluster.Logs(ctx, o, func(l kube.LogLine) {
			o.Since = l.Time
			wait = firstRetry
			if !l.More {
				l.Text += "\n"
			}
			_, _ = out.Write([]byte(l.Text)) // never fails
		})
		out.Flush()
		if err == nil && !r.stillRuns(p, c) || !r.known(p) || !pause(ctx, wait) {
			return
		}
	}
}

// known reports whether a pod is still there.
func (r *Runner) known(p kube.Pod) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	_, ok := r.pods[p.UID]
	return ok
}

// stillRuns reports whether the same instance of a container runs.
func (r *Runner) stillRuns(p kube.Pod, c kube.Container) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	now, ok := r.pods[p.UID]
	if !ok {
		return false
	}
	container := now.Container(c.Name)
	return container != nil && container.ID == c.ID && container.State == kube.ContainerRunning
}

func (r *Runner) resourceOf(id engine.TargetID) string {
	t := r.target(id)
	if t == nil {
		return ""
	}
	return t.resource()
}

// imageOf returns the image of the project that a target runs.
func (r *Runner) imageOf(id engine.TargetID) *config.Image {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, p := range r.pods {
		if p.Name != id.Pod || p.Namespace != id.Namespace {
			continue
		}
		if c := p.Container(id.Container); c != nil {
			if seen, ok := r.seenContainer(p, *c); ok {
				return imageNamed(r.project, seen.Image)
			}
		}
	}
	return &config.Image{}
}
