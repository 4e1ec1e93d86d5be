package lsp

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"

	lsp "go.lsp.dev/protocol"

	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/server/protocol"
	"github.com/towline-dev/towline/starlark/config"
)

// What a daemon asks (api.Ask) every client shows as a message with buttons. The
// status has it as long as it is open; of several who answer, the daemon takes the
// first. Hardly a client takes a message away that is withdrawn: what a person says to
// it then goes to the daemon with the text that was read, and the daemon says
// whether it still counts.

// leave is the first button of each question: some clients take the first for the
// default.
const leave = "Leave as It Is"

// asks are the questions of a project's daemon that the client was shown.
type asks struct {
	mu    sync.Mutex
	shown map[string]*question // by the ask's id, until the client has answered
	said  map[string]said      // what was said to each, until the project is down
}

func newAsks() *asks { return &asks{shown: map[string]*question{}, said: map[string]said{}} }

// question is an ask on the client's screen.
type question struct {
	ask       api.Ask
	withdrawn chan struct{} // closed once nobody asks it any more
	gone      bool          // withdrawn is closed
}

// withdraw has the client told. The caller holds the mutex of its asks.
func (q *question) withdraw() {
	if !q.gone {
		close(q.withdrawn)
		q.gone = true
	}
}

// said is what a person said to the ask with a text.
type said struct {
	text   string
	choice bool // not only that all is left as it is
}

// ask shows the client what a project's daemon asks.
func (s *session) ask(p *project, status *api.Status) {
	for _, q := range p.asks.follow(status) {
		s.spawn(func(ctx context.Context) { s.put(ctx, p, q) })
	}
}

// follow withdraws what is asked no more, and returns what is to be shown.
func (a *asks) follow(status *api.Status) (fresh []*question) {
	a.mu.Lock()
	defer a.mu.Unlock()
	open := asksOf(status)
	asked := func(id string) bool {
		return slices.ContainsFunc(open, func(a api.Ask) bool { return a.ID == id })
	}
	for id, q := range a.shown {
		if !asked(id) {
			q.withdraw()
		}
	}
	for id, said := range a.said {
		if status == nil || !status.Up || said.choice && !asked(id) {
			delete(a.said, id)
		}
	}
	for _, ask := range open {
		if a.shown[ask.ID] == nil && a.said[ask.ID].text != ask.Text {
			q := &question{ask: ask, withdrawn: make(chan struct{})}
			a.shown[ask.ID] = q
			fresh = append(fresh, q)
		}
	}
	return fresh
}

// answered notes what a person said. One that was withdrawn unanswered is shown again
// when it is asked again.
func (a *asks) answered(q *question, choice bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.shown[q.ask.ID] == q {
		delete(a.shown, q.ask.ID)
	}
	if choice || !q.gone {
		a.said[q.ask.ID] = said{q.ask.Text, choice}
	}
}

// forget has an ask shown again whose answer did not arrive.
func (a *asks) forget(id string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.said, id)
}

// again has all shown again that nobody has chosen anything of. What a client still
// has, maybe out of sight, is withdrawn.
func (a *asks) again() {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, q := range a.shown {
		q.withdraw()
	}
	clear(a.shown)
	maps.DeleteFunc(a.said, func(_ string, said said) bool { return !said.choice })
}

// put puts a question to the person and passes the answer on.
func (s *session) put(ctx context.Context, p *project, q *question) {
	choice := s.choose(ctx, p, q)
	if ctx.Err() != nil {
		return
	}
	if p.asks.answered(q, choice != ""); choice != "" {
		s.answer(ctx, p, api.AnswerRequest{ID: q.ask.ID, Choice: choice, Text: q.ask.Text})
	}
	s.ask(p, p.link.status())
}

// choose shows a question and returns the choice, "" for none.
func (s *session) choose(ctx context.Context, p *project, q *question) string {
	params := &lsp.ShowMessageRequestParams{Type: lsp.MessageTypeInfo, Message: q.ask.Text, Actions: []lsp.MessageActionItem{{Title: leave}}}
	if len(s.allProjects()) > 1 {
		params.Message = s.shown(p) + ": " + q.ask.Text
	}
	if q.ask.Danger {
		params.Type = lsp.MessageTypeWarning
	}
	for _, title := range q.ask.Titles {
		params.Actions = append(params.Actions, lsp.MessageActionItem{Title: title})
	}
	var chosen *lsp.MessageActionItem
	if err := s.conn.Ask(ctx, q.withdrawn, lsp.MethodWindowShowMessageRequest, params, &chosen); err != nil || chosen == nil {
		return "" // a client that takes it away says so by an error
	}
	if at := slices.Index(q.ask.Titles, chosen.Title); at >= 0 && at < len(q.ask.Choices) {
		return q.ask.Choices[at]
	}
	return ""
}

// answer passes an answer on. That it does not count is no mistake of the person.
func (s *session) answer(ctx context.Context, p *project, req api.AnswerRequest) {
	state, _ := p.link.now()
	var err error = &config.Problem{Message: "nothing was done: the daemon that asked is gone"}
	if state.daemon != nil {
		err = state.daemon.Answer(ctx, req)
	}
	var refused *config.Problem
	switch {
	case err == nil || ctx.Err() != nil:
	case errors.As(err, &refused):
		s.notify(lsp.MethodWindowShowMessage, &lsp.ShowMessageParams{Type: lsp.MessageTypeInfo, Message: s.explained(err).Error()})
	default:
		p.asks.forget(req.ID)
		s.notify(lsp.MethodWindowShowMessage, &lsp.ShowMessageParams{Type: lsp.MessageTypeError, Message: "answering: " + err.Error()})
	}
}

// answerAsk answers by itself, for a client with a view of its own.
func (s *session) answerAsk(ctx context.Context, p *protocol.AnswerParams) (any, error) {
	project, err := s.target(ctx, p.ProjectParams, toUse)
	if err != nil {
		return nil, err
	}
	err = project.link.do(ctx, func(d Daemon) error {
		return d.Answer(ctx, api.AnswerRequest{ID: p.ID, Choice: p.Choice, Text: p.Text})
	})
	if err != nil {
		return nil, s.explained(err)
	}
	return nil, nil
}

// askAgain shows what a person left as it was.
func (s *session) askAgain(p *project) {
	if len(asksOf(p.link.status())) == 0 {
		s.notify(lsp.MethodWindowShowMessage, &lsp.ShowMessageParams{Type: lsp.MessageTypeInfo, Message: "Nothing is asked."})
		return
	}
	p.asks.again()
	s.ask(p, p.link.status())
}

func asksOf(s *api.Status) []api.Ask {
	if s == nil {
		return nil
	}
	return s.Asks
}
