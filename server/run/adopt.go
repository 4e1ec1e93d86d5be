package run

import (
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/towline-dev/towline/server/kube"
)

// adopted says that another program applied an object: its pods have none of
// our labels and are known by their owner.
func adopted(ref kube.Ref) bool {
	return slices.Contains([]string{"Deployment", "StatefulSet", "DaemonSet", "Job", "Pod"}, ref.Kind)
}

// adoption names the watch of a resource's adopted objects in a namespace.
func adoption(resource, namespace string) string { return namespace + "/" + resource }

// neighbourhood is all that is in a namespace: one watch serves all resources
// that adopted something there. Its goroutine ends with the Runner's context.
type neighbourhood struct {
	mu        sync.Mutex         // held while a family is told, so that nothing older is told after newer
	families  map[string]*family // by adoption
	pods      map[string]kube.Pod
	workloads map[kube.Ref]kube.Workload
	synced    bool
}

// adopt follows the workloads of a resource that another program applied, and
// their pods, in place of those that were followed before. The caller holds
// r.mu.
func (r *Runner) adopt(resource string, d *deployment) {
	r.abandon(resource)
	d.families = map[string]*family{}
	for i := range d.objects {
		o := &d.objects[i]
		if !adopted(o.ref) {
			continue
		}
		o.watch = adoption(resource, o.ref.Namespace)
		if d.families[o.ref.Namespace] == nil {
			d.families[o.ref.Namespace] = &family{label: kube.LabelValue(resource), owners: map[kube.Owner]bool{}, pods: map[string]bool{}}
		}
		d.families[o.ref.Namespace].owners[kube.Owner{Kind: o.ref.Kind, Name: o.ref.Name}] = true
	}
	for namespace, f := range d.families {
		n := r.neighbours[namespace]
		if n == nil {
			n = &neighbourhood{families: map[string]*family{}, pods: map[string]kube.Pod{}, workloads: map[kube.Ref]kube.Workload{}}
			r.neighbours[namespace] = n
			r.spawn(func() {
				// Watch ends only with its context.
				_ = r.o.Cluster.Watch(r.ctx, namespace, "", func(e kube.Event) { n.changed(e, r.seen) })
			})
		}
		r.spawn(func() { n.join(adoption(resource, namespace), f, r.seen) })
	}
}

// join tells a family what is there already, and then what changes.
func (n *neighbourhood) join(name string, f *family, seen func(string, kube.Event)) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if f.left.Load() {
		return
	}
	n.families[name] = f
	tell := func(e kube.Event) {
		if f.take(&e) {
			seen(name, e)
		}
	}
	for _, w := range n.workloads {
		tell(kube.Event{Kind: kube.WorkloadChanged, Workload: w})
	}
	for _, p := range n.pods {
		tell(kube.Event{Kind: kube.PodChanged, Pod: p})
	}
	if n.synced {
		tell(kube.Event{Kind: kube.Synced})
	}
}

// changed takes an event and tells the families that it concerns.
func (n *neighbourhood) changed(e kube.Event, seen func(string, kube.Event)) {
	n.mu.Lock()
	defer n.mu.Unlock()
	switch e.Kind {
	case kube.PodChanged:
		n.pods[e.Pod.UID] = e.Pod
	case kube.PodGone:
		delete(n.pods, e.Pod.UID)
	case kube.WorkloadChanged:
		n.workloads[nameInSpace(e.Workload.Ref)] = e.Workload
	case kube.WorkloadGone:
		delete(n.workloads, nameInSpace(e.Workload.Ref))
	case kube.Synced:
		n.synced = true
	}
	for name, f := range n.families {
		if e := e; f.take(&e) {
			seen(name, e)
		}
	}
}

// abandon ends what adopt began. The caller holds r.mu.
func (r *Runner) abandon(resource string) {
	d := r.deployed[resource]
	if d == nil {
		return
	}
	for namespace, f := range d.families {
		n := r.neighbours[namespace]
		f.left.Store(true)
		r.spawn(func() { n.leave(f) })
		delete(r.listed, adoption(resource, namespace))
		maps.DeleteFunc(r.pods, func(_ string, p kube.Pod) bool { return p.Labels[kube.LabelResource] == f.label })
	}
	for _, o := range d.objects {
		if o.watch != "" {
			delete(r.workloads, nameInSpace(o.ref))
		}
	}
}

// leave ends the telling of a family, unless another took its place.
func (n *neighbourhood) leave(f *family) {
	n.mu.Lock()
	defer n.mu.Unlock()
	maps.DeleteFunc(n.families, func(_ string, have *family) bool { return have == f })
}

// family are the workloads of a resource in one namespace, and what was seen of
// them. Its neighbourhood's lock guards it once it joined.
type family struct {
	label  string              // the resource's
	owners map[kube.Owner]bool // workloads, and pods of their own
	pods   map[string]bool     // names of their pods
	left   atomic.Bool         // a join that comes late takes nobody's place any more
}

// take gives what belongs to the family the resource's label, as if we had
// applied it; false for what belongs to others.
func (f *family) take(e *kube.Event) bool {
	switch e.Kind {
	case kube.PodChanged, kube.PodGone:
		if !f.owners[kube.Owner{Kind: "Pod", Name: e.Pod.Name}] && !f.owners[e.Pod.Owner] {
			return false
		}
		f.pods[e.Pod.Name] = true
		e.Pod.Labels = f.labelled(e.Pod.Labels)
	case kube.WorkloadChanged, kube.WorkloadGone:
		if !f.owners[kube.Owner{Kind: e.Workload.Ref.Kind, Name: e.Workload.Ref.Name}] {
			return false
		}
		e.Workload.Labels = f.labelled(e.Workload.Labels)
	case kube.Noticed:
		return f.pods[e.Notice.About.Name]
	}
	return true
}

func (f *family) labelled(labels map[string]string) map[string]string {
	out := map[string]string{kube.LabelResource: f.label}
	for k, v := range labels {
		if k != kube.LabelResource {
			out[k] = v
		}
	}
	return out
}
