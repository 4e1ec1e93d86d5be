package lsp

import (
	"context"
	"hash/fnv"
	"slices"
	"strconv"

	lsp "go.lsp.dev/protocol"
	"go.lsp.dev/uri"

	"github.com/towline-dev/towline/server/workspace"
	"github.com/towline-dev/towline/starlark/ide"
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

// docs is where the codes of diagnostics are explained.
const docs = "https://github.com/towline-dev/towline/blob/main/docs/diagnostics.md#"

// codeResource is the code of what goes wrong with a resource in the cluster,
// beside those of starlark/ide.
const codeResource = "resource"

var severities = map[ide.Severity]lsp.DiagnosticSeverity{
	ide.Error: lsp.DiagnosticSeverityError, ide.Warning: lsp.DiagnosticSeverityWarning,
	ide.Info: lsp.DiagnosticSeverityInformation, ide.Hint: lsp.DiagnosticSeverityHint,
}

var tags = map[ide.Tag]lsp.DiagnosticTag{
	ide.Unnecessary: lsp.DiagnosticTagUnnecessary, ide.Deprecated: lsp.DiagnosticTagDeprecated,
}

// maxDiagnostics is how many diagnostics of a file are shown. Nobody reads
// more, and editors choke on them.
const maxDiagnostics = 500

// diagnose returns the diagnostics of a file: what the daemons report, and
// what its text says if it is an open Tiltfile.
func (s *session) diagnose(snap *workspace.Snapshot, u string) []lsp.Diagnostic {
	out := []lsp.Diagnostic{}
	doc := snap.Document(u)
	path := pathOf(uri.URI(u))
	for _, f := range s.diagnoser.findingsOf(path) {
		text, err := snap.Text(path)
		if err != nil {
			text = workspace.NewText("")
		}
		if at, ok := placeOf(doc, text, f); ok {
			out = append(out, s.diagnosticOf(snap, text, at, f))
		}
	}
	if v := s.view(snap, uri.URI(u)); doc != nil && v != nil {
		for _, d := range ide.Diagnostics(v.ide, v.file) {
			if len(out) >= maxDiagnostics {
				break
			}
			out = append(out, v.diagnostic(d))
		}
	}
	return out
}

// placeOf returns where a daemon's finding, which is about the text as it was
// saved, lies in the text as it is now. It is false when the line was edited
// since, and when the interpreter only repeats what our own parser says: a
// file with such a mistake is not run.
func placeOf(doc *workspace.Document, text *workspace.Text, f finding) (int, bool) {
	if doc == nil {
		return text.LineColumn(f.problem.Pos.Line, f.problem.Pos.Col), true
	}
	at := doc.Saved.LineColumn(f.problem.Pos.Line, f.problem.Pos.Col)
	if isTiltfile(doc) && !f.warning && f.resource == "" {
		file := doc.Saved.File(doc.Path)
		if len(file.Errors)+len(file.Problems) > 0 {
			return 0, false
		}
	}
	return text.Carry(doc.Saved, at)
}

// diagnostic returns what the text says as the client takes it.
func (v *view) diagnostic(d ide.Diagnostic) lsp.Diagnostic {
	out := lsp.Diagnostic{
		Range:           v.rng(d.Span),
		Severity:        severities[d.Severity],
		Source:          lsp.NewOptional(source),
		Code:            lsp.String(d.Code),
		CodeDescription: lsp.CodeDescription{Href: uri.URI(docs + d.Code)},
		Message:         lsp.String(d.Message),
	}
	if tag, ok := tags[d.Tag]; ok {
		out.Tags = lsp.NewDiagnosticTags(tag)
	}
	if v.s.client.related {
		for _, r := range d.Related {
			if loc, ok := v.location(r.Location); ok {
				out.RelatedInformation = append(out.RelatedInformation, lsp.DiagnosticRelatedInformation{Location: loc, Message: r.Message})
			}
		}
	}
	return out
}

// diagnosticOf turns a daemon's finding into a diagnostic of its file.
func (s *session) diagnosticOf(snap *workspace.Snapshot, text *workspace.Text, start int, f finding) lsp.Diagnostic {
	d := lsp.Diagnostic{
		Range:           s.rangeOf(text, start, endOfWord(text, start)),
		Severity:        lsp.DiagnosticSeverityError,
		Source:          lsp.NewOptional(source),
		Code:            lsp.String(ide.CodeEvaluation),
		CodeDescription: lsp.CodeDescription{Href: docs + ide.CodeEvaluation},
	}
	if f.warning {
		d.Severity = lsp.DiagnosticSeverityWarning
	}
	message := f.problem.Message
	if f.resource != "" {
		d.Code, d.CodeDescription = lsp.String(codeResource), lsp.CodeDescription{Href: docs + codeResource}
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
				Message:  "in " + frame.Name,
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
