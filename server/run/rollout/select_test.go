package rollout

import (
	"testing"
	"time"

	"github.com/towline-dev/towline/server/kube"
	"github.com/towline-dev/towline/starlark/config"
)

// operated is a custom resource, for which an operator makes pods.
func operated() Object {
	return Object{Applied: kube.Applied{Ref: kube.Ref{Group: "db.example", Kind: "Database", Namespace: "n", Name: "main"}}}
}

// stranger is a pod without any label of ours.
func stranger(name string, labels map[string]string) kube.Pod {
	p := pod(name, "", "x")
	p.Labels, p.InitContainers = labels, nil
	return p
}

func selecting(strategy string) config.Resource {
	return config.Resource{Name: "db", ExtraPodSelectors: []map[string]string{{}, {"made-by": "operator", "of": "main"}}, DiscoveryStrategy: strategy}
}

// TestExtraPodSelectorsFindPods that an operator makes for a custom resource:
// it is ready when they are, and they are its pods.
func TestExtraPodSelectorsFindPods(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bench) {
		b.Begin(selecting(""))
		b.Applied(selecting(""), []Object{operated()}, true)
		b.Observe("db")
		b.is("db", verdict{message: "asking the cluster for the pods of extra_pod_selectors"})
		other := stranger("web-1", map[string]string{"made-by": "operator"})
		taken := stranger("theirs-1", map[string]string{"made-by": "operator", "of": "main", kube.LabelWorkspace: "ws", kube.LabelResource: "web"})
		b.emit(all, changed(other), changed(taken), kube.Event{Kind: kube.Synced})
		b.is("db", verdict{message: "waiting for a pod with the labels of extra_pod_selectors"})
		mine := stranger("main-0", map[string]string{"made-by": "operator", "of": "main"})
		mine.Ready, mine.Containers[0].Ready = false, false
		b.emit(all, changed(mine))
		b.is("db", verdict{message: "main-0: container app runs but is not ready"})
		mine.Ready, mine.Containers[0].Ready = true, true
		b.emit(all, changed(mine))
		b.is("db", verdict{ready: true})
		if pods := b.Pods(t.Context(), "db"); len(pods) != 1 || pods[0].Name != "main-0" {
			t.Errorf("its pods are %v", pods)
		}
		b.emit(all, kube.Event{Kind: kube.PodGone, Pod: mine})
		b.is("db", verdict{message: "waiting for a pod with the labels of extra_pod_selectors"})
	})
}

// TestExtraPodSelectorsBesideAWorkload: its own pods count too, and none of the
// others need be there.
func TestExtraPodSelectorsBesideAWorkload(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bench) {
		res := selecting("")
		res.Name = "web"
		b.Applied(res, []Object{applied("t1")}, true)
		b.emit(ours, changed(pod("web-1", "t1", "x")), workload(2, kube.Rollout{Ready: true}), kube.Event{Kind: kube.Synced})
		b.emit(all, kube.Event{Kind: kube.Synced})
		b.is("web", verdict{ready: true})
		helper := stranger("helper", map[string]string{"made-by": "operator", "of": "main"})
		helper.Ready, helper.Containers[0].Ready = false, false
		b.emit(all, changed(helper))
		b.is("web", verdict{message: "helper: container app runs but is not ready"})
		res.ExtraPodSelectors = nil
		b.Configure(&config.Project{Resources: []config.Resource{res}})
		b.is("web", verdict{ready: true}) // without an apply
		if pods := b.Pods(t.Context(), "web"); len(pods) != 1 || pods[0].Name != "web-1" {
			t.Errorf("its pods are %v", pods)
		}
		b.emit(all, changed(helper))
		b.is("web", verdict{ready: true})
	})
}

// TestSelectorsOnly: what the workload owns is none of the resource's.
func TestSelectorsOnly(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bench) {
		res := selecting("selectors-only")
		res.Name = "web"
		b.Applied(res, []Object{applied("t1")}, true)
		own := pod("web-1", "t1", "x")
		b.emit(ours, changed(own), workload(2, kube.Rollout{Message: "0 of 1 pods are ready"}), kube.Event{Kind: kube.Synced})
		b.emit(all, changed(own), kube.Event{Kind: kube.Synced})
		b.is("web", verdict{message: "waiting for a pod with the labels of extra_pod_selectors"})
		b.emit(all, changed(stranger("main-0", map[string]string{"made-by": "operator", "of": "main"})))
		b.is("web", verdict{ready: true})
		if pods := b.Pods(t.Context(), "web"); len(pods) != 1 || pods[0].Name != "main-0" {
			t.Errorf("its pods are %v", pods)
		}
		res.ExtraPodSelectors = nil
		b.Configure(&config.Project{Resources: []config.Resource{res}})
		if o := b.is("web", b.observedVerdict()); !o.Broken {
			t.Errorf("without selectors: %+v", o)
		}
	})
}

// TestSelectedPodsOfTheNewestRollout decide, and those of a cluster-wide object
// are looked for in the project's namespace.
func TestSelectedPodsOfTheNewestRollout(t *testing.T) {
	labels := map[string]string{"a": "b"}
	old, next, job := stranger("old", labels), stranger("next", labels), stranger("job", labels)
	old.Owner, old.TemplateHash, old.CreatedAt = kube.Owner{Kind: "Deployment", Name: "d"}, "1", time.Unix(1, 0)
	next.Owner, next.TemplateHash = old.Owner, "2"
	job.Owner = kube.Owner{Kind: "Job", Name: "j"}
	got := latest([]kube.Pod{old, job, next, stranger("c", nil)}, []map[string]string{labels})
	if len(got) != 2 || got[0].Name != "job" || got[1].Name != "next" {
		t.Errorf("the latest are %v", got)
	}
	f := noFacts("ws", "home")
	d := &deployment{readinessSpec: readinessSpec{selectors: []map[string]string{labels}}, objects: []object{{ref: kube.Ref{Kind: "ClusterThing", Name: "x"}}}}
	if got := f.selectedFrom(d); len(got) != 1 || got[0] != "home" {
		t.Errorf("selected from %v", got)
	}
}
