package daemon

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/server/logs"
	"github.com/towline-dev/towline/starlark/config"
)

func (d *Daemon) handleWatch(w http.ResponseWriter, r *http.Request) {
	var req api.WatchRequest
	if !read(w, r, &req) {
		return
	}
	for _, topic := range req.Topics {
		if !slices.Contains(api.Topics[:], topic) {
			refuse(w, http.StatusBadRequest, config.Problem{
				Message: fmt.Sprintf("there is no topic %q", topic), Hint: fmt.Sprintf("the topics are %v", api.Topics),
			})
			return
		}
	}
	logged := api.LogsRequest{LogFilter: req.Logs, Follow: true, After: d.logs.Last()}
	known := d.known(logged)
	if err := d.logs.Check(logged, known); err != nil {
		d.fail(w, err)
		return
	}
	out := newStream(w)
	if out.flush() != nil { // a face that goes on hears that it is served
		return
	}
	var lines <-chan []api.LogLine
	if slices.Contains(req.Topics, api.TopicLogs) {
		later, stop := d.followLogs(r.Context(), logged, known)
		defer stop()
		lines = later
	}
	t := newThrottle(req)
	for since := req.Since; ; {
		events, changed := d.published.after(since)
		for _, e := range events {
			since = e.Seq
			if out.sendAll(t.take(e, time.Now())) != nil {
				return
			}
		}
		select {
		case <-changed:
		case <-t.due.C:
			if out.sendAll(t.flush(time.Now())) != nil {
				return
			}
		case some := <-lines:
			for i := range some {
				if out.sendAll(t.take(api.Event{Log: &some[i]}, time.Now())) != nil {
					return
				}
			}
		case <-r.Context().Done():
			return
		}
	}
}

// followLogs hands on lines that come, in its own goroutine until stop has
// returned.
func (d *Daemon) followLogs(ctx context.Context, req api.LogsRequest, known logs.Known) (lines <-chan []api.LogLine, stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	out, ended := make(chan []api.LogLine), make(chan struct{})
	go func() {
		defer close(ended)
		_ = d.logs.Serve(ctx, req, known, func(some []api.LogLine) error { // ends with ctx, and was checked
			select {
			case out <- slices.Clone(some):
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		})
	}()
	return out, func() { cancel(); <-ended }
}

func (d *Daemon) handleLogs(w http.ResponseWriter, r *http.Request) {
	var req api.LogsRequest
	if !read(w, r, &req) {
		return
	}
	known := d.known(req)
	if err := d.logs.Check(req, known); err != nil {
		d.fail(w, err)
		return
	}
	out := newStream(w)
	if out.flush() != nil { // who follows hears that it is served
		return
	}
	_ = d.logs.Serve(r.Context(), req, known, func(lines []api.LogLine) error { // the face has gone: nobody to tell
		for _, l := range lines {
			if err := out.write(l); err != nil {
				return err
			}
		}
		return out.flush()
	})
}

// throttle lets a face hear of the status so often at most: what comes sooner
// is put together until its turn. What the face asked for beside the status
// comes at once. It is for one goroutine.
type throttle struct {
	topics  []api.Topic
	every   time.Duration // 0: each change at once
	next    time.Time     // when the status may be told again
	waiting *api.Event    // of the status
	told    uint64        // up to here nothing waits
	due     *time.Timer   // fires when waiting may be told
}

func newThrottle(req api.WatchRequest) *throttle {
	t := &throttle{topics: req.Topics, told: req.Since, due: time.NewTimer(time.Hour)}
	t.due.Stop()
	if req.PerSecond > 0 {
		t.every = time.Second / time.Duration(req.PerSecond)
	}
	return t
}

// take takes an event and returns what is to be told now.
func (t *throttle) take(e api.Event, now time.Time) []api.Event {
	topic := e.Topic()
	switch {
	case topic == "" && t.waiting == nil:
		t.waiting = &e
	case topic == "":
		both := t.waiting.Then(e)
		t.waiting = &both
	case !slices.Contains(t.topics, topic):
		return nil
	default:
		if t.waiting == nil && e.Seq != 0 {
			t.told = e.Seq
		}
		e.Seq = t.told
		return []api.Event{e}
	}
	if wait := t.next.Sub(now); wait > 0 {
		t.due.Reset(wait)
		return nil
	}
	return t.flush(now)
}

// flush returns what waits.
func (t *throttle) flush(now time.Time) []api.Event {
	if t.waiting == nil {
		return nil
	}
	e := *t.waiting
	t.waiting, t.told, t.next = nil, e.Seq, now.Add(t.every)
	return []api.Event{e}
}

// stream writes one JSON value a line.
type stream struct {
	enc     *json.Encoder
	control *http.ResponseController
}

func newStream(w http.ResponseWriter) *stream {
	w.Header().Set("Content-Type", "application/x-ndjson")
	w.WriteHeader(http.StatusOK)
	return &stream{enc: json.NewEncoder(w), control: http.NewResponseController(w)}
}

func (s *stream) write(v any) error { return s.enc.Encode(v) }

func (s *stream) flush() error { return s.control.Flush() }

func (s *stream) send(v any) error {
	if err := s.write(v); err != nil {
		return err
	}
	return s.flush()
}

func (s *stream) sendAll(events []api.Event) error {
	for _, e := range events {
		if err := s.send(e); err != nil {
			return err
		}
	}
	return nil
}
