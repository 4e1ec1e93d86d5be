package syntax

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	oracle "go.starlark.net/syntax"
)

// tiltOptions are the options with which Tilt reads a Tiltfile.
var tiltOptions = oracle.FileOptions{Set: true, GlobalReassign: true, Recursion: true, TopLevelControl: true, While: true}

// compare holds our parser against the original: the same tree for what it
// accepts, and for the rest its words at or before its position.
func compare(t *testing.T, src string) {
	t.Helper()
	f := ParseString("t", src)
	checkLossless(t, f)
	checkSpans(t, f)
	checkDescribed(t, f)
	of, err := tiltOptions.Parse("t", src, 0)
	if err == nil {
		if len(f.Errors) > 0 {
			t.Fatalf("accepted by the original, but: %v\n%q", f.Errors[0], src)
		}
		if diff := cmp.Diff(oracleDump(of), Dump(f)); diff != "" {
			t.Fatalf("another tree (-original +ours):\n%s\n%q", diff, src)
		}
		return
	}
	var want oracle.Error
	if !errors.As(err, &want) {
		t.Fatal(err)
	}
	if len(f.Errors) == 0 {
		t.Fatalf("rejected by the original: %v\n%q", err, src)
	}
	off := f.Lines.Offset(int(want.Pos.Line)-1, int(want.Pos.Col)-1, UTF32)
	if f.Errors[0].Start > off {
		t.Fatalf("first error at %d, the original's at %d: %v, want %v\n%q", f.Errors[0].Start, off, f.Errors[0].Msg, err, src)
	}
	if got := firstMessage(f); got != want.Msg && !strings.HasPrefix(want.Msg, "got , ") && !strings.Contains(got, "reserved word") && !strings.Contains(got, "bytes literal") && !strings.Contains(want.Msg, "internal error") {
		t.Fatalf("first error %q, want %q\n%q", got, want.Msg, src)
	}
}

// checkDescribed makes sure that what a person is told stands at a place of the
// text, not behind the original's, and names a bracket that stands before it.
func checkDescribed(t *testing.T, f *File) {
	t.Helper()
	for _, e := range f.Errors {
		at, message := f.Describe(e)
		if at.Start < 0 || at.Start > e.Start || at.End > len(f.Src) || !strings.Contains(message, e.Msg) {
			t.Fatalf("%v is described as %v %q\n%q", e, at, message, f.Src)
		}
		if open, ok := f.Unclosed(e); ok && (open.End != open.Start+1 || open.End > e.Start || !strings.Contains("([{", f.Src[open.Start:open.End])) {
			t.Fatalf("%v is of the bracket %v\n%q", e, open, f.Src)
		}
	}
}

// firstMessage returns the message of the first error.
func firstMessage(f *File) string { return f.Errors[0].Msg }

// checkLossless makes sure that nothing but white space and line continuations
// lies between the tokens and comments.
func checkLossless(t *testing.T, f *File) {
	t.Helper()
	end, ci := 0, 0
	gap := func(upto int) {
		for _, r := range f.Src[end:upto] {
			if !strings.ContainsRune(" \t\r\n\\", r) {
				t.Fatalf("text lost between %d and %d: %q\n%q", end, upto, f.Src[end:upto], f.Src)
			}
		}
	}
	for tok := range f.Tokens() {
		for ci < len(f.Comments) && f.Comments[ci].Start < tok.Start {
			gap(f.Comments[ci].Start)
			end = f.Comments[ci].End
			ci++
		}
		if tok.Start < end {
			t.Fatalf("token %v overlaps what ends at %d\n%q", tok, end, f.Src)
		}
		gap(tok.Start)
		end = tok.End
	}
	if end < len(f.Src) && f.Src[end] != 0 && ci == len(f.Comments) {
		gap(len(f.Src))
	}
}

// checkSpans makes sure that each node lies within its parent and after its
// elder siblings.
func checkSpans(t *testing.T, f *File) {
	t.Helper()
	Walk(f, func(n Node) bool {
		s, last := n.Span(), n.Span().Start
		if s.Start > s.End || s.End > len(f.Src) {
			t.Fatalf("%T has span %v\n%q", n, s, f.Src)
		}
		if id, ok := n.(*Ident); ok && f.Text(id) != id.Name && !strings.Contains(f.Src, "\\") && strings.ToValidUTF8(f.Src, "") == f.Src {
			t.Fatalf("name %q at %q\n%q", id.Name, f.Text(id), f.Src)
		}
		Children(n, func(c Node) {
			cs := c.Span()
			if cs.Start < last || cs.End > s.End {
				t.Fatalf("%T %v in %T %v: after %d\n%q", c, cs, n, s, last, f.Src)
			}
			last = cs.End
		})
		return true
	})
}

func oracleDump(f *oracle.File) string {
	var b strings.Builder
	oracleStmts(&b, f.Stmts)
	return b.String()
}

func oracleStmts(b *strings.Builder, list []oracle.Stmt) {
	b.WriteByte('{')
	for _, s := range list {
		b.WriteByte('\n')
		oracleStmt(b, s)
	}
	b.WriteByte('}')
}

func oracleForm(b *strings.Builder, head string, list ...oracle.Expr) {
	b.WriteString("(" + head)
	for _, x := range list {
		b.WriteByte(' ')
		oracleExpr(b, x)
	}
	b.WriteByte(')')
}

func oracleStmt(b *strings.Builder, s oracle.Stmt) {
	switch s := s.(type) {
	case *oracle.AssignStmt:
		oracleForm(b, s.Op.String(), s.LHS, s.RHS)
	case *oracle.BranchStmt:
		fmt.Fprintf(b, "(%s)", s.Token)
	case *oracle.ReturnStmt:
		if s.Result == nil {
			oracleForm(b, "return")
		} else {
			oracleForm(b, "return", s.Result)
		}
	case *oracle.ExprStmt:
		oracleForm(b, "expr", s.X)
	case *oracle.LoadStmt:
		fmt.Fprintf(b, "(load (string literal %q)", s.Module.Value)
		for i := range s.To {
			fmt.Fprintf(b, " (%s %q)", s.To[i].Name, s.From[i].Name)
		}
		b.WriteByte(')')
	case *oracle.DefStmt:
		b.WriteString("(def " + s.Name.Name)
		oracleParams(b, s.Params)
		oracleStmts(b, s.Body)
		b.WriteByte(')')
	case *oracle.IfStmt:
		b.WriteString("(if ")
		oracleExpr(b, s.Cond)
		oracleStmts(b, s.True)
		oracleStmts(b, s.False)
		b.WriteByte(')')
	case *oracle.ForStmt:
		b.WriteString("(for ")
		oracleExpr(b, s.Vars)
		b.WriteByte(' ')
		oracleExpr(b, s.X)
		oracleStmts(b, s.Body)
		b.WriteByte(')')
	case *oracle.WhileStmt:
		b.WriteString("(while ")
		oracleExpr(b, s.Cond)
		oracleStmts(b, s.Body)
		b.WriteByte(')')
	}
}

func oracleParams(b *strings.Builder, list []oracle.Expr) {
	for _, p := range list {
		b.WriteByte(' ')
		switch p := p.(type) {
		case *oracle.BinaryExpr:
			oracleForm(b, "param", p.X, p.Y)
		case *oracle.UnaryExpr:
			if p.X == nil {
				oracleForm(b, "param "+p.Op.String())
			} else {
				oracleForm(b, "param "+p.Op.String(), p.X)
			}
		default:
			oracleForm(b, "param", p)
		}
	}
}

func oracleExpr(b *strings.Builder, x oracle.Expr) {
	switch x := x.(type) {
	case *oracle.Ident:
		b.WriteString(x.Name)
	case *oracle.Literal:
		switch x.Token {
		case oracle.STRING:
			fmt.Fprintf(b, "(string literal %q)", x.Value)
		case oracle.BYTES:
			fmt.Fprintf(b, "(bytes literal %q)", x.Value)
		default:
			fmt.Fprintf(b, "(%s %s)", x.Token, x.Raw)
		}
	case *oracle.ParenExpr:
		oracleForm(b, "paren", x.X)
	case *oracle.TupleExpr:
		oracleForm(b, "tuple", x.List...)
	case *oracle.ListExpr:
		oracleForm(b, "list", x.List...)
	case *oracle.DictExpr:
		oracleForm(b, "dict", x.List...)
	case *oracle.DictEntry:
		oracleForm(b, "entry", x.Key, x.Value)
	case *oracle.CallExpr:
		oracleCall(b, x)
	case *oracle.DotExpr:
		oracleForm(b, "dot", x.X, x.Name)
	case *oracle.IndexExpr:
		oracleForm(b, "index", x.X, x.Y)
	case *oracle.UnaryExpr:
		oracleForm(b, "unary "+x.Op.String(), x.X)
	case *oracle.BinaryExpr:
		oracleForm(b, x.Op.String(), x.X, x.Y)
	case *oracle.CondExpr:
		oracleForm(b, "cond", x.True, x.Cond, x.False)
	case *oracle.LambdaExpr:
		b.WriteString("(lambda")
		oracleParams(b, x.Params)
		b.WriteByte(' ')
		oracleExpr(b, x.Body)
		b.WriteByte(')')
	case *oracle.SliceExpr:
		b.WriteString("(slice ")
		oracleExpr(b, x.X)
		for _, y := range []oracle.Expr{x.Lo, x.Hi, x.Step} {
			b.WriteByte(' ')
			if y == nil {
				b.WriteByte('_')
			} else {
				oracleExpr(b, y)
			}
		}
		b.WriteByte(')')
	case *oracle.Comprehension:
		oracleComp(b, x)
	}
}

func oracleCall(b *strings.Builder, x *oracle.CallExpr) {
	b.WriteString("(call ")
	oracleExpr(b, x.Fn)
	for _, a := range x.Args {
		b.WriteByte(' ')
		if u, ok := a.(*oracle.UnaryExpr); ok && (u.Op == oracle.STAR || u.Op == oracle.STARSTAR) {
			oracleForm(b, "arg "+u.Op.String(), u.X)
		} else if e, ok := a.(*oracle.BinaryExpr); ok && e.Op == oracle.EQ {
			oracleForm(b, "arg", e.X, e.Y)
		} else {
			oracleForm(b, "arg", a)
		}
	}
	b.WriteByte(')')
}

func oracleComp(b *strings.Builder, x *oracle.Comprehension) {
	fmt.Fprintf(b, "(comp %t ", x.Curly)
	oracleExpr(b, x.Body)
	for _, c := range x.Clauses {
		b.WriteByte(' ')
		switch c := c.(type) {
		case *oracle.ForClause:
			oracleForm(b, "for", c.Vars, c.X)
		case *oracle.IfClause:
			oracleForm(b, "if", c.Cond)
		}
	}
	b.WriteByte(')')
}
