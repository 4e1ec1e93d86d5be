package ide

import (
	"slices"

	"github.com/towline-dev/towline/starlark/decl"
	"github.com/towline-dev/towline/starlark/infer"
	"github.com/towline-dev/towline/starlark/resolve"
	"github.com/towline-dev/towline/starlark/syntax"
)

// A stringRef is something of the project that a call names in plain text: an
// image, a resource, a workload.
type stringRef struct {
	lit  *syntax.Literal
	role decl.Role
	call *syntax.CallExpr
	fn   *decl.Entry
}

// stringRefs returns what the calls of a file declare, in the text's order:
// the string arguments that name an image, a new resource or a workload.
func stringRefs(in *infer.Inference, f *resolve.File) []stringRef {
	var list []stringRef
	syntax.Walk(f.File, func(n syntax.Node) bool {
		if call, ok := n.(*syntax.CallExpr); ok {
			list = appendRefs(list, in, f, call)
		}
		return true
	})
	return list
}

// appendRefs appends those of one call.
func appendRefs(list []stringRef, in *infer.Inference, f *resolve.File, call *syntax.CallExpr) []stringRef {
	if !namesSomething(call) {
		return list
	}
	sig := in.Signature(f, call.Fn)
	if sig == nil || sig.Entry == nil || sig.Entry.Universe || sig.Entry.Method {
		return list
	}
	for i, p := range sig.Bind(call) {
		if p < 0 {
			continue
		}
		lit := textOf(call.Args[i])
		if role := sig.Params[p].Type.Role; lit != nil && role != decl.RoleNone {
			list = append(list, stringRef{lit, role, call, sig.Entry})
		}
	}
	return list
}

// namesSomething reports whether an argument of a call is plain text.
func namesSomething(call *syntax.CallExpr) bool {
	return slices.ContainsFunc(call.Args, func(a *syntax.Arg) bool { return textOf(a) != nil })
}

// textOf returns the string that an argument is, nil when it is none or empty.
func textOf(a *syntax.Arg) *syntax.Literal {
	if lit, ok := a.X.(*syntax.Literal); ok && lit.Kind == syntax.STRING && lit.Value != "" {
		return lit
	}
	return nil
}
