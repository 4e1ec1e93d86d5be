package tui

import (
	"context"
	"sync"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/starlark/config"
)

// The bounds of a feed.
const (
	// perFrame is how long the view rests between two looks at what is new.
	perFrame = 66 * time.Millisecond
	// burst is how many lines of a log wait for a look. What is written quicker
	// than it can be read is left out, the oldest first.
	burst = 2000
	// refused is how soon a daemon is asked again that did not want to answer.
	refused = 5 * time.Second
)

// Report is what is known of a project at a moment.
type Report struct {
	Client *api.Client // of the daemon that says so; nil: none answers
	Status *api.Status // nil: as it was
	Lost   string      // why no daemon answers
}

// news is all that came since the last look.
type news struct {
	report *Report
	of     uint64 // number of the query that the lines answer
	lines  []api.LogLine
	missed int       // lines that came too quickly
	refuse error     // why the log cannot be asked so
	ended  bool      // nothing follows
	why    error     // of an end
	at     time.Time // of the look
}

// query asks for lines of the log. A later one, with a higher number, replaces it.
type query struct {
	number uint64
	filter api.LogFilter
}

// feed takes what daemons tell and keeps the newest of it until the view looks:
// a slow terminal holds nobody up, and a busy daemon does not hold up the keys.
// Its goroutines are run's, which waits for them.
type feed struct {
	wake chan struct{} // has one while something is new
	done chan struct{} // is closed by run

	mu       sync.Mutex
	new      news
	client   *api.Client
	query    query
	replaced chan struct{} // is closed when client or query are others
}

func newFeed() *feed {
	return &feed{wake: make(chan struct{}, 1), done: make(chan struct{}), replaced: make(chan struct{})}
}

// run follows the project and its log until ctx ends or follow does.
func (f *feed) run(ctx context.Context, follow func(context.Context, func(Report)) error) {
	defer close(f.done)
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	wg.Go(func() { f.follow(ctx) })
	err := follow(ctx, f.report)
	cancel()
	wg.Wait()
	f.change(func(n *news) { n.ended, n.why = true, err })
}

func (f *feed) change(how func(*news)) {
	f.mu.Lock()
	how(&f.new)
	f.mu.Unlock()
	select {
	case f.wake <- struct{}{}:
	default:
	}
}

func (f *feed) report(r Report) {
	f.change(func(n *news) {
		if r.Status == nil && n.report != nil {
			r.Status = n.report.Status
		}
		n.report = &r
		if r.Client != f.client {
			f.client = r.Client
			close(f.replaced)
			f.replaced = make(chan struct{})
		}
	})
}

// ask asks for other lines than before.
func (f *feed) ask(q query) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if q.number <= f.query.number {
		return // was overtaken
	}
	f.query = q
	close(f.replaced)
	f.replaced = make(chan struct{})
}

// next waits for news, as a command of the view. It is nil at the end of all.
func (f *feed) next() tea.Msg {
	began := time.Now()
	select {
	case <-f.wake:
	case <-f.done:
		select {
		case <-f.wake: // the last of all
		default:
			return nil
		}
	}
	time.Sleep(perFrame - time.Since(began)) // not at all after a quiet time
	f.mu.Lock()
	defer f.mu.Unlock()
	n := f.new
	f.new = news{}
	n.at = time.Now()
	return n
}

// follow reads the log that is asked for, from one daemon to the next.
func (f *feed) follow(ctx context.Context) {
	var of, last uint64
	for ctx.Err() == nil {
		f.mu.Lock()
		client, q, replaced := f.client, f.query, f.replaced
		f.mu.Unlock()
		if q.number != of {
			of, last = q.number, 0
		}
		var err error
		if client != nil && q.number > 0 {
			err = f.read(ctx, client, q, &last, replaced)
		}
		wait := time.NewTimer(api.NextDaemon)
		if client == nil || err != nil {
			wait.Reset(refused)
		}
		select {
		case <-ctx.Done():
		case <-replaced:
		case <-wait.C:
		}
		wait.Stop()
	}
}

// read reads lines until the daemon goes or another query replaces this one. An
// error is the daemon's refusal.
func (f *feed) read(ctx context.Context, client *api.Client, q query, last *uint64, replaced <-chan struct{}) error {
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	wg.Go(func() {
		select {
		case <-replaced:
			cancel()
		case <-ctx.Done():
		}
	})
	defer wg.Wait()
	defer cancel()
	req := api.LogsRequest{LogFilter: q.filter, Follow: true, Tail: kept, After: *last}
	err := client.Logs(ctx, req, func(l api.LogLine) error {
		*last = max(*last, l.Seq)
		f.line(q.number, l)
		return nil
	})
	if ctx.Err() != nil || !config.IsProblem(err) {
		return nil
	}
	f.change(func(n *news) { n.of, n.lines, n.refuse = q.number, nil, err })
	return err
}

// line keeps one until the view looks.
func (f *feed) line(of uint64, l api.LogLine) {
	f.change(func(n *news) {
		if n.of != of {
			n.of, n.lines, n.missed, n.refuse = of, nil, 0, nil
		}
		n.lines = append(n.lines, l)
		if len(n.lines) >= kept+burst {
			n.missed += burst
			n.lines = append(n.lines[:0], n.lines[burst:]...)
		}
	})
}
