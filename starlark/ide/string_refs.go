package ide

import (
	"github.com/towline-dev/towline/starlark/decl"
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
func stringRefs(in *inference, f *resolve.File) []stringRef {
	var list []stringRef
	syntax.Walk(f.File, func(n syntax.Node) bool {
		call, ok := n.(*syntax.CallExpr)
		if !ok {
			return true
		}
		sig := in.signature(f, call.Fn)
		if sig == nil || sig.entry == nil || sig.entry.Universe || sig.entry.Method {
			return true
		}
		for i, p := range sig.bind(call) {
			if p < 0 {
				continue
			}
			lit, ok := call.Args[i].X.(*syntax.Literal)
			if role := sig.params[p].Type.Role; ok && lit.Kind == syntax.STRING && lit.Value != "" && role != decl.RoleNone {
				list = append(list, stringRef{lit, role, call, sig.entry})
			}
		}
		return true
	})
	return list
}
