package kube

import (
	"context"
	"strings"
	"sync"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
)

// EventKind says what an Event tells.
type EventKind string

// The kinds of events.
const (
	PodChanged      EventKind = "pod changed"      // Pod is as it is now; also for each pod that was there at the start
	PodGone         EventKind = "pod gone"         // Pod is as it was last
	WorkloadChanged EventKind = "workload changed" // Workload is as it is now
	WorkloadGone    EventKind = "workload gone"    // Workload is as it was last
	ObjectSeen      EventKind = "object seen"      // Object is there; WatchKind only
	ObjectGone      EventKind = "object gone"      // Object was deleted; WatchKind only
	Refused         EventKind = "refused"          // the user may not see the workloads of Object's kind: Err says why
	Noticed         EventKind = "noticed"          // Notice: what the cluster says about a pod or a workload
	Synced          EventKind = "synced"           // all that exists was told; again after each Lost, once everything answers
	Lost            EventKind = "lost"             // the cluster does not answer: Err says why; what was told may be outdated
)

// Event is one fact about a watched namespace.
type Event struct {
	Kind     EventKind
	Pod      Pod
	Workload Workload
	Object   Ref
	Notice   Notice
	Err      error // Lost and Refused only: an *Error
}

// Workload is a Deployment, StatefulSet, DaemonSet or Job at one moment.
type Workload struct {
	Ref        Ref
	Labels     map[string]string
	Generation int64
	Rollout    Rollout
}

// Notice is an event of the cluster ("FailedScheduling", "BackOff"), in the
// words of the component that wrote it.
type Notice struct {
	About     Ref    // a pod or a workload; Group and Version are not set
	Container string // of the pod, that it is about; "" for the pod as a whole
	Warning   bool
	Reason    string
	Message   string
	Count     int
	At        time.Time
}

// Watch tells emit what happens to the pods and workloads of a namespace that
// match a label selector ("" for all), and what the cluster says about them,
// until ctx ends; then it returns nil. emit is called from one goroutine at a
// time, in order, straight from the API server's event: it must not block.
//
// A lost cluster is one Lost event; Watch goes on trying (after 100 ms, then
// ever longer, up to 5 s) and tells the differences and Synced when it
// answers again. So no change is missed, though several may come as one.
// Workloads that the user may not see are Refused, notices are left out.
func (c *Cluster) Watch(ctx context.Context, namespace, selector string, emit func(Event)) error {
	followAll(ctx, c.sources(namespace, selector), emit)
	return nil
}

// WatchKind tells emit which objects of a kind are there in kind's namespace,
// and which were deleted, as Watch does. Of the objects nothing is read but
// their metadata. Where the user may not see them, nothing is told.
func (c *Cluster) WatchKind(ctx context.Context, kind Ref, selector string, emit func(Event)) error {
	mapping, err := c.mapper.RESTMapping(gvkOf(kind).GroupKind(), kind.Version)
	if err != nil {
		return classify("watching", kind.Kind, err)
	}
	objects := c.metadata.Resource(mapping.Resource).Namespace(kind.Namespace)
	followAll(ctx, []source{{
		name: objectSource, list: lister(objects.List), watch: objects.Watch, options: metav1.ListOptions{LabelSelector: selector},
	}}, func(e Event) {
		if e.Kind == ObjectSeen || e.Kind == ObjectGone {
			e.Object.Group, e.Object.Version, e.Object.Kind = kind.Group, kind.Version, kind.Kind
			emit(e)
		}
	})
	return nil
}

// objectSource is the name of what WatchKind follows.
const objectSource = "objects"

// followAll follows sources until ctx ends.
func followAll(ctx context.Context, sources []source, emit func(Event)) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	w := &watcher{
		emit: emit, pods: map[string]Pod{}, workloads: map[string]Workload{}, objects: map[string]Ref{}, held: map[string][]Notice{},
	}
	w.states = make([]sourceState, len(sources))
	var wait sync.WaitGroup
	for i, source := range sources {
		wait.Go(func() { w.follow(ctx, i, source) })
	}
	wait.Wait()
}

// source is one list-and-watch endpoint.
type source struct {
	name     string
	required bool // a refusal is a loss, not a source to do without
	list     func(context.Context, metav1.ListOptions) (runtime.Object, error)
	watch    func(context.Context, metav1.ListOptions) (watch.Interface, error)
	options  metav1.ListOptions
}

// sources are the endpoints that a Watch follows.
func (c *Cluster) sources(namespace, selector string) []source {
	match := metav1.ListOptions{LabelSelector: selector}
	core, apps, batch := c.clientset.CoreV1(), c.clientset.AppsV1(), c.clientset.BatchV1()
	pods, events := core.Pods(namespace), core.Events(namespace)
	deployments, sets := apps.Deployments(namespace), apps.StatefulSets(namespace)
	daemons, jobs := apps.DaemonSets(namespace), batch.Jobs(namespace)
	return []source{
		{name: "pods", required: true, list: lister(pods.List), watch: pods.Watch, options: match},
		{name: "events", list: lister(events.List), watch: events.Watch},
		{name: "deployments", list: lister(deployments.List), watch: deployments.Watch, options: match},
		{name: "statefulsets", list: lister(sets.List), watch: sets.Watch, options: match},
		{name: "daemonsets", list: lister(daemons.List), watch: daemons.Watch, options: match},
		{name: "jobs", list: lister(jobs.List), watch: jobs.Watch, options: match},
	}
}

// lister forgets a list's type.
func lister[T runtime.Object](list func(context.Context, metav1.ListOptions) (T, error)) func(context.Context, metav1.ListOptions) (runtime.Object, error) {
	return func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) { return list(ctx, o) }
}

// watcher is one Watch. Its goroutines, one per source, block on the API
// server and are ended by the Watch's context.
type watcher struct {
	mu        sync.Mutex // held while emit runs, which keeps events in order
	emit      func(Event)
	states    []sourceState
	synced    bool                // Synced was told
	lost      bool                // Lost was told, and not yet Synced after it
	pods      map[string]Pod      // by UID
	workloads map[string]Workload // by UID
	objects   map[string]Ref      // by UID
	held      map[string][]Notice // notices about pods not yet seen, by UID
	heldCount int
}

// sourceState is how one source is doing.
type sourceState struct {
	synced  bool
	refused bool // the user may not see it: done without
}

// maxHeld bounds the notices kept for pods that were not seen yet: pods of
// others in the same namespace are never seen.
const maxHeld = 200

// changed takes an object's present state.
func (w *watcher) changed(object any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch o := object.(type) {
	case *corev1.Pod:
		w.podChanged(podOf(o))
	case *corev1.Event:
		w.noticed(o)
	case *metav1.PartialObjectMetadata:
		w.objectSeen(Ref{Namespace: o.Namespace, Name: o.Name, UID: string(o.UID)})
	default:
		if workload, ok := workloadOfObject(object); ok {
			w.workloadChanged(workload)
		}
	}
}

// podChanged tells a pod's state, and what was said about it before.
func (w *watcher) podChanged(pod Pod) {
	if w.pods[pod.UID].ResourceVersion == pod.ResourceVersion {
		return // told before the connection was lost
	}
	w.pods[pod.UID] = pod
	w.emit(Event{Kind: PodChanged, Pod: pod})
	for _, n := range w.held[pod.UID] {
		w.emit(Event{Kind: Noticed, Notice: n})
	}
	w.heldCount -= len(w.held[pod.UID])
	delete(w.held, pod.UID)
}

// workloadChanged tells a workload's state if it differs.
func (w *watcher) workloadChanged(workload Workload) {
	old, known := w.workloads[workload.Ref.UID]
	w.workloads[workload.Ref.UID] = workload
	if !known || old.Rollout != workload.Rollout || old.Generation != workload.Generation {
		w.emit(Event{Kind: WorkloadChanged, Workload: workload})
	}
}

// objectSeen tells of an object that is new here.
func (w *watcher) objectSeen(ref Ref) {
	if _, known := w.objects[ref.UID]; !known {
		w.objects[ref.UID] = ref
		w.emit(Event{Kind: ObjectSeen, Object: ref})
	}
}

// gone takes an object's end.
func (w *watcher) gone(uid string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.goneLocked(uid)
}

// goneLocked is gone for who holds the lock.
func (w *watcher) goneLocked(uid string) {
	if pod, ok := w.pods[uid]; ok {
		delete(w.pods, uid)
		w.emit(Event{Kind: PodGone, Pod: pod})
	}
	if workload, ok := w.workloads[uid]; ok {
		delete(w.workloads, uid)
		w.emit(Event{Kind: WorkloadGone, Workload: workload})
	}
	if ref, ok := w.objects[uid]; ok {
		delete(w.objects, uid)
		w.emit(Event{Kind: ObjectGone, Object: ref})
	}
}

// noticed tells an event of the cluster if it is about what is watched.
// Kubernetes writes them about everything in the namespace.
func (w *watcher) noticed(e *corev1.Event) {
	about := e.InvolvedObject
	n := Notice{
		About:     Ref{Kind: about.Kind, Namespace: about.Namespace, Name: about.Name, UID: string(about.UID)},
		Container: containerIn(about.FieldPath),
		Warning:   e.Type == corev1.EventTypeWarning, Reason: e.Reason, Message: e.Message,
		Count: max(1, int(e.Count)), At: eventTime(e),
	}
	if about.Kind != "Pod" {
		if n.Warning {
			w.emit(Event{Kind: Noticed, Notice: n})
		}
		return
	}
	if _, known := w.pods[n.About.UID]; known {
		w.emit(Event{Kind: Noticed, Notice: n})
		return
	}
	if w.heldCount >= maxHeld {
		clear(w.held)
		w.heldCount = 0
	}
	w.held[n.About.UID] = append(w.held[n.About.UID], n)
	w.heldCount++
}

// containerIn is the container that a field of a pod belongs to, as in
// "spec.containers{web}"; "" for another field.
func containerIn(field string) string {
	_, rest, _ := strings.Cut(field, "ontainers{")
	name, _, _ := strings.Cut(rest, "}")
	return name
}

// eventTime is when the event happened last.
func eventTime(e *corev1.Event) time.Time {
	switch {
	case e.Series != nil:
		return e.Series.LastObservedTime.Time
	case !e.LastTimestamp.IsZero():
		return e.LastTimestamp.Time
	case !e.EventTime.IsZero():
		return e.EventTime.Time
	}
	return e.CreationTimestamp.Time
}

// workloadOfObject sums a workload up.
func workloadOfObject(object any) (Workload, bool) {
	switch o := object.(type) {
	case *appsv1.Deployment:
		return workloadFrom("apps", "Deployment", o.ObjectMeta, rolloutOfDeployment(o)), true
	case *appsv1.StatefulSet:
		return workloadFrom("apps", "StatefulSet", o.ObjectMeta, rolloutOfStatefulSet(o)), true
	case *appsv1.DaemonSet:
		return workloadFrom("apps", "DaemonSet", o.ObjectMeta, rolloutOfDaemonSet(o)), true
	case *batchv1.Job:
		return workloadFrom("batch", "Job", o.ObjectMeta, rolloutOfJob(o)), true
	}
	return Workload{}, false
}

// workloadFrom puts a Workload together.
func workloadFrom(group, kind string, m metav1.ObjectMeta, rollout Rollout) Workload {
	return Workload{
		Ref:    Ref{Group: group, Version: "v1", Kind: kind, Namespace: m.Namespace, Name: m.Name, UID: string(m.UID)},
		Labels: m.Labels, Generation: m.Generation, Rollout: rollout,
	}
}
