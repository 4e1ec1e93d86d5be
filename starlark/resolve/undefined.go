package resolve

import (
	"fmt"

	"github.com/towline-dev/towline/starlark/decl"
	"github.com/towline-dev/towline/starlark/syntax"
)

// maxExplained limits the undefined names for which another one is looked for
// that is meant, which takes time for each name that is known.
const maxExplained = 100

// undefined is a problem with a name that is not bound where it is used.
type undefined struct {
	problem int // its index
	use
}

func (r *resolver) undefined(id *syntax.Ident, scope *Scope) {
	if len(r.unknown) < maxExplained {
		r.unknown = append(r.unknown, undefined{len(r.file.Problems), use{id, scope}})
	}
	r.problem(id.Span(), CodeUndefined, "undefined: %s", id.Name)
}

// explain says which name is meant, most likely, once all are known: the same
// one, which is bound too late, or a similar one.
func (r *resolver) explain(u undefined) {
	p := &r.file.Problems[u.problem]
	if b := u.scope.Lookup(u.id.Name); b != nil {
		p.Msg += fmt.Sprintf(" (assigned below, in line %d)", r.file.Lines.Number(b.Sites[0].Ident.Start)+1)
		return
	}
	var names []string
	for s := u.scope; s != nil; s = s.Parent {
		for _, b := range s.Order {
			names = append(names, b.Name)
		}
	}
	for _, e := range decl.Globals() {
		names = append(names, e.Name)
	}
	if n := decl.Nearest(u.id.Name, names); n != "" && n != u.id.Name {
		p.Suggest = n
		p.Msg += fmt.Sprintf(" (did you mean %s?)", n)
	}
}
