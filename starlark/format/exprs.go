package format

import (
	"strings"

	"github.com/towline-dev/towline/starlark/syntax"
)

func (p *printer) expr(x syntax.Expr) {
	p.before(x.Span().Start)
	switch x := x.(type) {
	case *syntax.Ident:
		p.print(x.Name)
	case *syntax.Literal:
		p.literal(x)
	case *syntax.ParenExpr:
		p.paren(x)
	case *syntax.TupleExpr:
		p.tuple(x)
	case *syntax.ListExpr:
		p.seq(seq{open: "[", close: "]", start: x.Start, end: x.End - 1, comma: true, list: exprs(p, x.List)})
	case *syntax.DictExpr:
		p.dict(x)
	case *syntax.DictEntry:
		p.expr(x.Key)
		p.print(": ")
		p.expr(x.Value)
	case *syntax.Comprehension:
		p.comprehension(x)
	case *syntax.CallExpr:
		p.expr(x.Fn)
		p.call(x)
	case *syntax.DotExpr:
		p.dot(x)
	case *syntax.IndexExpr:
		p.expr(x.X)
		p.subscript(x.End, func() { p.expr(x.Index) })
	case *syntax.SliceExpr:
		p.slice(x)
	case *syntax.UnaryExpr:
		p.print(x.Op.String())
		if x.Op == syntax.NOT {
			p.print(" ")
		}
		p.expr(x.X)
	case *syntax.BinaryExpr:
		p.binary(x)
	case *syntax.CondExpr:
		p.expr(x.True)
		p.print(" if ")
		p.expr(x.Cond)
		p.print(" else ")
		p.expr(x.False)
	case *syntax.LambdaExpr:
		p.lambda(x)
	}
}

// literal prints a literal, a string with double quotes if it holds none.
func (p *printer) literal(x *syntax.Literal) {
	p.print(quote(x.Raw))
}

// quote returns a literal's text with double quotes in place of single ones,
// where that changes nothing else.
func quote(raw string) string {
	if strings.Contains(raw, "\r") {
		raw = strings.ReplaceAll(strings.ReplaceAll(raw, "\r\n", "\n"), "\r", "\n")
	}
	i := strings.IndexByte(raw, '\'')
	if i < 0 || strings.Trim(raw[:i], "rb") != "" || strings.Contains(raw, `"`) {
		return raw
	}
	prefix, body, quotes := raw[:i], raw[i:], `"`
	if len(body) >= 6 && strings.HasPrefix(body, "'''") {
		quotes = `"""`
	}
	body = body[len(quotes) : len(body)-len(quotes)]
	if !strings.Contains(prefix, "r") {
		body = unescapeQuotes(body)
	}
	return prefix + quotes + body + quotes
}

// unescapeQuotes replaces \' by '.
func unescapeQuotes(body string) string {
	if !strings.Contains(body, `\'`) {
		return body
	}
	var b strings.Builder
	for i := 0; i < len(body); i++ {
		if body[i] == '\\' && i+1 < len(body) {
			i++
			if body[i] != '\'' {
				b.WriteByte('\\')
			}
		}
		b.WriteByte(body[i])
	}
	return b.String()
}

// dot prints x.name, on two lines if it was.
func (p *printer) dot(x *syntax.DotExpr) {
	p.expr(x.X)
	lineBreak := p.line(x.X.Span().End) != p.line(x.Name.Start)
	if lineBreak {
		p.margin += listIndent
		p.breakLine(x.Name.Start)
		p.before(x.Name.Start)
	}
	p.print("." + x.Name.Name)
	if lineBreak {
		p.margin -= listIndent
	}
}

// subscript prints [x] up to the offset end.
func (p *printer) subscript(end int, inner func()) {
	p.print("[")
	p.depth++
	inner()
	p.before(end - 1)
	p.depth--
	p.print("]")
}

func (p *printer) slice(x *syntax.SliceExpr) {
	p.expr(x.X)
	p.subscript(x.End, func() {
		if x.Lo != nil {
			p.expr(x.Lo)
		}
		p.print(":")
		if x.Hi != nil {
			p.expr(x.Hi)
		}
		if x.Step != nil {
			p.print(":")
			p.expr(x.Step)
		}
	})
}

// binary prints x op y. If the line was broken after the operator, it still is,
// and both operands start in the same column.
func (p *printer) binary(x *syntax.BinaryExpr) {
	margin := p.margin
	lineBreak := p.line(x.X.Span().End) < p.line(x.Y.Span().Start)
	if lineBreak {
		p.margin = p.column()
	}
	p.expr(x.X)
	p.print(" " + x.Op.String())
	if lineBreak {
		p.breakLine(x.Y.Span().Start)
	} else {
		p.print(" ")
	}
	p.expr(x.Y)
	p.margin = margin
}

func (p *printer) lambda(x *syntax.LambdaExpr) {
	p.print("lambda")
	for i, q := range x.Params {
		if i > 0 {
			p.print(",")
		}
		p.print(" ")
		p.param(q)
	}
	p.print(": ")
	p.expr(x.Body)
}

func (p *printer) param(x *syntax.Param) {
	p.before(x.Start)
	if x.Star != syntax.ILLEGAL {
		p.print(x.Star.String())
	}
	if x.Name != nil {
		p.print(x.Name.Name)
	}
	if x.Default != nil {
		p.print(" = ")
		p.expr(x.Default)
	}
}

func (p *printer) arg(x *syntax.Arg) {
	p.before(x.Start)
	if x.Star != syntax.ILLEGAL {
		p.print(x.Star.String())
	}
	if x.Name != nil {
		p.print(x.Name.Name + " = ")
	}
	p.expr(x.X)
}
