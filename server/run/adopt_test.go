package run

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/towline-dev/towline/server/kube"
)

func TestFamilyTakesItsOwn(t *testing.T) {
	f := &family{label: "web", owners: map[kube.Owner]bool{{Kind: "Deployment", Name: "web"}: true, {Kind: "Pod", Name: "bare"}: true}, pods: map[string]bool{}}
	pod := func(name string, owner kube.Owner) kube.Pod {
		return kube.Pod{Name: name, Owner: owner, Labels: map[string]string{"a": "b", kube.LabelResource: "other"}}
	}
	for _, test := range []struct {
		event kube.Event
		want  bool
	}{
		{kube.Event{Kind: kube.PodChanged, Pod: pod("web-1", kube.Owner{Kind: "Deployment", Name: "web"})}, true},
		{kube.Event{Kind: kube.PodGone, Pod: pod("bare", kube.Owner{})}, true},
		{kube.Event{Kind: kube.PodChanged, Pod: pod("web", kube.Owner{})}, false},
		{kube.Event{Kind: kube.PodChanged, Pod: pod("web-1", kube.Owner{Kind: "StatefulSet", Name: "web"})}, false},
		{kube.Event{Kind: kube.WorkloadChanged, Workload: kube.Workload{Ref: kube.Ref{Kind: "Deployment", Name: "web"}}}, true},
		{kube.Event{Kind: kube.WorkloadChanged, Workload: kube.Workload{Ref: kube.Ref{Kind: "Deployment", Name: "api"}}}, false},
		{kube.Event{Kind: kube.Noticed, Notice: kube.Notice{About: kube.Ref{Kind: "Pod", Name: "web-1"}}}, true},
		{kube.Event{Kind: kube.Noticed, Notice: kube.Notice{About: kube.Ref{Kind: "Pod", Name: "web-2"}}}, false},
		{kube.Event{Kind: kube.Synced}, true},
	} {
		before := len(test.event.Pod.Labels)
		labels := test.event.Pod.Labels
		got := f.take(&test.event)
		if got != test.want {
			t.Errorf("%+v: got %v, want %v", test.event, got, test.want)
		}
		if got && test.event.Pod.Name != "" && (test.event.Pod.Labels[kube.LabelResource] != "web" || test.event.Pod.Labels["a"] != "b") {
			t.Errorf("labels %v", test.event.Pod.Labels)
		}
		if len(labels) != before || labels != nil && labels[kube.LabelResource] != "other" {
			t.Errorf("the watch's own labels changed: %v", labels)
		}
	}
}

// TestNeighbourhoodTellsWhoComesLate: what is there already is told to a family
// that joins, and nothing to one that left.
func TestNeighbourhoodTellsWhoComesLate(t *testing.T) {
	n := &neighbourhood{families: map[string]*family{}, pods: map[string]kube.Pod{}, workloads: map[kube.Ref]kube.Workload{}}
	var told []string
	seen := func(name string, e kube.Event) {
		told = append(told, name+" "+string(e.Kind)+" "+e.Pod.Name+e.Workload.Ref.Name)
	}
	check := func(what string, want ...string) {
		t.Helper()
		if diff := cmp.Diff(want, told); diff != "" {
			t.Errorf("%s (-want +got):\n%s", what, diff)
		}
		told = nil
	}
	web := kube.Owner{Kind: "Deployment", Name: "web"}
	pod := kube.Event{Kind: kube.PodChanged, Pod: kube.Pod{UID: "1", Name: "web-1", Owner: web}}
	n.changed(kube.Event{Kind: kube.WorkloadChanged, Workload: kube.Workload{Ref: kube.Ref{Group: "apps", Kind: "Deployment", Name: "web"}}}, seen)
	n.changed(pod, seen)
	n.changed(kube.Event{Kind: kube.Synced}, seen)
	check("nobody is there")
	f := &family{label: "web", owners: map[kube.Owner]bool{web: true}, pods: map[string]bool{}}
	n.join("n/web", f, seen)
	check("joined", "n/web "+string(kube.WorkloadChanged)+" web", "n/web "+string(kube.PodChanged)+" web-1", "n/web "+string(kube.Synced)+" ")
	n.changed(pod, seen)
	check("a change", "n/web "+string(kube.PodChanged)+" web-1")
	second := &family{label: "web", owners: map[kube.Owner]bool{}, pods: map[string]bool{}}
	n.join("n/web", second, seen)
	n.leave(f)
	n.changed(pod, seen)
	check("another took its place", "n/web "+string(kube.Synced)+" ")
	third := &family{label: "web", owners: map[kube.Owner]bool{web: true}, pods: map[string]bool{}}
	third.left.Store(true)
	n.join("n/web", third, seen)
	check("left before it joined")
	if n.families["n/web"] != second {
		t.Error("a family that left has taken another's place")
	}
	n.leave(second)
	n.changed(kube.Event{Kind: kube.Synced}, seen)
	check("left")
}
