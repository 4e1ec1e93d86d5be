package lsp

import (
	"context"
	"hash/fnv"
	"slices"
	"strconv"

	lsp "go.lsp.dev/protocol"
	"go.lsp.dev/uri"

	"github.com/towline-dev/towline/server/workspace"
)

// source is the name under which an editor shows our diagnostics.
const source = "towline"

// diagnostic answers a client that asks for diagnostics itself.
func (s *session) diagnostic(_ context.Context, snap *workspace.Snapshot, p *lsp.DocumentDiagnosticParams) (any, error) {
	items := s.diagnose(snap, string(p.TextDocument.URI))
	id, err := resultID(items)
	if err != nil {
		return nil, err
	}
	if p.PreviousResultID != nil && *p.PreviousResultID == id {
		return &lsp.RelatedUnchangedDocumentDiagnosticReport{
			UnchangedDocumentDiagnosticReport: lsp.UnchangedDocumentDiagnosticReport{Kind: "unchanged", ResultID: id},
		}, nil
	}
	return &lsp.RelatedFullDocumentDiagnosticReport{
		FullDocumentDiagnosticReport: lsp.FullDocumentDiagnosticReport{Kind: "full", ResultID: &id, Items: items},
	}, nil
}

// resultID is the same for the same diagnostics.
func resultID(items []lsp.Diagnostic) (string, error) {
	data, err := lsp.Marshal(lsp.FullDocumentDiagnosticReport{Kind: "full", Items: items})
	if err != nil {
		return "", err
	}
	h := fnv.New64a()
	h.Write(data)
	return strconv.FormatUint(h.Sum64(), 36), nil
}

// diagnose returns all diagnostics of a file: what its text says, if it is an
// open Tiltfile, and what the daemons report.
func (s *session) diagnose(snap *workspace.Snapshot, u string) []lsp.Diagnostic {
	out := []lsp.Diagnostic{}
	doc := snap.Document(u)
	path := pathOf(uri.URI(u))
	for _, f := range s.diagnoser.findingsOf(path) {
		text := workspace.NewText("")
		if doc != nil {
			text = doc.Text
		} else if onDisk, err := snap.Text(path); err == nil {
			text = onDisk
		}
		d := s.diagnosticOf(snap, text, f)
		// What the text itself says at the same place is the same complaint.
		if !slices.ContainsFunc(out, func(have lsp.Diagnostic) bool {
			return have.Range.Start.Line == d.Range.Start.Line && !f.warning && f.resource == ""
		}) {
			out = append(out, d)
		}
	}
	return out
}

// diagnosticOf turns a daemon's finding into a diagnostic of its file.
func (s *session) diagnosticOf(snap *workspace.Snapshot, text *workspace.Text, f finding) lsp.Diagnostic {
	start := text.LineColumn(f.problem.Pos.Line, f.problem.Pos.Col)
	d := lsp.Diagnostic{
		Range:    s.rangeOf(text, start, endOfWord(text, start)),
		Severity: lsp.DiagnosticSeverityError,
		Source:   lsp.NewOptional(source),
		Code:     lsp.String("evaluation"),
		Message:  lsp.String(f.problem.Message),
	}
	if f.warning {
		d.Severity = lsp.DiagnosticSeverityWarning
	}
	message := f.problem.Message
	if f.resource != "" {
		d.Code = lsp.String("resource")
		message = f.resource + ": " + message
	}
	if f.problem.Hint != "" {
		message += "\n" + f.problem.Hint
	}
	d.Message = lsp.String(message)
	if s.client.related {
		for _, frame := range slices.Backward(f.problem.Stack) {
			if frame.Pos.File == "" {
				continue
			}
			d.RelatedInformation = append(d.RelatedInformation, lsp.DiagnosticRelatedInformation{
				Location: s.location(snap, frame.Pos.File, frame.Pos.Line, frame.Pos.Col),
				Message:  "called from " + frame.Name,
			})
		}
	}
	return d
}

// location is the place of a line and column, both 1-based, in a file.
func (s *session) location(snap *workspace.Snapshot, path string, line, column int) lsp.Location {
	loc := lsp.Location{URI: uri.File(path)}
	text, err := snap.Text(path)
	if err != nil {
		return loc
	}
	start := text.LineColumn(line, column)
	loc.Range = s.rangeOf(text, start, endOfWord(text, start))
	return loc
}

// endOfWord returns the end of the word at an offset, of the line when there
// is no word.
func endOfWord(text *workspace.Text, at int) int {
	content := text.String()
	end := at
	for end < len(content) && isWord(content[end]) {
		end++
	}
	if end > at {
		return end
	}
	for end < len(content) && content[end] != '\n' && content[end] != '\r' {
		end++
	}
	return end
}

func isWord(b byte) bool {
	return b == '_' || b == '.' || '0' <= b && b <= '9' || 'a' <= b|0x20 && b|0x20 <= 'z' || b >= 0x80
}
