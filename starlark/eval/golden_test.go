package eval

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/towline-dev/towline/starlark/config"
)

var update = flag.Bool("update", false, "rewrite the want sections of the txtar files")

// TestGolden evaluates the cases of testdata. A file of testdata has one case,
// or several that are divided by comments:
//
//	## NAME
//	-- Tiltfile --
//	…
//	-- want --
//	…
//
// where each case has its own Tiltfile, the files beside it, and what the
// project is: its JSON without positions and without what is empty or a
// default. Special sections: "args" (one argument a line), "env" (NAME=value a
// line), "kube" (a context's name, "local" behind it when it is one of this
// machine, and a namespace behind that), "log" (what is printed, compared when it is there).
func TestGolden(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no testdata: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			goldenFile(t, file)
		})
	}
}

func goldenFile(t *testing.T, file string) {
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var rewritten bytes.Buffer
	for i, part := range splitCases(string(data)) {
		name, _, _ := strings.Cut(strings.TrimPrefix(part, "## "), "\n")
		if !strings.HasPrefix(part, "## ") {
			name = fmt.Sprint(i)
		}
		archive := txtar.Parse([]byte(part))
		t.Run(strings.TrimSpace(name), func(t *testing.T) {
			goldenCase(t, archive)
		})
		rewritten.Write(txtar.Format(archive))
	}
	if *update && !t.Failed() {
		if err := os.WriteFile(file, rewritten.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// splitCases cuts a file before each line that starts with "## ".
func splitCases(text string) []string {
	var parts []string
	for {
		i := strings.Index(text[min(1, len(text)):], "\n## ")
		if i < 0 {
			return append(parts, text)
		}
		parts = append(parts, text[:i+2])
		text = text[i+2:]
	}
}

// goWords are names of Go's types, of which a message for a person has none. A
// chart's template engine is the one that speaks them.
var goWords = regexp.MustCompile(`\*?\bstarlark(struct)?\.[A-Z]\w*|map\[string\]|\[\](string|interface|any)\b|\bu?int64\b|\bfloat64\b`)

func goldenCase(t *testing.T, archive *txtar.Archive) {
	section := func(name string) *txtar.File {
		i := slices.IndexFunc(archive.Files, func(f txtar.File) bool { return f.Name == name })
		if i < 0 {
			return nil
		}
		return &archive.Files[i]
	}
	if *update && section("want") == nil {
		archive.Files = append(archive.Files, txtar.File{Name: "want"})
	}
	want, wantLog := section("want"), section("log")
	got, gotLog := runCase(t, t.TempDir(), archive)
	if *update {
		want.Data = []byte(got)
	} else if want == nil {
		t.Fatal("the case has no want section: run the test with -update")
	}
	if diff := cmp.Diff(string(want.Data), got); diff != "" {
		t.Errorf("project (-want +got):\n%s", diff)
	}
	if word := goWords.FindString(got); word != "" {
		t.Errorf("a person is told %q, which is Go's word", word)
	}
	if wantLog != nil {
		if *update {
			wantLog.Data = []byte(gotLog)
		}
		if diff := cmp.Diff(string(wantLog.Data), gotLog); diff != "" {
			t.Errorf("log (-want +got):\n%s", diff)
		}
	}
}

// runCase writes a case's files to a directory and evaluates its Tiltfile. It
// returns the project in compact form and what was printed.
func runCase(t *testing.T, dir string, archive *txtar.Archive) (project, log string) {
	t.Helper()
	if real, err := filepath.EvalSymlinks(dir); err == nil {
		dir = real
	}
	opts := Options{Tiltfile: filepath.Join(dir, "Tiltfile"), Kube: &Kube{Context: "kind-test", Local: true}, Version: "test",
		Env: []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir}}
	var printed strings.Builder
	opts.Log = func(line string) { printed.WriteString(line + "\n") }
	for _, f := range archive.Files {
		text := strings.ReplaceAll(string(f.Data), "$DIR", dir)
		lines := strings.Split(strings.TrimSpace(text), "\n")
		switch f.Name {
		case "want", "log":
		case "args":
			opts.Args = lines
		case "env":
			opts.Env = append(opts.Env, lines...)
		case "kube":
			words := append(strings.Fields(text), "", "", "")
			opts.Kube = &Kube{Context: words[0], Local: words[1] == "local", Namespace: words[2]}
		default:
			path := filepath.Join(dir, f.Name)
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
				t.Fatal(err)
			}
		}
	}
	p := Eval(context.Background(), opts)
	short := func(text string) string { return strings.ReplaceAll(text, dir, "$DIR") }
	return short(compact(t, p)), short(printed.String())
}

// compact is a project's JSON without what every case would repeat.
func compact(t *testing.T, p *config.Project) string {
	t.Helper()
	full := asMap(t, p)
	settings := full["settings"].(map[string]any)
	empty := config.NewProject("")
	empty.FillEmpty()
	for k, v := range asMap(t, empty)["settings"].(map[string]any) {
		if reflect.DeepEqual(settings[k], v) {
			delete(settings, k)
		}
	}
	delete(full, "schema_version")
	delete(full, "tiltfile")
	var files []any
	for _, f := range p.ConfigFiles {
		base := filepath.Base(f)
		if _, err := os.Stat(f); base == ".dockerignore" && err != nil {
			continue // see TestMissingIgnoreFileIsWatched
		}
		if base != "Tiltfile" && base != ".tiltignore" && base != "Dockerfile" {
			files = append(files, f)
		}
	}
	full["config_files"] = files
	for _, r := range full["resources"].([]any) {
		shortenResource(r.(map[string]any))
	}
	for _, o := range full["yaml"].([]any) {
		o := o.(map[string]any)
		delete(o, "content")
		delete(o, "line")
	}
	for _, w := range full["warnings"].([]any) {
		w := w.(map[string]any)
		w["line"] = w["pos"].(map[string]any)["line"]
		delete(w, "stack")
	}
	if e, ok := full["error"].(map[string]any); ok {
		shortenError(e)
	}
	data, err := json.MarshalIndent(prune(full), "", " ")
	if err != nil {
		t.Fatal(err)
	}
	data = bytes.ReplaceAll(data, []byte(`\u003c`), []byte("<"))
	return string(bytes.ReplaceAll(data, []byte(`\u003e`), []byte(">"))) + "\n"
}

// shortenResource drops what is as usual for the kind.
func shortenResource(r map[string]any) {
	for key, usual := range map[string]any{"enabled": true, "auto_init": true, "trigger_mode": "auto", "pod_readiness": "wait"} {
		if r[key] == usual {
			delete(r, key)
		} else if r[key] == false {
			r[key] = "false"
		}
	}
	delete(r, "env")
	delete(r, "dir")
}

// shortenError writes the place and the calls as text.
func shortenError(e map[string]any) {
	text := func(v any) string {
		pos := v.(map[string]any)
		if pos["file"] == nil {
			return ""
		}
		return fmt.Sprintf("%v:%v:%v", pos["file"], pos["line"], pos["col"])
	}
	var calls []any
	stack, _ := e["stack"].([]any)
	for _, f := range stack {
		f := f.(map[string]any)
		calls = append(calls, fmt.Sprintf("%s in %v: %v", text(f["pos"]), f["name"], f["text"]))
	}
	e["stack"] = calls
	if at := text(e["pos"]); !slices.ContainsFunc(calls, func(c any) bool { return strings.HasPrefix(c.(string), at+" ") }) {
		e["at"] = at // in a file that a call read, or of no call
	}
}

func asMap(t *testing.T, v any) map[string]any {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	var m map[string]any
	if err := json.Unmarshal(data, &m); err != nil {
		t.Fatal(err)
	}
	return m
}

// prune drops positions and everything that is empty.
func prune(v any) any {
	switch v := v.(type) {
	case map[string]any:
		m := map[string]any{}
		for k, x := range v {
			if x = prune(x); x != nil && k != "pos" {
				m[k] = x
			}
		}
		if len(m) > 0 {
			return m
		}
		return nil
	case []any:
		var list []any
		for _, x := range v {
			if x = prune(x); x == nil {
				x = map[string]any{}
			}
			list = append(list, x)
		}
		if len(list) > 0 {
			return list
		}
		return nil
	case string:
		if v == "" {
			return nil
		}
	case float64:
		if v == 0 {
			return nil
		}
	case bool:
		if !v {
			return nil
		}
	}
	return v
}
