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
)

func TestEveryExtensionHasATest(t *testing.T) {
	names := Names()
	if !slices.Contains(names, "restart_process") || !slices.Contains(names, "tests/golang") {
		t.Fatalf("names: %v", names)
	}
	tests, err := os.ReadFile("../starlark/eval/testdata/extensions.txtar")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		source, ok := Source(name)
		if !ok || !strings.HasPrefix(string(source), `"""`) {
			t.Errorf("%s: does not start with what it is for", name)
		}
		if !strings.Contains(string(tests), "ext://"+name+"'") {
			t.Errorf("%s: no test loads it", name)
		}
		if _, left := Left()[name]; left {
			t.Errorf("%s: shipped and left out", name)
		}
	}
}

func TestUnknownExtension(t *testing.T) {
	for _, name := range []string{"", "nothing", "../starlark", "tests"} {
		if _, ok := Source(name); ok {
			t.Errorf("Source(%q) is there", name)
		}
	}
}

var update = flag.Bool("update", false, "rewrite docs/extensions.md")

// TestPage compares docs/extensions.md with what is shipped.
func TestPage(t *testing.T) {
	var b strings.Builder
	b.WriteString("# Extensions\n\nShipped with the program, offline: `load('ext://NAME', …)`. Others are fetched by git, once, and kept (see `v1alpha1.extension_repo`).\n" +
		"This page is generated: `go test ./extensions -update`.\n\n| extension | what it does | functions |\n|---|---|---|\n")
	for _, name := range Names() {
		source, _ := Source(name)
		first, _, _ := strings.Cut(strings.TrimPrefix(string(source), `"""`), "\n")
		var functions []string
		for line := range strings.Lines(string(source)) {
			if f, ok := strings.CutPrefix(line, "def "); ok && !strings.HasPrefix(f, "_") {
				f, _, _ = strings.Cut(f, "(")
				functions = append(functions, "`"+f+"`")
			}
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", name, strings.TrimSuffix(strings.TrimSuffix(first, `"""`), "."), strings.Join(functions, ", "))
	}
	b.WriteString("\n## Left out\n\n| extension | why |\n|---|---|\n")
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
