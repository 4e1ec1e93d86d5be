package ide

import (
	"encoding/json"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/towline-dev/towline/starlark/config"
	"github.com/towline-dev/towline/starlark/resolve"
	"github.com/towline-dev/towline/starlark/syntax"
)

var update = flag.Bool("update", false, "rewrite the golden parts of the marker tests")

// TestMarkers runs the archives of testdata. The files of an archive lie in
// /w; ext/NAME/Tiltfile is the extension NAME, and project.json the last
// evaluation. A line
//
//	#@feature(text|more)
//
// asks for a feature at the place of the bar in the line above, which holds the
// text. Features of whole files are named in the archive's comment, as in
// "run: diagnostics". The file "golden" holds the answers; -update rewrites it.
func TestMarkers(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("no archives", err)
	}
	for _, name := range files {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			ar, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			got := runArchive(t, ar)
			i := len(ar.Files) - 1
			if i < 0 || ar.Files[i].Name != "golden" {
				ar.Files = append(ar.Files, txtar.File{Name: "golden"})
				i++
			}
			want := string(ar.Files[i].Data)
			if *update {
				ar.Files[i].Data = []byte(got)
				if err := os.WriteFile(name, txtar.Format(ar), 0o644); err != nil {
					t.Fatal(err)
				}
			} else if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// world is a Host in memory.
type world struct {
	fs         fstest.MapFS
	files      map[string]*resolve.File
	extensions []string
}

func (w *world) File(path string) *resolve.File { return w.files[path] }

func (w *world) Module(from, module string) Module {
	p := path.Join(path.Dir(from), module)
	if name, ok := strings.CutPrefix(module, "ext://"); ok {
		p = "/w/ext/" + name + "/Tiltfile"
	}
	if w.files[p] == nil {
		if strings.HasPrefix(module, "ext://public") {
			return Module{New: true, Note: "it is not shipped; evaluating the Tiltfile fetches it from https://example.com"}
		}
		return Module{State: Missing}
	}
	return Module{State: Found, Path: p}
}

func (w *world) Extensions(string) []string { return w.extensions }

func (w *world) Contexts() []string { return []string{"kind-dev", "prod"} }

func (w *world) ReadFile(path string) (string, bool) {
	data, err := w.fs.ReadFile(strings.TrimPrefix(path, "/"))
	return string(data), err == nil
}

func (w *world) ReadDir(dir string) ([]fs.DirEntry, bool) {
	list, err := w.fs.ReadDir(strings.TrimPrefix(dir, "/"))
	return list, err == nil
}

// newWorld returns an analysis of the files of an archive.
func newWorld(t *testing.T, ar *txtar.Archive) (*Analysis, *world) {
	t.Helper()
	w := &world{fs: fstest.MapFS{}, files: map[string]*resolve.File{}}
	s := &Analysis{Host: w}
	if m := regexp.MustCompile(`(?m)^refused: (.*)$`).FindStringSubmatch(string(ar.Comment)); m != nil {
		s.Refused = m[1]
	}
	for _, f := range ar.Files {
		name := "/w/" + f.Name
		if f.Name == "golden" {
			continue
		}
		w.fs[name[1:]] = &fstest.MapFile{Data: f.Data}
		switch {
		case f.Name == "project.json":
			s.Project = new(config.Project)
			if err := json.Unmarshal(f.Data, s.Project); err != nil {
				t.Fatal(err)
			}
		case path.Base(f.Name) == "Tiltfile" || strings.HasSuffix(f.Name, ".Tiltfile"):
			w.files[name] = resolve.Resolve(syntax.Parse(name, f.Data))
			if !strings.HasPrefix(f.Name, "ext/") {
				s.Files = append(s.Files, name)
			}
		}
		if dir, ok := strings.CutPrefix(path.Dir(f.Name), "ext/"); ok {
			w.extensions = append(w.extensions, dir)
		}
	}
	return s, w
}

var marker = regexp.MustCompile(`(?m)^[ \t]*#@(\w+)\(([^\n]*?)\)(?: -> ([^\n]*))?[ \t]*$`)

func runArchive(t *testing.T, ar *txtar.Archive) string {
	s, w := newWorld(t, ar)
	var out strings.Builder
	run := ""
	if m := regexp.MustCompile(`(?m)^run: (.*)$`).FindStringSubmatch(string(ar.Comment)); m != nil {
		run = m[1]
	}
	for _, af := range ar.Files {
		f := w.files["/w/"+af.Name]
		if f == nil || strings.HasPrefix(af.Name, "ext/") {
			continue
		}
		for _, feature := range strings.Fields(run) {
			fn := fileFeatures[feature]
			if fn == nil {
				t.Fatalf("no feature %s", feature)
			}
			fmt.Fprintf(&out, "# %s %s\n%s", af.Name, feature, indent(fn(s, f)))
		}
		for _, m := range marker.FindAllStringSubmatchIndex(f.Src, -1) {
			feature, arg := f.Src[m[2]:m[3]], f.Src[m[4]:m[5]]
			fn := placeFeatures[feature]
			if fn == nil {
				t.Fatalf("no feature %s", feature)
			}
			rest := ""
			if m[6] >= 0 {
				rest = f.Src[m[6]:m[7]]
			}
			off := place(t, f, m[0], arg)
			line, _ := f.Lines.Position(off, syntax.UTF8)
			fmt.Fprintf(&out, "# %s:%d %s\n%s", af.Name, line+1, strings.TrimSpace(f.Src[m[0]:m[1]])[2:], indent(fn(s, f, off, rest)))
		}
	}
	return out.String()
}

// place finds the place that a marker at the offset at asks for.
func place(t *testing.T, f *resolve.File, at int, text string) int {
	t.Helper()
	line := f.Lines.Number(at)
	for {
		line--
		span := f.Lines.Line(line)
		src := f.Src[span.Start:span.End]
		if strings.HasPrefix(strings.TrimSpace(src), "#@") {
			continue
		}
		before, after, _ := strings.Cut(text, "|")
		i := strings.Index(src, before+after)
		if i < 0 || line < 0 {
			t.Fatalf("%q is not in %q", before+after, src)
		}
		return span.Start + i + len(before)
	}
}

func indent(text string) string {
	if text = strings.TrimRight(text, "\n"); text == "" {
		return "  (nothing)\n"
	}
	var b strings.Builder
	for _, l := range strings.Split(text, "\n") {
		b.WriteString(strings.TrimRight("  "+l, " ") + "\n")
	}
	return b.String()
}

// where prints a place as line:column-column of the first line, from 1, and the
// text that stands there.
func where(f *resolve.File, s syntax.Span) string {
	l1, c1 := f.Lines.Position(s.Start, syntax.UTF8)
	l2, c2 := f.Lines.Position(s.End, syntax.UTF8)
	if l1 == l2 {
		return fmt.Sprintf("%d:%d-%d", l1+1, c1+1, c2+1)
	}
	return fmt.Sprintf("%d:%d-%d:%d", l1+1, c1+1, l2+1, c2+1)
}

func locations(s *Analysis, list []Location) string {
	var b strings.Builder
	for _, l := range list {
		f := s.file(l.Path)
		if f == nil {
			fmt.Fprintf(&b, "%s\n", strings.TrimPrefix(l.Path, "/w/"))
			continue
		}
		fmt.Fprintf(&b, "%s:%s %s\n", strings.TrimPrefix(l.Path, "/w/"), where(f, l.Span), firstLine(f.Src[l.Span.Start:l.Span.End]))
	}
	return b.String()
}

func firstLine(text string) string {
	line, _, more := strings.Cut(text, "\n")
	if more {
		line += " …"
	}
	return line
}

func edits(s *Analysis, list []Edit) string {
	var b strings.Builder
	for _, e := range list {
		f := s.file(e.Path)
		if f == nil {
			text, _ := s.Host.ReadFile(e.Path)
			f = resolve.Resolve(syntax.ParseString(e.Path, text))
		}
		fmt.Fprintf(&b, "%s:%s %q -> %q\n", strings.TrimPrefix(e.Path, "/w/"), where(f, e.Span), f.Src[e.Span.Start:e.Span.End], e.Text)
	}
	return b.String()
}
