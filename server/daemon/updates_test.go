package daemon

import (
	"testing"
	"testing/synctest"
	"time"
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
