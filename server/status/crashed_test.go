package status

import (
	"testing"
	"time"

	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/server/engine"
	"github.com/towline-dev/towline/starlark/config"
)

// crashing plays saves of a resource whose process crashes, always in the same
// words.
type crashing struct {
	teller
	t     *testing.T
	batch uint64
	began time.Time // since when its process runs, by another clock
}

const exit = "exit_code_3"

func newCrashing(t *testing.T) *crashing {
	c := &crashing{t: t, began: time.Unix(1000, 0)}
	c.is("web:crashed!" + exit)
	return c
}

// is shows a status, and returns what it says of the last save.
func (c *crashing) is(text string) string {
	var status *api.Status
	c.show(1, text, func(s *api.Status) {
		s.Resources[0].Targets = []api.Target{{Pod: "a", Container: "app", Started: c.began}}
		status = s
	})
	if last := status.Resources[0].LastSave; last != nil {
		if last.Ended && last.Way != api.WayFailed {
			return "there"
		} else if last.Ended {
			return "failed"
		}
		return "on its way"
	}
	return ""
}

func (c *crashing) want(when, text, want string) {
	c.t.Helper()
	if got := c.is(text); got != want {
		c.t.Errorf("%s: the save is said to be %q, want %q", when, got, want)
	}
}

// restarts has the process begin anew, now or by the live update that is told.
func (c *crashing) restarts() { c.began = c.began.Add(time.Second) }

func (c *crashing) save(restart bool) {
	c.batch++
	c.Saved(c.batch, []string{mainGo}, []Concern{{"web", pods("a")}}, c.now)
	c.SentLive("web", engine.Live{Target: pods("a")[0], Batch: c.batch, Restart: restart, Files: []engine.File{{Local: mainGo}}}, c.now)
}

func (c *crashing) done(started time.Time, problem *config.Problem) {
	c.Arrived(engine.LiveDone{Target: pods("a")[0], Batch: c.batch, Started: started, Problem: problem})
}

// TestSaveThatMendsACrash: the crash before it is not the save's.
func TestSaveThatMendsACrash(t *testing.T) {
	c := newCrashing(t)
	c.Saved(9, []string{mainGo}, []Concern{{"web", pods("a")}}, c.now)
	c.want("before it is sent", "web:crashed!"+exit, "on its way")
	c.restarts() // the old program, once more
	c.want("the old program was tried again", "web:starting", "on its way")
	c.want("and crashed again", "web:crashed!"+exit, "on its way")

	c = newCrashing(t)
	c.save(true)
	c.want("sent", "web:crashed!"+exit, "on its way")
	c.want("it crashes in other words meanwhile", "web:crashed!killed", "on its way")
	c.done(c.began.Add(time.Second), nil)
	c.want("done, and its process is not seen yet", "web:crashed!"+exit, "on its way")
	c.restarts()
	c.want("seen", "web:ready/in_sync", "on its way")
	c.now = c.now.Add(moment)
	c.want("it lives", "web:ready/in_sync", "there")
}

// TestSaveThatCrashesAgain fails, though it says what the crash before it said.
func TestSaveThatCrashesAgain(t *testing.T) {
	c := newCrashing(t)
	c.save(true)
	c.done(c.began.Add(time.Second), nil)
	c.want("done", "web:crashed!"+exit, "on its way")
	c.restarts()
	c.want("the new process ended", "web:crashed!"+exit, "failed")

	c = newCrashing(t)
	c.save(true)
	c.done(c.began.Add(time.Second), nil)
	c.want("in other words", "web:crashed!killed", "failed")

	// Without a restart of ours its own supervisor starts it again.
	c = newCrashing(t)
	c.save(false)
	c.done(time.Time{}, nil)
	c.want("arrived", "web:crashed!"+exit, "on its way")
	c.restarts()
	c.want("started again", "web:crashed!"+exit, "failed")
}

// TestSaveAfterAProblemOfOtherKinds: of a live update's command, and of a build,
// which fail as before.
func TestSaveAfterAProblemOfOtherKinds(t *testing.T) {
	c := newCrashing(t)
	c.is("web:stale!make_failed")
	c.save(true)
	c.want("the command runs", "web:stale!make_failed", "on its way")
	c.done(time.Time{}, &config.Problem{Message: "make failed"})
	c.want("it failed again", "web:stale!make_failed", "failed")

	c.is("web:error!build_failed")
	c.Saved(c.batch+1, []string{mainGo}, []Concern{{"web", pods("a")}}, c.now)
	c.want("before the build", "web:error!build_failed", "on its way")
	c.Sent("web", api.WayBuild, c.now)
	c.want("built", "web:building", "on its way")
	c.want("failed again", "web:error!build_failed", "failed")
}

// TestSaveThatIsFollowedNoLonger is not said to be on its way for ever.
func TestSaveThatIsFollowedNoLonger(t *testing.T) {
	c := newCrashing(t)
	c.save(true)
	c.want("sent", "web:updating", "on its way")
	for i := range maxSaves {
		c.saved(c.batch+1+uint64(i), "other.go", "api")
	}
	c.want("lost", "web:updating", "")
}
