package ide

import (
	"github.com/towline-dev/towline/starlark/decl"
	"github.com/towline-dev/towline/starlark/infer"
	"github.com/towline-dev/towline/starlark/resolve"
	"github.com/towline-dev/towline/starlark/syntax"
)

// InlayHint is a text that an editor shows between others.
type InlayHint struct {
	Off   int
	Label string
	Type  bool // a type, after a name; else a parameter's name, before an argument
}

// InlayHints returns the hints within a span: the names of parameters that
// positional literals bind to, and the types of variables whose value does not
// show it.
func InlayHints(s *Analysis, f *resolve.File, within syntax.Span) []InlayHint {
	in := infer.New(s.loaded)
	var list []InlayHint
	syntax.Walk(f.File, func(n syntax.Node) bool {
		if sp := n.Span(); sp.End < within.Start || sp.Start > within.End {
			return false
		}
		switch n := n.(type) {
		case *syntax.CallExpr:
			list = append(list, argHints(in, f, n)...)
		case *syntax.AssignStmt:
			list = append(list, typeHint(in, f, n)...)
		}
		return true
	})
	return list
}

// argHints names the positional literals of a call. The first argument says
// by itself what it is, and so does the only one.
func argHints(in *infer.Inference, f *resolve.File, call *syntax.CallExpr) []InlayHint {
	sig := in.Signature(f, call.Fn)
	if sig == nil || sig.Entry != nil && (sig.Entry.Universe || sig.Entry.Method) {
		return nil
	}
	var list []InlayHint
	for i, p := range sig.Bind(call) {
		a := call.Args[i]
		if p < 1 || a.Name != nil || a.Star != syntax.ILLEGAL || sig.Params[p].Kind >= decl.VarArgs || literalType(a.X) == "" {
			continue
		}
		list = append(list, InlayHint{Off: a.Start, Label: sig.Params[p].Name + "="})
	}
	return list
}

// typeHint names the type of a variable that a call gives its value.
func typeHint(in *infer.Inference, f *resolve.File, st *syntax.AssignStmt) []InlayHint {
	id, ok := st.LHS.(*syntax.Ident)
	if !ok || st.Op != syntax.EQ {
		return nil
	}
	if _, call := syntax.Unparen(st.RHS).(*syntax.CallExpr); !call {
		return nil
	}
	v := in.Expr(f, st.RHS)
	if !v.Known() || v.Name == "struct" || v.Name == "None" {
		return nil
	}
	return []InlayHint{{Off: id.End, Label: ": " + v.String(), Type: true}}
}
