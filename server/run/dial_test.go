package run

import (
	"testing"

	"github.com/towline-dev/towline/server/kube"
	"github.com/towline-dev/towline/starlark/config"
)

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
