package rollout

import (
	"testing"

	"github.com/towline-dev/towline/server/kube"
)

func TestClaimTakesItsOwn(t *testing.T) {
	f := &claim{label: "web", owners: map[kube.Owner]bool{{Kind: "Deployment", Name: "web"}: true, {Kind: "Pod", Name: "bare"}: true}, pods: map[string]bool{}}
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
