// Package syntax turns the text of a Tiltfile into a tree, whatever the text.
//
// The dialect is that of go.starlark.net with the options that Tilt switches
// on (sets, reassignment of globals, recursion, control flow at the top level,
// while loops). What go.starlark.net accepts is accepted here with the same
// tree, and what it rejects is reported at or before its position with its own
// words; the tests hold both against the original.
//
// Unlike the original, Parse never fails: it always returns a whole tree, in
// which missing parts are BadExpr nodes or names of no length, together with
// the list of errors. It is lossless: tokens and comments are kept with their
// byte offsets, and everything between them is white space or a line
// continuation.
//
// # How it recovers
//
// A parser that meets an error in one line must not lose the rest of the file.
// Each logical line (a simple statement, or the header of a compound one)
// reports at most one error of its own and is then skipped up to its newline.
// Newlines within brackets do not count, so an unclosed bracket would swallow
// what follows. Therefore a line that went wrong is parsed once more in layout
// mode, in which a line that starts no deeper than its statement, or with a
// word that only a statement can start with, ends all open brackets. Each
// statement is parsed at most twice, and the depth of nesting is limited, so
// the time stays proportional to the length of the text.
package syntax
