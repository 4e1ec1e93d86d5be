package daemon

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/server/engine"
)

// TestAnUpdateCountsFromItsOwnStart: one that failed, or that never got ready,
// is no part of the next.
func TestAnUpdateCountsFromItsOwnStart(t *testing.T) {
	took := func(steps func(u updates, wait func())) (took time.Duration) {
		synctest.Test(t, func(*testing.T) {
			u := newUpdates()
			steps(u, func() { time.Sleep(time.Minute) })
			took = u.resources["x"].Took
		})
		return took
	}
	for name, test := range map[string]struct {
		steps func(u updates, wait func())
		want  time.Duration
	}{
		"a command that failed before": {func(u updates, wait func()) {
			u.begin("x", "local", "")
			wait()
			u.failed("x")
			wait()
			u.begin("x", "local", "")
			wait()
			u.succeeded("x")
		}, time.Minute},
		"a server that never got ready": {func(u updates, wait func()) {
			u.begin("x", "local", "")
			wait()
			u.begin("x", "local", "")
			wait()
			u.succeeded("x")
		}, time.Minute},
		"an apply whose pods never got ready": {func(u updates, wait func()) {
			u.begin("x", "build", "")
			u.begin("x", "deploy", "")
			wait()
			u.begin("x", "build", "")
			wait()
			u.begin("x", "deploy", "")
			wait()
			u.succeeded("x")
		}, 2 * time.Minute},
		"two images and their apply": {func(u updates, wait func()) {
			u.begin("x", "build", "")
			wait()
			u.begin("x", "build", "")
			wait()
			u.begin("x", "deploy", "")
			wait()
			u.succeeded("x")
		}, 3 * time.Minute},
		"a failure": {func(u updates, wait func()) {
			u.begin("x", "local", "")
			wait()
			u.failed("x")
			wait()
			u.succeeded("x")
		}, time.Minute},
	} {
		if got := took(test.steps); got != test.want {
			t.Errorf("%s: took %s, want %s", name, got, test.want)
		}
	}
}

// TestARestartIsTheLastUpdate: it comes after what was synced before it, as does
// what is synced later; a look whether all is there is no update.
func TestARestartIsTheLastUpdate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u, id := newUpdates(), engine.TargetID{Pod: "web-1"}
		files := []engine.File{{Local: "/w/a"}, {Local: "/w/b"}}
		var last api.Update
		for i, step := range []struct {
			live engine.Live
			want string
		}{
			{engine.Live{Initial: true}, "<nil>"},
			{engine.Live{Files: files}, "live-update 2 /w/a 1s"},
			{engine.Live{Initial: true}, "live-update 2 /w/a 1s"},
			{engine.Live{Restart: true}, "restart 0  1s"},
			{engine.Live{Files: files, Restart: true}, "live-update 2 /w/a 1s"},
		} {
			step.live.Target = id
			u.sync(step.live)
			time.Sleep(time.Second)
			u.syncEnded(id)
			got := "<nil>"
			if now := u.synced[id]; now != nil {
				got = fmt.Sprintf("%s %d %s %s", now.Kind, now.Files, now.Reason, now.Took)
				if now.Began.Before(last.Began) {
					t.Errorf("step %d: it goes back from %s to %s", i, last.Began, now.Began)
				}
				last = *now
			}
			if got != step.want {
				t.Errorf("step %d: the last update is %q, want %q", i, got, step.want)
			}
		}
	})
}
