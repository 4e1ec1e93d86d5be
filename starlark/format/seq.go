package format

import "github.com/towline-dev/towline/starlark/syntax"

// An element is a part of a sequence.
type element struct {
	span  syntax.Span
	print func()
	star  bool // *args or **kwargs in a call
}

// A seq is a bracketed list. start and end are where its brackets are.
type seq struct {
	open, close string
	start, end  int
	list        []element
	comma       bool // after the last element, in the form of several lines
	single      bool // a comma after a single element, in the form of one line
	def         bool // the parameters of a def
}

func exprs(p *printer, list []syntax.Expr) []element {
	out := make([]element, len(list))
	for i, x := range list {
		out[i] = element{span: x.Span(), print: func() { p.expr(x) }}
	}
	return out
}

// compactSeq reports whether a sequence stays on one line: if each of its parts
// starts on the line where the one before ends, and no comment stands between.
func (p *printer) compactSeq(s seq) bool {
	last := s.start
	for _, e := range s.list {
		if p.line(e.span.Start) != p.line(last) {
			return false
		}
		last = e.span.End
	}
	if p.has(last, s.end) {
		return false
	}
	return s.def && len(s.list) > 0 || p.line(last) == p.line(s.end)
}

// seq prints a sequence.
func (p *printer) seq(s seq) {
	p.print(s.open)
	p.depth++
	if p.compactSeq(s) {
		for i, e := range s.list {
			if i > 0 {
				p.print(", ")
			}
			e.print()
		}
		if s.single && len(s.list) == 1 {
			p.print(",")
		}
		p.before(s.end)
	} else {
		p.lines(s)
	}
	p.depth--
	p.print(s.close)
}

// lines prints a sequence with a line for each element.
func (p *printer) lines(s seq) {
	indent := listIndent
	if s.def {
		indent = defIndent
	}
	p.margin += indent
	for i, e := range s.list {
		p.collect(e.span.Start)
		if i == 0 && len(p.queue) > 0 {
			p.delayed()
		} else {
			p.newline()
		}
		e.print()
		if i+1 < len(s.list) || s.comma && !e.star {
			p.print(",")
		}
	}
	final := false
	if p.collect(s.end); len(s.list) == 0 && len(p.queue) > 0 {
		p.delayed()
		final = true
	}
	for p.next < len(p.f.Comments) && p.f.Comments[p.next].Start < s.end {
		p.newline()
		p.print(p.comment(p.next))
		p.next++
		final = true
	}
	if len(p.queue) > 1 {
		p.newline() // those that do not fit stay inside
		final = true
	}
	p.margin -= indent
	if !s.def || final || len(s.list) == 0 || p.line(s.list[len(s.list)-1].span.End) != p.line(s.end) && len(p.queue) > 0 {
		p.newline()
	}
}

// delayed prints the comments that stood behind an opening bracket as lines
// before the first element.
func (p *printer) delayed() {
	comments := append([]string(nil), p.queue...)
	p.queue = p.queue[:0]
	p.newline()
	for _, c := range comments {
		p.print(c)
		p.newline()
	}
}

func (p *printer) paren(x *syntax.ParenExpr) {
	if t, ok := x.X.(*syntax.TupleExpr); ok && !t.Parens {
		p.seq(seq{open: "(", close: ")", start: x.Start, end: x.End - 1, comma: true, single: true, list: exprs(p, t.List)})
		return
	}
	p.seq(seq{open: "(", close: ")", start: x.Start, end: x.End - 1, list: exprs(p, []syntax.Expr{x.X})})
}

// tuple prints a tuple without parentheses, or an empty one.
func (p *printer) tuple(x *syntax.TupleExpr) {
	if x.Parens {
		p.seq(seq{open: "(", close: ")", start: x.Start, end: x.End - 1})
		return
	}
	for i, e := range x.List {
		if i > 0 {
			p.print(", ")
		}
		p.expr(e)
	}
	if len(x.List) == 1 {
		p.print(",")
	}
}

func (p *printer) dict(x *syntax.DictExpr) {
	list := make([]element, len(x.List))
	for i, e := range x.List {
		list[i] = element{span: e.Span(), print: func() { p.expr(e) }}
	}
	p.seq(seq{open: "{", close: "}", start: x.Start, end: x.End - 1, comma: true, list: list})
}

func (p *printer) call(x *syntax.CallExpr) {
	list := make([]element, len(x.Args))
	for i, a := range x.Args {
		list[i] = element{span: a.Span(), print: func() { p.arg(a) }, star: a.Star != syntax.ILLEGAL}
	}
	p.seq(seq{open: "(", close: ")", start: x.Lparen, end: x.Rparen, comma: true, list: list})
}

func (p *printer) params(x *syntax.DefStmt) {
	list := make([]element, len(x.Params))
	for i, q := range x.Params {
		list[i] = element{span: q.Span(), print: func() { p.param(q) }}
	}
	p.seq(seq{open: "(", close: ")", start: x.Lparen, end: x.Rparen, def: true, list: list})
}

func (p *printer) load(x *syntax.LoadStmt) {
	p.print("load")
	list := []element{{span: x.Module.Span(), print: func() { p.expr(x.Module) }}}
	for _, n := range x.Names {
		list = append(list, element{span: n.Span(), print: func() {
			p.before(n.Start)
			if !n.Short {
				p.print(n.Local.Name + " = ")
			}
			p.expr(n.From)
		}})
	}
	p.seq(seq{open: "(", close: ")", start: x.Lparen, end: x.Rparen, comma: true, list: list})
}

// comprehension prints [x for y in z], with a line for each clause if the text
// had more than one.
func (p *printer) comprehension(x *syntax.Comprehension) {
	open, closing := "[", "]"
	if x.Curly {
		open, closing = "{", "}"
	}
	multi, last := p.has(x.Start, x.End), x.Start
	for _, n := range append([]syntax.Node{x.Body}, clauses(x)...) {
		multi = multi || p.line(last) != p.line(n.Span().Start)
		last = n.Span().End
	}
	multi = multi || p.line(last) != p.line(x.End)
	p.print(open)
	p.depth++
	space := func(off int) {
		if multi {
			p.breakLine(off)
		} else {
			p.print(" ")
		}
	}
	if multi {
		p.margin += listIndent
		p.breakLine(x.Body.Span().Start)
	}
	p.expr(x.Body)
	for _, c := range x.Clauses {
		space(c.Start)
		p.before(c.Start)
		if c.Vars != nil {
			p.print("for ")
			p.expr(c.Vars)
			p.print(" in ")
		} else {
			p.print("if ")
		}
		p.expr(c.X)
	}
	if multi {
		p.collect(x.End - 1)
		for p.next < len(p.f.Comments) && p.f.Comments[p.next].Start < x.End-1 {
			p.newline()
			p.print(p.comment(p.next))
			p.next++
		}
		if len(p.queue) > 1 {
			p.newline()
		}
		p.margin -= listIndent
		p.newline()
	}
	p.depth--
	p.print(closing)
}

func clauses(x *syntax.Comprehension) []syntax.Node {
	list := make([]syntax.Node, len(x.Clauses))
	for i, c := range x.Clauses {
		list[i] = c
	}
	return list
}
