package daemon

import (
	"cmp"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/starlark/config"
)

// tiltfile is the Tiltfile: its evaluations and what came of them. The core's
// goroutine alone uses it.
type tiltfile struct {
	evaluator
	limiter rateLimiter
	due     bool              // one is put off
	good    *config.Project   // the last without an error; nil: there was none
	last    *config.Project   // good, or the failed one after it
	warn    func(text string) // tells a person
}

// take takes the project that an evaluation came to, and returns what is wrong
// with it, nil if nothing is. A failed one leaves the last good one in force.
func (t *tiltfile) take(p *config.Project, unattended, up bool) *config.Problem {
	t.last = p
	switch {
	case p.Error == nil && unattended:
		t.good = p.Unattended()
	case p.Error == nil:
		t.good = p
	case p.Error.Cause == config.CauseHeld: // nothing is wrong
	default:
		if p.Error.Hint == "" && !unattended {
			p.Error.Hint = fixHint(p)
			if up && p.Error.Hint != "" {
				p.Error.Hint += ", and what runs stays as it is until then"
			}
		}
		return p.Error
	}
	return nil
}

// inForce is the last good project, or else the last one; nil before the first.
func (t *tiltfile) inForce() *config.Project { return cmp.Or(t.good, t.last) }

// status says how the evaluations went; unattended says that nobody is there to
// mend anything.
func (t *tiltfile) status(unattended bool) api.ConfigStatus {
	s := api.ConfigStatus{Evaluating: t.running || t.due, EvaluatedAt: t.at, Took: t.took}
	if unattended && t.good != nil {
		s.CI = &t.good.Settings.CI
	}
	if t.last != nil {
		s.Error, s.Warnings, s.Files = t.last.Error, t.last.Warnings, t.last.ConfigFiles
		if s.Error != nil && s.Error.Cause == config.CauseHeld {
			s.Error, s.Held = nil, s.Error
		}
	}
	return s
}

// again calls evaluate, now or later, because files changed by themselves;
// within says that it was during an evaluation. One that goes on is overtaken,
// unless it seems to change them itself, or that was done so often that it would
// never come to an end.
func (t *tiltfile) again(files []string, within bool, evaluate func()) {
	path, own := t.writes.note(files, within)
	if own && t.running {
		t.postponeEvaluation(files, evaluate)
		return
	}
	may, pause := t.limiter.ask(time.Now(), own)
	if may {
		evaluate()
		return
	}
	if pause == 0 {
		return
	}
	t.warn(fmt.Sprintf(
		"%s changes again and again; the Tiltfile is evaluated again in %s. If the Tiltfile writes it, let it do so only when the content is another", path, pause))
	t.due = !own // what the Tiltfile itself writes never comes to an end
	time.AfterFunc(pause, func() {
		t.post(func() {
			t.due = false
			t.limiter.release(time.Now())
			evaluate()
		})
	})
}

// postponeEvaluation leaves files to the end of the evaluation that goes on, within reason.
func (t *tiltfile) postponeEvaluation(files []string, evaluate func()) {
	patience, serial := t.writes.await(files), t.serial
	if patience == 0 {
		return
	}
	time.AfterFunc(patience, func() {
		t.post(func() {
			if t.running && t.serial == serial {
				evaluate()
			}
		})
	})
}

// fixHint says what a person does about a Tiltfile that failed at a place. Of its
// arguments another command has to give others.
func fixHint(p *config.Project) string {
	name := filepath.Base(p.Error.Pos.File)
	switch {
	case slices.ContainsFunc(p.Error.Stack, func(f config.Frame) bool { return strings.Contains(f.Text, "config.parse(") }):
		return "`towline up -- ARGS` and `towline args` give others; config.define_string() and its siblings say which there are"
	case p.Error.Pos.File == p.Tiltfile || p.Error.Pos.File == "":
		name = "the Tiltfile"
	case !slices.Contains(p.ConfigFiles, p.Error.Pos.File):
		return ""
	}
	return "mend " + name + readAgain
}

// readAgain is what becomes of a Tiltfile that is mended.
const readAgain = ": it is read again as soon as it is saved"

// refusedUp is why a Tiltfile cannot be brought up. Where nothing is up yet, to save
// it brings nothing up either.
func refusedUp(p *config.Problem, up bool) *config.Problem {
	problem := *p
	if mend, is := strings.CutSuffix(problem.Hint, readAgain); is && !up {
		problem.Hint = mend + " and run `towline up` again"
	}
	return &problem
}
