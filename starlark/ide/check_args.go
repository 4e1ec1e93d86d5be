package ide

import (
	"fmt"
	"slices"
	"strings"

	"github.com/towline-dev/towline/starlark/decl"
	"github.com/towline-dev/towline/starlark/infer"
	"github.com/towline-dev/towline/starlark/syntax"
)

// call checks one call, if it is known what is called.
func (c *checker) call(call *syntax.CallExpr) {
	fn := c.in.Expr(c.f, call.Fn)
	sig := c.in.SignatureOf(fn)
	if sig == nil || fn.Loose || call.Rparen < 0 {
		return
	}
	for _, a := range call.Args {
		if _, bad := a.X.(*syntax.BadExpr); bad {
			return
		}
	}
	if sig.Entry != nil && sig.Entry.Method {
		return // whose value may be another one after all
	}
	bound := sig.Bind(call)
	c.arity(call, sig, bound)
	if sig.Entry == nil {
		return
	}
	for i, a := range call.Args {
		if bound[i] < 0 {
			continue
		}
		p := &sig.Params[bound[i]]
		if p.Deprecated && a.Name != nil {
			d := c.add(a.Name.Span(), CodeDeprecated, "%s: %s", p.Name, strings.TrimSpace(strings.TrimPrefix(p.Doc, "Deprecated:")))
			d.Tag = Deprecated
		}
		if p.Kind < decl.VarArgs {
			c.argType(a, sig, p)
			c.argRole(a, sig, bound[i])
		}
	}
	c.builtinCall(call, sig.Entry)
}

// arity checks that each argument has a parameter, and each required parameter
// an argument.
func (c *checker) arity(call *syntax.CallExpr, sig *infer.Signature, bound []int) {
	given, meant := make([]bool, len(sig.Params)), make([]bool, len(sig.Params))
	args, kwargs := false, false
	for i, a := range call.Args {
		switch {
		case a.Star == syntax.STAR:
			args = true
		case a.Star == syntax.STARSTAR:
			kwargs = true
		case bound[i] < 0 && a.Name != nil:
			if p := c.unknownArg(a, sig, bound); p >= 0 {
				meant[p] = true
			}
		case bound[i] < 0 && !args:
			c.add(a.Span(), CodeTooManyArgs, "%s takes at most %s", sig.Name, count(sig.MaxPositional(), "positional argument"))
			return
		case bound[i] < 0:
		default:
			p := &sig.Params[bound[i]]
			if given[bound[i]] && p.Kind < decl.VarArgs && a.Name != nil && !repeated(call, i) {
				d := c.add(a.Name.Span(), CodeDuplicateArg, "%s: %s was given by position already", sig.Name, p.Name)
				before := call.Args[i-1].End // there is one, that has the position
				d.Fixes = append(d.Fixes, Fix{"Remove it", []Edit{{c.f.Name, syntax.Span{Start: before, End: a.End}, ""}}, false})
			}
			given[bound[i]] = true
		}
	}
	for i := range sig.Params {
		p := &sig.Params[i]
		if given[i] || meant[i] || !p.Required || kwargs || args && p.Kind != decl.Keyword {
			continue
		}
		c.add(c.calleeSpan(call), CodeMissingArg, "%s: missing argument for %s", sig.Name, p.Name)
	}
}

// repeated reports whether an earlier argument has the same name, which the
// resolver reports.
func repeated(call *syntax.CallExpr, i int) bool {
	for _, a := range call.Args[:i] {
		if a.Name != nil && a.Name.Name == call.Args[i].Name.Name {
			return true
		}
	}
	return false
}

func (c *checker) calleeSpan(call *syntax.CallExpr) syntax.Span {
	if d, ok := call.Fn.(*syntax.DotExpr); ok {
		return d.Name.Span()
	}
	return call.Fn.Span()
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// unknownArg reports a keyword that no parameter has, with the one that is
// meant: Tilt's documentation gives some of them other names. It returns the
// parameter's index, -1 when there is none. One that another argument is bound
// to is not meant.
func (c *checker) unknownArg(a *syntax.Arg, sig *infer.Signature, bound []int) int {
	name, meant := a.Name.Name, ""
	var names []string
	for i := range sig.Params {
		p := &sig.Params[i]
		if p.Name == name {
			d := c.add(a.Name.Span(), CodeUnknownArg, "%s: %s is taken by its position only", sig.Name, name)
			d.Fixes = append(d.Fixes, Fix{"Leave out the name", []Edit{{c.f.Name, syntax.Span{Start: a.Name.Start, End: a.X.Span().Start}, ""}}, true})
			return i
		}
		if p.DocName == name {
			meant = p.Name
		}
		names = append(names, p.Name)
	}
	if c.searches++; meant == "" && c.searches <= maxSearches {
		var free []string
		for i, n := range names {
			if !slices.Contains(bound, i) {
				free = append(free, n)
			}
		}
		meant = decl.Nearest(name, free)
	}
	d := c.add(a.Name.Span(), CodeUnknownArg, "%s: unexpected keyword argument %q", sig.Name, name)
	if meant != "" {
		d.Message += fmt.Sprintf(" (did you mean %s?)", meant)
		d.Fixes = append(d.Fixes, replaceFix(c.f, a.Name.Span(), meant))
	}
	return slices.Index(names, meant)
}

// argType reports a literal of a type that a parameter of a built-in cannot
// accept. Where Tilt converts, or the table is not strict, nothing is said.
func (c *checker) argType(a *syntax.Arg, sig *infer.Signature, p *decl.Param) {
	got := literalType(a.X)
	if got == "" || p.Type.Accepts(got) {
		return
	}
	lists := got == "tuple" && p.Type.Accepts("list") || got == "int" && p.Type.Accepts("float")
	if lists || len(p.Type.Alternatives()) == 0 {
		return
	}
	for _, t := range p.Type.Alternatives() {
		if !certainMismatch(t.Name, got) {
			return
		}
	}
	c.add(a.X.Span(), CodeWrongType, "%s: %s must be %s, not %s", sig.Name, p.Name, p.Type, got)
}

// certainMismatch reports whether a parameter of the type want certainly refuses a
// literal of the type got.
func certainMismatch(want, got string) bool {
	switch want {
	case "str":
		return got == "int" || got == "bool" || got == "dict" || got == "list"
	case "int":
		return got == "str" || got == "list" || got == "dict"
	case "bool":
		return got == "str" || got == "list" || got == "dict"
	case "list", "dict":
		return got == "int" || got == "bool"
	case "None", "Blob":
		return true
	}
	return false
}

// literalType returns the type of a literal, "" for anything else and for None.
func literalType(x syntax.Expr) string {
	switch x := syntax.Unparen(x).(type) {
	case *syntax.Literal:
		switch x.Kind {
		case syntax.STRING:
			return "str"
		case syntax.INT:
			return "int"
		}
	case *syntax.ListExpr:
		return "list"
	case *syntax.DictExpr:
		return "dict"
	case *syntax.TupleExpr:
		return "tuple"
	case *syntax.Ident:
		if x.Name == "True" || x.Name == "False" {
			return "bool"
		}
	}
	return ""
}
