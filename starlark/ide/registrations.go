package ide

import (
	"github.com/towline-dev/towline/starlark/config"
	"github.com/towline-dev/towline/starlark/resolve"
	"github.com/towline-dev/towline/starlark/syntax"
)

// registering are the functions of v1alpha1 that say where extensions are, with
// the kinds of their objects.
var registering = map[string]string{"extension_repo": "ExtensionRepo", "extension": "Extension"}

// Registrations returns the repositories of extensions, and the extensions,
// that the statements of a file register in plain text: what an evaluation
// would see in Project.API, before there was one.
func Registrations(f *resolve.File) []config.APIObject {
	b := f.Builtins["v1alpha1"]
	if b == nil {
		return nil
	}
	var list []config.APIObject
	for _, st := range f.Stmts() {
		call := callOfStmt(st)
		if call == nil {
			continue
		}
		dot, ok := call.Fn.(*syntax.DotExpr)
		if !ok || registering[dot.Name.Name] == "" {
			continue
		}
		if x, ok := dot.X.(*syntax.Ident); !ok || f.Binding(x) != b {
			continue
		}
		object := config.APIObject{Kind: registering[dot.Name.Name], Spec: map[string]any{}}
		for i, a := range call.Args {
			lit, ok := a.X.(*syntax.Literal)
			if !ok || lit.Kind != syntax.STRING {
				continue
			}
			switch {
			case a.Name == nil && i == 0, a.Name != nil && a.Name.Name == "name":
				object.Name = lit.Value
			case a.Name != nil:
				object.Spec[a.Name.Name] = lit.Value
			}
		}
		if object.Name != "" {
			list = append(list, object)
		}
	}
	return list
}
