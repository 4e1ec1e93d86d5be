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

// logKey names one container's log; with an instance, that of one start of it.
type logKey struct{ pod, container, instance string }

// containerLog is what was read of a container's log. While reading, the
// goroutine that reads owns the spans.
type containerLog struct {
	reading  bool
	instance string // that was read last
	spans    spans
}

// The waits between attempts to read a log.
const (
	firstRetry = 50 * time.Millisecond
	lastRetry  = 5 * time.Second
)

// followLogs reads the logs of a pod's containers, each from its first line,
// those of init containers that have ended among them.
func (s *state) followLogs(ctx context.Context, p kube.Pod) {
	resource := s.resourceOf(p)
	if resource == "" {
		return
	}
	for _, c := range slices.Concat(p.InitContainers, p.Containers) {
		if c.Name == inject.InstallerName || c.ID == "" || c.State == kube.ContainerWaiting && c.FinishedAt.IsZero() {
			continue
		}
		key := logKey{pod: p.UID, container: c.Name}
		l := s.logs[key]
		if l == nil {
			l = &containerLog{}
			if s.Reached != nil {
				l.spans.known(s.Reached(p.Name, c.Name))
			}
			s.logs[key] = l
		}
		if l.reading || l.instance == c.ID {
			continue
		}
		// Of the runs before this one the node has the last. What was read of it is
		// known by the times of its lines.
		missed := c.RestartCount > 0
		l.reading, l.instance = true, c.ID
		s.box.Go(func() {
			r := &logReader{s: s, spans: &l.spans, resource: resource, pod: p, container: c}
			r.read(ctx, missed)
			s.box.Put(func(ctx context.Context, s *state) {
				l.reading = false
				if now, there := s.pods[p.UID]; there && s.logs[key] == l {
					s.followLogs(ctx, now) // it was started again meanwhile
				}
			})
		})
	}
}

// logReader reads the log of one container. It runs beside the owner.
type logReader struct {
	s         *state
	spans     *spans
	resource  string
	pod       kube.Pod
	container kube.Container
	told      bool // that it may not
}

// read reads one run of the container to its end, and before it what is missed of
// the run before. It resumes where the stream breaks off, or the node closes it
// early.
func (r *logReader) read(ctx context.Context, missed bool) {
	for wait := firstRetry; ; wait = min(2*wait, lastRetry) {
		var err error
		if missed {
			o := kube.LogOptions{Previous: true, Since: r.spans.before(r.container.StartedAt)}
			_, err = r.stream(ctx, r.spans.begin(), o, true)
			missed = err != nil && ctx.Err() == nil && !isGone(err)
		}
		now := r.spans.begin()
		read, err := r.stream(ctx, now, kube.LogOptions{Follow: true, Since: r.spans.last()}, false)
		if read {
			wait = firstRetry
		}
		r.refused(err)
		there, runs := r.s.still(ctx, r.pod, r.container)
		if (err == nil || kube.IsKind(err, kube.NotFound)) && !runs && !missed || !there {
			now.rest() // without an end, and none comes
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
	}
}

// isGone reports whether a log that is asked for does not exist any longer.
func isGone(err error) bool {
	return kube.IsKind(err, kube.NotFound) || kube.IsKind(err, kube.Invalid) || kube.IsKind(err, kube.Forbidden)
}

// stream reads a log once and emits the lines that are new. It reports whether
// there were any.
func (r *logReader) stream(ctx context.Context, next *span, o kube.LogOptions, ended bool) (read bool, err error) {
	o.Namespace, o.Pod, o.Container = r.pod.Namespace, r.pod.Name, r.container.Name
	at := time.Time{}
	out := r.s.Log.Lines(func(text string) {
		r.s.Log.Emit(output.Line{Time: at, Resource: r.resource, Source: "runtime", Pod: r.pod.Name, Container: r.container.Name, Text: text})
	})
	defer out.Flush()
	write := func(l kube.LogLine) {
		at, read = l.Time, true
		if !l.More {
			l.Text += "\n"
		}
		_, _ = out.Write([]byte(l.Text)) // never fails
	}
	next.rest = func() {}
	err = r.s.Kube.Logs(ctx, o, func(l kube.LogLine) {
		if l.Torn && !ended {
			next.rest = func() {
				if next.take(l) {
					write(l)
					out.Flush()
				}
			}
			return
		}
		if next.take(l) {
			write(l)
		}
	})
	return read, err
}

// refused tells, once, that logs may not be read.
func (r *logReader) refused(err error) {
	if kube.IsKind(err, kube.Forbidden) && !r.told {
		r.told = true
		r.s.Log.Say(r.resource, "error", fmt.Sprintf("%v: logs need the right to get pods/log in namespace %s", err, r.pod.Namespace))
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
