package format

import (
	"strings"

	"github.com/towline-dev/towline/starlark/syntax"
)

// Edit replaces a place of the source by a text.
type Edit struct {
	Span syntax.Span
	Text string
}

// Edits returns the edits that format a file, each of whole lines and none of
// lines that stay; ok is false for a file with syntax errors.
func Edits(f *syntax.File) (edits []Edit, ok bool) {
	text, ok := File(f)
	if !ok {
		return nil, false
	}
	return diff(f.Src, text), true
}

// RangeEdits returns those of Edits that touch a span.
func RangeEdits(f *syntax.File, within syntax.Span) (edits []Edit, ok bool) {
	all, ok := Edits(f)
	for _, e := range all {
		if e.Span.Start <= within.End && within.Start <= e.Span.End {
			edits = append(edits, e)
		}
	}
	return edits, ok
}

// OnNewline returns the edit that indents the line of an offset, which was just
// begun: as deep as the line before, and a step deeper behind a colon or an
// open bracket. It works on files with errors.
func OnNewline(f *syntax.File, off int) []Edit {
	n := f.Lines.Number(off)
	line := f.Lines.Line(n)
	body := strings.TrimLeft(f.Src[line.Start:line.End], " \t")
	indent := line.End - line.Start - len(body)
	want := wantedIndent(f, line.Start, body)
	if want < 0 || f.Src[line.Start:line.Start+indent] == strings.Repeat(" ", want) {
		return nil
	}
	return []Edit{{syntax.Span{Start: line.Start, End: line.Start + indent}, strings.Repeat(" ", want)}}
}

// wantedIndent returns the columns before a line that starts at an offset, -1
// when it is part of a string.
func wantedIndent(f *syntax.File, start int, body string) int {
	var open []int // columns of the lines in which brackets were opened
	last, column := syntax.Token{Kind: syntax.EOF}, 0
	for t := range f.Tokens() {
		if t.Start >= start {
			break
		}
		if t.End > start && t.Kind != syntax.NEWLINE {
			return -1
		}
		switch {
		case opens(t):
			open = append(open, lineIndent(f, t.Start))
		case t.Kind == syntax.RPAREN, t.Kind == syntax.RBRACK, t.Kind == syntax.RBRACE:
			open = open[:max(len(open)-1, 0)]
		case t.Kind == syntax.NEWLINE:
			if len(f.Src) > t.Start && t.End > t.Start {
				open = open[:0]
			}
			continue
		case t.Kind == syntax.INDENT, t.Kind == syntax.OUTDENT:
			continue
		}
		last, column = t, lineIndent(f, t.Start)
	}
	if len(open) > 0 {
		if body != "" && strings.ContainsRune(")]}", rune(body[0])) && !opens(last) {
			return open[len(open)-1]
		}
		return open[len(open)-1] + listIndent
	}
	switch last.Kind {
	case syntax.EOF:
		return 0
	case syntax.COLON:
		return column + blockIndent
	}
	indent, leaves := statementIndent(f, last.Start)
	if leaves {
		return max(indent-blockIndent, 0)
	}
	return indent
}

// opens reports whether a token opens a bracket.
func opens(t syntax.Token) bool {
	return t.Kind == syntax.LPAREN || t.Kind == syntax.LBRACK || t.Kind == syntax.LBRACE
}

// lineIndent returns the width of the white space before the line of an offset.
func lineIndent(f *syntax.File, off int) int {
	s := f.Lines.Line(f.Lines.Number(off))
	text := f.Src[s.Start:s.End]
	return len(text) - len(strings.TrimLeft(text, " \t"))
}

// statementIndent returns the indentation of the innermost statement at an
// offset, since the line before may be the end of brackets, and whether that
// statement always leaves its block.
func statementIndent(f *syntax.File, off int) (indent int, leaves bool) {
	path := syntax.PathAt(f, off)
	for i := len(path) - 1; i >= 0; i-- {
		if st, ok := path[i].(syntax.Stmt); ok {
			switch st.(type) {
			case *syntax.ReturnStmt, *syntax.BranchStmt:
				leaves = true
			}
			return lineIndent(f, st.Span().Start), leaves
		}
	}
	return lineIndent(f, off), false
}
