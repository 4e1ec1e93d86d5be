package ide

import (
	"slices"

	"github.com/towline-dev/towline/starlark/infer"
	"github.com/towline-dev/towline/starlark/resolve"
	"github.com/towline-dev/towline/starlark/syntax"
)

// References returns the places in the analysis's files that speak of what
// stands at an offset, with or without those that bind it.
func References(s *Analysis, f *resolve.File, off int, declarations bool) []Location {
	path := syntax.PathAt(f.File, off)
	if lit, ok := path[len(path)-1].(*syntax.Literal); ok {
		if name, ok := path[len(path)-2].(*syntax.LoadName); ok {
			return s.references(f, f.Binding(name.Local), declarations)
		}
		in := infer.New(s.loaded)
		if _, p := paramAt(in, f, path); p != nil && lit.Kind == syntax.STRING {
			for _, role := range p.Type.Roles() {
				if g := groupOf(role); g != noGroup {
					return s.occurrences(in, g, lit.Value, f)
				}
			}
		}
		return nil
	}
	id, ok := path[len(path)-1].(*syntax.Ident)
	if !ok {
		return nil
	}
	return s.references(f, f.Binding(id), declarations)
}

// references returns the places of a binding in all files.
func (s *Analysis) references(f *resolve.File, b *resolve.Binding, declarations bool) []Location {
	if b == nil {
		return nil
	}
	if b.Kind == resolve.Builtin {
		var list []Location
		for _, g := range s.all(f) {
			list = append(list, places(g, g.Builtins[b.Name], declarations)...)
		}
		return list
	}
	home, d := s.declaration(f, b)
	if d == nil {
		return places(f, b, declarations)
	}
	list := places(home, d, declarations)
	if d.Kind != resolve.Global {
		return list
	}
	for _, g := range s.all(f) {
		for _, l := range g.Root.Order {
			if l.Kind != resolve.Loaded {
				continue
			}
			if _, target := s.declaration(g, l); target == d {
				list = append(list, places(g, l, declarations)...)
			}
		}
	}
	return list
}

// all returns the analysis's files, and f.
func (s *Analysis) all(f *resolve.File) []*resolve.File {
	list := []*resolve.File{f}
	for _, path := range s.Files {
		if g := s.file(path); g != nil && path != f.Name {
			list = append(list, g)
		}
	}
	return list
}

// places returns the places of a binding in its file, in the text's order.
func places(f *resolve.File, b *resolve.Binding, declarations bool) []Location {
	if b == nil {
		return nil
	}
	var spans []syntax.Span
	for _, u := range b.Uses {
		spans = append(spans, u.Span())
	}
	for _, site := range b.Sites {
		if declarations {
			spans = append(spans, site.Ident.Span())
		}
		if n, ok := site.Node.(*syntax.LoadName); ok && !n.Short && n.From != nil && declarations {
			spans = append(spans, n.From.Inner())
		}
	}
	slices.SortFunc(spans, func(a, b syntax.Span) int { return a.Start - b.Start })
	var list []Location
	for _, span := range slices.Compact(spans) {
		list = append(list, Location{f.Name, span})
	}
	return list
}

// occurrences returns the strings in all files that name a resource or an image.
func (s *Analysis) occurrences(in *infer.Inference, g group, name string, f *resolve.File) []Location {
	var list []Location
	for _, file := range s.all(f) {
		for _, lit := range groupLiterals(in, file, g) {
			if lit.Value == name {
				list = append(list, Location{file.Name, lit.Inner()})
			}
		}
	}
	return list
}

// groupLiterals returns the strings of a file that name what is of a group.
func groupLiterals(in *infer.Inference, f *resolve.File, g group) []*syntax.Literal {
	var list []*syntax.Literal
	syntax.Walk(f.File, func(n syntax.Node) bool {
		call, ok := n.(*syntax.CallExpr)
		if !ok {
			return true
		}
		sig := in.Signature(f, call.Fn)
		if sig == nil || sig.Entry == nil {
			return true
		}
		for i, p := range sig.Bind(call) {
			if p < 0 {
				continue
			}
			for _, role := range sig.Params[p].Type.Roles() {
				if groupOf(role) != g {
					continue
				}
				for _, x := range elements(call.Args[i].X) {
					if lit, ok := x.(*syntax.Literal); ok && lit.Kind == syntax.STRING {
						list = append(list, lit)
					}
				}
			}
		}
		return true
	})
	return list
}

// Highlight is a place of what stands at the cursor.
type Highlight struct {
	Span  syntax.Span
	Write bool // binds the name
}

// DocumentHighlight returns the places in this file of what stands at an
// offset.
func DocumentHighlight(s *Analysis, f *resolve.File, off int) []Highlight {
	path := syntax.PathAt(f.File, off)
	written := map[int]bool{}
	if id, ok := path[len(path)-1].(*syntax.Ident); ok {
		b := f.Binding(id)
		if b == nil {
			return nil
		}
		for _, site := range b.Sites {
			written[site.Ident.Start] = true
		}
		var list []Highlight
		for _, l := range places(f, b, true) {
			list = append(list, Highlight{l.Span, written[l.Span.Start]})
		}
		return list
	}
	var list []Highlight
	for _, l := range References(&Analysis{Host: s.Host, Project: s.Project}, f, off, true) {
		if l.Path == f.Name {
			list = append(list, Highlight{Span: l.Span})
		}
	}
	return list
}
