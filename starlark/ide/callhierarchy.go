package ide

import (
	"github.com/towline-dev/towline/starlark/infer"
	"github.com/towline-dev/towline/starlark/resolve"
	"github.com/towline-dev/towline/starlark/syntax"
)

// CallItem is a def, or the top level of a file, as a node of the call graph.
type CallItem struct {
	Name      string
	Path      string
	Span      syntax.Span
	Selection syntax.Span // identifies the item in its file
}

// Call is an edge of the call graph. The places are those of the calls, in the
// caller's file.
type Call struct {
	Item   CallItem
	Places []syntax.Span
}

// PrepareCallHierarchy returns the def that stands or is called at an offset,
// nil when there is none.
func PrepareCallHierarchy(s *Analysis, f *resolve.File, off int) *CallItem {
	path := syntax.PathAt(f.File, off)
	id, ok := path[len(path)-1].(*syntax.Ident)
	if !ok {
		return nil
	}
	v := infer.New(s.loaded).Binding(f, f.Binding(id))
	if v.Def == nil {
		return nil
	}
	item := defItem(v.From, v.Def)
	return &item
}

func defItem(f *resolve.File, d *syntax.DefStmt) CallItem {
	return CallItem{d.Name.Name, f.Name, d.Span(), d.Name.Span()}
}

// IncomingCalls returns who calls an item.
func IncomingCalls(s *Analysis, item CallItem) []Call {
	home := s.file(item.Path)
	if home == nil {
		return nil
	}
	in := infer.New(s.loaded)
	var list []Call
	for _, f := range s.all(home) {
		eachCall(f, func(caller CallItem, call *syntax.CallExpr) {
			v := in.Expr(f, call.Fn)
			if v.Def != nil && v.From.Name == item.Path && v.Def.Name.Span() == item.Selection {
				list = addCall(list, caller, call.Fn.Span())
			}
		})
	}
	return list
}

// OutgoingCalls returns whom an item calls, as far as they are defs.
func OutgoingCalls(s *Analysis, item CallItem) []Call {
	f := s.file(item.Path)
	if f == nil {
		return nil
	}
	in := infer.New(s.loaded)
	var list []Call
	eachCall(f, func(caller CallItem, call *syntax.CallExpr) {
		if caller.Selection != item.Selection {
			return
		}
		if v := in.Expr(f, call.Fn); v.Def != nil {
			list = addCall(list, defItem(v.From, v.Def), call.Fn.Span())
		}
	})
	return list
}

func addCall(list []Call, item CallItem, place syntax.Span) []Call {
	for i := range list {
		if list[i].Item == item {
			list[i].Places = append(list[i].Places, place)
			return list
		}
	}
	return append(list, Call{item, []syntax.Span{place}})
}

// eachCall calls visit for each call of a file, with the innermost def around
// it or the file itself.
func eachCall(f *resolve.File, visit func(CallItem, *syntax.CallExpr)) {
	var walk func(n syntax.Node, caller CallItem)
	walk = func(n syntax.Node, caller CallItem) {
		if d, ok := n.(*syntax.DefStmt); ok {
			caller = defItem(f, d)
		}
		if c, ok := n.(*syntax.CallExpr); ok {
			visit(caller, c)
		}
		syntax.Children(n, func(c syntax.Node) { walk(c, caller) })
	}
	walk(f.File, CallItem{Name: "(top level)", Path: f.Name, Span: f.Span()})
}
