package rollout

import (
	"testing"
	"time"

	"github.com/towline-dev/towline/agent/wire"
	"github.com/towline-dev/towline/server/engine"
	"github.com/towline-dev/towline/server/kube"
)

// TestCrashed: the last crash after which a program was started again, whoever did
// that; an end that was asked for, one without an error and another resource's is
// none.
func TestCrashed(t *testing.T) {
	at := func(n int64) time.Time { return time.Unix(n, 0) }
	pod := func(name string, c kube.Container) kube.Pod {
		c.Name = "app"
		return kube.Pod{Name: name, Namespace: "n", Containers: []kube.Container{c}}
	}
	agent := func(pod string, exit wire.Exit) map[engine.TargetID]Agent {
		return map[engine.TargetID]Agent{{Namespace: "n", Pod: pod, Container: "app"}: {Process: wire.Process{State: wire.StateRunning, Exit: &exit}}}
	}
	sidecar := kube.Pod{Name: "web-1", Namespace: "n", InitContainers: []kube.Container{{Name: "proxy", RestartCount: 1, ExitCode: 1, FinishedAt: at(7)}}}
	leaving := pod("web-0", kube.Container{RestartCount: 1, ExitCode: 2, FinishedAt: at(9)})
	leaving.Deleting = true
	for what, test := range map[string]struct {
		pods   []kube.Pod
		agents map[engine.TargetID]Agent
		want   time.Time
	}{
		"never":                     {[]kube.Pod{pod("web-1", kube.Container{})}, nil, time.Time{}},
		"by the kubelet":            {[]kube.Pod{pod("web-1", kube.Container{RestartCount: 3, ExitCode: 2, FinishedAt: at(5)})}, nil, at(5)},
		"not started again":         {[]kube.Pod{pod("web-1", kube.Container{ExitCode: 2, FinishedAt: at(5)})}, nil, time.Time{}},
		"done, and done again":      {[]kube.Pod{pod("web-1", kube.Container{RestartCount: 3, FinishedAt: at(5)})}, nil, time.Time{}},
		"an init container":         {[]kube.Pod{sidecar}, nil, at(7)},
		"a pod on its way out":      {[]kube.Pod{leaving}, nil, time.Time{}},
		"by the agent":              {[]kube.Pod{pod("web-1", kube.Container{})}, agent("web-1", wire.Exit{Code: 1, At: at(6).UnixNano()}), at(6)},
		"a restart that was wanted": {[]kube.Pod{pod("web-1", kube.Container{})}, agent("web-1", wire.Exit{Signal: "SIGTERM", Asked: true, At: at(6).UnixNano()}), time.Time{}},
		"another's":                 {[]kube.Pod{pod("web-1", kube.Container{})}, agent("api-1", wire.Exit{Code: 1, At: at(6).UnixNano()}), time.Time{}},
		"the last of both":          {[]kube.Pod{pod("web-1", kube.Container{RestartCount: 1, ExitCode: 2, FinishedAt: at(5)})}, agent("web-1", wire.Exit{OOM: true, Signal: "SIGKILL", At: at(6).UnixNano()}), at(6)},
	} {
		if got := (&facts{agents: test.agents}).crashed(test.pods); !got.Equal(test.want) {
			t.Errorf("%s: %v, want %v", what, got, test.want)
		}
	}
}
