package syntax

import (
	"fmt"
	"sort"
	"strings"
)

// Describe returns an error's place and words for a person. The original says
// what it stumbled over, lines further down maybe: where the line above ends too
// early it is that end, and where a bracket is not closed it is named.
func (f *File) Describe(e Error) (Span, string) {
	at, message := e.Span, e.Msg
	if i := f.tokenAt(e.Start); i > 0 && strings.HasPrefix(e.Msg, "got ") {
		last := f.Token(i - 1)
		if ends := last.Kind != COMMA && !endsLine(last.Kind); ends && f.Lines.Number(last.End) < f.Lines.Number(e.Start) {
			at = Span{last.End, last.End}
		}
	}
	if open, ok := f.Unclosed(e); ok {
		message = fmt.Sprintf("'%s' in line %d is not closed (%s)", f.Src[open.Start:open.End], f.Lines.Number(open.Start)+1, e.Msg)
	}
	return at, message
}

// Unclosed returns the bracket that is to blame for an error: the innermost one
// that is open there, if nothing closes it.
func (f *File) Unclosed(e Error) (open Span, ok bool) {
	if !strings.HasPrefix(e.Msg, "got ") && e.Msg != "not an identifier" || f.stringRunsOn(e) {
		return Span{}, false
	}
	at := f.tokenAt(e.Start)
	i := at
	for i > 0 && !endsLine(f.Token(i-1).Kind) {
		i--
	}
	var b brackets
	for ; i < at; i++ {
		b.pass(f.Token(i))
	}
	depth := len(b.open)
	if depth == 0 {
		return Span{}, false
	}
	blamed := b.open[depth-1]
	for ; i < f.NumTokens() && !endsLine(f.Token(i).Kind) && len(b.open) >= depth; i++ {
		if b.pass(f.Token(i)) && len(b.open) == depth-1 {
			return Span{}, false
		}
	}
	return Span{blamed.Start, blamed.End}, true
}

// stringRunsOn reports whether a string behind an error does not end in its line,
// which hides what would have closed a bracket.
func (f *File) stringRunsOn(e Error) bool {
	line := f.Lines.Number(e.Start)
	i := sort.Search(len(f.Errors), func(i int) bool { return f.Errors[i].Start >= e.Start })
	for ; i < len(f.Errors) && f.Lines.Number(f.Errors[i].Start) == line; i++ {
		if f.Errors[i].Msg == "unexpected newline in string" {
			return true
		}
	}
	return false
}

// brackets are those that are open.
type brackets struct {
	open []Token
	of   [3]int // open ones of each kind
}

// pass goes past a token and reports whether it closes the innermost bracket. One
// that closes an outer one leaves the inner ones unclosed, and one that closes
// none does not count.
func (b *brackets) pass(t Token) (closes bool) {
	switch {
	case t.Kind == LPAREN || t.Kind == LBRACK || t.Kind == LBRACE:
		b.open = append(b.open, t)
		b.of[openIndex(t.Kind)]++
		return false
	case !isClosing(t.Kind) || b.of[openIndex(t.Kind)] == 0:
		return false
	}
	for n := 0; ; n++ {
		last := openIndex(b.open[len(b.open)-1].Kind)
		b.open = b.open[:len(b.open)-1]
		if b.of[last]--; last == openIndex(t.Kind) {
			return n == 0
		}
	}
}

func endsLine(k Kind) bool { return k == NEWLINE || k == INDENT || k == OUTDENT || k == EOF }

// tokenAt returns the index of the first token that starts at an offset or
// behind it.
func (f *File) tokenAt(off int) int {
	return sort.Search(f.NumTokens()-1, func(i int) bool { return f.Token(i).Start >= off })
}
