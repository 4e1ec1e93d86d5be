// Package acts finds who reads the fields of the evaluated project. Tests hold it
// against the table of starlark/decl: a parameter that nobody acts on is told.
package acts

import (
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/towline-dev/towline/internal/layers"
)

// configPath is the package whose fields are looked for.
const configPath = layers.Module + "/starlark/config"

// Readers returns for each field or method of starlark/config's types, as
// "Image.Ref", the folders of the packages below server, agent, cmd and dap that
// read it; tests do not count. root is the project's folder.
func Readers(root string) (map[string][]string, error) {
	c := &checker{root: root, files: token.NewFileSet(), done: map[string]*types.Package{}, readers: map[string][]string{}}
	config, err := c.Import(configPath)
	if err != nil {
		return nil, err
	}
	c.fields(config)
	for _, top := range []string{"server", "agent", "cmd", "dap"} {
		err := filepath.WalkDir(filepath.Join(root, top), func(path string, e fs.DirEntry, err error) error {
			if err != nil || !e.IsDir() || e.Name() == "testdata" {
				return err
			}
			rel, err := filepath.Rel(root, path)
			if err == nil {
				_, _ = c.Import(layers.Module + "/" + filepath.ToSlash(rel)) // a folder without sources
			}
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return c.readers, nil
}

// checker type-checks the project's packages, and none of others: what it needs
// to know are the types of starlark/config, and those are ours.
type checker struct {
	root    string
	files   *token.FileSet
	done    map[string]*types.Package
	readers map[string][]string
}

// fields notes every field, so that one that nobody reads is told from one that
// is not there.
func (c *checker) fields(pkg *types.Package) {
	for _, name := range pkg.Scope().Names() {
		s, ok := pkg.Scope().Lookup(name).Type().Underlying().(*types.Struct)
		if !ok {
			continue
		}
		for field := range s.Fields() {
			c.readers[name+"."+field.Name()] = nil
		}
	}
}

// Import implements types.Importer.
func (c *checker) Import(path string) (*types.Package, error) {
	if pkg := c.done[path]; pkg != nil {
		return pkg, nil
	}
	rel, ours := strings.CutPrefix(path, layers.Module+"/")
	if !ours {
		if strings.Contains(strings.Split(path, "/")[0], ".") {
			return nil, fmt.Errorf("%s is none of ours", path)
		}
		return importer.Default().Import(path)
	}
	sources, err := c.parse(filepath.Join(c.root, filepath.FromSlash(rel)))
	if err != nil {
		return nil, err
	}
	info := &types.Info{Selections: map[*ast.SelectorExpr]*types.Selection{}}
	conf := types.Config{Importer: c, Error: func(error) {}, FakeImportC: true}
	pkg, _ := conf.Check(path, c.files, sources, info) // what is not ours is not known
	c.done[path] = pkg
	if path != configPath && !strings.HasPrefix(rel, "starlark/") && !strings.HasPrefix(rel, "internal/") {
		c.note(rel, info)
	}
	return pkg, nil
}

func (c *checker) note(rel string, info *types.Info) {
	for _, s := range info.Selections {
		recv := s.Recv()
		if p, ok := recv.(*types.Pointer); ok {
			recv = p.Elem()
		}
		named, ok := recv.(*types.Named)
		if !ok || named.Obj().Pkg() == nil || named.Obj().Pkg().Path() != configPath {
			continue
		}
		key := named.Obj().Name() + "." + s.Obj().Name()
		if !slices.Contains(c.readers[key], rel) {
			c.readers[key] = append(c.readers[key], rel)
			slices.Sort(c.readers[key])
		}
	}
}

// parse reads a package's sources, as they are on this machine.
func (c *checker) parse(dir string) ([]*ast.File, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var sources []*ast.File
	for _, e := range entries {
		name := e.Name()
		if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") || strings.HasSuffix(name, "_windows.go") {
			continue
		}
		file, err := parser.ParseFile(c.files, filepath.Join(dir, name), nil, parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		sources = append(sources, file)
	}
	if len(sources) == 0 {
		return nil, fmt.Errorf("%s has no sources", dir)
	}
	return sources, nil
}
