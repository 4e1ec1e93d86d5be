package run

import (
	"context"
	"slices"

	"github.com/towline-dev/towline/server/engine"
)

// turn is an apply or a deletion of a resource. They come one after the other,
// in the order of their effects: what is deleted is not applied meanwhile, and
// the other way round.
type turn struct {
	cancel context.CancelFunc
	done   chan struct{}
}

// turn takes the next turn of a resource. begin waits for the ones before it;
// end lets the next one begin.
func (r *Runner) turn(resource string) (ctx context.Context, begin, end func()) {
	ctx, cancel := context.WithCancel(r.ctx)
	t := &turn{cancel: cancel, done: make(chan struct{})}
	r.mu.Lock()
	before := r.turns[resource]
	r.turns[resource] = t
	r.mu.Unlock()
	begin = func() {
		if before != nil {
			<-before.done
		}
	}
	return ctx, begin, func() { cancel(); close(t.done) }
}

// forgetInTurn deletes what the project no longer has. Of a resource of which
// nothing stays, an apply that goes on is cancelled, and a later one waits for
// the deletion; of any other, only what was applied before is waited for.
func (r *Runner) forgetInTurn(e engine.Forget) {
	var before, after []func()
	r.mu.Lock()
	for _, o := range e.Objects {
		if t := r.turns[o.Resource]; t != nil && !slices.Contains(e.Dropped, o.Resource) {
			before = append(before, func() { <-t.done })
		}
	}
	for _, name := range e.Dropped {
		if t := r.turns[name]; t != nil {
			t.cancel()
		}
	}
	r.mu.Unlock()
	for _, name := range e.Dropped {
		_, begin, end := r.turn(name)
		before, after = append(before, begin), append(after, end)
	}
	r.spawn(func() {
		for _, end := range after {
			defer end()
		}
		for _, begin := range before {
			begin()
		}
		r.forget(e)
	})
}
