package run

import (
	"context"
	"maps"
	"slices"

	"github.com/towline-dev/towline/server/kube"
)

// adopted says that another program applied an object: its pods have none of
// our labels and are known by their owner.
func adopted(ref kube.Ref) bool {
	return slices.Contains([]string{"Deployment", "StatefulSet", "DaemonSet", "Job", "Pod"}, ref.Kind)
}

// adoption names the watch of a resource's adopted objects in a namespace.
func adoption(resource, namespace string) string { return namespace + "/" + resource }

// adopt follows the workloads of a resource that another program applied, and
// their pods, in place of those that were followed before. The caller holds
// r.mu.
func (r *Runner) adopt(resource string, d *deployment) {
	r.abandon(resource)
	families := map[string]*family{}
	for i := range d.objects {
		o := &d.objects[i]
		if !adopted(o.ref) {
			continue
		}
		o.watch = adoption(resource, o.ref.Namespace)
		if families[o.ref.Namespace] == nil {
			families[o.ref.Namespace] = &family{label: kube.LabelValue(resource), owners: map[kube.Owner]bool{}, pods: map[string]bool{}}
		}
		families[o.ref.Namespace].owners[kube.Owner{Kind: o.ref.Kind, Name: o.ref.Name}] = true
	}
	for namespace, f := range families {
		ctx, cancel := context.WithCancel(r.ctx)
		name := adoption(resource, namespace)
		r.watches[name] = cancel
		r.spawn(func() {
			// Watch ends only with its context.
			_ = r.o.Cluster.Watch(ctx, namespace, "", func(e kube.Event) {
				if ctx.Err() == nil && f.take(&e) {
					r.seen(name, e)
				}
			})
		})
	}
}

// abandon ends what adopt began. The caller holds r.mu.
func (r *Runner) abandon(resource string) {
	d := r.deployed[resource]
	if d == nil {
		return
	}
	for _, o := range d.objects {
		if o.watch == "" || r.watches[o.watch] == nil {
			continue
		}
		r.watches[o.watch]()
		delete(r.watches, o.watch)
		delete(r.listed, o.watch)
		delete(r.workloads, nameInSpace(o.ref))
		maps.DeleteFunc(r.pods, func(_ string, p kube.Pod) bool { return p.Labels[kube.LabelResource] == kube.LabelValue(resource) })
	}
}

// family are the workloads of a resource in one namespace, and what was seen of
// them. One goroutine uses it.
type family struct {
	label  string              // the resource's
	owners map[kube.Owner]bool // workloads, and pods of their own
	pods   map[string]bool     // names of their pods
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
