package rollout

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/towline-dev/towline/agent/wire"
	"github.com/towline-dev/towline/server/engine"
	"github.com/towline-dev/towline/server/inject"
	"github.com/towline-dev/towline/server/kube"
	"github.com/towline-dev/towline/server/run/output"
	"github.com/towline-dev/towline/starlark/config"
)

// cluster is a Kube whose events the test tells.
type cluster struct {
	mu      sync.Mutex
	watches map[string]func(kube.Event) // by namespace and selector
	unknown map[string]bool             // kinds that are not in the cluster
	others  map[string]string           // owners of what another workspace has, by kind
	logs    func(o kube.LogOptions, line func(kube.LogLine)) error
}

func (c *cluster) Watch(ctx context.Context, namespace, selector string, emit func(kube.Event)) error {
	c.mu.Lock()
	if c.watches[namespace+"?"+selector] != nil {
		panic("a second watch of " + namespace)
	}
	c.watches[namespace+"?"+selector] = emit
	c.mu.Unlock()
	<-ctx.Done()
	return nil
}

func (c *cluster) WatchKind(ctx context.Context, kind kube.Ref, selector string, emit func(kube.Event)) error {
	c.mu.Lock()
	unknown := c.unknown[kind.Kind]
	c.mu.Unlock()
	if unknown {
		return errors.New("no such kind")
	}
	return c.Watch(ctx, kind.Namespace+"/"+kind.Kind, selector, emit)
}

func (c *cluster) Current(_ context.Context, objects []map[string]any) (now []kube.Applied, _ error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, o := range objects {
		ref := kube.RefOf(o)
		if owner := c.others[ref.Kind]; owner != "" {
			now = append(now, kube.Applied{Ref: ref, Content: map[string]any{"metadata": map[string]any{
				"labels":      map[string]any{kube.LabelManagedBy: "towline", kube.LabelWorkspace: "theirs"},
				"annotations": map[string]any{kube.AnnotationOwner: owner},
			}}})
		}
	}
	return now, nil
}

func (c *cluster) Logs(ctx context.Context, o kube.LogOptions, line func(kube.LogLine)) error {
	if c.logs == nil {
		<-ctx.Done()
		return ctx.Err()
	}
	return c.logs(o, line)
}

// bench is a Follower in a bubble of virtual time, and what it told.
type bench struct {
	*Follower
	t       *testing.T
	cluster *cluster

	mu         sync.Mutex
	observed   map[string]engine.Observed
	containers []Container
	lines      []string
	lost       []error
}

const (
	ours = "n?" + kube.LabelWorkspace + "=ws"
	all  = "n?"
)

// inBubble runs a test with a bench.
func inBubble(t *testing.T, test func(*testing.T, *bench)) {
	synctest.Test(t, func(t *testing.T) {
		b := &bench{t: t, cluster: &cluster{watches: map[string]func(kube.Event){}}, observed: map[string]engine.Observed{}}
		b.Follower = Start(t.Context(), Options{
			WorkspaceID: "ws", Kube: b.cluster,
			Log: output.Log{Emit: func(l output.Line) {
				b.with(func() { b.lines = append(b.lines, strings.TrimSpace(l.Level+" "+l.Resource+": "+l.Text)) })
			}},
			Tell: func(e engine.Event) {
				b.with(func() { o := e.(engine.Observed); b.observed[o.Resource] = o })
			},
			Container: func(c Container) { b.with(func() { b.containers = append(b.containers, c) }) },
			Cluster:   func(err error) { b.with(func() { b.lost = append(b.lost, err) }) },
		})
		defer b.Close()
		test(t, b)
	})
}

func (b *bench) with(f func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	f()
}

// emit tells events of a watch.
func (b *bench) emit(watch string, events ...kube.Event) {
	b.t.Helper()
	synctest.Wait()
	b.cluster.mu.Lock()
	emit := b.cluster.watches[watch]
	b.cluster.mu.Unlock()
	if emit == nil {
		b.t.Fatalf("nobody watches %s", watch)
	}
	for _, e := range events {
		emit(e)
	}
}

// is checks what was told of a resource last.
func (b *bench) is(resource string, want verdict) engine.Observed {
	b.t.Helper()
	synctest.Wait()
	b.mu.Lock()
	defer b.mu.Unlock()
	o := b.observed[resource]
	if got := verdictOf(o); got != want {
		b.t.Errorf("%s is %+v, want %+v", resource, got, want)
	}
	return o
}

func (b *bench) told() []Container {
	synctest.Wait()
	b.mu.Lock()
	defer b.mu.Unlock()
	told := b.containers
	b.containers = nil
	return told
}

func web() config.Resource { return config.Resource{Name: "web"} }

// applied is a Deployment as the server answers.
func applied(template string) Object {
	return Object{Template: template, Applied: kube.Applied{
		Ref: deployment1, Generation: 2, Content: map[string]any{"apiVersion": "apps/v1", "kind": "Deployment", "metadata": map[string]any{"name": "web", "namespace": "n"}},
	}}
}

var deployment1 = kube.Ref{Group: "apps", Version: "v1", Kind: "Deployment", Namespace: "n", Name: "web"}

func workload(generation int64, r kube.Rollout) kube.Event {
	return kube.Event{Kind: kube.WorkloadChanged, Workload: kube.Workload{
		Ref: deployment1, Generation: generation, Rollout: r, Labels: map[string]string{kube.LabelResource: "web"},
	}}
}

// pod is one of the workload's pods with the agent, which runs an image.
func pod(name, template, image string) kube.Pod {
	return kube.Pod{
		Name: name, Namespace: "n", UID: "uid-" + name, Phase: "Running", Ready: true, Node: "node",
		Labels:         map[string]string{kube.LabelResource: "web", inject.LabelTemplate: template},
		InitContainers: []kube.Container{{Name: inject.InstallerName, State: kube.ContainerTerminated}},
		Containers:     []kube.Container{{Name: "app", Image: image, ID: "id-" + name, State: kube.ContainerRunning, Ready: true, StartedAt: time.Now().Add(-time.Hour)}},
	}
}

func changed(p kube.Pod) kube.Event { return kube.Event{Kind: kube.PodChanged, Pod: p} }

// up brings web to ready with one pod.
func (b *bench) up() {
	b.t.Helper()
	b.Image("img", "img:1")
	b.Begin(web())
	b.Applied(web(), []Object{applied("t1")}, true)
	b.emit(ours, changed(pod("web-1", "t1", "img:1")), workload(2, kube.Rollout{Ready: true}), kube.Event{Kind: kube.Synced})
	b.is("web", verdict{message: "web-1: container app: its agent has not answered yet"})
	b.runs("web-1")
	b.is("web", verdict{ready: true})
}

// runs has a pod's agent say that its program runs.
func (b *bench) runs(pod string) {
	b.Agent(Agent{ID: engine.TargetID{Namespace: "n", Pod: pod, Container: "app"}, Resource: "web", Process: wire.Process{State: wire.StateRunning, Starts: 2}})
}

// TestReadyOnlyWhenSeen walks an apply from its beginning to ready: each step
// says what is waited for.
func TestReadyOnlyWhenSeen(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bench) {
		b.Begin(web())
		b.Observe("web")
		b.is("web", verdict{message: "applying its objects"})
		b.Applied(web(), []Object{applied("t1"), {Applied: kube.Applied{Ref: kube.Ref{Kind: "ConfigMap", Namespace: "n", Name: "c"}}}}, true)
		b.Observe("web")
		b.is("web", verdict{message: "asking the cluster for its pods"})
		b.emit(ours, workload(1, kube.Rollout{Ready: true}), kube.Event{Kind: kube.Synced})
		b.is("web", verdict{message: "Deployment web is being rolled out"})
		b.emit(ours, workload(2, kube.Rollout{Message: "0 of 1 pods are ready"}))
		b.is("web", verdict{message: "0 of 1 pods are ready"})
		crashing := pod("web-1", "t1", "img:1")
		crashing.Ready, crashing.Containers[0].State, crashing.Containers[0].Reason = false, kube.ContainerWaiting, "CrashLoopBackOff"
		b.emit(ours, changed(crashing), workload(2, kube.Rollout{Failed: true, Message: "too late"}))
		if o := b.is("web", b.observedVerdict()); !o.Broken || !strings.Contains(o.Message, "web-1: container app crashes") {
			b.t.Errorf("a crash is told as %+v", o)
		}
		b.emit(ours, changed(pod("web-1", "t1", "img:1")), workload(2, kube.Rollout{Ready: true}))
		b.is("web", verdict{ready: true}) // its image is none of the project's
		b.emit(ours, kube.Event{Kind: kube.WorkloadGone, Workload: workload(2, kube.Rollout{}).Workload})
		if o := b.is("web", b.observedVerdict()); o.Ready {
			b.t.Error("ready without its Deployment")
		}
	})
}

// observedVerdict is what was told of web, whatever that is.
func (b *bench) observedVerdict() verdict {
	synctest.Wait()
	b.mu.Lock()
	defer b.mu.Unlock()
	return verdictOf(b.observed["web"])
}

func verdictOf(o engine.Observed) verdict {
	return verdict{o.Ready, o.Broken, o.Message, o.Gone, kube.Blocker{By: kube.BlockerKind(o.Blocker.Kind), Name: o.Blocker.Name}, o.Taken, o.Ended}
}

// TestPodReplacedInMidApply: a pod of the template before says nothing of the
// new one.
func TestPodReplacedInMidApply(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bench) {
		b.up()
		b.Begin(web())
		b.Observe("web")
		b.is("web", verdict{message: "applying its objects"})
		next := applied("t2")
		next.Generation = 3
		b.Applied(web(), []Object{next}, true)
		b.Observe("web")
		b.is("web", verdict{message: "Deployment web is being rolled out"})
		failing := pod("web-1", "t1", "img:1")
		failing.Phase, failing.Reason = "Failed", "Evicted"
		starting := pod("web-2", "t2", "img:2")
		starting.Ready, starting.Containers[0].Ready = false, false
		b.emit(ours, changed(failing), changed(starting), workload(3, kube.Rollout{Message: "0 of 1"}))
		b.is("web", verdict{message: "web-2: container app runs but is not ready"})
		b.emit(ours, kube.Event{Kind: kube.PodGone, Pod: failing}, changed(pod("web-2", "t2", "img:2")), workload(3, kube.Rollout{Ready: true}))
		b.is("web", verdict{ready: true})
	})
}

// TestEvictedPodIsNobodys: a pod that its node evicts stays in the list, and another one
// takes its place; one that is nobody's, or a Job's, is what there is.
func TestEvictedPodIsNobodys(t *testing.T) {
	for owner, want := range map[string]int{"Deployment": 1, "DaemonSet": 1, "Job": 2, "": 2} {
		inBubble(t, func(t *testing.T, b *bench) {
			b.up()
			evicted := pod("web-1", "t1", "img:1")
			evicted.Phase, evicted.Reason, evicted.Ready, evicted.Owner.Kind = "Failed", "Evicted", false, owner
			b.emit(ours, changed(evicted), changed(pod("web-2", "t1", "img:1")))
			if o := b.is("web", b.observedVerdict()); len(o.Targets) != want {
				t.Errorf("a pod of a %q was evicted: %d containers, want %d: %+v", owner, len(o.Targets), want, o.Targets)
			}
		})
	}
}

// TestWhatDoesNotComeByItself: a Deployment says for ten minutes that it makes
// progress, whatever its pods wait for.
func TestWhatDoesNotComeByItself(t *testing.T) {
	for _, test := range []struct {
		reason   string
		restarts int32
		broken   bool
	}{
		{"ContainerCreating", 0, false}, {"PodInitializing", 0, false},
		{"ErrImagePull", 0, true}, {"ImagePullBackOff", 0, true}, {"CreateContainerConfigError", 0, true},
		{"CrashLoopBackOff", 1, false}, // it may wait for another in this way
		{"CrashLoopBackOff", 3, true},
	} {
		inBubble(t, func(t *testing.T, b *bench) {
			b.up()
			b.Applied(web(), []Object{applied("t1")}, true)
			p := pod("web-1", "t1", "img:1")
			p.Ready, p.Containers[0].Ready, p.Containers[0].State = false, false, kube.ContainerWaiting
			p.Containers[0].Reason, p.Containers[0].RestartCount = test.reason, int(test.restarts)
			b.emit(ours, changed(p), workload(2, kube.Rollout{Message: "0 of 1 pods are ready"}), kube.Event{Kind: kube.Synced})
			b.Observe("web")
			synctest.Wait()
			b.mu.Lock()
			defer b.mu.Unlock()
			if got := b.observed["web"]; got.Broken != test.broken || got.Ready {
				t.Errorf("%s after %d restarts: %+v", test.reason, test.restarts, got)
			}
		})
	}
}

// TestAFailedApplyIsNotReady: some of the objects are there.
func TestAFailedApplyIsNotReady(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bench) {
		b.up()
		b.Begin(web())
		b.Applied(web(), nil, false)
		b.emit(ours, workload(2, kube.Rollout{Ready: true}))
		b.is("web", verdict{message: "applying its objects"})
		b.Configure(&config.Project{Resources: []config.Resource{{Name: "web", PodReadiness: config.ReadinessIgnore}}})
		b.Observe("web")
		b.is("web", verdict{message: "applying its objects"})
	})
}

// TestReadinessMayBeIgnored at once when the project says so.
func TestReadinessMayBeIgnored(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bench) {
		b.up()
		b.emit(ours, workload(2, kube.Rollout{Message: "never"}))
		b.is("web", verdict{message: "never"})
		b.Configure(&config.Project{Resources: []config.Resource{{Name: "web", PodReadiness: config.ReadinessIgnore}, {Name: "other"}}})
		b.is("web", verdict{ready: true})
	})
}

// TestAgentsKnowTheProcess: the cluster says ready, and the agent what is so.
func TestAgentsKnowTheProcess(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bench) {
		b.Image("img", "img:1")
		b.Applied(web(), []Object{applied("t1")}, true)
		b.emit(ours, changed(pod("web-1", "t1", "img:1")), workload(2, kube.Rollout{Ready: true}), kube.Event{Kind: kube.Synced})
		id := engine.TargetID{Namespace: "n", Pod: "web-1", Container: "app"}
		waits := verdict{message: "web-1: container app: its agent has not answered yet"}
		seen := Container{ID: id, Resource: "web", PodUID: "uid-web-1", Image: "img:1", Ready: true}
		if diff := cmp.Diff([]Container{seen}, b.told()); diff != "" {
			t.Errorf("a container without an agent (-want +got):\n%s", diff)
		}
		o := b.is("web", waits)
		if want := []engine.Seen{{ID: id, Image: "img", Pushed: "img:1", Instance: "id-web-1", Running: true}}; !slices.Equal(o.Targets, want) {
			t.Errorf("targets %+v", o.Targets)
		}
		status := Agent{ID: id, Resource: "web"}
		for _, test := range []struct {
			process wire.Process
			want    verdict
		}{
			{wire.Process{}, waits},
			{wire.Process{State: wire.StateHeld}, verdict{message: "web-1: the process is about to start"}},
			{wire.Process{State: wire.StateRunning, PID: 7, Starts: 2}, verdict{ready: true}},
			{wire.Process{State: wire.StateExited, Exit: &wire.Exit{Code: 3}}, verdict{broken: true, message: "web-1: the process ended: exit code 3"}},
			{wire.Process{State: wire.StateBackoff}, verdict{broken: true, message: "web-1: the process ended"}},
			{wire.Process{State: wire.StateExited, Exit: &wire.Exit{Asked: true}}, verdict{message: "web-1: the process ended: exit code 0"}},
		} {
			status.Process = test.process
			b.Agent(status)
			b.Agent(status) // says nothing new
			b.is("web", test.want)
		}
		told := b.told()
		if last := told[len(told)-1]; len(told) != 5 || last.PodUID != "uid-web-1" || last.Process.Exit == nil {
			t.Errorf("told %+v", told)
		}
		b.Agent(Agent{ID: id, Resource: "web", Problem: &config.Problem{Message: "forbidden"}, Refused: true})
		b.is("web", verdict{broken: true, message: "forbidden"})
		b.Agent(Agent{ID: id, Resource: "web", Problem: &config.Problem{Message: "no answer"}})
		b.is("web", verdict{message: "no answer"})
		b.told()
		b.AgentGone(id)
		b.AgentGone(id)
		if diff := cmp.Diff([]Container{{ID: id}}, b.told()); diff != "" {
			t.Errorf("gone (-want +got):\n%s", diff)
		}
		b.Agent(Agent{ID: engine.TargetID{Pod: "not seen yet"}, Resource: "web", Problem: &config.Problem{Message: "no answer"}})
		if told := b.told(); len(told) != 2 || told[0].Problem == nil {
			t.Errorf("an agent whose pod is not seen: %+v", told)
		}
		b.Image("img", "img:2")
		b.emit(ours, changed(pod("web-1", "t1", "img:1")))
		if told := b.told(); len(told) != 1 || told[0].PodUID != "" {
			t.Errorf("a container of an older build: %+v", told)
		}
	})
}

// TestWhatIsMountedIsNamed, once in the log for all replicas, and with each
// container; through a symbolic link by the file's own name.
func TestWhatIsMountedIsNamed(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bench) {
		b.Image("img", "img:1")
		b.Applied(web(), []Object{applied("t1")}, true)
		for _, name := range []string{"web-1", "web-2"} {
			p := pod(name, "t1", "img:1")
			p.Containers[0].Mounts = []kube.Mount{{Path: "/app", Volume: "emptyDir work"}, {Path: "/app/settings", Volume: "ConfigMap settings"}}
			b.emit(ours, changed(p))
			a := Agent{ID: engine.TargetID{Namespace: "n", Pod: name, Container: "app"}, Resource: "web", Process: wire.Process{State: wire.StateRunning}}
			a.Covered = map[string]wire.Covered{
				"/w/settings": {Path: "/app/settings", Mount: "/app/settings"}, "/w/link": {Path: "/app/settings/a", Mount: "/srv/settings"}, "/w/x": {Path: "/x", Mount: "/x", Type: "nfs"},
			}
			b.Agent(a)
			b.Agent(a)
		}
		told := b.told()
		want := []Covered{
			{Local: "/w/link", Path: "/app/settings/a", Mount: "/srv/settings", Volume: "ConfigMap settings"},
			{Local: "/w/settings", Path: "/app/settings", Mount: "/app/settings", Volume: "ConfigMap settings"},
			{Local: "/w/x", Path: "/x", Mount: "/x", Volume: "a file system of type nfs"},
		}
		if diff := cmp.Diff(want, told[len(told)-1].Covered); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		warned := slices.DeleteFunc(slices.Clone(b.lines), func(l string) bool { return !strings.HasPrefix(l, "warn") })
		if len(warned) != 3 || warned[1] != "warn web: /app/settings is not synced: ConfigMap settings is mounted at /app/settings" {
			t.Errorf("log %q", warned)
		}
	})
}

// TestPodsAreInTheOrderOfTheirAge, and only those of the resource.
func TestPodsAreInTheOrderOfTheirAge(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bench) {
		b.up()
		old, other := pod("web-0", "t1", "img:1"), pod("api-1", "t1", "img:1")
		old.CreatedAt = time.Now().Add(-time.Hour)
		other.Labels = map[string]string{kube.LabelResource: "api"}
		first := pod("web-1", "t1", "img:1")
		first.CreatedAt = time.Now()
		second := first
		second.Name, second.UID = "web-2", "2"
		b.emit(ours, changed(second), changed(old), changed(other), changed(first))
		var names []string
		for _, p := range b.Pods(t.Context(), "web") {
			names = append(names, p.Name)
		}
		if !slices.Equal(names, []string{"web-0", "web-1", "web-2"}) {
			t.Errorf("pods %v", names)
		}
	})
}

// TestABarePodIsItsOwnWorkload.
func TestABarePodIsItsOwnWorkload(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bench) {
		o := Object{Template: "t1", Applied: kube.Applied{Ref: kube.Ref{Kind: "Pod", Namespace: "n", Name: "web"}}}
		b.Applied(web(), []Object{o}, true)
		p := pod("web", "t1", "img:1")
		p.Ready, p.Phase = false, "Succeeded"
		b.emit(ours, changed(p), kube.Event{Kind: kube.Synced})
		b.is("web", verdict{ready: true, ended: true})
	})
}

// TestSetsOfPodsAreJudgedByThem: no watch tells how far a ReplicaSet is, and
// Kubernetes calls it there when none of its pods is.
func TestSetsOfPodsAreJudgedByThem(t *testing.T) {
	for kind, group := range map[string]string{"ReplicaSet": "apps", "ReplicationController": ""} {
		inBubble(t, func(t *testing.T, b *bench) {
			set := func(template string, replicas int64) []Object {
				ref := kube.Ref{Group: group, Version: "v1", Kind: kind, Namespace: "n", Name: "web"}
				return []Object{{Template: template, Applied: kube.Applied{Ref: ref, Content: map[string]any{
					"apiVersion": strings.TrimPrefix(group+"/v1", "/"), "kind": kind, "metadata": map[string]any{"name": "web"}, "spec": map[string]any{"replicas": replicas},
				}}}}
			}
			b.Applied(web(), set("t1", 2), true)
			b.emit(ours, changed(pod("web-1", "t1", "img:1")), kube.Event{Kind: kube.Synced})
			b.is("web", verdict{message: "1 of 2 pods are ready"})
			p := pod("web-2", "t1", "img:1")
			p.Ready, p.Containers[0].State, p.Containers[0].Reason, p.Containers[0].Image = false, kube.ContainerWaiting, "ErrImagePull", "away:1"
			b.emit(ours, changed(p))
			b.is("web", verdict{broken: true, message: "web-2: container app has no image: away:1 cannot be pulled"})
			b.emit(ours, changed(pod("web-2", "t1", "img:1")))
			b.is("web", verdict{ready: true})
			b.Applied(web(), set("t2", 2), true)
			b.Observe("web")
			b.is("web", verdict{message: "0 of 2 pods are ready"}) // those that are there run what was before
			b.Applied(web(), set("t3", 0), true)
			b.Observe("web")
			b.is("web", verdict{ready: true})
		})
	}
}

// TestClusterComesAndGoes, and complains.
func TestClusterComesAndGoes(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bench) {
		b.up()
		about := kube.Ref{Kind: "Pod", Namespace: "n", Name: "web-1"}
		b.emit(ours, kube.Event{Kind: kube.Lost, Err: errors.New("cut")}, kube.Event{Kind: kube.Synced},
			kube.Event{Kind: kube.Noticed, Notice: kube.Notice{About: about, Reason: "Pulled", Message: "fine"}},
			kube.Event{Kind: kube.Noticed, Notice: kube.Notice{About: about, Warning: true, Reason: "BackOff", Message: "again"}},
			kube.Event{Kind: kube.Noticed, Notice: kube.Notice{About: kube.Ref{Name: "else"}, Warning: true}})
		for range 9 { // each second, while a pod starts
			b.emit(ours, kube.Event{Kind: kube.Noticed, Notice: kube.Notice{About: about, Warning: true, Reason: "BackOff", Message: "again"}})
		}
		synctest.Wait()
		if diff := cmp.Diff([]string{"warn web: web-1: BackOff: again", "warn web: web-1: BackOff: again (10 times)"}, b.lines); diff != "" {
			t.Errorf("lines (-want +got):\n%s", diff)
		}
		if len(b.lost) != 3 || b.lost[0] != nil || b.lost[1] == nil || b.lost[2] != nil {
			t.Errorf("told of the cluster: %v", b.lost)
		}
	})
}

// TestAPausedProgramAnswersNoProbe: nobody is warned of what the person does.
func TestAPausedProgramAnswersNoProbe(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bench) {
		b.up()
		about := kube.Ref{Kind: "Pod", Namespace: "n", Name: "web-1"}
		say := func(reason string) {
			b.emit(ours, kube.Event{Kind: kube.Noticed, Notice: kube.Notice{About: about, Warning: true, Reason: reason}})
			synctest.Wait()
		}
		status := Agent{ID: engine.TargetID{Namespace: "n", Pod: "web-1", Container: "app"}, Resource: "web"}
		status.Process = wire.Process{State: wire.StateRunning, Debug: true, Paused: true}
		b.Agent(status)
		say("Unhealthy")
		say("FailedMount")
		status.Process.Paused = false
		b.Agent(status)
		say("Unhealthy")
		if diff := cmp.Diff([]string{"warn web: web-1: FailedMount:", "warn web: web-1: Unhealthy:"}, b.lines); diff != "" {
			t.Errorf("lines (-want +got):\n%s", diff)
		}
	})
}

// TestAdoptionKnowsPodsByTheirOwner: two resources that another program
// applied share a watch, in which neither sees what is not its own, and what
// was seen before counts.
func TestAdoptionKnowsPodsByTheirOwner(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bench) {
		other := kube.Applied{Ref: kube.Ref{Group: "apps", Kind: "Deployment", Namespace: "n", Name: "db"}}
		b.Adopted(web(), []kube.Applied{applied("").Applied, {Ref: kube.Ref{Kind: "ConfigMap", Namespace: "n", Name: "c"}}}, Live{})
		b.Observe("web")
		b.is("web", verdict{message: "asking the cluster for its pods"})
		mine, theirs := pod("web-1", "", "x"), pod("db-1", "", "x")
		mine.Labels, theirs.Labels = map[string]string{"app": "web"}, nil
		mine.Owner, theirs.Owner = kube.Owner{Kind: "Deployment", Name: "web"}, kube.Owner{Kind: "Deployment", Name: "db"}
		w := workload(2, kube.Rollout{Ready: true})
		w.Workload.Labels = nil
		b.emit(all, changed(mine), changed(theirs), w, kube.Event{Kind: kube.Synced})
		b.is("web", verdict{ready: true})
		b.Adopted(config.Resource{Name: "db"}, []kube.Applied{other}, Live{})
		if pods := b.Pods(t.Context(), "db"); len(pods) != 1 || pods[0].Name != "db-1" {
			t.Errorf("the second comes late and sees %v", pods)
		}
		b.emit(all, kube.Event{Kind: kube.Noticed, Notice: kube.Notice{About: kube.Ref{Namespace: "n", Name: "db-1"}, Warning: true, Reason: "Unhealthy"}},
			kube.Event{Kind: kube.PodGone, Pod: theirs}, kube.Event{Kind: kube.Lost, Err: errors.New("cut")})
		if pods := b.Pods(t.Context(), "db"); len(pods) != 0 {
			t.Errorf("pods that are gone: %v", pods)
		}
		if diff := cmp.Diff([]string{"warn db: db-1: Unhealthy:"}, b.lines); diff != "" {
			t.Errorf("lines (-want +got):\n%s", diff)
		}
		b.Dropped([]string{"web", "never there"})
		b.emit(all, changed(mine), kube.Event{Kind: kube.WorkloadGone, Workload: w.Workload})
		if pods := b.Pods(t.Context(), "web"); len(pods) != 0 {
			t.Errorf("what was dropped has pods: %v", pods)
		}
		if mine.Labels[kube.LabelResource] != "" {
			t.Error("the watch's own labels changed")
		}
	})
}

// TestLogIsResumedUntilTheContainerEnds: the node closes the stream early, and
// once fails; no line is lost or doubled.
func TestLogIsResumedUntilTheContainerEnds(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bench) {
		var mu sync.Mutex
		var since []time.Time
		asked := func() []time.Time {
			mu.Lock()
			defer mu.Unlock()
			return slices.Clone(since)
		}
		start := time.Now()
		b.cluster.logs = func(o kube.LogOptions, line func(kube.LogLine)) error {
			mu.Lock()
			since = append(since, o.Since)
			mu.Unlock()
			n := len(asked())
			if n == 4 || n == 5 {
				return &kube.Error{Kind: kube.Forbidden, Op: "reading the log of", Object: "it", Err: errors.New("no")}
			}
			if n > 3 {
				return errors.New("the container is gone")
			}
			line(kube.LogLine{Time: start.Add(time.Duration(n) * time.Second), Text: fmt.Sprint("line ", n), More: n == 3})
			if n == 2 {
				return errors.New("cut")
			}
			return nil
		}
		b.up()
		time.Sleep(time.Hour)
		synctest.Wait()
		if since := asked(); len(since) < 4 || !since[0].IsZero() || !since[1].Equal(start.Add(time.Second)) || !since[3].Equal(start.Add(3*time.Second)) {
			t.Errorf("asked since %v", since)
		}
		if !slices.Equal(b.lines, []string{"web: line 1", "web: line 2", "web: line 3", b.lines[len(b.lines)-1]}) || !strings.Contains(b.lines[3], "get pods/log in namespace n") {
			t.Errorf("lines %q", b.lines)
		}
		b.emit(ours, kube.Event{Kind: kube.PodGone, Pod: pod("web-1", "t1", "img:1")})
		time.Sleep(time.Hour)
		synctest.Wait()
		n := len(asked())
		time.Sleep(time.Hour)
		synctest.Wait()
		if len(asked()) != n {
			t.Error("the log of a pod that is gone is asked for")
		}
	})
}

// TestInitContainersAreHeard: also one that had ended when the pod was first
// seen, and a sidecar that runs on; the agent's own is nobody's concern.
func TestInitContainersAreHeard(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bench) {
		asked := map[string]int{}
		b.cluster.logs = func(o kube.LogOptions, line func(kube.LogLine)) error {
			b.with(func() { asked[o.Container]++ })
			line(kube.LogLine{Time: time.Now(), Text: "I am " + o.Container})
			return nil
		}
		p := pod("web-1", "t1", "img:1")
		p.InitContainers[0].ID = "id-installer"
		p.InitContainers = append(p.InitContainers,
			kube.Container{Name: "prepare", ID: "id-prepare", State: kube.ContainerTerminated},
			kube.Container{Name: "waits", State: kube.ContainerWaiting})
		p.Containers[0].State = kube.ContainerTerminated
		b.Image("img", "img:1")
		b.Begin(web())
		b.Applied(web(), []Object{applied("t1")}, true)
		b.emit(ours, changed(p), changed(p), kube.Event{Kind: kube.Synced})
		time.Sleep(time.Minute)
		synctest.Wait()
		b.with(func() {
			slices.Sort(b.lines)
			if diff := cmp.Diff([]string{"web: I am app", "web: I am prepare"}, b.lines); diff != "" {
				t.Errorf("lines (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(map[string]int{"app": 1, "prepare": 1}, asked); diff != "" {
				t.Errorf("logs asked for (-want +got):\n%s", diff)
			}
		})
	})
}

// TestReadyWhenTheProgramHasLived: one that ends at once is never ready, and
// its end is the cause, also where a readiness probe has the cluster wait.
func TestReadyWhenTheProgramHasLived(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bench) {
		b.Image("img", "img:1")
		b.Applied(web(), []Object{applied("t1")}, true)
		p := pod("web-1", "t1", "img:1")
		p.Containers[0].StartedAt = time.Now()
		first := Agent{ID: engine.TargetID{Namespace: "n", Pod: "web-1", Container: "app"}, Resource: "web", Process: wire.Process{State: wire.StateRunning, Starts: 1}}
		b.Agent(first)
		b.emit(ours, changed(p), workload(2, kube.Rollout{Ready: true}), kube.Event{Kind: kube.Synced})
		b.is("web", verdict{message: "web-1: container app has just started"})
		time.Sleep(moment)
		b.is("web", verdict{ready: true})
		ended := Agent{ID: engine.TargetID{Namespace: "n", Pod: "web-1", Container: "app"}, Resource: "web", Process: wire.Process{State: wire.StateExited, Starts: 1, Exit: &wire.Exit{Code: 3}}}
		p.Ready, p.Containers[0].Ready = false, false
		b.emit(ours, changed(p), workload(2, kube.Rollout{Message: "0 of 1 pods are ready"}))
		b.is("web", verdict{message: "web-1: container app runs but is not ready"})
		b.Agent(ended)
		b.is("web", verdict{broken: true, message: "web-1: the process ended: exit code 3"})

		// The pod of the template before says nothing of the next one.
		b.Begin(web())
		next := applied("t2")
		b.Applied(web(), []Object{next}, true)
		b.Observe("web")
		b.is("web", verdict{message: "0 of 1 pods are ready"})

		// A restart in place is no first program; a container that is restarted is.
		q := pod("web-2", "t2", "img:1")
		q.Containers[0].StartedAt = time.Now()
		b.Agent(Agent{ID: engine.TargetID{Namespace: "n", Pod: "web-2", Container: "app"}, Resource: "web", Process: wire.Process{State: wire.StateRunning, Starts: 2, Started: time.Now().UnixNano()}})
		b.emit(ours, changed(q), workload(2, kube.Rollout{Ready: true}))
		b.is("web", verdict{ready: true})
		b.Image("img", "img:2") // what runs now is no target
		b.AgentGone(engine.TargetID{Namespace: "n", Pod: "web-2", Container: "app"})
		q.Containers[0].ID, q.Containers[0].StartedAt = "again", time.Now()
		b.emit(ours, changed(q))
		b.is("web", verdict{message: "web-2: container app has just started"})
		time.Sleep(time.Hour)
		b.is("web", verdict{ready: true})
	})
}

// TestClusterSaysWhy: what only a notice tells is told, and outlives the pod's
// next change.
func TestClusterSaysWhy(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bench) {
		b.up()
		b.Applied(web(), []Object{applied("t1")}, true)
		p := pod("web-1", "t1", "img:1")
		p.Ready, p.Containers[0].Ready, p.Containers[0].StartedAt = false, false, time.Now()
		waits := workload(2, kube.Rollout{Message: "0 of 1 pods are ready"})
		b.emit(ours, changed(p), waits, kube.Event{Kind: kube.Synced})
		b.is("web", verdict{message: "web-1: container app runs but is not ready"})
		b.emit(ours, kube.Event{Kind: kube.Noticed, Notice: kube.Notice{
			About: kube.Ref{Kind: "Pod", Namespace: "n", Name: "web-1"}, Container: "app", Warning: true,
			Reason: "Unhealthy", Message: "Readiness probe failed: db is away", At: time.Now(),
		}})
		why := verdict{message: "web-1: container app runs, but its readiness probe fails: db is away"}
		b.is("web", why)
		b.emit(ours, changed(p))
		b.is("web", why)

		p = pod("web-1", "t1", "img:1")
		p.Ready, p.Containers[0].Ready, p.Containers[0].ID, p.Containers[0].State = false, false, "", kube.ContainerWaiting
		p.Containers[0].Reason = "ContainerCreating"
		b.emit(ours, changed(p), kube.Event{Kind: kube.Noticed, Notice: kube.Notice{
			About: kube.Ref{Kind: "Pod", Namespace: "n", Name: "web-1"}, Warning: true,
			Reason: "FailedMount", Message: `MountVolume.SetUp failed for volume "v" : secret "keys" not found`,
		}})
		b.is("web", verdict{broken: true, message: `web-1: volume v cannot be mounted: secret "keys" not found`})
	})
}

// TestNoNodeTakesIt: waiting for a node is a part of starting, and after a while
// what is waited for; whatever runs a pod.
func TestNoNodeTakesIt(t *testing.T) {
	for _, kind := range []string{"Deployment", "Pod"} {
		inBubble(t, func(t *testing.T, b *bench) {
			b.up()
			o := applied("t1")
			if kind == "Pod" {
				o.Ref = kube.Ref{Version: "v1", Kind: "Pod", Namespace: "n", Name: "web-1", UID: "uid-web-1"}
			}
			b.Applied(web(), []Object{o}, true)
			p := pod("web-1", "t1", "img:1")
			p.Ready, p.Phase, p.Node, p.Containers[0].State, p.Containers[0].ID = false, "Pending", "", kube.ContainerWaiting, ""
			p.Containers[0].Ready, p.CreatedAt = false, time.Now()
			p.Reason, p.Message = "Unschedulable", "0/1 nodes are available: 1 Insufficient cpu. preemption: none."
			b.emit(ours, changed(p), workload(2, kube.Rollout{Message: "0 of 1 pods are ready"}), kube.Event{Kind: kube.Synced})
			const why = "web-1: pod cannot be scheduled: 0/1 nodes are available: 1 Insufficient cpu"
			b.is("web", verdict{message: why})
			time.Sleep(patience - time.Second)
			b.is("web", verdict{message: why})
			time.Sleep(time.Second)
			synctest.Wait()
			v := b.observedVerdict()
			if v.blocker.By != kube.BlockedByNodes || v.message != why || v.broken || v.ready {
				t.Errorf("%s: %+v", kind, v)
			}
			b.emit(ours, changed(pod("web-1", "t1", "img:1")), workload(2, kube.Rollout{Ready: true}))
			time.Sleep(time.Minute)
			b.is("web", verdict{ready: true})

			if kind == "Pod" {
				return
			}
			// One that waited for a node is ready as soon as any other.
			p.UID, p.CreatedAt = "uid-again", time.Now()
			b.emit(ours, kube.Event{Kind: kube.PodGone, Pod: pod("web-1", "t1", "img:1")}, changed(p), workload(2, kube.Rollout{Message: "0 of 1 pods are ready"}))
			time.Sleep(3 * time.Second)
			q := pod("web-1", "t1", "img:1")
			q.UID, q.Containers[0].StartedAt = "uid-again", time.Now()
			b.Agent(Agent{ID: engine.TargetID{Namespace: "n", Pod: "web-1", Container: "app"}, Resource: "web", Process: wire.Process{State: wire.StateRunning, Starts: 1}})
			b.emit(ours, changed(q), workload(2, kube.Rollout{Ready: true}))
			time.Sleep(moment + time.Millisecond)
			b.is("web", verdict{ready: true})
		})
	}
}
