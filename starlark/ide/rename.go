package ide

import (
	"errors"
	"fmt"
	"slices"

	"github.com/towline-dev/towline/starlark/infer"
	"github.com/towline-dev/towline/starlark/resolve"
	"github.com/towline-dev/towline/starlark/syntax"
)

// PrepareRename returns the place of the name at an offset, or why it cannot be
// renamed.
func PrepareRename(s *Analysis, f *resolve.File, off int) (syntax.Span, error) {
	in := infer.New(s.loaded)
	if lit, g := namedAt(in, f, off); lit != nil {
		return lit.Inner(), s.ownName(in, f, g, lit.Value)
	}
	id, b := nameAt(f, off)
	switch {
	case id == nil:
		return syntax.Span{}, errors.New("there is no name here")
	case b == nil:
		return syntax.Span{}, fmt.Errorf("it is not known what %s is", id.Name)
	case b.Kind == resolve.Builtin:
		return syntax.Span{}, fmt.Errorf("%s is built in", id.Name)
	}
	return id.Span(), nil
}

// nameAt returns the name at an offset and its binding. A keyword argument has
// the binding of the parameter only through its call, see Rename.
func nameAt(f *resolve.File, off int) (*syntax.Ident, *resolve.Binding) {
	path := syntax.PathAt(f.File, off)
	switch n := path[len(path)-1].(type) {
	case *syntax.Ident:
		if n.Name != "" {
			return n, f.Binding(n)
		}
	case *syntax.Literal:
		if l, ok := path[len(path)-2].(*syntax.LoadName); ok {
			return l.Local, f.Binding(l.Local)
		}
	}
	return nil, nil
}

// Rename returns the edits that give the name at an offset another name, in all
// files that it appears in, or why that would not be safe.
func Rename(s *Analysis, f *resolve.File, off int, name string) ([]Edit, error) {
	if _, err := PrepareRename(s, f, off); err != nil {
		return nil, err
	}
	in := infer.New(s.loaded)
	if lit, _ := namedAt(in, f, off); lit != nil {
		return s.renameResource(in, f, lit, name)
	}
	if err := validName(name); err != nil {
		return nil, err
	}
	_, b := nameAt(f, off)
	home, d := s.declaration(f, b)
	if d == nil || home != f && !slices.Contains(s.Files, home.Name) || aliased(b) {
		home, d = f, b // an extension's name, or a name given by the load: it gets a local one
	}
	r := &renaming{s: s, name: name, old: b.Name, done: map[Edit]bool{}}
	r.binding(home, d)
	if d.Kind == resolve.Global {
		for _, g := range s.all(f) {
			for _, l := range g.Root.Order {
				if l.Kind != resolve.Loaded {
					continue
				}
				if _, target := s.declaration(g, l); target == d {
					r.loaded(g, l)
				}
			}
		}
	}
	if d.Kind == resolve.Param {
		r.keywords(home, d)
	}
	return r.edits, r.err
}

func validName(name string) error {
	f := syntax.ParseString("", name)
	if len(f.Errors) > 0 || f.NumTokens() != 2 || f.Token(0).Kind != syntax.IDENT || f.Token(0).End != len(name) {
		return fmt.Errorf("%q is not a name", name)
	}
	return nil
}

// aliased reports whether a load gives the name itself, as in a="b".
func aliased(b *resolve.Binding) bool {
	if b.Kind != resolve.Loaded {
		return false
	}
	n, ok := b.Sites[0].Node.(*syntax.LoadName)
	return ok && !n.Short
}

type renaming struct {
	s         *Analysis
	old, name string
	edits     []Edit
	done      map[Edit]bool
	err       error
}

func (r *renaming) refuse(f *resolve.File, at int, why string) {
	if r.err == nil {
		line, _ := f.Lines.Position(at, syntax.UTF8)
		r.err = fmt.Errorf("%s:%d: %s %s", f.Name, line+1, r.name, why)
	}
}

func (r *renaming) edit(f *resolve.File, span syntax.Span, text string) {
	e := Edit{f.Name, span, text}
	if !r.done[e] {
		r.done[e] = true
		r.edits = append(r.edits, e)
	}
}

// binding renames a binding within its file.
func (r *renaming) binding(f *resolve.File, b *resolve.Binding) {
	r.checkConflict(f, b)
	for _, site := range b.Sites {
		if n, ok := site.Node.(*syntax.LoadName); ok && n.Short {
			r.edit(f, n.Span(), fmt.Sprintf("%s=%s", r.name, n.From.Raw))
			continue
		}
		r.edit(f, site.Ident.Span(), r.name)
	}
	for _, u := range b.Uses {
		r.edit(f, u.Span(), r.name)
	}
}

// loaded renames a name in a file that loads it.
func (r *renaming) loaded(f *resolve.File, b *resolve.Binding) {
	n, _ := f.LoadedName(b)
	if n == nil {
		return
	}
	r.edit(f, n.From.Inner(), r.name)
	if !n.Short {
		return
	}
	r.checkConflict(f, b)
	for _, u := range b.Uses {
		r.edit(f, u.Span(), r.name)
	}
}

// checkConflict refuses when the new name means something else where the old one is
// used or bound.
func (r *renaming) checkConflict(f *resolve.File, b *resolve.Binding) {
	if other := b.Scope.Name(r.name); other != nil && other != b {
		r.refuse(f, other.Sites[0].Ident.Start, "exists already")
	}
	if b.Scope.Parent == nil && f.Builtins[r.name] != nil {
		r.refuse(f, f.Builtins[r.name].Uses[0].Start, "is used as the built-in here")
	}
	for _, u := range b.Uses {
		if other := f.Root.At(u.Start).Lookup(r.name); other != nil && other != b {
			r.refuse(f, u.Start, "means something else here")
		}
	}
	if inner := capturedBinding(b.Scope, r.name, b.Scope); inner != nil {
		r.refuse(f, inner.Uses[0].Start, "would mean something else here")
	}
}

// capturedBinding returns a binding of an outer scope of that name which is used below
// a scope.
func capturedBinding(s *resolve.Scope, name string, below *resolve.Scope) *resolve.Binding {
	for p := s.Parent; p != nil; p = p.Parent {
		if b := p.Name(name); b != nil {
			for _, u := range b.Uses {
				if below.Span.Contains(u.Start) {
					return b
				}
			}
		}
	}
	return nil
}

// keywords renames the keyword arguments that name a parameter.
func (r *renaming) keywords(home *resolve.File, d *resolve.Binding) {
	def, ok := d.Scope.Node.(*syntax.DefStmt)
	if p, isParam := d.Sites[0].Node.(*syntax.Param); !ok || !isParam || p.Star != syntax.ILLEGAL {
		return
	}
	in := infer.New(r.s.loaded)
	for _, g := range r.s.all(home) {
		syntax.Walk(g.File, func(n syntax.Node) bool {
			call, ok := n.(*syntax.CallExpr)
			if !ok {
				return true
			}
			for _, a := range call.Args {
				if a.Name != nil && a.Name.Name == r.old && in.Expr(g, call.Fn).Def == def {
					r.edit(g, a.Name.Span(), r.name)
				}
			}
			return true
		})
	}
}
