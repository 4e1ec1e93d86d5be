package eval

import (
	"bytes"
	"cmp"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
	"go.starlark.net/syntax"

	"github.com/towline-dev/towline/starlark/decl"
)

// A proofCase is a case of testdata: evaluated, without and with one of its
// arguments, to see which arguments matter.
type proofCase struct {
	name    string // "file: case"
	archive *txtar.Archive
	fails   bool   // its Tiltfile is faulty
	result  string // of evaluating it as it is, once that was asked for
}

// A use is an argument of a call in a case.
type use struct {
	c    *proofCase
	file int // of the case's archive
	cut  []edit
}

// An edit replaces a part of a file.
type edit struct {
	from, to int
	text     string
}

// uses are what the cases call: "name" to the cases, and "name.parameter" to
// the arguments, those of cases without an error first.
type uses struct {
	names map[string]*proofCase
	args  map[string][]use
}

func proofCases(t *testing.T) []*proofCase {
	t.Helper()
	var all []*proofCase
	files, _ := filepath.Glob("testdata/*.txtar")
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, part := range splitCases(string(data)) {
			name, _, _ := strings.Cut(strings.TrimPrefix(part, "## "), "\n")
			c := &proofCase{name: strings.TrimSuffix(filepath.Base(file), ".txtar") + ": " + name, archive: txtar.Parse([]byte(part))}
			for _, f := range c.archive.Files {
				c.fails = c.fails || f.Name == "want" && bytes.Contains(f.Data, []byte("\n \"error\": {"))
			}
			all = append(all, c)
		}
	}
	slices.SortStableFunc(all, func(a, b *proofCase) int {
		return cmp.Compare(fmtBool(a.fails), fmtBool(b.fails))
	})
	return all
}

func fmtBool(b bool) int {
	if b {
		return 1
	}
	return 0
}

func collectUses(cases []*proofCase) *uses {
	u := &uses{names: map[string]*proofCase{}, args: map[string][]use{}}
	for _, c := range cases {
		for i, f := range c.archive.Files {
			if strings.Contains(f.Name, "Tiltfile") || !strings.Contains(f.Name, ".") {
				u.ofFile(c, i)
			}
		}
	}
	return u
}

func (u *uses) ofFile(c *proofCase, file int) {
	f := c.archive.Files[file]
	tree, err := fileOptions().Parse(f.Name, f.Data, 0)
	if err != nil {
		return
	}
	note := func(name string) {
		if u.names[name] == nil {
			u.names[name] = c
		}
	}
	lines := lineStarts(f.Data)
	syntax.Walk(tree, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.LoadStmt:
			note("load")
			u.args["load.path"] = append(u.args["load.path"], use{c: c})
		case *syntax.Ident:
			note(n.Name)
		case *syntax.DotExpr:
			note(dotted(n))
		case *syntax.CallExpr:
			if e, ok := decl.Lookup(dotted(n.Fn)); ok {
				for key, cut := range argsOf(n, e, f.Data, lines) {
					u.args[key] = append(u.args[key], use{c, file, cut})
				}
			}
		}
		return true
	})
}

// argsOf returns for each argument of a call that names a parameter the edits
// that take it out: those behind it in the row get their names.
func argsOf(call *syntax.CallExpr, e *decl.Entry, source []byte, lines []int) map[string][]edit {
	at := func(p syntax.Position) int {
		return lines[p.Line-1] + runeOffset(source[lines[p.Line-1]:], int(p.Col)-1)
	}
	named := func(a syntax.Expr) string {
		if b, ok := a.(*syntax.BinaryExpr); ok && b.Op == syntax.EQ {
			if id, ok := b.X.(*syntax.Ident); ok {
				return id.Name
			}
		}
		return ""
	}
	found := map[string][]edit{}
	for i, a := range call.Args {
		name := named(a)
		var cut []edit
		if name == "" && i < len(e.Params) && e.Params[i].Kind < decl.VarArgs {
			name = e.Params[i].Name
			for j := i + 1; j < len(call.Args) && j < len(e.Params) && named(call.Args[j]) == ""; j++ {
				start, _ := call.Args[j].Span()
				cut = append(cut, edit{at(start), at(start), e.Params[j].Name + "="})
			}
		} else if !slices.ContainsFunc(e.Params, func(p decl.Param) bool { return p.Name == name }) {
			continue
		}
		start, end := a.Span()
		from, to := at(start), at(end)
		next := at(call.Rparen)
		if i+1 < len(call.Args) {
			s, _ := call.Args[i+1].Span()
			next = at(s)
		}
		if comma := bytes.IndexByte(source[to:next], ','); comma >= 0 {
			to += comma + 1
		}
		// The lines stay, so that what names a line stays as it is.
		found[e.Name+"."+name] = append([]edit{{from, to, strings.Repeat("\n", bytes.Count(source[from:to], []byte("\n")))}}, cut...)
	}
	return found
}

// works tells whether the argument matters: without it, the case comes to
// another result.
func (u use) works(t *testing.T) bool {
	t.Helper()
	run := func(archive *txtar.Archive) string {
		dir := filepath.Join(t.TempDir(), "case")
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		project, log := runCase(t, dir, archive)
		return project + log
	}
	if u.c.result == "" {
		u.c.result = run(u.c.archive)
	}
	f := u.c.archive.Files[u.file]
	text := slices.Clone(f.Data)
	for _, e := range slices.Backward(u.cut) {
		text = slices.Replace(text, e.from, e.to, []byte(e.text)...)
	}
	if _, err := fileOptions().Parse(f.Name, text, 0); err != nil {
		return false
	}
	changed := &txtar.Archive{Files: slices.Clone(u.c.archive.Files)}
	changed.Files[u.file].Data = text
	return run(changed) != u.c.result
}

func lineStarts(source []byte) []int {
	starts := []int{0}
	for i, c := range source {
		if c == '\n' {
			starts = append(starts, i+1)
		}
	}
	return starts
}

// runeOffset is where the n-th character of a line starts.
func runeOffset(line []byte, n int) int {
	for i := range string(line) {
		if n == 0 {
			return i
		}
		n--
	}
	return len(line)
}

// dotted is an expression such as os.path.join as text, "" for others.
func dotted(x syntax.Expr) string {
	switch x := x.(type) {
	case *syntax.Ident:
		return x.Name
	case *syntax.DotExpr:
		if left := dotted(x.X); left != "" {
			return left + "." + x.Name.Name
		}
	}
	return ""
}
