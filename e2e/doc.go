// Package e2e holds the tests that run the real programs as their users do:
// editors, terminals and clusters. It has no code of its own.
package e2e
