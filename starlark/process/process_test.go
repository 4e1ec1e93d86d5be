package process

import (
	"os"
	"path/filepath"
	"testing"
)

// TestFind: a program is a file that may be executed, in the first folder that
// has it; a relative folder is below the given one.
func TestFind(t *testing.T) {
	dir := t.TempDir()
	write := func(path string, mode os.FileMode) {
		t.Helper()
		path = filepath.Join(dir, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, mode); err != nil {
			t.Fatal(err)
		}
	}
	write("text/tool", 0o644)
	write("one/tool", 0o755)
	write("two/tool", 0o755)
	if err := os.MkdirAll(filepath.Join(dir, "folder", "tool"), 0o755); err != nil {
		t.Fatal(err)
	}
	at := func(folder string) string { return filepath.Join(dir, folder) }
	list := func(folders ...string) (path string) {
		for i, f := range folders {
			if i > 0 {
				path += string(filepath.ListSeparator)
			}
			path += f
		}
		return path
	}
	for _, test := range []struct{ path, want string }{
		{list(at("one"), at("two")), at("one/tool")},
		{list(at("text"), at("folder"), at("none"), at("two")), at("two/tool")},
		{list("two", at("one")), at("two/tool")},
		{list(at("text"), at("folder")), ""},
		{"", ""},
	} {
		if got := Find("tool", test.path, dir); got != test.want {
			t.Errorf("in %q: %q, want %q", test.path, got, test.want)
		}
	}
}
