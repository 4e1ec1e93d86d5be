package rollout

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/towline-dev/towline/server/inject"
	"github.com/towline-dev/towline/server/kube"
	"github.com/towline-dev/towline/server/run/inbox"
	"github.com/towline-dev/towline/server/run/output"
)

// logs reads the logs of the pods that it is told of. Its methods do not wait. One
// goroutine owns what is read, and each log has one that reads it.
type logs struct {
	kube    Kube
	log     output.Log
	reached func(output.Place) time.Time // see Options
	box     *inbox.Inbox[logState]
}

// logState is what is read.
type logState struct {
	pods       map[string]resourcePod // by UID
	containers map[logKey]*containerLog
}

// resourcePod is a pod, and the resource in whose log its lines stand, "" for none.
type resourcePod struct {
	kube.Pod
	resource string
}

// logKey names one container's log.
type logKey struct{ pod, container string }

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

func startLogs(ctx context.Context, o Options) *logs {
	s := &logState{pods: map[string]resourcePod{}, containers: map[logKey]*containerLog{}}
	return &logs{kube: o.Kube, log: o.Log, reached: o.Reached, box: inbox.Start(ctx, s)}
}

// close ends all reading and waits for it.
func (l *logs) close() { l.box.Close() }

// follow tells what a pod is like now.
func (l *logs) follow(p kube.Pod, resource string) {
	l.box.Put(func(ctx context.Context, s *logState) {
		s.pods[p.UID] = resourcePod{p, resource}
		l.readAll(ctx, s, p.UID)
	})
}

// abandon tells that a pod is nobody's any more. If it becomes somebody's again,
// its logs go on where they were left.
func (l *logs) abandon(uid string) {
	l.box.Put(func(_ context.Context, s *logState) { delete(s.pods, uid) })
}

// gone tells that a pod is.
func (l *logs) gone(uid string) {
	l.box.Put(func(_ context.Context, s *logState) {
		delete(s.pods, uid)
		maps.DeleteFunc(s.containers, func(k logKey, _ *containerLog) bool { return k.pod == uid })
	})
}

// readAll reads the logs of a pod's containers, each from its first line, those of
// init containers that have ended among them.
func (l *logs) readAll(ctx context.Context, s *logState, uid string) {
	p := s.pods[uid]
	if p.resource == "" {
		return
	}
	for _, c := range slices.Concat(p.InitContainers, p.Containers) {
		if c.Name == inject.InstallerName || c.ID == "" || c.State == kube.ContainerWaiting && c.FinishedAt.IsZero() {
			continue // nobody's concern, or it has not run yet
		}
		key := logKey{pod: uid, container: c.Name}
		known := s.containers[key]
		if known == nil {
			known = &containerLog{}
			if l.reached != nil {
				known.spans.known(l.reached(output.Place{Namespace: p.Namespace, Pod: p.Name, UID: uid, Container: c.Name}))
			}
			s.containers[key] = known
		}
		if known.reading || known.instance == c.ID {
			continue
		}
		// Of the runs before this one the node has the last. What was read of it is
		// known by the times of its lines.
		missed := c.RestartCount > 0
		known.reading, known.instance = true, c.ID
		l.box.Go(func() {
			r := &logReader{logs: l, spans: &known.spans, resource: p.resource, pod: p.Pod, container: c}
			r.read(ctx, missed)
			l.box.Put(func(ctx context.Context, s *logState) {
				known.reading = false
				if s.containers[key] == known {
					l.readAll(ctx, s, uid) // it was started again meanwhile
				}
			})
		})
	}
}

// runs reports whether a pod is there, and whether the same instance of its
// container runs.
func (l *logs) runs(ctx context.Context, p kube.Pod, c kube.Container) (there, runs bool) {
	type answer struct{ there, runs bool }
	a := inbox.Ask(ctx, l.box, func(_ context.Context, s *logState) answer {
		now, there := s.pods[p.UID]
		if !there {
			return answer{}
		}
		same := now.Container(c.Name)
		return answer{true, same != nil && same.ID == c.ID && same.State == kube.ContainerRunning}
	})
	return a.there, a.runs
}

// logReader reads the log of one container. It runs beside the owner.
type logReader struct {
	*logs
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
		there, runs := r.runs(ctx, r.pod, r.container)
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
	out := r.log.Lines(func(text string) {
		r.log.Emit(output.Line{
			Time: at, Resource: r.resource, Source: "runtime",
			Namespace: r.pod.Namespace, Pod: r.pod.Name, UID: r.pod.UID, Container: r.container.Name, Text: text,
		})
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
	err = r.kube.Logs(ctx, o, func(l kube.LogLine) {
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
		r.log.Say(r.resource, "error", fmt.Sprintf("%v: logs need the right to get pods/log in namespace %s", err, r.pod.Namespace))
	}
}
