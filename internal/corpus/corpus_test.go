package corpus

import (
	"context"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
	"go.starlark.net/syntax"

	"github.com/towline-dev/towline/server/workspace"
	"github.com/towline-dev/towline/starlark/config"
	"github.com/towline-dev/towline/starlark/eval"
	"github.com/towline-dev/towline/starlark/format"
	"github.com/towline-dev/towline/starlark/ide"
	ours "github.com/towline-dev/towline/starlark/syntax"
)

var cases = flag.String("cases", "testdata/*.txtar", "the files with the cases")

// tiltOptions are the options with which Tilt reads a Tiltfile.
var tiltOptions = syntax.FileOptions{Set: true, GlobalReassign: true, Recursion: true, TopLevelControl: true, While: true}

// A project of the corpus lies in a folder of its own.
type project struct {
	dir      string
	sources  []string // names of the Starlark files, the Tiltfile first
	args     []string
	env      []string
	warnings []string // what the evaluation warns of, and rightly
}

// TestCorpus reads projects that are divided by lines "=== NAME", each a
// txtar archive. Sections with a meaning of their own: "args" and "env" have an
// entry a line, "warnings" the beginning of each warning, in order. A folder
// bin is in the PATH.
func TestCorpus(t *testing.T) {
	files, err := filepath.Glob(*cases)
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, part := range strings.Split("\n"+string(data), "\n=== ")[1:] {
			name, text, _ := strings.Cut(part, "\n")
			t.Run(name, func(t *testing.T) {
				unpack(t, txtar.Parse([]byte(text+"\n"))).check(t)
			})
		}
	}
}

// TestOurs holds the project's own Tiltfiles to the same.
func TestOurs(t *testing.T) {
	var files []string
	for _, pattern := range []string{"examples/*", "extensions/*", "extensions/*/*"} {
		found, err := filepath.Glob("../../" + pattern + "/Tiltfile")
		if err != nil || len(found) == 0 {
			t.Fatalf("no Tiltfile of %s: %v", pattern, err)
		}
		files = append(files, found...)
	}
	for _, file := range files {
		path, err := filepath.Abs(file)
		if err != nil {
			t.Fatal(err)
		}
		p := &project{dir: filepath.Dir(path), env: []string{"PATH=" + os.Getenv("PATH")}}
		p.checkSource(t, "Tiltfile", nil)
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if text, _ := format.File(ours.ParseString(file, string(data))); text != string(data) {
			t.Errorf("%s is not as towline fmt writes it:\n%s", file, cmp.Diff(string(data), text))
		}
	}
}

// unpack writes the files of a project.
func unpack(t *testing.T, a *txtar.Archive) *project {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	p := &project{dir: dir, env: []string{"PATH=" + filepath.Join(dir, "bin") + ":" + os.Getenv("PATH"), "HOME=" + dir}}
	for _, f := range a.Files {
		lines := strings.Split(strings.TrimSpace(string(f.Data)), "\n")
		switch f.Name {
		case "args":
			p.args = lines
		case "env":
			p.env = append(p.env, lines...)
		case "warnings":
			p.warnings = lines
		default:
			p.write(t, f.Name, string(f.Data))
		}
	}
	return p
}

func (p *project) write(t *testing.T, name, text string) {
	t.Helper()
	path := filepath.Join(p.dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(text, "␍") {
		text = strings.ReplaceAll(text, "␍", "\r")
	}
	if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
	base := filepath.Base(name)
	for _, ending := range []string{".star", ".bzl", ".tilt", ".tiltfile"} {
		if strings.HasSuffix(base, ending) || base == "Tiltfile" || strings.HasPrefix(base, "Tiltfile.") {
			p.sources = append(p.sources, name)
			return
		}
	}
}

func (p *project) check(t *testing.T) {
	before := p.eval()
	if before.Error != nil {
		t.Errorf("evaluation: %v", before.Error)
	}
	p.checkWarnings(t, before)
	for _, name := range p.sources {
		p.checkSource(t, name, before)
	}
	formatted := true
	for _, name := range p.sources {
		formatted = p.format(t, name) && formatted
	}
	if !formatted {
		return
	}
	if diff := cmp.Diff(shape(t, before), shape(t, p.eval())); diff != "" {
		t.Errorf("formatting changes the project (-before +after):\n%s", diff)
	}
}

func (p *project) eval() *config.Project {
	return eval.Eval(context.Background(), eval.Options{
		Tiltfile: filepath.Join(p.dir, "Tiltfile"), Args: p.args, Env: p.env, Version: "test",
		Kube: &eval.Kube{Context: "kind-dev", Local: true},
	})
}

func (p *project) checkWarnings(t *testing.T, got *config.Project) {
	t.Helper()
	// What is not acted on yet is this program's fault, not the Tiltfile's.
	warnings := slices.DeleteFunc(slices.Clone(got.Warnings), func(w config.Problem) bool { return strings.Contains(w.Message, "has no effect yet") })
	for i, w := range warnings {
		if i >= len(p.warnings) || !strings.HasPrefix(w.Message, p.warnings[i]) {
			t.Errorf("evaluation warns: %v", w.Error())
		}
	}
	if len(warnings) < len(p.warnings) {
		t.Errorf("%d warnings of the evaluation, want %d", len(warnings), len(p.warnings))
	}
}

// checkSource checks what an editor shows of a file.
func (p *project) checkSource(t *testing.T, name string, evaluated *config.Project) {
	t.Helper()
	path := filepath.Join(p.dir, filepath.FromSlash(name))
	snap := workspace.New().Snapshot()
	text, err := snap.Text(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tiltOptions.Parse(name, text.String(), 0); err != nil {
		t.Errorf("the case is wrong: %v", err)
	}
	f := text.File(path)
	for _, project := range []*config.Project{nil, evaluated} {
		s := &ide.Analysis{Host: workspace.World{Snapshot: snap}, Project: project}
		for _, d := range ide.Diagnostics(s, f) {
			line, column := f.Lines.Position(d.Span.Start, ours.UTF32)
			if d.Code == ide.CodeEvaluation {
				continue // see checkWarnings
			}
			if d.Severity <= ide.Warning {
				t.Errorf("%s:%d:%d: %s: %s [%s]", name, line+1, column+1, d.Severity, d.Message, d.Code)
			} else if testing.Verbose() && project == nil {
				t.Logf("%s:%d:%d: %s: %s [%s]", name, line+1, column+1, d.Severity, d.Message, d.Code)
			}
		}
	}
}

// format formats a file in place and reports whether it could.
func (p *project) format(t *testing.T, name string) bool {
	t.Helper()
	path := filepath.Join(p.dir, filepath.FromSlash(name))
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	first := ours.ParseString(name, string(data))
	text, ok := format.File(first)
	if !ok {
		t.Errorf("%s is not formatted", name)
		return false
	}
	second := ours.ParseString(name, text)
	if diff := cmp.Diff(ours.Dump(first), ours.Dump(second)); diff != "" {
		t.Errorf("formatting changes the tree of %s (-before +after):\n%s", name, diff)
	}
	if again, _ := format.File(second); again != text {
		t.Errorf("formatting %s again changes more (-once +twice):\n%s", name, cmp.Diff(text, again))
	}
	return os.WriteFile(path, []byte(text), 0o755) == nil
}

// shape is a project without places in the text.
func shape(t *testing.T, p *config.Project) any {
	t.Helper()
	data, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	var v any
	if err := json.Unmarshal(data, &v); err != nil {
		t.Fatal(err)
	}
	return withoutPlaces(v)
}

func withoutPlaces(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for key, x := range v {
			if slices.Contains([]string{"pos", "stack", "line", "col"}, key) {
				delete(v, key)
				continue
			}
			v[key] = withoutPlaces(x)
		}
	case []any:
		for i, x := range v {
			v[i] = withoutPlaces(x)
		}
	}
	return v
}
