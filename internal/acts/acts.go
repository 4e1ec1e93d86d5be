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
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/towline-dev/towline/internal/layers"
)

// configPath is the package whose fields are looked for.
const configPath = layers.Module + "/starlark/config"

// Readers returns for each field or method of starlark/config's types, as
// "Image.Ref", the functions below server, agent, cmd and dap that read it, as
// "server/build.Builder.Build"; tests do not count. root is the project's folder.
func Readers(root string) (map[string][]string, error) {
	c, err := newChecker(root)
	if err != nil {
		return nil, err
	}
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

// exports finds what the compiler wrote of packages that are not ours.
func exports() (map[string]string, error) {
	list := exec.Command("go", "list", "-export", "-trimpath", "-deps", "-f", "{{.ImportPath}} {{.Export}}", layers.Module+"/cmd/...")
	list.Stderr = os.Stderr
	out, err := list.Output()
	if err != nil {
		return nil, fmt.Errorf("asking go for the compiled packages: %w", err)
	}
	files := map[string]string{}
	for line := range strings.Lines(string(out)) {
		path, file, _ := strings.Cut(strings.TrimSpace(line), " ")
		files[path] = file
	}
	return files, nil
}

// checker type-checks the project's packages.
type checker struct {
	root    string
	files   *token.FileSet
	others  types.Importer // of what is not ours
	done    map[string]*types.Package
	readers map[string][]string
	also    func(rel string, file *ast.File, d ast.Decl, found []read) // told of each declaration
}

func newChecker(root string) (*checker, error) {
	compiled, err := exports()
	if err != nil {
		return nil, err
	}
	files := token.NewFileSet()
	open := func(path string) (io.ReadCloser, error) { return os.Open(compiled[path]) }
	return &checker{
		root: root, files: files, others: importer.ForCompiler(files, "gc", open),
		done: map[string]*types.Package{}, readers: map[string][]string{},
	}, nil
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
		return c.others.Import(path)
	}
	sources, err := c.parse(filepath.Join(c.root, filepath.FromSlash(rel)))
	if err != nil {
		return nil, err
	}
	info := &types.Info{Selections: map[*ast.SelectorExpr]*types.Selection{}}
	conf := types.Config{Importer: c, Error: func(error) {}, FakeImportC: true}
	pkg, _ := conf.Check(path, c.files, sources, info) // what is not known is left out
	c.done[path] = pkg
	if path != configPath && !strings.HasPrefix(rel, "starlark/") && !strings.HasPrefix(rel, "internal/") {
		for _, file := range sources {
			for _, d := range file.Decls {
				c.note(rel, file, d, info)
			}
		}
	}
	return pkg, nil
}

// nameOf names a declaration: a function, a method as "Type.Method", "" for all
// others.
func nameOf(d ast.Decl) string {
	f, ok := d.(*ast.FuncDecl)
	if !ok {
		return ""
	}
	if f.Recv == nil {
		return f.Name.Name
	}
	recv := f.Recv.List[0].Type
	if p, ok := recv.(*ast.StarExpr); ok {
		recv = p.X
	}
	if x, ok := recv.(*ast.IndexExpr); ok {
		recv = x.X
	}
	return types.ExprString(recv) + "." + f.Name.Name
}

// note takes down which fields a declaration reads.
func (c *checker) note(rel string, file *ast.File, d ast.Decl, info *types.Info) {
	found, where := reads(d, info), rel+"."+nameOf(d)
	for _, r := range found {
		if !slices.Contains(c.readers[r.field], where) {
			c.readers[r.field] = append(c.readers[r.field], where)
			slices.Sort(c.readers[r.field])
		}
	}
	if c.also != nil {
		c.also(rel, file, d, found)
	}
}

// read is a place that reads a field.
type read struct {
	field string // as "Image.Ref"
	sel   *ast.SelectorExpr
}

// reads returns where a declaration reads fields, and methods, of
// starlark/config's types.
func reads(d ast.Decl, info *types.Info) []read {
	var found []read
	written := map[ast.Expr]bool{}
	ast.Inspect(d, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.AssignStmt:
			for _, to := range n.Lhs {
				written[to] = true
			}
		case *ast.SelectorExpr:
			if owner := ownerOf(info.Selections[n]); owner != "" && !written[n] {
				found = append(found, read{owner + "." + n.Sel.Name, n})
			}
		}
		return true
	})
	return found
}

// ownerOf returns the type of starlark/config whose field is selected, be it
// through an embedded one.
func ownerOf(s *types.Selection) string {
	if s == nil {
		return ""
	}
	t := s.Recv()
	for _, i := range s.Index()[:len(s.Index())-1] {
		st, ok := bare(t).Underlying().(*types.Struct)
		if !ok {
			return ""
		}
		t = st.Field(i).Type()
	}
	named, ok := bare(t).(*types.Named)
	if !ok || named.Obj().Pkg() == nil || named.Obj().Pkg().Path() != configPath {
		return ""
	}
	return named.Obj().Name()
}

func bare(t types.Type) types.Type {
	if p, ok := t.(*types.Pointer); ok {
		return p.Elem()
	}
	return t
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
