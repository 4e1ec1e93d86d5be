package lsp

import (
	"context"
	"errors"

	lsp "go.lsp.dev/protocol"

	"github.com/towline-dev/towline/server/workspace"
)

// didSave tells the daemons that a file changed, of whatever language: the
// save is the clock of the whole loop. So nothing comes before the hint, and
// it is sent from the goroutine that took in the message.
func (s *session) didSave(ctx context.Context, p *lsp.DidSaveTextDocumentParams) (any, error) {
	path := pathOf(p.TextDocument.URI)
	if path != "" {
		s.hint(ctx, path)
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

// hint tells every project's daemon of changed files: a project may use files
// that lie anywhere, and a hint too many does no harm.
func (s *session) hint(ctx context.Context, paths ...string) {
	for _, p := range s.allProjects() {
		p.link.hint(ctx, paths)
	}
}
