package daemon

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/server/logs"
	"github.com/towline-dev/towline/server/tree"
	"github.com/towline-dev/towline/starlark/config"
)

// evaluator runs one evaluation at a time beside the core: a new one takes the
// place of the one that is under way. The core's goroutine alone uses it.
type evaluator struct {
	run   Evaluate
	spawn func(func(context.Context)) context.CancelFunc
	post  func(func())
	try   func(func() error) error // returns a defect

	cancel  context.CancelFunc
	done    <-chan struct{} // closed when the last one that was begun has ended
	serial  int
	running bool
	took    time.Duration
	at      time.Time
	waiting []func(*config.Project) // for the end of the running one
	writes  writes
}

// outcome is what an evaluation came to.
type outcome struct {
	project *config.Project
	ahead   *tree.Tree // its files that nobody knew
	said    *evalOutput
	asked   bool // by a person who wants the Tiltfile to run
}

// cancelGrace is how long a cancelled evaluation may take to end before the
// next one begins beside it.
const cancelGrace = 3 * time.Second

// begin evaluates and hands the outcome to then, unless another one is begun
// meanwhile. Files below the known roots are not read ahead.
func (v *evaluator) begin(e Evaluation, known []string, then func(outcome)) {
	if v.cancel != nil {
		v.cancel()
	}
	before, done := v.done, make(chan struct{})
	v.serial++
	v.running, v.done = true, done
	v.writes.meanwhile = nil
	serial, began, said := v.serial, time.Now(), &evalOutput{}
	e.Log = said.add
	v.cancel = v.spawn(func(ctx context.Context) {
		awaitEnd(before)
		if ctx.Err() != nil {
			close(done)
			return // another one has taken its place
		}
		p := v.runWithin(ctx, e)
		close(done)
		var ahead *tree.Tree
		_ = v.try(func() error { ahead = readAhead(ctx, p, known); return nil }) // else the core reads all
		v.post(func() {
			if serial == v.serial {
				v.running, v.took, v.at = false, time.Since(began), began
				then(outcome{project: p, ahead: ahead, said: said, asked: e.Allowed == nil})
			}
		})
	})
}

// runWithin is run, which is ended when it takes longer than it may.
func (v *evaluator) runWithin(ctx context.Context, e Evaluation) *config.Project {
	if e.Within > 0 {
		var stop context.CancelFunc
		ctx, stop = context.WithTimeoutCause(ctx, e.Within, fmt.Errorf("the Tiltfile took longer than %v, and was ended", e.Within))
		defer stop()
	}
	return v.run(ctx, e)
}

// answer tells those who waited for the end of an evaluation, and reports
// whether there were any.
func (v *evaluator) answer(p *config.Project) bool {
	waiting := v.waiting
	v.waiting = nil
	for _, then := range waiting {
		then(p)
	}
	return len(waiting) > 0
}

// awaitEnd waits for a cancelled evaluation, but not for ever.
func awaitEnd(done <-chan struct{}) {
	if done == nil {
		return
	}
	select {
	case <-done:
	case <-time.After(cancelGrace):
	}
}

// maxSaid bounds what an evaluation may say, in bytes.
const maxSaid = 2 << 20

// evalOutput is what a Tiltfile says while it is evaluated. It is told at the end,
// since only then all Secrets are known whose values it may hold; that of an
// evaluation that was overtaken is never told.
type evalOutput struct {
	mu    sync.Mutex
	lines []api.LogLine
	bytes int
}

func (s *evalOutput) add(line string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := api.LogLine{Time: time.Now(), Source: api.LogBuild, Text: line}
	if s.bytes += len(line) + 48; s.bytes <= maxSaid {
		s.lines = append(s.lines, l)
	}
}

func (s *evalOutput) tell(to *logs.Store) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range s.lines {
		to.Add(l)
	}
	if s.bytes > maxSaid {
		to.Add(api.LogLine{Time: time.Now(), Source: api.LogTowline, Level: "warn", Text: "the Tiltfile said more than is kept; the rest was dropped"})
	}
}
