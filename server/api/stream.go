package api

import (
	"context"
	"errors"
	"reflect"
)

// WatchRequest asks for what happens from now on.
type WatchRequest struct {
	// Since is the last event that the face has seen; with it the stream goes
	// on where it broke off, if the daemon still knows.
	Since uint64 `json:"since,omitempty"`
	// Topics are what the face hears of beside the status.
	Topics []Topic `json:"topics,omitempty"`
	// PerSecond is how often it wants to hear of the status at most; 0: of
	// each change. What it asked for by Topics comes at once.
	PerSecond int `json:"per_second,omitempty"`
	// Logs says which lines the topic logs tells of; the zero filter: all.
	Logs LogFilter `json:"logs,omitzero"`
}

// Event is one line of a Watch. The first is a snapshot, unless the stream
// goes on; each later one says what changed since the one before, or is a
// snapshot again: where a face was too slow, or where the project has other
// resources than before. One that tells of a topic leaves the status as it is.
type Event struct {
	// Seq says up to where all was told: a face goes on after it. It grows, also
	// from one daemon to the next; after going on an event of a topic may come
	// twice.
	Seq     uint64   `json:"seq"`
	Status  *Status  `json:"status,omitempty"`
	Changes *Changes `json:"changes,omitempty"`

	Save      *Save         `json:"save,omitempty"`
	Problem   *ProblemEvent `json:"problem,omitempty"`
	Operation *Operation    `json:"operation,omitempty"`
	Ask       *AskEvent     `json:"ask,omitempty"`
	Log       *LogLine      `json:"log,omitempty"`
}

// Changes is what differs from one status to the next.
type Changes struct {
	Project   *Status          `json:"project,omitempty"`   // all but the resources, if it differs
	Resources []ResourceStatus `json:"resources,omitempty"` // those that differ, whole
}

// EventOf returns what leads from one status to the next.
func EventOf(before, after *Status) Event {
	e := Event{Seq: after.Seq}
	if before == nil || len(before.Resources) != len(after.Resources) {
		e.Status = after
		return e
	}
	e.Changes = &Changes{}
	for i := range after.Resources {
		was, is := &before.Resources[i], &after.Resources[i]
		if was.Name != is.Name {
			return Event{Seq: after.Seq, Status: after}
		}
		if !reflect.DeepEqual(was, is) {
			e.Changes.Resources = append(e.Changes.Resources, *is)
		}
	}
	old, project := *before, *after
	old.Seq, old.Resources, project.Resources = after.Seq, nil, nil
	if !reflect.DeepEqual(old, project) {
		e.Changes.Project = &project
	}
	return e
}

// ErrGap says that an event does not follow from the status that it was to
// change.
var ErrGap = errors.New("an event of the stream is missing")

// After returns the status after an event; the one before is left as it is.
func (e Event) After(before *Status) (*Status, error) {
	switch {
	case e.Status != nil:
		return e.Status, nil
	case e.Topic() != "":
		return before, nil
	case before == nil || e.Changes == nil:
		return nil, ErrGap
	}
	after := *before
	if e.Changes.Project != nil {
		after = *e.Changes.Project
	}
	after.Resources = make([]ResourceStatus, len(before.Resources))
	at := make(map[string]int, len(before.Resources))
	for i, r := range before.Resources {
		after.Resources[i], at[r.Name] = r, i
	}
	for _, r := range e.Changes.Resources {
		i, known := at[r.Name]
		if !known {
			return nil, ErrGap
		}
		after.Resources[i] = r
	}
	after.Seq = e.Seq
	return &after, nil
}

// Events calls visit with each event that is asked for until ctx ends, the daemon goes or visit returns an error,
// which it returns. While it lasts the daemon has a face and does not end by
// itself.
func (c *Client) Events(ctx context.Context, req WatchRequest, visit func(Event) error) error {
	return stream(ctx, c, RouteWatch, req, visit)
}

// Watch is Events that are put together: visit gets the current status and
// then each that follows. None is changed once it was given.
func (c *Client) Watch(ctx context.Context, visit func(*Status) error) error {
	var now *Status
	return c.Events(ctx, WatchRequest{}, func(e Event) (err error) {
		if now, err = e.After(now); err != nil {
			return err
		}
		return visit(now)
	})
}
