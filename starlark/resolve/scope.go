package resolve

import (
	"github.com/towline-dev/towline/starlark/decl"
	"github.com/towline-dev/towline/starlark/syntax"
)

// Kind says what a name is bound to.
type Kind uint8

// The kinds of bindings.
const (
	Global Kind = iota
	Local
	Param
	Loaded
	Builtin
)

// A Binding is a name in a scope, with all places that bind or use it.
type Binding struct {
	Name  string
	Kind  Kind
	Scope *Scope          // nil for built-ins
	Sites []Site          // where it is bound, in the order of the text; none for built-ins
	Uses  []*syntax.Ident // where it is used
	Entry *decl.Entry     // of a built-in

	uses int // how many Uses there will be
}

// A Site is a place that binds a name.
type Site struct {
	Ident *syntax.Ident
	Node  syntax.Node // AssignStmt, ForStmt, CompClause, DefStmt, Param or LoadName
}

// Def returns the def that the name is bound to, if that is its only binding.
func (b *Binding) Def() *syntax.DefStmt {
	if len(b.Sites) != 1 {
		return nil
	}
	d, _ := b.Sites[0].Node.(*syntax.DefStmt)
	return d
}

// A Scope is a region of a file with names of its own.
type Scope struct {
	Parent   *Scope
	Node     syntax.Node // File, DefStmt, LambdaExpr or Comprehension
	Span     syntax.Span // where the names can be used
	Order    []*Binding  // by first binding
	Children []*Scope

	names map[string]*Binding // of Order, once there are many
}

// manyNames is the number of names from which on a scope has a map of them.
const manyNames = 8

// Name returns the binding of a name in this scope alone, or nil.
func (s *Scope) Name(name string) *Binding {
	if s.names != nil {
		return s.names[name]
	}
	for _, b := range s.Order {
		if b.Name == name {
			return b
		}
	}
	return nil
}

func (s *Scope) add(b *Binding) {
	s.Order = append(s.Order, b)
	switch {
	case s.names != nil:
		s.names[b.Name] = b
	case len(s.Order) > manyNames:
		s.names = make(map[string]*Binding, 4*manyNames)
		for _, b := range s.Order {
			s.names[b.Name] = b
		}
	}
}

// function reports whether the scope belongs to a def or lambda.
func (s *Scope) function() bool {
	switch s.Node.(type) {
	case *syntax.DefStmt, *syntax.LambdaExpr:
		return true
	}
	return false
}

// At returns the innermost scope that contains an offset.
func (s *Scope) At(off int) *Scope {
	for _, c := range s.Children {
		if c.Span.Contains(off) {
			return c.At(off)
		}
	}
	return s
}

// Lookup returns what a name means in the scope, without built-ins.
func (s *Scope) Lookup(name string) *Binding {
	for ; s != nil; s = s.Parent {
		if b := s.Name(name); b != nil {
			return b
		}
	}
	return nil
}
