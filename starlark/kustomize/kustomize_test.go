package kustomize

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/towline-dev/towline/starlark/cache"
	"github.com/towline-dev/towline/starlark/inputs"
)

// folder is a folder with files.
func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for path, text := range files {
		write(t, filepath.Join(dir, path), text)
	}
	return dir
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

var twoFolders = map[string]string{
	"app/kustomization.yaml":  "resources: [../base]\nnamePrefix: p-\n",
	"base/kustomization.yaml": "resources: [cm.yaml]\n",
	"base/cm.yaml":            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: k}\ndata: {u: \"http://x\"}\n",
}

// TestBuildIsKept changes what the cache holds: a result that shows it was
// taken from there, until a file changes.
func TestBuildIsKept(t *testing.T) {
	dir := folder(t, twoFolders)
	kept := cache.New()
	app := filepath.Join(dir, "app")
	build := func() string {
		t.Helper()
		files := inputs.NewRecorder(inputs.OS{}, kept)
		text, err := Builder{Files: files, Cache: kept, Tiltfile: filepath.Join(dir, "Tiltfile")}.Build(app, nil)
		if err != nil {
			t.Fatal(err)
		}
		for path := range twoFolders {
			if !slices.Contains(files.Paths(), filepath.Join(dir, path)) {
				t.Errorf("%s is not watched", path)
			}
		}
		return text
	}
	if got := build(); !strings.Contains(got, "name: p-k") {
		t.Fatalf("built %s", got)
	}
	built, ok := cache.Get[*memo](kept, cache.Key{Kind: "kustomize", Content: app + "\x00"})
	if !ok {
		t.Fatal("the kustomization is not kept")
	}
	built.text = "marked"
	if got := build(); got != "marked" {
		t.Errorf("it was built again: %s", got)
	}
	write(t, filepath.Join(dir, "base/cm.yaml"), "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: longer}\n")
	if got := build(); !strings.Contains(got, "name: p-longer") {
		t.Errorf("it was not built again after a change: %s", got)
	}
}

func TestLocal(t *testing.T) {
	dir := folder(t, twoFolders)
	for text, want := range map[string]bool{
		"resources: [../base]\n":                                         true,
		"resources: [../none]\n":                                         false,
		"resources: [\"https://example.com/x\"]\n":                       false,
		"resources: [\"github.com/a/b?ref=v1\"]\n":                       false,
		"resources: [../base]\nhelmCharts: [{name: x}]\n":                false,
		"resources: [../base]\nconfigMapGenerator: [{files: [a.txt]}]\n": true,
	} {
		write(t, filepath.Join(dir, "app/kustomization.yaml"), text)
		b := Builder{Files: inputs.NewRecorder(inputs.OS{}, cache.New()), Cache: cache.New()}
		if got := b.Local(filepath.Join(dir, "app")); got != want {
			t.Errorf("%q: local %v, want %v", text, got, want)
		}
	}
}

func TestSupports(t *testing.T) {
	for flags, want := range map[string]bool{
		"": true, "--load-restrictor=LoadRestrictionsNone": true, "--load-restrictor LoadRestrictionsNone": true, "--reorder=none": true,
		"--enable-helm": false, "--network": false,
	} {
		if got := Supports(strings.Fields(flags)); got != want {
			t.Errorf("%q: %v, want %v", flags, got, want)
		}
	}
}
