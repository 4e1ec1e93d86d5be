// Package format prints a Tiltfile in buildifier's layout: blocks are indented
// by four columns, brackets stay on one line if they were, or else get a line
// for each element and a trailing comma, strings have double quotes where that
// needs no escape, and at most one empty line separates statements.
//
// It differs from buildifier on purpose in two points. A comment stays with its
// neighbours: one behind the colon of a block stays on that line, and one before
// an elif or else keeps its indentation, without an empty line in between. The
// characters and escapes of a string are kept as they are written.
//
// The printer walks the tree and takes the comments from the text by their
// place, so that none can be lost: before it prints anything, it prints the
// comments that stood before it. Only layout changes. The tree of the result is
// the tree of the source, and formatting twice changes nothing more; the tests
// fuzz both. The lines end as most lines of the source do.
package format

import (
	"strings"

	"github.com/towline-dev/towline/starlark/syntax"
)

// The widths of indentation.
const (
	blockIndent = 4
	listIndent  = 4
	defIndent   = 8 // of the parameters of a def that has them on lines of their own
)

// File returns the formatted text of a file. A file with syntax errors is left
// alone: ok is false and the text is the source.
func File(f *syntax.File) (text string, ok bool) {
	if len(f.Errors) > 0 {
		return f.Src, false
	}
	if i := strings.IndexByte(f.Src, 0); i >= 0 {
		if last := f.Token(f.NumTokens() - 1); last.Start < len(f.Src) {
			return f.Src, false // what follows a NUL is not part of the tree
		}
	}
	p := &printer{f: f}
	p.block(f.Stmts(), 0, len(f.Src))
	p.endLine()
	return f.Lines.WithEnds(p.text()), true
}

// A printer collects the text. A line is written without its end, so that
// comments can still be put there.
type printer struct {
	f     *syntax.File
	buf   []byte
	queue []string // comments for the end of the current line

	next   int // index of the first comment that is not printed
	margin int
	depth  int // of brackets, in which lines may be broken freely

	// overflow says that a line had more than one comment, so that some are
	// below it. An empty line keeps them from the next statement.
	overflow bool
}

func (p *printer) text() string { return string(p.buf) }

func (p *printer) print(s string) { p.buf = append(p.buf, s...) }

// column returns the length of the current line.
func (p *printer) column() int {
	n := 0
	for n < len(p.buf) && p.buf[len(p.buf)-1-n] != '\n' {
		n++
	}
	return n
}

// trim removes spaces from the end of the current line.
func (p *printer) trim() {
	n := len(p.buf)
	for n > 0 && p.buf[n-1] == ' ' {
		n--
	}
	p.buf = p.buf[:n]
}

// endLine ends the current line, if there is something in it, with its
// comments.
func (p *printer) endLine() {
	p.trim()
	if p.column() == 0 && len(p.queue) == 0 {
		return
	}
	for i, c := range p.queue {
		switch {
		case i > 0:
			p.print("\n")
			p.indent()
		case p.column() > 0:
			p.print("  ")
		default:
			p.indent()
		}
		p.print(c)
	}
	p.overflow = p.overflow || p.depth == 0 && len(p.queue) > 1
	p.queue = p.queue[:0]
	p.print("\n")
}

// newline ends the current line and starts another at the margin.
func (p *printer) newline() {
	p.endLine()
	p.indent()
}

func (p *printer) indent() { p.print(strings.Repeat(" ", p.margin)) }

// comment returns the text of a comment.
func (p *printer) comment(i int) string {
	c := p.f.Comments[i]
	return strings.TrimRight(p.f.Src[c.Start:c.End], " \t\v\f")
}

// collect queues the comments before an offset that stood behind something in
// their line.
func (p *printer) collect(off int) {
	for p.next < len(p.f.Comments) && p.f.Comments[p.next].Start < off && !p.f.Comments[p.next].Own {
		p.queue = append(p.queue, p.comment(p.next))
		p.next++
	}
}

// has reports whether a comment on a line of its own stands in a span and is
// not printed.
func (p *printer) has(start, end int) bool {
	for i := p.next; i < len(p.f.Comments) && p.f.Comments[i].Start < end; i++ {
		if c := p.f.Comments[i]; c.Own && c.Start >= start {
			return true
		}
	}
	return false
}

// before prints the comments before an offset on lines of their own, after
// those that belong to the end of the current line.
func (p *printer) before(off int) {
	p.collect(off)
	if p.next == len(p.f.Comments) || p.f.Comments[p.next].Start >= off || p.depth == 0 {
		return
	}
	p.newline()
	for p.next < len(p.f.Comments) && p.f.Comments[p.next].Start < off {
		p.print(p.comment(p.next))
		p.next++
		p.newline()
	}
}

// breakLine breaks the line before the offset, with a \ where that is needed.
func (p *printer) breakLine(off int) {
	if p.depth == 0 {
		p.trim()
		p.print(" \\\n")
		p.indent()
		return
	}
	p.collect(off)
	p.newline()
}

func (p *printer) line(off int) int { return p.f.Lines.Number(off) }
