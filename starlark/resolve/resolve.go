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
	"github.com/towline-dev/towline/starlark/syntax"
)

// Resolve resolves the names of a file.
func Resolve(file *syntax.File) *File {
	r := newResolver(file)
	r.file.refs = make([]*Binding, file.NumIdent)
	uses := file.NumIdent / 2 // about as many names are used
	r.uses, r.reference = make([]use, 0, uses), make([]reference, 0, uses)
	r.stmts(file.Stmts())
	r.deferred()
	r.listUses()
	for _, u := range r.unknown {
		r.explain(u)
	}
	return r.file
}
