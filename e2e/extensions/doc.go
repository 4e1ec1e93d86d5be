// Package extensions holds the tests that bring projects up on a real cluster, by the
// command line: the shipped extensions, and what is beside them in such projects.
// It has no code of its own.
package extensions
