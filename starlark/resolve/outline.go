package resolve

import (
	"slices"

	"github.com/towline-dev/towline/starlark/syntax"
)

// Outline resolves as much of a file as who completes a name at an offset needs,
// in a fraction of the time: the names that the top level binds, and all of the
// statements around the offset. What other statements refer to is unknown.
func Outline(file *syntax.File, off int) *File {
	r := newResolver(file)
	r.file.few = map[int]*Binding{}
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
