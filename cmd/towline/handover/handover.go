// Package handover makes `towline lsp` become towline-lsp, the same server in a
// program without client-go and the template engines, before those are set up.
//
// # Why in init
//
// Before main runs, each package of a program is initialized. Client-go's
// schemes and the library of JSON schemas take some 40 ms there, more than all
// that an editor waits for until its first answer. Packages are initialized in
// the order of their import paths, as soon as all that they import is: one that
// imports only os and syscall is ready early, before those libraries. A test
// of cmd/towline looks at the order. It is the only init of this program that
// does anything, and it does so for one command only.
package handover

import (
	"os"
	"path/filepath"
	"syscall"
)

// Version is set at link time, as that of package main.
var Version = "dev"

// program is the language server as a program of its own.
const program = "towline-lsp"

func init() {
	if verbose, ok := plain(os.Args); ok {
		Become(verbose)
	}
}

// plain reports whether a command line is one of `towline lsp` with flags that
// need no parsing, and whether they ask for more in the log.
func plain(args []string) (verbose, ok bool) {
	if len(args) < 2 || args[1] != "lsp" {
		return false, false
	}
	for _, arg := range args[2:] {
		switch arg {
		case "-v", "--verbose":
			verbose = true
		case "--stdio":
		default:
			return false, false
		}
	}
	return verbose, true
}

// Become replaces this process by the language server beside this program. It
// returns when there is none, or when that fails: this program serves as well.
func Become(verbose bool) {
	path := Beside(program)
	if path == "" {
		return
	}
	args := []string{path, "--sibling", Version}
	if verbose {
		args = append(args, "--verbose")
	}
	_ = syscall.Exec(path, args, os.Environ())
}

// Beside returns the path of a program that lies beside this one, "" when there
// is none.
func Beside(name string) string {
	self, err := os.Executable()
	if err != nil {
		return ""
	}
	if real, err := filepath.EvalSymlinks(self); err == nil {
		self = real
	}
	path := filepath.Join(filepath.Dir(self), name)
	if info, err := os.Stat(path); err != nil || !info.Mode().IsRegular() {
		return ""
	}
	return path
}
