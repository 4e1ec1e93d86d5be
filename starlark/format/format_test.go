package format

import (
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
	"github.com/towline-dev/towline/starlark/syntax"
)

var update = flag.Bool("update", false, "rewrite the formatted parts of the archives")

// TestFormat formats the files NAME of the archives in testdata; NAME.want is
// the result.
func TestFormat(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("no archives", err)
	}
	for _, name := range files {
		ar, err := txtar.ParseFile(name)
		if err != nil {
			t.Fatal(err)
		}
		want := map[string]string{}
		var inputs []txtar.File
		for _, f := range ar.Files {
			if n, ok := strings.CutSuffix(f.Name, ".want"); ok {
				want[n] = string(f.Data)
			} else {
				inputs = append(inputs, f)
			}
		}
		out := &txtar.Archive{Comment: ar.Comment}
		for _, f := range inputs {
			got := check(t, string(f.Data))
			if diff := cmp.Diff(want[f.Name], got); diff != "" && !*update {
				t.Errorf("%s %s (-want +got):\n%s", name, f.Name, diff)
			}
			out.Files = append(out.Files, f, txtar.File{Name: f.Name + ".want", Data: []byte(got)})
		}
		if *update {
			if err := os.WriteFile(name, txtar.Format(out), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// check formats a text and holds the result against what formatting promises.
func check(t *testing.T, src string) string {
	t.Helper()
	f := syntax.ParseString("t", src)
	got, ok := File(f)
	if !ok {
		if got != src {
			t.Fatalf("a file with errors was changed: %q", src)
		}
		return got
	}
	g := syntax.ParseString("t", got)
	if len(g.Errors) > 0 {
		t.Fatalf("the result does not parse: %v\n%q\n%s", g.Errors[0], src, got)
	}
	if diff := cmp.Diff(syntax.Dump(f), syntax.Dump(g)); diff != "" {
		t.Fatalf("the tree changed:\n%s\n%q\n%s", diff, src, got)
	}
	if diff := cmp.Diff(comments(f), comments(g)); diff != "" {
		t.Fatalf("the comments changed:\n%s\n%q\n%s", diff, src, got)
	}
	if again, _ := File(g); again != got {
		t.Fatalf("another result the second time:\n%q\n%s\n---\n%s\n%s", src, got, again, cmp.Diff(got, again))
	}
	for i, line := range strings.Split(got, "\n") {
		if strings.TrimRight(line, " ") != line && !strings.Contains(got, `"""`) && !strings.Contains(got, "'''") && !strings.Contains(got, "\\\n") {
			t.Fatalf("line %d ends with a space: %q", i+1, line)
		}
	}
	return got
}

// comments returns the texts of the comments, sorted.
func comments(f *syntax.File) []string {
	var list []string
	for _, c := range f.Comments {
		list = append(list, strings.TrimRight(f.Src[c.Start:c.End], " \t\v\f"))
	}
	slices.Sort(list)
	return list
}

func FuzzFormat(f *testing.F) {
	files, _ := filepath.Glob("testdata/*.txtar")
	for _, name := range files {
		ar, err := txtar.ParseFile(name)
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range ar.Files {
			f.Add(string(file.Data))
			for _, part := range strings.Split(string(file.Data), "\n\n") {
				f.Add(part + "\n")
			}
		}
	}
	f.Fuzz(func(t *testing.T, src string) {
		if len(src) < 1<<14 {
			check(t, src)
		}
	})
}
