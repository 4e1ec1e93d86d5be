package ide

import (
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
		call, ok := n.(*syntax.CallExpr)
		if !ok {
			return true
		}
		sig := in.Signature(f, call.Fn)
		if sig == nil || sig.Entry == nil || sig.Entry.Universe || sig.Entry.Method {
			return true
		}
		for i, p := range sig.Bind(call) {
			if p < 0 {
				continue
			}
			lit, ok := call.Args[i].X.(*syntax.Literal)
			if role := sig.Params[p].Type.Role; ok && lit.Kind == syntax.STRING && lit.Value != "" && role != decl.RoleNone {
				list = append(list, stringRef{lit, role, call, sig.Entry})
			}
		}
		return true
	})
	return list
}
