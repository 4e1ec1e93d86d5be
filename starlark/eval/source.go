package eval

import (
	"strings"

	"go.starlark.net/syntax"

	"github.com/towline-dev/towline/extensions"
)

// source reads a Tiltfile, or takes a shipped extension's.
func (r *run) source(path string) ([]byte, error) {
	if name, ok := extensions.NameOf(path); ok {
		source, _ := extensions.Source(name)
		return source, nil
	}
	return r.files.Read(path)
}

// loadedNames returns the names that a file loads of each extension.
func loadedNames(tree *syntax.File) map[string][]string {
	var wants map[string][]string
	for _, stmt := range tree.Stmts {
		load, ok := stmt.(*syntax.LoadStmt)
		if !ok || !strings.HasPrefix(load.ModuleName(), extensions.Scheme) {
			continue
		}
		if wants == nil {
			wants = map[string][]string{}
		}
		for _, id := range load.From {
			wants[load.ModuleName()] = append(wants[load.ModuleName()], id.Name)
		}
	}
	return wants
}
