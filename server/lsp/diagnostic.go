package lsp

import (
	"context"
	"hash/fnv"
	"slices"
	"strconv"
	"strings"

	lsp "go.lsp.dev/protocol"
	"go.lsp.dev/uri"

	"github.com/towline-dev/towline/server/workspace"
	"github.com/towline-dev/towline/starlark/config"
	"github.com/towline-dev/towline/starlark/ide"
	"github.com/towline-dev/towline/starlark/syntax"
)

// source is the name under which an editor shows our diagnostics.
const source = "towline"

// diagnostic answers a client that asks for diagnostics itself.
func (s *session) diagnostic(ctx context.Context, snap *workspace.Snapshot, p *lsp.DocumentDiagnosticParams) (any, error) {
	items := s.diagnose(snap, keyOf(p.TextDocument.URI), func() bool { return ctx.Err() != nil })
	if err := ctx.Err(); err != nil {
		return nil, err
	}
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
// what its text says if it is an open Tiltfile. When stop ends it the result is
// of no use.
func (s *session) diagnose(snap *workspace.Snapshot, u string, stop func() bool) []lsp.Diagnostic {
	out := []lsp.Diagnostic{}
	doc := snap.Document(u)
	path := pathOf(uri.URI(u))
	var own []ide.Diagnostic
	v := s.unresolved(snap, uri.URI(u))
	if doc != nil && v != nil {
		v.text.Tree(v.name)
		if stop() { // who asked meanwhile waits for the tree alone
			return nil
		}
		v.file = v.text.File(v.name)
		v.ide.Stop = stop
		own = ide.Diagnostics(v.ide, v.file)
	}
	for _, f := range s.diagnoser.findingsOf(path) {
		text, err := snap.Text(path)
		if err != nil {
			text = workspace.NewText("")
		}
		if at, ok := placeOf(snap, doc, text, f); ok && !repeats(text, at, f, own) {
			out = append(out, s.diagnosticOf(snap, path, text, at, f))
		}
	}
	for _, d := range own[:min(len(own), maxDiagnostics)] {
		out = append(out, v.diagnostic(d))
	}
	return out
}

// repeats reports whether the text says by itself what an evaluation
// stumbled over: it knows the place better, and how to mend it. What the text
// only suspected is as bad as the evaluation says.
func repeats(text *workspace.Text, at int, f finding, own []ide.Diagnostic) bool {
	if f.resource != "" {
		return false
	}
	line := text.Position(at, workspace.UTF8).Line
	for i := range own {
		d := &own[i]
		if text.Position(d.Span.Start, workspace.UTF8).Line != line {
			continue
		}
		if d.Severity == ide.Error || f.warning && d.Severity == ide.Warning {
			return true
		}
		if missing := d.Missing; missing != "" && strings.Contains(f.problem.Message, missing) {
			if !f.warning {
				d.Severity = ide.Error
			}
			return true
		}
	}
	return false
}

// placeOf returns where a daemon's finding, which is about the text as it was
// evaluated, lies in the text as it is now. It is false when the line was
// edited since, and when the interpreter only repeats what our own parser says:
// a file with such a mistake is not run.
func placeOf(snap *workspace.Snapshot, doc *workspace.Document, text *workspace.Text, f finding) (int, bool) {
	versions := []*workspace.Text{f.text, text}
	if doc != nil {
		versions = []*workspace.Text{f.text, doc.Saved, text}
	}
	for _, was := range versions {
		if was == nil {
			continue
		}
		line, ok := lineOf(was, f.problem.Pos.Line, quoted(f.problem))
		if !ok {
			continue
		}
		if doc != nil && snap.IsTiltfile(doc) && !f.warning && f.resource == "" {
			if file := was.File(doc.Path); len(file.Errors)+len(file.Problems) > 0 {
				return 0, false
			}
		}
		return text.Carry(was, was.LineColumn(line, f.problem.Pos.Col))
	}
	return 0, false
}

// quoted returns the line of a problem as it was evaluated, "" if unknown.
func quoted(p config.Problem) string {
	for _, frame := range p.Stack {
		if frame.Pos == p.Pos {
			return frame.Text
		}
	}
	return ""
}

// lineOf returns which line of a text an evaluation meant, which quotes it: the
// text may be newer. When another line stands at its number, it is the nearest
// that reads the same, if there is one.
func lineOf(text *workspace.Text, line int, quote string) (int, bool) {
	quote = strings.TrimSpace(quote)
	reads := func(line int) bool { return strings.TrimSpace(text.Line(line-1)) == quote }
	if quote == "" || reads(line) {
		return line, true
	}
	last := int(text.Position(text.Len(), workspace.UTF8).Line) + 1
	for away := 1; away < last; away++ {
		for _, near := range [...]int{line - away, line + away} {
			if near >= 1 && near <= last && reads(near) {
				return near, true
			}
		}
	}
	return 0, false
}

// diagnostic returns what the text says as the client takes it.
func (v *view) diagnostic(d ide.Diagnostic) lsp.Diagnostic {
	out := lsp.Diagnostic{
		Range:           v.rng(d.Span),
		Severity:        severities[d.Severity],
		Source:          lsp.NewOptional(source),
		Code:            lsp.String(d.Code),
		CodeDescription: v.s.described(d.Code),
		Message:         lsp.String(d.Message),
	}
	if tag, ok := tags[d.Tag]; ok && slices.Contains(v.s.client.diagnostics.tags, tag) {
		out.Tags = lsp.NewDiagnosticTags(tag)
	}
	if v.s.client.diagnostics.related {
		for _, r := range d.Related {
			if loc, ok := v.location(r.Location); ok {
				out.RelatedInformation = append(out.RelatedInformation, lsp.DiagnosticRelatedInformation{Location: loc, Message: r.Message})
			}
		}
	}
	return out
}

// described says where a code is explained.
func (s *session) described(code string) lsp.CodeDescription {
	if !s.client.diagnostics.links {
		return lsp.CodeDescription{}
	}
	return lsp.CodeDescription{Href: uri.URI(docs + code)}
}

// diagnosticOf turns a daemon's finding into a diagnostic of its file.
func (s *session) diagnosticOf(snap *workspace.Snapshot, path string, text *workspace.Text, at int, f finding) lsp.Diagnostic {
	span := problemSpan(path, text, at)
	d := lsp.Diagnostic{
		Range:           s.rangeOf(text, span.Start, span.End),
		Severity:        lsp.DiagnosticSeverityError,
		Source:          lsp.NewOptional(source),
		Code:            lsp.String(ide.CodeEvaluation),
		CodeDescription: s.described(ide.CodeEvaluation),
	}
	if f.warning {
		d.Severity = lsp.DiagnosticSeverityWarning
	}
	message := f.problem.Message
	if f.resource != "" {
		d.Code, d.CodeDescription = lsp.String(codeResource), s.described(codeResource)
		message = f.resource + ": " + message
	}
	if f.problem.Hint != "" {
		message += "\n" + f.problem.Hint
	}
	d.Message = lsp.String(message)
	if s.client.diagnostics.related {
		for _, frame := range slices.Backward(f.problem.Stack) {
			if frame.Pos.File == "" {
				continue
			}
			d.RelatedInformation = append(d.RelatedInformation, lsp.DiagnosticRelatedInformation{
				Location: s.location(snap, frame),
				Message:  "in " + frame.Name,
			})
		}
	}
	return d
}

// location is the place of a call in its file; the file's start when the line
// is no longer there.
func (s *session) location(snap *workspace.Snapshot, frame config.Frame) lsp.Location {
	path := frame.Pos.File
	text, u := s.open(snap, path)
	loc := lsp.Location{URI: u}
	if text == nil {
		return loc
	}
	if line, ok := lineOf(text, frame.Pos.Line, frame.Text); ok {
		span := problemSpan(path, text, text.LineColumn(line, frame.Pos.Col))
		loc.Range = s.rangeOf(text, span.Start, span.End)
	}
	return loc
}

// problemSpan returns what to mark for a problem at an offset of a file.
func problemSpan(path string, text *workspace.Text, at int) syntax.Span {
	if workspace.IsTiltfile(path) { // or it is a shipped extension
		return ide.ProblemSpan(text.File(path), at)
	}
	return syntax.Span{Start: at, End: endOfWord(text, at)}
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
