package daemon

import (
	"path/filepath"
	"slices"
	"time"

	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/server/engine"
	"github.com/towline-dev/towline/server/logs"
	"github.com/towline-dev/towline/server/run"
)

// openLogs opens what is logged in the workspace, now and before.
func openLogs(o Options) *logs.Store {
	return logs.Open(logs.Options{Dir: LogFolder(o.Endpoint), Report: func(err error) { o.Log.Error("logs", "err", err) }})
}

// LogFolder is where a workspace's logs lie.
func LogFolder(e api.Endpoint) string { return filepath.Join(e.State, "logs") }

// reached is the time of the last line that is known of a log.
func (s *shared) reached(p run.Place) time.Time { return s.logs.Reached(logs.Place(p)) }

// known says what a request for logs may name. What is not there yet may come
// where the log is followed; an earlier run may have had what is not there now.
func (s *shared) known(req api.LogsRequest) logs.Known {
	status, _ := s.published.now()
	labels := map[string][]string{}
	names := []string{}
	for _, r := range status.Resources {
		names, labels[r.Name] = append(names, r.Name), r.Labels
	}
	if slices.ContainsFunc(req.Resources, func(pattern string) bool { return api.Unnamed(pattern, names) != nil }) {
		names = slices.Compact(slices.Sorted(slices.Values(append(names, s.logs.Resources(0)...)))) // one that the Tiltfile has no longer, or not read yet, has its lines
	}
	known := logs.Known{Resources: names, Labels: func(name string) []string { return labels[name] }}
	if req.Run != 0 || len(names) == 0 && (req.Follow || status.Config.Evaluating) {
		known.Resources = nil
	}
	return known
}

// saves tells the log which save's code runs where. The core's goroutine alone
// uses it.
type saves struct {
	log     *logs.Store
	batches []uint64 // of the last saves
}

// saved notes a save.
func (s *saves) saved(batch uint64) {
	s.log.Saved(batch)
	if s.batches = append(s.batches, batch); len(s.batches) > 256 {
		s.batches = append([]uint64{}, s.batches[128:]...)
	}
}

// upTo is the last save that a batch has.
func (s *saves) upTo(batch uint64) uint64 {
	for i := len(s.batches) - 1; i >= 0; i-- {
		if s.batches[i] <= batch {
			return s.batches[i]
		}
	}
	return 0
}

// ever is a moment before all lines.
var ever = time.Unix(1, 0)

// follow tells what follows from an event that the engine was told: what runs in
// containers that are new, and in those that a save got into.
func (s *saves) follow(before, now *engine.State, e engine.Event) {
	switch e := e.(type) {
	case engine.LiveDone:
		if e.Problem == nil && now.Target(e.Target).Synced == e.Batch {
			s.log.Runs(placeOf(e.Target), s.upTo(e.Batch), e.Started)
		}
	case engine.Observed:
		for _, c := range e.Targets {
			was, is := before.Target(c.ID), now.Target(c.ID)
			if is.Instance == was.Instance {
				continue
			}
			from := time.Time{} // it starts anew, and has what its image has until more is synced into it
			if was.Instance == "" {
				from = ever
			}
			s.log.Runs(placeOf(c.ID), s.upTo(now.Image(is.Image).Built), from)
		}
	}
}

// placeOf is where a container's lines come from, of whichever pod of the name.
func placeOf(id engine.TargetID) logs.Place {
	return logs.Place{Namespace: id.Namespace, Pod: id.Pod, Container: id.Container}
}

// begins tells that a resource's own command begins, or its serve command.
func (s *saves) begins(now *engine.State, e engine.Effect) {
	if run, is := e.(engine.RunLocal); is {
		name := run.Resource.Name
		s.log.Runs(logs.Place{Container: name}, s.upTo(now.Resource(name).Ran), time.Time{})
	}
}
