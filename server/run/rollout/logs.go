package rollout

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/towline-dev/towline/server/inject"
	"github.com/towline-dev/towline/server/kube"
	"github.com/towline-dev/towline/server/run/inbox"
	"github.com/towline-dev/towline/server/run/output"
)

// logKey names one container's log stream.
type logKey struct{ pod, container, instance string }

// The waits between attempts to read a log.
const (
	firstRetry = 50 * time.Millisecond
	lastRetry  = 5 * time.Second
)

// followLogs streams the logs of a pod's containers, each from its start, those
// of init containers that have ended among them.
func (s *state) followLogs(ctx context.Context, p kube.Pod) {
	resource := s.resourceOf(p)
	if resource == "" {
		return
	}
	for _, c := range slices.Concat(p.InitContainers, p.Containers) {
		key := logKey{pod: p.UID, container: c.Name, instance: c.ID}
		if c.Name == inject.InstallerName || c.ID == "" || c.State == kube.ContainerWaiting || s.logs[key] {
			continue
		}
		s.logs[key] = true
		s.box.Go(func() { s.streamLog(ctx, resource, p, c) })
	}
}

// streamLog reads one container's log to its end, resuming where the node
// closes the stream early. It runs beside the owner.
func (s *state) streamLog(ctx context.Context, resource string, p kube.Pod, c kube.Container) {
	o := kube.LogOptions{Namespace: p.Namespace, Pod: p.Name, Container: c.Name, Follow: true}
	out := s.Log.Lines(func(text string) {
		s.Log.Emit(output.Line{Time: o.Since, Resource: resource, Source: "runtime", Pod: p.Name, Text: text})
	})
	told := false
	for wait := firstRetry; ; wait = min(2*wait, lastRetry) {
		err := s.Kube.Logs(ctx, o, func(l kube.LogLine) {
			o.Since = l.Time
			wait = firstRetry
			if !l.More {
				l.Text += "\n"
			}
			_, _ = out.Write([]byte(l.Text)) // never fails
		})
		out.Flush()
		if kube.IsKind(err, kube.Forbidden) && !told {
			told = true
			s.Log.Say(resource, "error", fmt.Sprintf("%v: logs need the right to get pods/log in namespace %s", err, p.Namespace))
		}
		there, runs := s.still(ctx, p, c)
		if err == nil && !runs || !there {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
	}
}

// still reports whether a pod is there, and whether the same instance of its
// container runs.
func (s *state) still(ctx context.Context, p kube.Pod, c kube.Container) (there, runs bool) {
	type answer struct{ there, runs bool }
	a := inbox.Ask(ctx, s.box, func(_ context.Context, s *state) answer {
		now, there := s.pods[p.UID]
		if !there {
			return answer{}
		}
		same := now.Container(c.Name)
		return answer{true, same != nil && same.ID == c.ID && same.State == kube.ContainerRunning}
	})
	return a.there, a.runs
}
