package lsp

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"strings"

	lsp "go.lsp.dev/protocol"

	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/starlark/config"
)

// operation is something that takes its time and that the user sees.
type operation struct {
	project *project
	title   string
	done    string            // what is said at the end; "": done
	token   lsp.ProgressToken // that came with the request, may be nil
	wait    bool              // the request is answered only at the end
}

// operate runs work and shows its progress. When the client lets us show
// progress by ourselves, or has no use for it, operate returns at once and a
// failure is shown as a message; when it gave a token with the request, or
// asked to wait, operate returns work's error when it is done.
func (s *session) operate(ctx context.Context, op operation, work func(ctx context.Context, report func(string)) error) error {
	if op.wait || (op.token != nil && !s.client.progress) {
		progress := s.newProgress(op.token)
		return progress.show(ctx, op, work)
	}
	s.spawn(func(ctx context.Context) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		progress := s.createProgress(ctx, cancel)
		err := progress.show(ctx, op, work)
		defer s.forgetProgress(progress)
		if err != nil && ctx.Err() == nil {
			s.notify(lsp.MethodWindowShowMessage, &lsp.ShowMessageParams{Type: lsp.MessageTypeError, Message: s.explained(err).Error()})
		}
	})
	return nil
}

// progress is one display of progress; without a token it shows nothing.
type progress struct {
	s     *session
	token lsp.ProgressToken
	last  string // what was reported last
}

func (s *session) newProgress(token lsp.ProgressToken) *progress {
	return &progress{s: s, token: token}
}

// createProgress asks the client for a display; cancel is called when the
// user does not want to follow any longer.
func (s *session) createProgress(ctx context.Context, cancel func()) *progress {
	if !s.client.progress {
		return s.newProgress(nil)
	}
	s.mu.Lock()
	s.tokens++
	token := lsp.String(fmt.Sprintf("towline-%d", s.tokens))
	s.running[token] = cancel
	s.mu.Unlock()
	err := s.conn.Call(ctx, lsp.MethodWindowWorkDoneProgressCreate, &lsp.WorkDoneProgressCreateParams{Token: token}, nil)
	if err != nil {
		s.log.Warn("asking the client for progress", "error", err)
		return s.newProgress(nil)
	}
	return s.newProgress(token)
}

func (s *session) forgetProgress(p *progress) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.running, p.token)
}

// cancelProgress stops following; what was begun goes on.
func (s *session) cancelProgress(_ context.Context, p *lsp.WorkDoneProgressCancelParams) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if cancel := s.running[p.Token]; cancel != nil {
		cancel()
	}
	return nil, nil
}

// show runs work between the begin and the end of the display.
func (p *progress) show(ctx context.Context, op operation, work func(ctx context.Context, report func(string)) error) error {
	p.send(&lsp.WorkDoneProgressBegin{Kind: "begin", Title: op.title, Cancellable: new(true)})
	err := work(ctx, p.report)
	message := cmp.Or(op.done, "done")
	switch {
	case ctx.Err() != nil:
		message = "goes on in the background"
	case err != nil:
		message, _, _ = strings.Cut(err.Error(), "\n")
	}
	p.send(&lsp.WorkDoneProgressEnd{Kind: "end", Message: &message})
	return err
}

func (p *progress) report(message string) {
	if message == p.last {
		return
	}
	p.last = message
	p.send(&lsp.WorkDoneProgressReport{Kind: "report", Message: &message, Cancellable: new(true)})
}

func (p *progress) send(value any) {
	if p.token == nil {
		return
	}
	data, err := json.Marshal(value)
	if err != nil {
		p.s.log.Error("encoding progress", "error", err)
		return
	}
	p.s.notify(lsp.MethodProgress, &lsp.ProgressParams{Token: p.token, Value: data})
}

// judge reads off a status how far a piece of work is: a line for the user,
// whether it is done, and whether it failed.
type judge func(status *api.Status) (text string, done bool, err error)

// follow reports a project's progress until the judge says that it is done.
// A daemon that is lost meanwhile is waited for.
func follow(ctx context.Context, l *link, judge judge, report func(string)) error {
	for {
		state, changed := l.now()
		if state.status != nil {
			text, done, err := judge(state.status)
			if done {
				return err
			}
			report(text)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-changed:
		}
	}
}

// settled judges whether resources, or all of them when none are named, have
// come to rest. Statuses that the same daemon sent before base do not count.
func settled(names []string, base api.Status) judge {
	return func(status *api.Status) (string, bool, error) {
		if status.Daemon.Pid == base.Daemon.Pid && status.Seq < base.Seq {
			return "waiting for the daemon", false, nil
		}
		if !status.Up {
			return "", true, &config.Problem{Message: "the project was taken down"}
		}
		o := api.OutcomeOf(status, names...)
		if !o.Settled() {
			var busy []string
			for _, r := range o.Busy {
				busy = append(busy, strings.TrimSpace(r.Name+" "+r.Text))
			}
			return fmt.Sprintf("%d/%d ready · %s", o.Ready, o.Total, strings.Join(busy, " · ")), false, nil
		}
		if len(o.Failed) > 0 {
			return "", true, &config.Problem{Message: failures(o)}
		}
		return "", true, nil
	}
}

// failures names what failed, and then what waits for it.
func failures(o api.Outcome) string {
	var lines []string
	for _, r := range o.Failed {
		lines = append(lines, r.Name+": "+problemText(*r))
	}
	for _, r := range o.Held {
		if len(r.WaitsFor) > 0 && r.WaitsFor[0].Kind == api.WaitResource {
			text := r.Name + " " + r.Message
			if r.State == api.StateStale {
				text = r.Name + " is stale: " + r.Message
			}
			lines = append(lines, text)
		}
	}
	if more := len(lines) - mostFailures; more > 0 {
		lines = append(lines[:mostFailures], fmt.Sprintf("and %d more", more))
	}
	return strings.Join(lines, "\n")
}

// mostFailures is how many resources a message names.
const mostFailures = 3

// problemText says what ails a resource and what to do.
func problemText(r api.ResourceStatus) string {
	if r.Problem == nil {
		return r.Message
	}
	text := r.Problem.Message
	if r.Problem.Hint != "" {
		text += " (" + r.Problem.Hint + ")"
	}
	return text
}
