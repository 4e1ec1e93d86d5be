package daemon

import (
	"strings"
	"time"

	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/server/engine"
)

// updates are the last thing that was done to each resource, and the last sync
// of each container. An api.Update that was handed out is never changed.
type updates struct {
	began     map[string]time.Time // of a resource's running update
	resources map[string]*api.Update
	synced    map[engine.TargetID]*api.Update
	syncing   map[engine.TargetID]bool
}

func newUpdates() updates {
	return updates{began: map[string]time.Time{}, resources: map[string]*api.Update{}, synced: map[engine.TargetID]*api.Update{}, syncing: map[engine.TargetID]bool{}}
}

// begin notes the start of a resource's update, or its next step: what follows
// on a build goes on with it, all else is an update of its own.
func (u updates) begin(resource, kind, reason string) {
	last := u.resources[resource]
	if _, running := u.began[resource]; !running || last == nil || last.Kind != "build" {
		u.began[resource] = time.Now()
	}
	u.resources[resource] = &api.Update{Kind: kind, Began: u.began[resource], Reason: reason}
}

// succeeded ends a resource's update, if one goes on.
func (u updates) succeeded(resource string) {
	if began, ok := u.began[resource]; ok {
		if done := u.resources[resource]; done != nil {
			u.resources[resource] = ended(done, began)
		}
		delete(u.began, resource)
	}
}

// failed ends a resource's update without a success.
func (u updates) failed(resource string) {
	if last := u.resources[resource]; last != nil {
		done := ended(last, last.Began)
		done.Kind = "failed " + strings.TrimPrefix(last.Kind, "failed ")
		u.resources[resource] = done
	}
	delete(u.began, resource)
}

// sync notes the start of a container's live update. One that only looks whether
// all is there is none.
func (u updates) sync(e engine.Live) {
	next := api.Update{Kind: "live-update", Began: time.Now(), Files: len(e.Files)}
	switch {
	case len(e.Files) > 0:
		next.Reason = e.Files[0].Local
	case e.Restart:
		next.Kind = "restart"
	default:
		return
	}
	u.synced[e.Target], u.syncing[e.Target] = &next, true
}

// syncEnded notes its end.
func (u updates) syncEnded(id engine.TargetID) {
	if last := u.synced[id]; u.syncing[id] {
		u.synced[id] = ended(last, last.Began)
	}
	delete(u.syncing, id)
}

// ended is an update that has ended now.
func ended(u *api.Update, began time.Time) *api.Update {
	done := *u
	done.Took = time.Since(began)
	return &done
}
