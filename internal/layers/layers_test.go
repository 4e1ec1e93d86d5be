package layers

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// source is one parsed Go file that is not a test.
type source struct {
	file    string
	imports []string
	reaches []string // what it calls of Reaching, with its line
	context []string // the struct fields that are a context.Context
	comment bool     // it has a package comment
}

// sources returns the project's files by folder, which are parsed once.
func sources(t *testing.T) map[string][]source {
	t.Helper()
	found, err := parsed()
	if err != nil {
		t.Fatal(err)
	}
	if len(found) < 10 {
		t.Fatalf("only %d packages were found", len(found))
	}
	return found
}

var parsed = sync.OnceValues(parse)

func parse() (map[string][]source, error) {
	root, err := filepath.Abs("../..")
	if err != nil {
		return nil, err
	}
	found := map[string][]source{}
	err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			return skip(root, path, d.Name())
		}
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		files := token.NewFileSet()
		f, err := parser.ParseFile(files, path, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		dir := filepath.ToSlash(filepath.Dir(rel))
		found[dir] = append(found[dir], source{file: rel, imports: importsOf(f), reaches: reachesOf(files, f), context: contextsOf(files, f), comment: f.Doc != nil})
		return nil
	})
	return found, err
}

// skip leaves out what is not ours and other modules.
func skip(root, path, name string) error {
	if path == root {
		return nil
	}
	if strings.HasPrefix(name, ".") || name == "node_modules" || name == "testdata" {
		return fs.SkipDir
	}
	if _, err := os.Stat(filepath.Join(path, "go.mod")); err == nil {
		return fs.SkipDir
	}
	return nil
}

func importsOf(f *ast.File) []string {
	var out []string
	for _, spec := range f.Imports {
		out = append(out, strings.Trim(spec.Path.Value, `"`))
	}
	return out
}

// reachesOf returns where a file calls a function of Reaching, whatever name it
// imports the package under.
func reachesOf(files *token.FileSet, f *ast.File) []string {
	paths := map[string]string{}
	for _, spec := range f.Imports {
		path := strings.Trim(spec.Path.Value, `"`)
		name := path[strings.LastIndexByte(path, '/')+1:]
		if spec.Name != nil {
			name = spec.Name.Name
		}
		paths[name] = path
	}
	var out []string
	ast.Inspect(f, func(n ast.Node) bool {
		if s, ok := n.(*ast.SelectorExpr); ok {
			if x, ok := s.X.(*ast.Ident); ok && slices.Contains(Reaching[paths[x.Name]], s.Sel.Name) {
				out = append(out, paths[x.Name]+"."+s.Sel.Name+" in line "+strconv.Itoa(files.Position(s.Pos()).Line))
			}
		}
		return true
	})
	return out
}

// contextsOf returns the fields of structs that are a context.
func contextsOf(files *token.FileSet, f *ast.File) []string {
	var out []string
	ast.Inspect(f, func(n ast.Node) bool {
		s, ok := n.(*ast.StructType)
		if !ok {
			return true
		}
		for _, field := range s.Fields.List {
			t, ok := field.Type.(*ast.SelectorExpr)
			if !ok || t.Sel.Name != "Context" {
				continue
			}
			if x, ok := t.X.(*ast.Ident); ok && x.Name == "context" {
				out = append(out, strconv.Itoa(files.Position(field.Pos()).Line))
			}
		}
		return true
	})
	return out
}

// allowed returns the row of the table for a package; a row also stands for
// the packages below it that have none.
func allowed(dir string) ([]string, bool) {
	for d := dir; d != "."; d = filepath.Dir(d) {
		if row, ok := Allowed[d]; ok {
			return row, true
		}
	}
	return nil, false
}

func TestImportsFollowTheTable(t *testing.T) {
	for dir, files := range sources(t) {
		row, ok := allowed(dir)
		if !ok {
			t.Errorf("package %s is not in the table: add it to Allowed, and to ARCHITECTURE.md", dir)
			continue
		}
		for _, f := range files {
			for _, path := range f.imports {
				ours, ok := strings.CutPrefix(path, Module+"/")
				if ok && !slices.Contains(row, "…") && !slices.Contains(row, ours) {
					t.Errorf("%s imports %s, which the table does not allow to %s", f.file, ours, dir)
				}
			}
		}
	}
}

func TestLibrariesStayWhereTheyBelong(t *testing.T) {
	for dir, files := range sources(t) {
		for _, f := range files {
			for _, path := range f.imports {
				users, known := usersOf(path)
				switch outside := strings.Contains(strings.Split(path, "/")[0], "."); {
				case outside && !known && !strings.HasPrefix(path, Module+"/"):
					t.Errorf("%s imports %s, which is not in Only: a library is argued for first", f.file, path)
				case known && !slices.Contains(users, dir) && !strings.HasPrefix(dir, "bench/") && dir != "demo":
					t.Errorf("%s imports %s, which is for %v only", f.file, path, users)
				}
			}
		}
	}
}

// usersOf returns the packages that may import a path; of several libraries
// that it belongs to, the longest decides.
func usersOf(path string) (users []string, known bool) {
	longest := ""
	for library, of := range Only {
		if (path == library || strings.HasPrefix(path, library+"/")) && len(library) > len(longest) {
			longest, users, known = library, of, true
		}
	}
	return users, known
}

func TestPurePackagesReachNothing(t *testing.T) {
	all := sources(t)
	for ours := range Borrowed {
		if slices.Contains(Pure, ours) || !slices.ContainsFunc(Pure, func(dir string) bool { return importedBelow(all, dir, Module+"/"+ours) }) {
			t.Errorf("%s is in Borrowed, and no pure package needs it to be", ours)
		}
	}
	for _, dir := range Pure {
		for _, f := range all[dir] {
			for _, path := range f.imports {
				ours, isOurs := strings.CutPrefix(path, Module+"/")
				if slices.Contains(Impure, path) || isOurs && !slices.Contains(Pure, ours) && Borrowed[ours] == "" {
					t.Errorf("%s imports %s, but %s is pure", f.file, path, dir)
				}
			}
			for _, call := range f.reaches {
				t.Errorf("%s: %s, but %s is pure", f.file, call, dir)
			}
		}
	}
}

// TestContextsArePassed: who may cancel a call is seen where it is called.
func TestContextsArePassed(t *testing.T) {
	for dir, files := range sources(t) {
		for _, f := range files {
			if len(f.context) == 0 || strings.HasPrefix(dir, "bench/") {
				continue
			}
			t.Errorf("%s:%s: a context.Context is a struct's field: pass it", f.file, strings.Join(f.context, ", "))
		}
	}
}

// TestNothingIsAllowedForNobody finds rows, edges and libraries that are not
// used: what is allowed and not needed is an invitation.
func TestNothingIsAllowedForNobody(t *testing.T) {
	all := sources(t)
	for dir, row := range Allowed {
		if !slices.Contains(row, "…") && all[dir] == nil {
			t.Errorf("%s is in Allowed, but not in the project", dir)
		}
		for _, path := range row {
			if path != "…" && !importedBelow(all, dir, Module+"/"+path) {
				t.Errorf("%s may import %s, and does not", dir, path)
			}
		}
	}
	for library, users := range Only {
		for _, dir := range users {
			if !importedBelow(all, dir, library) {
				t.Errorf("%s may use %s, and does not", dir, library)
			}
		}
	}
}

// importedBelow reports whether a package, or one below it that shares its
// row, imports a path or one that begins with it.
func importedBelow(all map[string][]source, dir, path string) bool {
	for d, files := range all {
		if d != dir && !strings.HasPrefix(d, dir+"/") {
			continue
		}
		for _, f := range files {
			if slices.ContainsFunc(f.imports, func(i string) bool {
				return i == path || !strings.HasPrefix(path, Module) && strings.HasPrefix(i, path+"/")
			}) {
				return true
			}
		}
	}
	return false
}

func TestEveryPackageHasAComment(t *testing.T) {
	for dir, files := range sources(t) {
		if !slices.ContainsFunc(files, func(f source) bool { return f.comment }) {
			t.Errorf("package %s has no package comment", dir)
		}
	}
}

// TestTableHasNoCycle says that "only downwards" holds for the table itself.
func TestTableHasNoCycle(t *testing.T) {
	state := map[string]int{}
	var visit func(string, []string)
	visit = func(p string, path []string) {
		switch state[p] {
		case 1:
			t.Errorf("cycle: %s", strings.Join(append(path, p), " -> "))
			return
		case 2:
			return
		}
		state[p] = 1
		for _, q := range Allowed[p] {
			visit(q, append(path, p))
		}
		state[p] = 2
	}
	for p := range Allowed {
		visit(p, nil)
	}
}

// TestTheDocsNameFilesThatExist holds the files that ARCHITECTURE.md and
// CONTRIBUTING.md send a reader to.
func TestTheDocsNameFilesThatExist(t *testing.T) {
	named := regexp.MustCompile("`([a-z][a-zA-Z0-9_/.-]*/[a-zA-Z0-9_.-]+\\.(?:go|ts|md|txtar))`")
	for _, doc := range []string{"ARCHITECTURE.md", "CONTRIBUTING.md"} {
		text, err := os.ReadFile(filepath.Join("../..", doc))
		if err != nil {
			t.Fatal(err)
		}
		found := named.FindAllStringSubmatch(string(text), -1)
		if doc == "ARCHITECTURE.md" && len(found) < 10 {
			t.Errorf("%s names %d files only", doc, len(found))
		}
		for _, m := range found {
			if _, err := os.Stat(filepath.Join("../..", m[1])); err != nil {
				t.Errorf("%s sends the reader to %s: %v", doc, m[1], err)
			}
		}
	}
}

// TestArchitectureHasEveryPackage holds that each package of the table is
// explained, by its whole name or by its end.
func TestArchitectureHasEveryPackage(t *testing.T) {
	text, err := os.ReadFile("../../ARCHITECTURE.md")
	if err != nil {
		t.Fatal(err)
	}
	for dir := range Allowed {
		if strings.HasPrefix(dir, "cmd/") || strings.HasPrefix(dir, "server/protocol/") || strings.HasPrefix(dir, "dap/daptest") {
			continue // programs are processes above; parts of what is explained
		}
		short := strings.TrimPrefix(dir, "server/")
		if !strings.Contains(string(text), dir) && !strings.Contains(string(text), "**"+short+"**") {
			t.Errorf("ARCHITECTURE.md does not say what %s is for", dir)
		}
	}
}
