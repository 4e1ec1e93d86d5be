package resolve

import (
	"strings"

	"github.com/towline-dev/towline/starlark/syntax"
)

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
	refs     []*Binding          // by Ident.ID; nil in an outline
	few      map[int]*Binding    // the same, of an outline: it has a small part of the names
	loads    map[*syntax.LoadName]*Load
}

// LoadOf returns the load that a name stands in.
func (f *File) LoadOf(n *syntax.LoadName) *Load { return f.loads[n] }

// Binding returns what an identifier binds or refers to; nil for attributes,
// names of keyword arguments and undefined names.
func (f *File) Binding(id *syntax.Ident) *Binding {
	switch {
	case id == nil:
		return nil
	case id.ID < len(f.refs):
		return f.refs[id.ID]
	}
	return f.few[id.ID]
}

// refer notes what an identifier binds or refers to.
func (f *File) refer(id *syntax.Ident, b *Binding) {
	if f.few != nil {
		f.few[id.ID] = b
		return
	}
	f.refs[id.ID] = b
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
