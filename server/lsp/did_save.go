package lsp

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/towline-dev/towline/server/protocol"
	"github.com/towline-dev/towline/server/workspace"
)

// didSave tells the daemons that a file changed, of whatever language: the
// save is the clock of the whole loop. So nothing comes before the hint, and
// it is sent from the goroutine that took in the message.
func (s *session) didSave(ctx context.Context, p *protocol.DidSaveParams) (any, error) {
	path := pathOf(p.TextDocument.URI)
	typed := s.typing.ended(keyOf(p.TextDocument.URI))
	if path != "" {
		s.hint(ctx, path, latest(typed, p.Typed))
	}
	err := s.docs.Save(keyOf(p.TextDocument.URI))
	if errors.Is(err, workspace.ErrNotOpen) {
		err = nil // a file of another language, which the client saved all the same
	}
	s.diagnoser.changed(keyOf(p.TextDocument.URI))
	if workspace.IsTiltfile(path) && !s.options.Extensions.Foreign(path) {
		if project := s.projectOf(path); project != nil && !s.client.static {
			project.link.wake()
			project.evaluate(ctx)
		}
	}
	return nil, err
}

// hint tells every project's daemon of a saved file: a project may use files
// that lie anywhere, and a hint too many does no harm.
func (s *session) hint(ctx context.Context, path string, typed time.Time) {
	for _, p := range s.allProjects() {
		p.link.hint(ctx, typed, path)
	}
}

// typing is when documents last changed since they were opened or saved.
type typing struct {
	mu sync.Mutex
	at map[string]time.Time // by their URIs in normal form
}

func (t *typing) note(uri string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.at[uri] = time.Now()
}

// ended returns when a document last changed, zero when it did not, and forgets it.
func (t *typing) ended(uri string) time.Time {
	t.mu.Lock()
	defer t.mu.Unlock()
	at := t.at[uri]
	delete(t.at, uri)
	return at
}

func latest(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
