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
}

// Event is one line of a Watch. The first is a snapshot, unless the stream
// goes on; each later one says what changed since the one before, or is a
// snapshot again: where a face was too slow, or where the project has other
// resources than before.
type Event struct {
	Seq     uint64   `json:"seq"` // grows with each event, and from one daemon to the next
	Status  *Status  `json:"status,omitempty"`
	Changes *Changes `json:"changes,omitempty"`
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

// Events calls visit with each event since the last that was seen, 0 for a
// snapshot first, until ctx ends, the daemon goes or visit returns an error,
// which it returns. While it lasts the daemon has a face and does not end by
// itself.
func (c *Client) Events(ctx context.Context, since uint64, visit func(Event) error) error {
	return stream(ctx, c, RouteWatch, WatchRequest{Since: since}, visit)
}

// Watch is Events that are put together: visit gets the current status and
// then each that follows. None is changed once it was given.
func (c *Client) Watch(ctx context.Context, visit func(*Status) error) error {
	var now *Status
	return c.Events(ctx, 0, func(e Event) (err error) {
		if now, err = e.After(now); err != nil {
			return err
		}
		return visit(now)
	})
}
