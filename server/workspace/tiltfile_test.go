package workspace

import (
	"path/filepath"
	"testing"
)

// TestIsTiltfile opens the files of a repository that is built by Bazel and has
// Tiltfiles, in an editor that calls all of them Starlark.
func TestIsTiltfile(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"Tiltfile": "load('./lib/common.star', 'f')\nload('ext://namespace', 'x')\n", "lib/common.star": "load('deep.bzl', 'g')\ninclude('../Tiltfile')\n",
		"lib/deep.bzl": "g = 1\n", "BUILD.bazel": "glob(['*'])\n", "lib/rules.bzl": "rule()\n", "sub/dev.tiltfile": "include('more.star')\n", "sub/more.star": "x = 1\n",
		"other/more.star": "x = 1\n",
	} {
		write(t, filepath.Join(dir, name), text)
	}
	w := New()
	is := func(name, language string) bool {
		path := name
		if name != "" {
			path = filepath.Join(dir, name)
		}
		return w.Snapshot().IsTiltfile(&Document{URI: "file://" + path, Path: path, Language: language})
	}
	for name, want := range map[string]bool{
		"Tiltfile": true, "lib/common.star": true, "lib/deep.bzl": true, "sub/more.star": true, "sub/dev.tiltfile": true, "": true, "Tiltfile.new": true,
		"BUILD.bazel": false, "lib/rules.bzl": false, "other/more.star": false, "gone.star": false,
	} {
		if got := is(name, "starlark"); got != want {
			t.Errorf("%q: %v, want %v", name, got, want)
		}
	}
	if !is("lib/rules.bzl", "tiltfile") || is("lib/deep.bzl", "python") || !is("Tiltfile", "python") {
		t.Error("what an editor says of a language does not count as it should")
	}
	// What is typed counts before it is saved.
	path := filepath.Join(dir, "Tiltfile")
	if err := w.Open(&Document{URI: "file://" + path, Path: path, Language: "starlark", Text: NewText("include('lib/rules.bzl')\n")}); err != nil {
		t.Fatal(err)
	}
	if !is("lib/rules.bzl", "starlark") || is("lib/deep.bzl", "starlark") {
		t.Error("the open Tiltfile does not count")
	}
}
