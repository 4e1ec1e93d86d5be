package run

import (
	"testing"

	"github.com/towline-dev/towline/server/kube"
	"github.com/towline-dev/towline/starlark/config"
)

// A forward follows the rollout, and does not leave who is debugged.
func TestBestPod(t *testing.T) {
	pod := func(name string, ready bool) kube.Pod { return kube.Pod{Name: name, Phase: "Running", Ready: ready} }
	gone, pending := pod("gone", true), pod("pending", false)
	gone.Deleting, pending.Phase = true, "Pending"
	for _, test := range []struct {
		name     string
		pods     []kube.Pod
		debugged string
		want     string
	}{
		{"none", []kube.Pod{gone, pending}, "gone", ""},
		{"the newest ready one", []kube.Pod{pod("a", true), pod("b", true), pod("c", false), gone}, "", "b"},
		{"one that runs", []kube.Pod{pod("a", false), pending}, "", "a"},
		{"one that stands at a breakpoint", []kube.Pod{pod("a", true), pod("b", false), pod("c", true)}, "b", "b"},
		{"an older one that is debugged", []kube.Pod{pod("a", true), pod("b", true)}, "a", "a"},
	} {
		got := ""
		if p := bestPod(test.pods, func(p *kube.Pod) bool { return p.Name == test.debugged }); p != nil {
			got = p.Name
		}
		if got != test.want {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
	}
}

func TestContainerPort(t *testing.T) {
	ports := func(containers ...[]int) *kube.Pod {
		p := &kube.Pod{}
		for _, c := range containers {
			p.Containers = append(p.Containers, kube.Container{Ports: c})
		}
		return p
	}
	tests := []struct {
		name string
		spec config.PortForward
		pod  *kube.Pod
		want int
	}{
		{"the named one", config.PortForward{Local: 8000, Container: 9000}, ports([]int{8000, 8080}), 9000},
		{"an exposed one of the same number", config.PortForward{Local: 8000}, ports([]int{8080, 8000}), 8000},
		{"the same number in the second container", config.PortForward{Local: 8000}, ports([]int{8080}, []int{8000}), 8000},
		{"the first exposed one", config.PortForward{Local: 8000}, ports(nil, []int{8080, 9090}), 8080},
		{"the same number, nothing exposed", config.PortForward{Local: 8000}, ports(nil), 8000},
		{"the same number, no container", config.PortForward{Local: 8000}, ports(), 8000},
	}
	for _, test := range tests {
		if got := containerPort(test.spec, test.pod); got != test.want {
			t.Errorf("%s: %d, want %d", test.name, got, test.want)
		}
	}
}
