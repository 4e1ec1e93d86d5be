package workspace

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/towline-dev/towline/extensions"
	"github.com/towline-dev/towline/starlark/config"
	"github.com/towline-dev/towline/starlark/ide"
)

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

const fetchedCommit = "0123456789abcdef0123456789abcdef01234567"

// fetched returns a cache that holds the extension at a path of a repository.
func fetched(t *testing.T, url, path string) string {
	t.Helper()
	cache := extensions.Cache(t.TempDir())
	write(t, filepath.Join(cache.Folder(url, fetchedCommit), path, "Tiltfile"), "def fetched(): pass\n")
	if err := cache.WriteLock([]extensions.Locked{{URL: url, Commit: fetchedCommit}}); err != nil {
		t.Fatal(err)
	}
	return string(cache)
}

func TestModules(t *testing.T) {
	const ours = "https://example.com/ours"
	cache := fetched(t, ours, "tilt/tool")
	dir, local := t.TempDir(), t.TempDir()
	write(t, filepath.Join(local, "near", "Tiltfile"), "x = 1\n")
	from := filepath.Join(dir, "Tiltfile")
	write(t, from, `v1alpha1.extension_repo(name='ours', url='`+ours+`', load_host='corp', git_subpath='tilt')
v1alpha1.extension('t', repo_name='ours', repo_path='tool')
v1alpha1.extension(name=unknown, repo_name='ours', repo_path='tool')
v1alpha1.extension_repo(name='far', url='https://example.com/far', load_host='far')
`)
	w := World{Snapshot: New().Snapshot(), Found: NewExtensions(cache, ""), API: []config.APIObject{
		{Kind: "ExtensionRepo", Name: "local", Spec: map[string]any{"url": "file://" + local, "load_host": "local"}},
	}}
	for module, want := range map[string]struct {
		state ide.ModuleState
		text  string // part of the path or note
	}{
		"ext://restart_process": {ide.Found, "ext://restart_process/Tiltfile"},
		"ext://tests/golang":    {ide.Found, "ext://tests/golang/Tiltfile"},
		"ext://t":               {ide.Found, "/" + fetchedCommit + "/tilt/tool/Tiltfile"},
		"ext://corp/tool":       {ide.Found, "/" + fetchedCommit + "/tilt/tool/Tiltfile"},
		"ext://corp/gone":       {ide.Missing, "https://example.com/ours has no tilt/gone/Tiltfile"},
		"ext://far/x":           {ide.Unknown, "it is not shipped; evaluating the Tiltfile fetches it from https://example.com/far"},
		"ext://local/near":      {ide.Found, "/near/Tiltfile"},
		"ext://local/gone":      {ide.Missing, "has no gone/Tiltfile"},
		"ext://snyk":            {ide.Unknown, "); evaluating the Tiltfile fetches it"},
		"ext://unheard_of":      {ide.Unknown, extensions.PublicRepo},
		"ext://../x":            {ide.Unknown, "not an extension's name"},
	} {
		got := w.Module(from, module)
		if got.State != want.state || !strings.Contains(got.Path+got.Note, want.text) {
			t.Errorf("%s: got %+v, want %v %s", module, got, want.state, want.text)
		}
		if wantNew := module == "ext://unheard_of"; got.New != wantNew {
			t.Errorf("%s: new %v", module, got.New)
		}
		if f := w.File(got.Path); (got.State == ide.Found) != (f != nil) {
			t.Errorf("%s: the file is %v", module, f)
		}
	}
	names := w.Extensions(from)
	for _, want := range []string{"restart_process", "t", "corp/tool", "local/near"} {
		if !slices.Contains(names, want) {
			t.Errorf("no %s among the names %q", want, names)
		}
	}
	if slices.Contains(names, "tool") || !slices.IsSorted(names) {
		t.Errorf("names %q", names)
	}
}

// TestFetchedPublicCollection has the public collection in the cache: its
// extensions can be loaded without a registration, those that are shipped come
// from the program.
func TestFetchedPublicCollection(t *testing.T) {
	e := NewExtensions(fetched(t, extensions.PublicRepo, "snyk"), "")
	w := World{Snapshot: New().Snapshot(), Found: e}
	m := w.Module("/w/Tiltfile", "ext://snyk")
	if m.State != ide.Found || !e.Foreign(m.Path) || w.File(m.Path).Export("fetched") == nil {
		t.Errorf("got %+v", m)
	}
	if !slices.Contains(w.Extensions("/w/Tiltfile"), "snyk") {
		t.Error("its name is not completed")
	}
}

func TestShippedExtensionAsFile(t *testing.T) {
	e := NewExtensions("", t.TempDir())
	const path = "ext://restart_process/Tiltfile"
	file, err := e.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(file)
	if err != nil || string(text) != e.text(path).String() {
		t.Errorf("%s has %d bytes, %v", file, len(text), err)
	}
	if again, err := e.Open(path); again != file || err != nil {
		t.Errorf("opened again: %s, %v", again, err)
	}
	if back, ok := e.Shipped(file); !ok || back != path {
		t.Errorf("%s holds %s, %v", file, back, ok)
	}
	if _, err := e.Open("ext://none/Tiltfile"); err == nil {
		t.Error("what is not shipped was opened")
	}
	for _, other := range []string{"/w/Tiltfile", filepath.Join(e.view(), "none", "Tiltfile"), e.views + "x/Tiltfile"} {
		if _, ok := e.Shipped(other); ok || e.Foreign(other) {
			t.Errorf("%s counts as shipped", other)
		}
	}
}

func TestKubeconfig(t *testing.T) {
	dir := t.TempDir()
	first, second := filepath.Join(dir, "a"), filepath.Join(dir, "b")
	k := NewKubeconfig(first, second)
	if got := k.Contexts(); len(got) != 0 {
		t.Errorf("without files: %q", got)
	}
	write(t, first, "apiVersion: v1\nkind: Config\ncontexts:\n- name: kind-dev\n  context: {cluster: x, user: y}\n")
	write(t, second, `{"current-context": "prod", "contexts": [{"name": "prod"}, {"name": "kind-dev"}]}`)
	if got, now := k.Contexts(), k.Current(); !slices.Equal(got, []string{"kind-dev", "prod"}) || now != "prod" {
		t.Errorf("got %q, current %q", got, now)
	}
	write(t, second, "contexts: [\n")
	if got := k.Contexts(); !slices.Equal(got, []string{"kind-dev"}) {
		t.Errorf("with a broken file: %q", got)
	}
}

// TestNameOfThePublicExtension: a name that a shipped extension lacks may be one
// of the public collection, unless it is nearly one of its own.
func TestNameOfThePublicExtension(t *testing.T) {
	from := filepath.Join(t.TempDir(), "Tiltfile")
	write(t, from, "load('ext://color', 'purple', 'gren')\nprint(purple, gren)\n")
	w := World{Snapshot: New().Snapshot(), Found: NewExtensions("", "")}
	got := map[ide.Severity]string{}
	for _, d := range ide.Diagnostics(&ide.Analysis{Host: w}, w.File(from)) {
		got[d.Severity] += d.Message
	}
	if !strings.HasPrefix(got[ide.Warning], "ext://color defines no purple as it is shipped") || !strings.HasPrefix(got[ide.Error], "ext://color defines no gren (did you mean") {
		t.Errorf("got %q", got)
	}
}
