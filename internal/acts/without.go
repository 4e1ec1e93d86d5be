package acts

import (
	"bytes"
	"fmt"
	"go/ast"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/towline-dev/towline/internal/layers"
)

// none stands in the sources of Without for a value that is left out.
const none = "\n\nfunc actsNone[T any](T) (none T) { return none }\n"

// Without returns the sources of a function's file, and its path, as they would
// be if the function never heard of a field: each place that reads it finds the
// zero value. A test of the package that stays green with them proves nothing of
// the field.
func Without(root, function, field string) (path string, source []byte, err error) {
	c, err := newChecker(root)
	if err != nil {
		return "", nil, err
	}
	dir, name, _ := strings.Cut(function[strings.LastIndexByte(function, '/')+1:], ".")
	dir = function[:strings.LastIndexByte(function, '/')+1] + dir
	c.also = func(rel string, file *ast.File, d ast.Decl, found []read) {
		if rel != dir || nameOf(d) != name {
			return
		}
		path = c.files.Position(file.Pos()).Filename
		if source, err = os.ReadFile(path); err != nil {
			return
		}
		var edits []*ast.SelectorExpr
		for _, r := range found {
			if r.field == field {
				edits = append(edits, r.sel)
			}
		}
		slices.SortFunc(edits, func(a, b *ast.SelectorExpr) int { return int(b.End() - a.End()) })
		for _, sel := range edits {
			from, to := c.files.Position(sel.Pos()).Offset, c.files.Position(sel.End()).Offset
			source = slices.Concat(source[:from], []byte("actsNone("), source[from:to], []byte(")"), source[to:])
		}
		if len(edits) == 0 {
			path = ""
		}
	}
	if _, err := c.Import(layers.Module + "/" + dir); err != nil {
		return "", nil, err
	}
	if path == "" && err == nil {
		err = fmt.Errorf("%s does not read %s", function, field)
	}
	path, _ = filepath.Abs(path)
	return path, append(bytes.TrimRight(source, "\n"), none...), err
}
