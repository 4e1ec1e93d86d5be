package extensions

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.starlark.net/syntax"
)

func TestEveryExtensionHasATest(t *testing.T) {
	names := Names()
	if !slices.Contains(names, "restart_process") || !slices.Contains(names, "tests/golang") {
		t.Fatalf("names: %v", names)
	}
	files, err := filepath.Glob("../starlark/eval/testdata/extensions*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	var tests []byte
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		tests = append(tests, data...)
	}
	for _, name := range names {
		page := read(t, name)
		if !strings.Contains(string(tests), "ext://"+name+"'") {
			t.Errorf("%s: no test loads it", name)
		}
		for _, f := range page.functions {
			if !strings.Contains(string(tests), f.name+"(") {
				t.Errorf("%s: no test calls %s", name, f.name)
			}
		}
		if _, left := Left()[name]; left {
			t.Errorf("%s: shipped and left out", name)
		}
	}
}

func TestUnknownExtension(t *testing.T) {
	for _, name := range []string{"", "nothing", "../starlark", "tests", "./namespace", "namespace/", "namespace/../secret", "/namespace", "namespace/Tiltfile"} {
		if _, ok := Source(name); ok {
			t.Errorf("Source(%q) is there", name)
		}
	}
}

// page is what the documentation tells of an extension.
type page struct {
	name, title, text string
	functions         []function
}

// function is one that an extension exports: its name, parameters and doc.
type function struct{ name, signature, doc string }

// read parses an extension and insists on its documentation.
func read(t *testing.T, name string) page {
	t.Helper()
	source, _ := Source(name)
	file, err := (&syntax.FileOptions{Set: true, While: true, TopLevelControl: true}).Parse(name, source, 0)
	if err != nil {
		t.Fatal(err)
	}
	p := page{name: name, text: docstring(file.Stmts)}
	p.title, _, _ = strings.Cut(p.text, "\n")
	if p.text == "" || Example(name) == "" {
		t.Errorf("%s: a text that says what it is for, and an example, are missing", name)
	}
	for _, stmt := range file.Stmts {
		def, ok := stmt.(*syntax.DefStmt)
		if !ok || strings.HasPrefix(def.Name.Name, "_") {
			continue
		}
		f := function{name: def.Name.Name, doc: docstring(def.Body)}
		var params []string
		for _, param := range def.Params {
			start, end := param.Span()
			text := strings.Replace(lineText(source, start, end), " = ", "=", 1)
			params = append(params, text)
			name, _, _ := strings.Cut(text, "=")
			if strings.Contains(f.doc, "Args:") && !strings.Contains(f.doc, "\n      "+name+": ") {
				t.Errorf("%s: %s does not tell what %s is", p.name, f.name, name)
			}
		}
		f.signature = f.name + "(" + strings.Join(params, ", ") + ")"
		if f.doc == "" {
			t.Errorf("%s: %s has no documentation", name, f.name)
		}
		p.functions = append(p.functions, f)
	}
	return p
}

// docstring returns the text that a file or function begins with.
func docstring(body []syntax.Stmt) string {
	if len(body) == 0 {
		return ""
	}
	if e, ok := body[0].(*syntax.ExprStmt); ok {
		if lit, ok := e.X.(*syntax.Literal); ok {
			text, _ := lit.Value.(string)
			return text
		}
	}
	return ""
}

// lineText is the source between two positions of one line.
func lineText(source []byte, start, end syntax.Position) string {
	line := strings.Split(string(source), "\n")[start.Line-1]
	return line[start.Col-1 : end.Col-1]
}

var update = flag.Bool("update", false, "rewrite docs/extensions.md")

// TestPage compares docs/extensions.md with what is shipped.
func TestPage(t *testing.T) {
	var b strings.Builder
	b.WriteString(`# Extensions

Shipped with the program, offline: ` + "`load('ext://NAME', …)`" + `. Others of the public collection are fetched by git when they are first
loaded, and so are those of any repository that ` + "`v1alpha1.extension_repo`" + ` names; the newest commit at each new ` + "`up`" + `, unless ` + "`towline.lock`" + `
beside the Tiltfile names one. ` + "`towline extensions`" + ` lists the repositories that a Tiltfile loads and how far behind they are,
` + "`towline extensions update [NAME]`" + ` takes the newest commit and locks it. What is shipped has the names, parameters and defaults of the public collection (testdata/public.txt, a test); where a Tiltfile
loads a name that the shipped extension lacks, the public one is fetched and takes its place. This page is generated (` + "`go test ./extensions -update`" + `), and every example is run by a test.

| extension | what it does |
|---|---|
`)
	var pages []page
	for _, name := range Names() {
		p := read(t, name)
		pages = append(pages, p)
		fmt.Fprintf(&b, "| [%s](#%s) | %s |\n", name, strings.ReplaceAll(name, "/", ""), strings.TrimSuffix(p.title, "."))
	}
	for _, p := range pages {
		p.write(&b)
	}
	b.WriteString("\n## Not shipped\n\nThese are fetched by git when they are loaded.\n\n| extension | why |\n|---|---|\n")
	left := Left()
	for _, name := range slices.Sorted(maps.Keys(left)) {
		fmt.Fprintf(&b, "| `%s` | %s |\n", name, left[name])
	}
	file := filepath.Join("..", "docs", "extensions.md")
	if *update {
		if err := os.WriteFile(file, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := os.ReadFile(file); err != nil || string(got) != b.String() {
		t.Errorf("%s is not fresh (%v): run the test with -update", file, err)
	}
}

// write writes an extension's section.
func (p page) write(b *strings.Builder) {
	text, _, _ := strings.Cut(p.text, "Example:")
	fmt.Fprintf(b, "\n## %s\n\n%s\n\n```python\n%s```\n", p.name, strings.TrimSpace(text), Example(p.name))
	if len(p.functions) > 0 {
		b.WriteString("\n")
	}
	for _, f := range p.functions {
		purpose, _, _ := strings.Cut(strings.TrimSpace(f.doc), "\n")
		fmt.Fprintf(b, "- `%s`: %s\n", f.signature, purpose)
	}
}
