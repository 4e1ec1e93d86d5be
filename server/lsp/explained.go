package lsp

import (
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"

	"go.lsp.dev/jsonrpc2"

	"github.com/towline-dev/towline/server/protocol"
	"github.com/towline-dev/towline/starlark/config"
)

// explained is an error as an editor shows it: what went wrong and in which
// file, as a person calls it, then what to do. The parts are in the error's
// data as well, for a client that has buttons.
func (s *session) explained(err error) error {
	var p *config.Problem
	if !errors.As(err, &p) {
		return err
	}
	out := jsonrpc2.NewError(protocol.CodeRequestFailed, s.sentence(*p))
	if data, err := json.Marshal(p); err == nil {
		out.Data = data
	}
	return out
}

// sentence is a problem in one or two lines.
func (s *session) sentence(p config.Problem) string {
	text := p.Message
	if p.Pos.File != "" {
		text += fmt.Sprintf(" (%s)", s.shownFile(p.Pos))
	}
	if p.Hint != "" {
		text += "\n" + p.Hint
	}
	return text
}

// shownFile is what a person calls a place: its path within the workspace, or
// the name of the file.
func (s *session) shownFile(at config.Position) string {
	name := filepath.Base(at.File)
	for _, folder := range s.workspaceFolders() {
		if rel, err := filepath.Rel(folder, at.File); err == nil && filepath.IsLocal(rel) {
			name = rel
			break
		}
	}
	if at.Line > 0 {
		return fmt.Sprintf("%s:%d", name, at.Line)
	}
	return name
}
