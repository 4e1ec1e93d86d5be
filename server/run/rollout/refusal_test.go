package rollout

import (
	"strings"
	"testing"
	"time"

	"github.com/towline-dev/towline/server/kube"
)

// TestPodsThatCannotBeMade: StatefulSets, DaemonSets and Jobs have no condition
// that says why their pods are refused, only an event does.
func TestPodsThatCannotBeMade(t *testing.T) {
	const quota = `pods "db-0" is forbidden: exceeded quota: tight, requested: pods=1`
	for _, kind := range []string{"StatefulSet", "DaemonSet", "Job", "ReplicaSet"} {
		t.Run(kind, func(t *testing.T) {
			inBubble(t, func(t *testing.T, b *bench) {
				start := time.Now().Truncate(time.Second)
				ref := kube.Ref{Group: "apps", Version: "v1", Kind: kind, Namespace: "n", Name: "db", UID: "u1"}
				applied := func(template string, at time.Time) Object {
					return Object{Template: template, Applied: kube.Applied{Ref: ref, Content: map[string]any{
						"apiVersion": "apps/v1", "kind": kind,
						"metadata": map[string]any{"name": "db", "namespace": "n", "managedFields": []any{map[string]any{"time": at.Format(time.RFC3339)}}},
					}}}
				}
				refused := func(message string, at time.Time) kube.Event {
					return kube.Event{Kind: kube.Noticed, Notice: kube.Notice{About: kube.Ref{Kind: kind, Namespace: "n", Name: "db", UID: "u1"}, Warning: true, Reason: kube.FailedCreate, Message: message, At: at}}
				}
				b.Begin(web())
				b.Applied(web(), []Object{applied("t1", start)}, true)
				b.emit(ours, kube.Event{Kind: kube.WorkloadChanged, Workload: kube.Workload{Ref: ref, Rollout: kube.Rollout{Message: "0 of 1 pods are ready"}, Labels: map[string]string{kube.LabelResource: "web"}}}, kube.Event{Kind: kube.Synced})
				b.is("web", verdict{message: "0 of 1 pods are ready"})
				b.emit(ours, refused(quota, start.Add(time.Second)))
				tight := kube.Blocker{By: kube.BlockedByQuota, Name: "tight"}
				b.is("web", verdict{message: "FailedCreate: " + quota, blocker: tight})
				b.emit(ours, refused("it is invalid", start)) // told late
				b.is("web", verdict{message: "FailedCreate: " + quota, blocker: tight})
				b.emit(ours, refused("it is invalid", start.Add(2*time.Second)))
				b.is("web", verdict{broken: true, message: "FailedCreate: it is invalid"})

				p := pod("db-0", "t1", "other")
				p.CreatedAt, p.Ready, p.Containers[0].Ready = start.Add(3*time.Second), false, false
				b.emit(ours, changed(p))
				if v := b.observedVerdict(); v.broken || v.blocker != (kube.Blocker{}) || !strings.Contains(v.message, "not ready") {
					t.Errorf("with its pod made: %+v", v)
				}
				b.emit(ours, kube.Event{Kind: kube.PodGone, Pod: p})
				b.is("web", verdict{broken: true, message: "FailedCreate: it is invalid"})
				b.Applied(web(), []Object{applied("t2", start.Add(4*time.Second))}, true)
				b.Observe("web")
				b.is("web", verdict{message: "0 of 1 pods are ready"}) // what was said is of before the change
			})
		})
	}
}
