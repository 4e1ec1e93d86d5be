// Package resolve says what each name of a Tiltfile refers to.
//
// It follows go.starlark.net's rules with Tilt's options, so that what is
// reported here is what an evaluation would report before it runs anything:
//
//   - A name bound anywhere in a function is local to all of it. A
//     comprehension is a scope of its own; if, for and while are none.
//   - At the top level, and only there, a name refers to what was bound before
//     it, or else to a built-in. Within functions and comprehensions it may
//     refer to a global that is bound later.
//   - load binds names in the file. Names may be bound again.
//
// The package reads one file at a time. What a file takes from others is kept
// as data (File.Loads); who has the other files connects them.
package resolve

import (
	"fmt"
	"slices"
	"strings"

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

// LoadKind says how a file takes in another one.
type LoadKind uint8

// The ways to take in a file.
const (
	LoadStmt LoadKind = iota
	Include
	LoadDynamic
)

// A Load is a place that takes in another file whose name is a literal.
type Load struct {
	Kind   LoadKind
	Module *syntax.Literal
	Stmt   *syntax.LoadStmt // of a LoadStmt
	Call   *syntax.CallExpr // of the others
}

// A Problem is a mistake that keeps a file from running.
type Problem struct {
	syntax.Span
	Code    string
	Msg     string
	Suggest string // a name that is meant, most likely
}

// The codes of problems.
const (
	CodeUndefined = "undefined-name"
	CodeMisplaced = "misplaced-statement" // break, continue, return or load where they cannot be
	CodeAssign    = "invalid-assignment"
	CodeParams    = "invalid-parameters"
	CodeArgs      = "invalid-arguments"
	CodeLoad      = "invalid-load"
)

// A File is a parsed file with its names resolved. Nobody changes it.
type File struct {
	*syntax.File
	Root     *Scope
	Loads    []*Load
	Problems []Problem
	Builtins map[string]*Binding // those that are used
	refs     []*Binding          // by Ident.ID
	loads    map[*syntax.LoadName]*Load
}

// LoadOf returns the load that a name stands in.
func (f *File) LoadOf(n *syntax.LoadName) *Load { return f.loads[n] }

// Binding returns what an identifier binds or refers to; nil for attributes,
// names of keyword arguments and undefined names.
func (f *File) Binding(id *syntax.Ident) *Binding {
	if id == nil || id.ID >= len(f.refs) {
		return nil
	}
	return f.refs[id.ID]
}

// Resolve resolves the names of a file.
func Resolve(file *syntax.File) *File {
	r := newResolver(file, file.NumIdent/2)
	r.stmts(file.Stmts())
	r.deferred()
	r.listUses()
	for _, u := range r.unknown {
		r.explain(u)
	}
	return r.file
}

// Outline resolves as much of a file as who completes a name at an offset needs,
// in a fraction of the time: the names that the top level binds, and all of the
// statements around the offset. What other statements refer to is unknown.
func Outline(file *syntax.File, off int) *File {
	r := newResolver(file, 0)
	first := file.PartAt(max(off-1, 0)) // what ends at the offset may go on
	last := file.PartAt(off)
	for i := range file.Parts {
		if r.outline = i < first || i > last; r.outline {
			r.bindLazily(&file.Parts[i])
		} else {
			r.stmts(file.Parts[i].Stmts())
		}
	}
	r.deferred()
	r.file.Problems = nil // they are not all
	return r.file
}

// bindLazily resolves what a part that is far from the place at hand binds. Most bind
// nothing, so that nobody needs their statements where they stand now.
func (r *resolver) bindLazily(part *syntax.Part) {
	stmts, by := part.Elsewhere()
	switch {
	case !binds(stmts):
	case by == 0:
		r.stmts(stmts)
	case !r.shallow(stmts, by):
		r.stmts(part.Stmts())
	}
}

// shallow binds the names of statements that moved, with as much of them as who
// completes a name looks at. It is false, and does nothing, where they are not
// plain functions and variables.
func (r *resolver) shallow(stmts []syntax.Stmt, by int) bool {
	moved := func(p syntax.Pos) syntax.Pos { return syntax.Pos{Start: p.Start + by, End: p.End + by} }
	ident := func(id *syntax.Ident) *syntax.Ident {
		return &syntax.Ident{Pos: moved(id.Pos), Name: id.Name, ID: id.ID}
	}
	for _, st := range stmts {
		switch st := st.(type) {
		case *syntax.DefStmt, *syntax.ExprStmt:
		case *syntax.AssignStmt:
			if _, ok := st.LHS.(*syntax.Ident); !ok {
				return false
			}
		default:
			return false
		}
	}
	for _, st := range stmts {
		switch st := st.(type) {
		case *syntax.DefStmt:
			r.bindVar(ident(st.Name), &syntax.DefStmt{Pos: moved(st.Pos), Params: st.Params})
		case *syntax.AssignStmt:
			r.bindVar(ident(st.LHS.(*syntax.Ident)), &syntax.AssignStmt{Pos: moved(st.Pos)})
		}
	}
	return true
}

// binds reports whether statements of the top level bind names, or take in
// another file.
func binds(stmts []syntax.Stmt) bool {
	return slices.ContainsFunc(stmts, func(st syntax.Stmt) bool {
		switch st := st.(type) {
		case *syntax.ExprStmt, *syntax.BranchStmt, *syntax.ReturnStmt:
			return false
		case *syntax.WhileStmt:
			return binds(st.Body)
		case *syntax.IfStmt:
			inside := func(c *syntax.IfClause) bool { return binds(c.Body) }
			return slices.ContainsFunc(st.Clauses, inside) || st.Else != nil && binds(st.Else.Body)
		}
		return true
	})
}

// newResolver returns a resolver for a file in which names are used so often.
func newResolver(file *syntax.File, uses int) *resolver {
	root := &Scope{Node: file, Span: file.Span()}
	return &resolver{
		file: &File{File: file, Root: root, Builtins: map[string]*Binding{}, refs: make([]*Binding, file.NumIdent), loads: map[*syntax.LoadName]*Load{}},
		env:  root,
		uses: make([]use, 0, uses), reference: make([]reference, 0, uses),
	}
}

// deferred resolves the uses that may mean what is bound later.
func (r *resolver) deferred() {
	for _, u := range r.uses {
		r.resolveUse(u.id, u.scope)
	}
}

// Exports returns the names that a load of the file can bind.
func (f *File) Exports() []*Binding {
	var list []*Binding
	for _, b := range f.Root.Order {
		if b.Kind == Global && !strings.HasPrefix(b.Name, "_") {
			list = append(list, b)
		}
	}
	return list
}

// Export returns the exported binding of that name, or nil.
func (f *File) Export(name string) *Binding {
	b := f.Root.Name(name)
	if b == nil || b.Kind != Global || strings.HasPrefix(name, "_") {
		return nil
	}
	return b
}

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
	r.file.refs[id.ID] = b
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
	r.file.refs[id.ID] = b
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
