// Package extensions holds the tests that bring the shipped extensions up on a
// real cluster. It has no code of its own.
package extensions
