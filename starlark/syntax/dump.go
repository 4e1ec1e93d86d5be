package syntax

import (
	"fmt"
	"strings"
)

// Dump prints a tree, without positions and comments, for tests and debugging:
// texts with the same dump mean the same.
func Dump(n Node) string {
	var d dumper
	if f, ok := n.(*File); ok {
		d.stmts(f.Stmts())
	} else {
		d.node(n)
	}
	return d.String()
}

type dumper struct{ strings.Builder }

func (d *dumper) printf(format string, args ...any) { fmt.Fprintf(&d.Builder, format, args...) }

// form prints (head child child ...).
func (d *dumper) form(head string, n Node) {
	d.printf("(%s", head)
	Children(n, func(c Node) {
		d.WriteByte(' ')
		d.node(c)
	})
	d.WriteByte(')')
}

func (d *dumper) stmts(list []Stmt) {
	d.WriteByte('{')
	for _, s := range list {
		d.WriteByte('\n')
		d.node(s)
	}
	d.WriteByte('}')
}

func (d *dumper) node(n Node) {
	switch n := n.(type) {
	case *Ident:
		d.WriteString(n.Name)
	case *Literal:
		if n.Kind == STRING || n.Kind == BYTES {
			d.printf("(%s %q)", n.Kind, n.Value)
		} else {
			d.printf("(%s %s)", n.Kind, n.Raw)
		}
	case *AssignStmt:
		d.form(n.Op.String(), n)
	case *BranchStmt:
		d.printf("(%s)", n.Kind)
	case *UnaryExpr:
		d.form("unary "+n.Op.String(), n)
	case *BinaryExpr:
		d.form(n.Op.String(), n)
	case *Comprehension:
		d.form(fmt.Sprintf("comp %t", n.Curly), n)
	case *CompClause:
		if n.Vars == nil {
			d.form("if", n)
		} else {
			d.form("for", n)
		}
	case *Arg:
		d.starred("arg", n.Star, n)
	case *Param:
		d.starred("param", n.Star, n)
	case *SliceExpr:
		d.slice(n)
	case *CondExpr:
		d.form("cond", n)
	case *LoadName:
		from := ""
		if n.From != nil {
			from = n.From.Value
		}
		d.printf("(%s %q)", n.Local.Name, from)
	default:
		d.block(n)
	}
}

// starred prints an argument or a parameter.
func (d *dumper) starred(head string, star Kind, n Node) {
	if star != ILLEGAL {
		head += " " + star.String()
	}
	d.form(head, n)
}

func (d *dumper) slice(n *SliceExpr) {
	d.WriteString("(slice")
	for _, x := range []Expr{n.X, n.Lo, n.Hi, n.Step} {
		d.WriteByte(' ')
		if x != nil {
			d.node(x)
		} else {
			d.WriteByte('_')
		}
	}
	d.WriteByte(')')
}

// block prints the statements with blocks, and hands on the rest.
func (d *dumper) block(n Node) {
	switch n := n.(type) {
	case *DefStmt:
		d.printf("(def %s", n.Name.Name)
		for _, p := range n.Params {
			d.WriteByte(' ')
			d.node(p)
		}
		d.stmts(n.Body)
	case *IfStmt:
		for i, c := range n.Clauses {
			if i > 0 {
				d.WriteString("{\n")
			}
			d.WriteString("(if ")
			d.node(c.Cond)
			d.stmts(c.Body)
		}
		if n.Else != nil {
			d.stmts(n.Else.Body)
		} else {
			d.WriteString("{}")
		}
		d.WriteString(strings.Repeat(")}", len(n.Clauses)-1))
	case *ForStmt:
		d.WriteString("(for ")
		d.node(n.Vars)
		d.WriteByte(' ')
		d.node(n.X)
		d.stmts(n.Body)
	case *WhileStmt:
		d.WriteString("(while ")
		d.node(n.Cond)
		d.stmts(n.Body)
	default:
		d.form(formName(n), n)
		return
	}
	d.WriteByte(')')
}

func formName(n Node) string {
	switch n.(type) {
	case *ParenExpr:
		return "paren"
	case *TupleExpr:
		return "tuple"
	case *ListExpr:
		return "list"
	case *DictExpr:
		return "dict"
	case *DictEntry:
		return "entry"
	case *CallExpr:
		return "call"
	case *DotExpr:
		return "dot"
	case *IndexExpr:
		return "index"
	case *LambdaExpr:
		return "lambda"
	case *ReturnStmt:
		return "return"
	case *ExprStmt:
		return "expr"
	case *LoadStmt:
		return "load"
	}
	return "bad"
}
