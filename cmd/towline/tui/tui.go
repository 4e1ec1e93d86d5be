// Package tui is the live view of a project on a terminal: its resources, their
// log, all that is known of one of them, and the keys that act on it.
//
// It is a face as any other, and decides nothing: states, sentences and questions
// come finished from the daemon, and so do the lines of the log, which the daemon
// filters. A feed keeps the newest of what daemons tell until the view looks, some
// fifteen times a second, so that neither a slow terminal nor a busy log is ever
// waited for. The model is pure: messages in, a frame and commands out.
package tui

import (
	"context"
	"errors"
	"sync"
	"syscall"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/towline-dev/towline/server/api"
)

// Options are what a view shows.
type Options struct {
	// Follow tells how the project fares, from one daemon to the next, until ctx
	// ends; the view ends with it, and with its error.
	Follow func(ctx context.Context, tell func(Report)) error
	// Describe is all that is known of a resource.
	Describe func(ctx context.Context, client *api.Client, resource string) (string, error)
	// What is done until the first status is there, in a word or two.
	What string
}

// framesPerSecond is how often a terminal is drawn on at most. Each is a moment in which
// the program wakes, though nothing changed.
const framesPerSecond = 10

// Signalled is the end of a view by a signal.
type Signalled struct{ Signal syscall.Signal }

func (s Signalled) Error() string { return s.Signal.String() }

// Run shows the view on the terminal that standard input and output are until a
// person leaves it, ctx ends or Follow does. It returns the last status that was
// shown, nil if there was none.
func Run(ctx context.Context, o Options) (*api.Status, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	f := newFeed()
	m := newModel(seams{
		next: f.next, ask: f.ask, stop: stop,
		act: func(c *api.Client, a act) error { return perform(ctx, c, a) },
		describe: func(c *api.Client, name string) (string, error) {
			return o.Describe(ctx, c, name)
		},
	}, o.What, time.Now())
	p := tea.NewProgram(m, tea.WithContext(ctx), tea.WithoutSignalHandler(), tea.WithFPS(framesPerSecond))
	var wg sync.WaitGroup
	var hung error
	wg.Go(func() { f.run(ctx, o.Follow) })
	wg.Go(func() { hung = signals(ctx, p) })
	_, err := p.Run()
	cancel()
	wg.Wait()
	switch {
	case hung != nil:
		return m.status, hung
	case m.ended:
		return m.status, m.why
	case errors.Is(err, context.Canceled):
		return m.status, nil
	}
	return m.status, err
}

// perform does what a person wants.
func perform(ctx context.Context, c *api.Client, a act) error {
	switch {
	case a.trigger != "":
		return c.Trigger(ctx, a.trigger)
	case a.restart != "":
		return c.Restart(ctx, a.restart)
	case a.onOff != nil:
		return c.Switch(ctx, a.onOff.On, a.onOff.Resources...)
	case a.answer != nil:
		return c.Answer(ctx, *a.answer)
	case a.press != nil:
		return c.Press(ctx, *a.press)
	}
	return nil
}
