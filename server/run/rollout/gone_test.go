package rollout

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/towline-dev/towline/server/kube"
	"github.com/towline-dev/towline/server/run/inbox"
	"github.com/towline-dev/towline/starlark/config"
)

// other is an object without pods.
func other(kind, uid string) Object {
	return Object{Applied: kube.Applied{Ref: kube.Ref{Version: "v1", Kind: kind, Namespace: "n", Name: "web", UID: uid}}}
}

func (b *bench) gone(kind string) verdict {
	return verdict{broken: true, gone: true, message: kind + " web in namespace n is gone: it was deleted in the cluster"}
}

// TestWhatWasDeletedIsMissed: whatever its kind, a resource is not ready
// without one of its objects, until that is there again.
func TestWhatWasDeletedIsMissed(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bench) {
		service, thing := other("Service", "s1"), other("Thing", "t1")
		thing.Ref.Group = "example"
		b.Applied(web(), []Object{applied("t1"), service, thing}, true)
		b.Applied(web(), []Object{applied("t1"), service, thing}, true) // watches once
		ready := []kube.Event{changed(pod("web-1", "t1", "img:1")), workload(2, kube.Rollout{Ready: true}), {Kind: kube.Synced}}
		b.emit(ours, ready...)
		b.is("web", verdict{ready: true})
		for _, o := range []Object{service, thing} {
			watch := "n/" + o.Ref.Kind + "?" + kube.LabelWorkspace + "=ws"
			b.emit(watch, kube.Event{Kind: kube.ObjectSeen, Object: o.Ref}, kube.Event{Kind: kube.ObjectGone, Object: o.Ref})
			b.is("web", b.gone(o.Ref.Kind))
			again := o.Ref
			again.UID += "-again"
			b.emit(watch, kube.Event{Kind: kube.ObjectSeen, Object: again})
			b.is("web", verdict{ready: true})
			b.emit(watch, kube.Event{Kind: kube.ObjectGone, Object: kube.Ref{Kind: o.Ref.Kind, Group: o.Ref.Group, Namespace: "n", Name: "web", UID: "what was replaced"}})
			b.is("web", verdict{ready: true})
		}
		b.emit(ours, kube.Event{Kind: kube.WorkloadGone, Workload: workload(2, kube.Rollout{}).Workload})
		b.is("web", b.gone("Deployment"))
		b.emit(ours, ready[1])
		b.is("web", verdict{ready: true})
		// What we are about to delete ourselves is not missed.
		b.Leaving([]kube.Ref{{Version: "v1", Kind: "Service", Name: "web"}})
		b.emit("n/Service?"+kube.LabelWorkspace+"=ws", kube.Event{Kind: kube.ObjectGone, Object: service.Ref})
		b.is("web", verdict{ready: true})
	})
}

// TestObjectsAreMissedWhateverTheirPods: whose pods are nobody's concern, as those of
// objects without any, is not ready either when an object goes. A Job may go.
func TestObjectsAreMissedWhateverTheirPods(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bench) {
		ignores := web()
		ignores.PodReadiness, ignores.ExtraPodSelectors = config.ReadinessIgnore, []map[string]string{{"app": "web"}}
		job, service := applied("t1"), other("Service", "s1")
		job.Ref = kube.Ref{Group: "batch", Version: "v1", Kind: "Job", Namespace: "n", Name: "web", UID: "j"}
		b.Applied(ignores, []Object{applied("t1"), service, job}, true)
		runs, jobRuns := workload(2, kube.Rollout{Message: "never"}), workload(2, kube.Rollout{})
		jobRuns.Workload.Ref = job.Ref
		b.emit(ours, runs, jobRuns, kube.Event{Kind: kube.Synced})
		b.is("web", verdict{ready: true})
		b.emit(ours, kube.Event{Kind: kube.WorkloadGone, Workload: jobRuns.Workload})
		b.is("web", verdict{ready: true})
		watch := "n/Service?" + kube.LabelWorkspace + "=ws"
		b.emit(watch, kube.Event{Kind: kube.ObjectSeen, Object: service.Ref}, kube.Event{Kind: kube.ObjectGone, Object: service.Ref})
		b.is("web", b.gone("Service"))
		b.emit(watch, kube.Event{Kind: kube.ObjectSeen, Object: service.Ref})
		b.is("web", verdict{ready: true})
		b.emit(ours, kube.Event{Kind: kube.WorkloadGone, Workload: runs.Workload})
		b.is("web", b.gone("Deployment"))
	})
}

// TestWhatWasTakenOver looks to us as if it was deleted: of a workload and of what has
// no pods it is said whose it is, until it is ours again.
func TestWhatWasTakenOver(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bench) {
		service := other("Service", "s1")
		b.Applied(web(), []Object{applied("t1"), service}, true)
		runs := workload(2, kube.Rollout{Ready: true})
		b.emit(ours, changed(pod("web-1", "t1", "img:1")), runs, kube.Event{Kind: kube.Synced})
		b.is("web", verdict{ready: true})
		taken := func(kind string) verdict {
			return verdict{broken: true, gone: true, taken: true, message: kind + " web in namespace n was taken over by me@vm:/w/shop2"}
		}
		b.cluster.others = map[string]string{"Service": "me@vm:/w/shop2"}
		watch := "n/Service?" + kube.LabelWorkspace + "=ws"
		b.emit(watch, kube.Event{Kind: kube.ObjectSeen, Object: service.Ref}, kube.Event{Kind: kube.ObjectGone, Object: service.Ref})
		b.is("web", taken("Service"))
		b.emit(watch, kube.Event{Kind: kube.ObjectSeen, Object: service.Ref})
		b.is("web", verdict{ready: true})
		b.emit(ours, kube.Event{Kind: kube.WorkloadGone, Workload: runs.Workload})
		b.is("web", b.gone("Deployment")) // the other has no Deployment
		b.emit(ours, runs)
		b.cluster.others = map[string]string{"Deployment": "me@vm:/w/shop2"}
		b.emit(ours, kube.Event{Kind: kube.WorkloadGone, Workload: runs.Workload})
		b.is("web", taken("Deployment"))
		b.emit(ours, runs)
		b.is("web", verdict{ready: true})
	})
}

// TestFinishedJobThatWasTakenOver is theirs; one that is deleted after its end stays
// done.
func TestFinishedJobThatWasTakenOver(t *testing.T) {
	for owner, want := range map[string]verdict{
		"":               {ready: true, ended: true},
		"me@vm:/w/shop2": {broken: true, gone: true, taken: true, message: "Job web in namespace n was taken over by me@vm:/w/shop2"},
	} {
		inBubble(t, func(t *testing.T, b *bench) {
			job := applied("t1")
			job.Ref = kube.Ref{Group: "batch", Version: "v1", Kind: "Job", Namespace: "n", Name: "web", UID: "j"}
			b.Applied(web(), []Object{job}, true)
			runs := workload(2, kube.Rollout{Ready: true, Succeeded: true})
			runs.Workload.Ref = job.Ref
			b.emit(ours, runs, kube.Event{Kind: kube.Synced})
			b.is("web", verdict{ready: true, ended: true})
			if owner != "" {
				b.cluster.others = map[string]string{"Job": owner}
			}
			runs.Kind = kube.WorkloadGone
			b.emit(ours, runs)
			b.is("web", want)
			if n := inbox.Ask(t.Context(), b.box, func(_ context.Context, s *state) int { return len(s.facts.deleted) }); (n == 1) != want.taken {
				t.Errorf("of one that %q has %d ends are remembered", owner, n)
			}
		})
	}
}

// TestWhatIsLeftToOthers is followed by its owner, as what another program applied, and
// says what it waits for.
func TestWhatIsLeftToOthers(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bench) {
		left := applied("")
		left.Theirs = true
		b.Applied(web(), []Object{left, other("Service", "s1")}, true)
		p := pod("web-1", "", "img:1")
		p.Labels, p.Owner, p.Ready = map[string]string{"app": "web"}, kube.Owner{Kind: "Deployment", Name: "web"}, false
		runs := workload(2, kube.Rollout{Message: "0 of 1 pods are ready"})
		runs.Workload.Labels = nil
		b.emit(ours, kube.Event{Kind: kube.Synced})
		b.emit(all, changed(p), runs, kube.Event{Kind: kube.Synced})
		if v := b.observedVerdict(); v.ready || v.broken || v.message == "" {
			t.Errorf("while its pod is not ready: %+v", v)
		}
		p.Ready = true
		runs.Workload.Rollout = kube.Rollout{Ready: true}
		b.emit(all, changed(p), runs)
		b.is("web", verdict{ready: true})
	})
}

// TestWhatAnotherProgramAppliedIsMissed: a k8s_custom_deploy's objects carry none
// of our labels, and many of others lie beside them.
func TestWhatAnotherProgramAppliedIsMissed(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bench) {
		service, thing := other("Service", "s1"), other("ConfigMap", "c1")
		b.Adopted(web(), []kube.Applied{service.Applied, thing.Applied}, Live{})
		b.Observe("web")
		b.is("web", verdict{ready: true})
		others := service.Ref
		others.Name, others.UID = "db", "s2"
		b.emit("n/Service?", kube.Event{Kind: kube.ObjectSeen, Object: others}, kube.Event{Kind: kube.ObjectGone, Object: others})
		b.is("web", verdict{ready: true})
		b.emit("n/Service?", kube.Event{Kind: kube.ObjectSeen, Object: service.Ref}, kube.Event{Kind: kube.ObjectGone, Object: service.Ref})
		b.is("web", b.gone("Service"))
		again := service
		again.Ref.UID = "s3"
		b.Adopted(web(), []kube.Applied{again.Applied, thing.Applied}, Live{}) // its command brought it back
		b.Observe("web")
		b.is("web", verdict{ready: true})
		b.Updating("web", true)
		b.emit("n/ConfigMap?", kube.Event{Kind: kube.ObjectGone, Object: thing.Ref})
		b.is("web", verdict{message: "its command runs"}) // which may have deleted it
		b.Updating("web", false)
		b.is("web", b.gone("ConfigMap"))
		if n := inbox.Ask(t.Context(), b.box, func(_ context.Context, s *state) int { return len(s.facts.deleted) }); n > 2 {
			t.Errorf("%d ends are remembered, of others too", n)
		}
	})
}

// TestWhatEndedWellIsNotMissed: a Job that has a time to live after its end
// was done, and so was a pod; one that goes before its end is missed.
func TestWhatEndedWellIsNotMissed(t *testing.T) {
	for _, succeeded := range []bool{true, false} {
		inBubble(t, func(t *testing.T, b *bench) {
			job := applied("t1")
			job.Ref = kube.Ref{Group: "batch", Version: "v1", Kind: "Job", Namespace: "n", Name: "web", UID: "j"}
			bare := applied("t2")
			bare.Ref = kube.Ref{Version: "v1", Kind: "Pod", Namespace: "n", Name: "web-1", UID: "uid-web-1"}
			b.Applied(web(), []Object{job, bare}, true)
			runs := workload(2, kube.Rollout{Ready: true, Succeeded: succeeded})
			runs.Workload.Ref = job.Ref
			p := pod("web-1", "t2", "img:1")
			if succeeded {
				p.Phase = "Succeeded"
			}
			b.emit(ours, changed(p), runs, kube.Event{Kind: kube.Synced})
			runs.Kind = kube.WorkloadGone
			b.emit(ours, runs)
			time.Sleep(time.Minute)
			if v := b.observedVerdict(); v.gone == succeeded || v.ready != succeeded {
				t.Errorf("a Job that succeeded (%v) and is gone: %+v", succeeded, v)
			}
			if succeeded {
				b.emit(ours, kube.Event{Kind: kube.PodGone, Pod: p})
				b.is("web", verdict{ready: true, ended: true})
			}
		})
	}
}

// TestPodsOfWorkloadsAreForgotten: their names never come again, and a daemon
// lives for days.
func TestPodsOfWorkloadsAreForgotten(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bench) {
		p := pod("web-1", "t1", "img:1")
		p.Owner = kube.Owner{Kind: "Deployment", Name: "web"}
		b.Applied(web(), []Object{applied("t1")}, true)
		b.emit(ours, changed(p), kube.Event{Kind: kube.PodGone, Pod: p})
		if n := inbox.Ask(t.Context(), b.box, func(_ context.Context, s *state) int { return len(s.facts.deleted) }); n != 0 {
			t.Errorf("%d pods are remembered that are gone", n)
		}
	})
}

// TestWorkloadsThatMayNotBeSeen are not waited for: the right is named.
func TestWorkloadsThatMayNotBeSeen(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bench) {
		b.Applied(web(), []Object{applied("t1")}, true)
		refusal := &kube.Error{Kind: kube.Forbidden, Op: "watching", Object: "deployments", Err: errors.New("you may not list deployments")}
		b.emit(ours, kube.Event{Kind: kube.Refused, Object: kube.Ref{Kind: "Deployment"}, Err: refusal}, kube.Event{Kind: kube.Synced})
		b.is("web", verdict{broken: true, message: "whether Deployment web in namespace n is ready cannot be seen: watching deployments: you may not list deployments"})
	})
}

// TestKindThatComesBack: what is of a kind that the cluster did not know is
// watched when it is applied again.
func TestKindThatComesBack(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bench) {
		thing := other("Thing", "t1")
		b.cluster.unknown = map[string]bool{"Thing": true}
		b.Applied(web(), []Object{thing}, true)
		synctest.Wait()
		b.cluster.mu.Lock()
		b.cluster.unknown = nil
		b.cluster.mu.Unlock()
		b.Applied(web(), []Object{thing}, true)
		b.emit("n/Thing?"+kube.LabelWorkspace+"=ws", kube.Event{Kind: kube.ObjectSeen, Object: thing.Ref}, kube.Event{Kind: kube.ObjectGone, Object: thing.Ref})
		b.is("web", b.gone("Thing"))
	})
}
