package rollout

import (
	"maps"
	"slices"
	"time"

	"github.com/towline-dev/towline/server/kube"
)

// setImage takes what an image of the project became.
func (f *facts) setImage(ref, pushed string) {
	old := f.pushed[ref]
	if f.refs[old] = slices.DeleteFunc(f.refs[old], func(r string) bool { return r == ref }); len(f.refs[old]) == 0 {
		delete(f.refs, old)
	}
	f.pushed[ref] = pushed
	f.refs[pushed] = append(f.refs[pushed], ref)
	slices.Sort(f.refs[pushed])
}

// take takes one fact about objects that carry a resource's label, and returns the
// resources that it says something of.
func (f *facts) take(e kube.Event) (concerned []string) {
	switch e.Kind {
	case kube.PodChanged:
		e.Pod.Said = f.pods[e.Pod.UID].Said
		f.pods[e.Pod.UID] = e.Pod
		return []string{f.resourceOf(e.Pod)}
	case kube.PodGone:
		delete(f.pods, e.Pod.UID)
		maps.DeleteFunc(f.firstSeen, func(k program, _ time.Time) bool { return k.pod == e.Pod.UID })
		if e.Pod.Owner == (kube.Owner{}) { // else nobody applied it, and its name never comes again
			concerned = f.ended(kube.Ref{Kind: "Pod", Namespace: e.Pod.Namespace, Name: e.Pod.Name, UID: e.Pod.UID}, e.Pod.Rollout())
		}
		return append(concerned, f.resourceOf(e.Pod))
	case kube.WorkloadChanged:
		f.workloads[withoutUID(e.Workload.Ref)] = e.Workload
		return append(f.there(e.Workload.Ref), f.resource(e.Workload.Labels))
	case kube.WorkloadGone:
		delete(f.workloads, withoutUID(e.Workload.Ref))
		delete(f.refusals, e.Workload.Ref.UID)
		return append(f.ended(e.Workload.Ref, e.Workload.Rollout), f.resource(e.Workload.Labels))
	case kube.ObjectSeen:
		return f.there(e.Object)
	case kube.ObjectGone:
		return f.left(e.Object)
	case kube.Refused:
		f.refused[kube.Ref{Kind: e.Object.Kind, Namespace: e.Object.Namespace}] = e.Err
		return f.all()
	case kube.Synced:
		return f.all()
	}
	return nil
}

// left takes the end of an object that may have been ours to keep. What is
// nobody's, in a namespace that others use too, is not remembered.
func (f *facts) left(ref kube.Ref) []string {
	if !f.mayHave(ref) {
		return nil
	}
	f.deleted[withoutUID(ref)] = departure{uid: ref.UID}
	return f.resourcesWith(f.missing)
}

// mayHave reports whether a resource has an object of that name, as far as it is
// known which objects it has.
func (f *facts) mayHave(ref kube.Ref) bool {
	for _, d := range f.applied {
		if !d.complete || slices.ContainsFunc(d.objects, named(ref)) {
			return true
		}
	}
	return false
}

// named finds an object by its name.
func named(ref kube.Ref) func(object) bool {
	return func(o object) bool { return withoutUID(o.ref) == withoutUID(ref) }
}

// ended takes the end of what has pods, or is one. What succeeded before, as a
// Job with a time to live, is not missed.
func (f *facts) ended(ref kube.Ref, last kube.Rollout) []string {
	if !last.Succeeded {
		return f.left(ref)
	}
	for _, d := range f.applied {
		for i := range d.objects {
			if o := &d.objects[i]; o.ref.UID == ref.UID && named(ref)(*o) {
				o.rollout = last
				f.deleted[withoutUID(ref)] = departure{uid: ref.UID, asked: true, done: true}
			}
		}
	}
	return nil
}

// asks notes whether the cluster is asked what became of an object that is missing,
// or whom it answered, and returns whom that concerns.
func (f *facts) asks(ref kube.Ref, asked bool, owner string) []string {
	d, gone := f.deleted[withoutUID(ref)]
	if !gone || d.uid != ref.UID {
		return nil
	}
	if d.done && !asked && owner == "" {
		delete(f.deleted, withoutUID(ref))
		return nil
	}
	f.deleted[withoutUID(ref)] = departure{uid: ref.UID, asked: asked, done: d.done, owner: owner}
	return f.resourcesWith(named(ref))
}

// there takes the sight of an object.
func (f *facts) there(ref kube.Ref) []string {
	if _, gone := f.deleted[withoutUID(ref)]; !gone {
		return nil
	}
	delete(f.deleted, withoutUID(ref))
	return f.resourcesWith(named(ref))
}

// complained takes what the cluster says why a pod is not ready.
func (f *facts) complained(p kube.Pod, n kube.Notice) {
	p.Said = kube.Complaints(p.Said, n)
	f.pods[p.UID] = p
}

// mostRefusals bounds what is remembered of workloads that may be others'.
const mostRefusals = 500

// refusedPod takes that a workload's pod could not be made.
func (f *facts) refusedPod(n kube.Notice) []string {
	own := f.resourcesWith(func(o object) bool { return o.ref.UID == n.About.UID })
	if f.refusals[n.About.UID].At.After(n.At) || n.About.Kind == "ReplicaSet" && len(own) == 0 { // its Deployment says so itself
		return nil
	}
	if len(f.refusals) >= mostRefusals {
		clear(f.refusals) // those that still hold are told again
	}
	f.refusals[n.About.UID] = n
	return own
}

// sighted takes when programs were first seen to run.
func (f *facts) sighted(programs []program, now time.Time) {
	for _, p := range programs {
		f.firstSeen[p] = now
	}
}

// leaving takes that objects are about to be deleted by us.
func (f *facts) leaving(objects []kube.Ref) {
	for _, d := range f.applied {
		d.objects = slices.DeleteFunc(d.objects, func(o object) bool {
			return slices.ContainsFunc(objects, func(r kube.Ref) bool {
				return r.Group == o.ref.Group && r.Kind == o.ref.Kind && r.Name == o.ref.Name && (r.Namespace == "" || r.Namespace == o.ref.Namespace)
			})
		})
	}
}

// claims are what belongs to a deployment and carries no label of ours, by
// namespace: the workloads that another program applied, and pods that it
// selects.
func (f *facts) claims(resource string, d *deployment) map[string]*claim {
	found := map[string]*claim{}
	in := func(namespace string) *claim {
		if found[namespace] == nil {
			found[namespace] = &claim{
				workspaceID: f.workspaceID, label: kube.LabelValue(resource), selectors: d.selectors,
				owners: map[kube.Owner]bool{}, pods: map[string]bool{},
			}
		}
		return found[namespace]
	}
	for i := range d.objects {
		o := &d.objects[i]
		if (d.external || o.theirs) && hasPods(o.ref) {
			o.adopted = true
			in(o.ref.Namespace).owners[kube.Owner{Kind: o.ref.Kind, Name: o.ref.Name}] = true
		}
	}
	for _, namespace := range f.selectedFrom(d) {
		in(namespace)
	}
	return found
}

// abandon gives up what a resource claims, and returns the UIDs of the pods that
// are nobody's now.
func (f *facts) abandon(resource string) (pods []string) {
	d := f.applied[resource]
	if d == nil {
		return nil
	}
	for _, o := range d.objects {
		if o.adopted {
			delete(f.workloads, withoutUID(o.ref))
		}
	}
	for namespace, n := range f.namespaces {
		c := n.claims[resource]
		if c == nil {
			continue
		}
		delete(n.claims, resource)
		for uid, p := range f.pods {
			if p.Namespace == namespace && c.pods[p.Name] && (d.external || p.Labels[kube.LabelWorkspace] != f.workspaceID) {
				delete(f.pods, uid)
				pods = append(pods, uid)
			}
		}
	}
	return pods
}
