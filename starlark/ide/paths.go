package ide

import (
	"path/filepath"
	"strings"

	"github.com/towline-dev/towline/starlark/decl"
	"github.com/towline-dev/towline/starlark/infer"
	"github.com/towline-dev/towline/starlark/resolve"
	"github.com/towline-dev/towline/starlark/syntax"
)

// absolute returns the absolute path of what a Tiltfile names.
func absolute(f *resolve.File, path string) string { return below(dir(f), path) }

// below returns the absolute path of what is named from a folder.
func below(folder, path string) string {
	if filepath.IsAbs(path) {
		return filepath.Clean(path)
	}
	return filepath.Join(folder, path)
}

// baseFolder returns the folder that the paths in an argument are relative to:
// the Tiltfile's, or that of the image's context.
func baseFolder(f *resolve.File, sig *infer.Signature, p *decl.Param, call *syntax.CallExpr) string {
	if call != nil && sig.Name == "docker_build" && (p.Name == "only" || p.Name == "ignore") {
		if context := infer.Argument(call, 1, "context"); context != nil {
			return absolute(f, context.Value)
		}
	}
	return dir(f)
}

// callAround returns the innermost call on a path of nodes, nil when there is
// none.
func callAround(path []syntax.Node) *syntax.CallExpr {
	for i := len(path) - 1; i >= 0; i-- {
		if call, ok := path[i].(*syntax.CallExpr); ok {
			return call
		}
	}
	return nil
}

// existing returns the absolute path of a file or folder that is named from a
// folder, if it is there.
func (s *Analysis) existing(folder, path string) (string, bool) {
	if s.Host == nil || path == "" || strings.ContainsAny(path, "\n*") {
		return "", false
	}
	path = below(folder, path)
	entries, _ := s.Host.ReadDir(filepath.Dir(path))
	if !listed(entries, filepath.Base(path)) {
		return "", false
	}
	return path, true
}
