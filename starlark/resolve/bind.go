package resolve

import (
	"fmt"

	"github.com/towline-dev/towline/starlark/decl"
	"github.com/towline-dev/towline/starlark/syntax"
)

type use struct {
	id    *syntax.Ident
	scope *Scope
}

// reference is a use of a name and what it refers to.
type reference struct {
	id *syntax.Ident
	b  *Binding
}

type resolver struct {
	file      *File
	env       *Scope
	uses      []use // to be resolved at the end
	reference []reference
	named     []string // the names of the arguments of the calls around

	outline bool // only what the top level binds matters

	loops, ifs int         // open in the current function, or in the file
	unknown    []undefined // names, the first of them

	bindings []Binding // blocks from which new ones are cut
	sites    []Site
}

func newResolver(file *syntax.File) *resolver {
	root := &Scope{Node: file, Span: file.Span()}
	return &resolver{
		file: &File{File: file, Root: root, Builtins: map[string]*Binding{}, loads: map[*syntax.LoadName]*Load{}},
		env:  root,
	}
}

// deferred resolves the uses that may mean what is bound later.
func (r *resolver) deferred() {
	for _, u := range r.uses {
		r.resolveUse(u.id, u.scope)
	}
}

func (r *resolver) newBinding() *Binding {
	if len(r.bindings) == 0 {
		r.bindings = make([]Binding, 64)
	}
	b := &r.bindings[0]
	r.bindings = r.bindings[1:]
	return b
}

// newSite returns a list of one site, cut from a block.
func (r *resolver) newSite(s Site) []Site {
	if len(r.sites) == 0 {
		r.sites = make([]Site, 64)
	}
	list := r.sites[:1:1]
	r.sites = r.sites[1:]
	list[0] = s
	return list
}

func (r *resolver) problem(s syntax.Span, code, format string, args ...any) {
	r.file.Problems = append(r.file.Problems, Problem{Span: s, Code: code, Msg: fmt.Sprintf(format, args...)})
}

func (r *resolver) push(n syntax.Node, span syntax.Span) {
	s := &Scope{Parent: r.env, Node: n, Span: span}
	r.env.Children = append(r.env.Children, s)
	r.env = s
}

func (r *resolver) pop() { r.env = r.env.Parent }

// inFunction reports whether the current scope lies in a def or lambda.
func (r *resolver) inFunction() bool {
	for s := r.env; s != nil; s = s.Parent {
		if s.function() {
			return true
		}
	}
	return false
}

// bind binds a name in the current scope and reports whether it was bound.
func (r *resolver) bind(id *syntax.Ident, node syntax.Node, kind Kind) bool {
	if id == nil || id.Name == "" {
		return false
	}
	b := r.env.Name(id.Name)
	old := b != nil
	if !old {
		b = r.newBinding()
		b.Name, b.Kind, b.Scope = id.Name, kind, r.env
		r.env.add(b)
		b.Sites = r.newSite(Site{id, node})
	} else {
		b.Sites = append(b.Sites, Site{id, node})
	}
	r.file.refer(id, b)
	return old
}

// bindVar binds a variable: a global at the top, a local elsewhere.
func (r *resolver) bindVar(id *syntax.Ident, node syntax.Node) {
	kind := Local
	if r.env.Parent == nil {
		kind = Global
	}
	r.bind(id, node, kind)
}

// use notes the use of a name. At the top level it is resolved at once.
func (r *resolver) use(id *syntax.Ident) {
	switch {
	case id.Name == "":
	case r.env.Parent == nil:
		r.resolveUse(id, r.env)
	default:
		r.uses = append(r.uses, use{id, r.env})
	}
}

// resolveUse resolves the use of a name in a scope.
func (r *resolver) resolveUse(id *syntax.Ident, scope *Scope) {
	b := scope.Lookup(id.Name)
	if b == nil {
		b = r.builtin(id.Name)
	}
	if b == nil {
		r.undefined(id, scope)
		return
	}
	r.reference = append(r.reference, reference{id, b})
	r.file.refer(id, b)
}

// listUses gives each binding its uses, cut from one list.
func (r *resolver) listUses() {
	for i := range r.reference {
		r.reference[i].b.uses++
	}
	list := make([]*syntax.Ident, 0, len(r.reference))
	for _, u := range r.reference {
		b := u.b
		if b.Uses == nil {
			n := len(list)
			list = list[:n+b.uses]
			b.Uses = list[n:n:len(list)]
		}
		b.Uses = append(b.Uses, u.id)
	}
}

func (r *resolver) builtin(name string) *Binding {
	if b := r.file.Builtins[name]; b != nil {
		return b
	}
	e, ok := decl.Lookup(name)
	if !ok || e.Parent() != "" || name == "load" {
		return nil
	}
	b := &Binding{Name: name, Kind: Builtin, Entry: e}
	r.file.Builtins[name] = b
	return b
}
