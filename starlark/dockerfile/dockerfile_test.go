package dockerfile

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
)

var update = flag.Bool("update", false, "rewrite the want sections")

// TestImages reads the files of testdata. "args" are values of variables, one a
// line; "want" is which images are named on which line, the stages, and the
// text in which each image x has become built/x.
func TestImages(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no testdata: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			sections, args := map[string]*txtar.File{}, map[string]string{}
			for i := range archive.Files {
				sections[archive.Files[i].Name] = &archive.Files[i]
			}
			if given := sections["args"]; given != nil {
				for line := range strings.Lines(string(given.Data)) {
					name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
					args[name] = value
				}
			}
			got := describe(Parse(string(sections["Dockerfile"].Data)), args)
			if *update {
				sections["want"].Data = []byte(got)
				if err := os.WriteFile(file, txtar.Format(archive), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if diff := cmp.Diff(string(sections["want"].Data), got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func describe(f *File, args map[string]string) string {
	var b strings.Builder
	for _, ref := range f.Images(args) {
		fmt.Fprintf(&b, "%d: %s\n", ref.Line, ref.Image)
	}
	fmt.Fprintf(&b, "stages: %s\nvariables: %s\n\n", strings.Join(f.Stages(), " "), strings.Join(f.Variables(), " "))
	b.WriteString(f.Replace(args, func(image string) (string, bool) { return "built/" + image, true }))
	return b.String()
}

func TestLine(t *testing.T) {
	f := Parse("# one\nFROM a\n\nRUN one && \\\n  # between\n\n  two\nRUN <<EOF\nRUN three\nEOF\nRUN three\n")
	for instruction, want := range map[string]int{
		"FROM a": 2, "RUN one && two": 4, "RUN   one &&   two": 4, "RUN three": 11, "RUN <<EOF (RUN three)": 8, "RUN four": 0, "": 0,
	} {
		if got := f.Line(instruction); got != want {
			t.Errorf("%q is on line %d, want %d", instruction, got, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	files, _ := filepath.Glob("testdata/*.txtar")
	for _, file := range files {
		if archive, err := txtar.ParseFile(file); err == nil {
			f.Add(string(archive.Files[0].Data))
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		file := Parse(text)
		if got := file.Replace(nil, func(string) (string, bool) { return "", false }); got != text {
			t.Errorf("nothing was replaced in %q, got %q", text, got)
		}
		replaced := file.Replace(nil, func(string) (string, bool) { return "x", true })
		if strings.Count(replaced, "\n") != strings.Count(text, "\n") {
			t.Errorf("%q has become %q, of another number of lines", text, replaced)
		}
		file.Line("RUN x")
	})
}
