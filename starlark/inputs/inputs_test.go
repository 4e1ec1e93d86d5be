package inputs_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/towline-dev/towline/starlark/cache"
	"github.com/towline-dev/towline/starlark/inputs"
)

// folder writes files and returns their folder.
func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		put(t, filepath.Join(dir, name), text)
	}
	return dir
}

func put(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestCompare asks in all ways, changes something, and looks at what Compare says
// of it.
func TestCompare(t *testing.T) {
	for name, test := range map[string]struct {
		change  func(t *testing.T, dir string)
		changed string // the files that were read apart
		ok      bool
	}{
		"nothing":                          {func(*testing.T, string) {}, "", true},
		"what nobody asked for":            {func(t *testing.T, dir string) { put(t, dir+"/other/x", "") }, "", true},
		"the same text anew":               {func(t *testing.T, dir string) { put(t, dir+"/seen", "1") }, "", true},
		"a file that is seen":              {func(t *testing.T, dir string) { put(t, dir+"/seen", "2") }, "", false},
		"a file that is read apart":        {func(t *testing.T, dir string) { put(t, dir+"/apart", "2") }, "apart=2", true},
		"a file that is read in both ways": {func(t *testing.T, dir string) { put(t, dir+"/both", "2") }, "", false},
		"a file read apart goes":           {func(t *testing.T, dir string) { _ = os.Remove(dir + "/apart") }, "", false},
		"a missing file appears":           {func(t *testing.T, dir string) { put(t, dir+"/missing", "") }, "", false},
		"a name in a folder":               {func(t *testing.T, dir string) { put(t, dir+"/listed/new", "") }, "", false},
		"a folder instead of a file":       {func(t *testing.T, dir string) { put(t, dir+"/asked/x", "") }, "", false},
		"a link that leads elsewhere": {func(t *testing.T, dir string) {
			_ = os.Remove(dir + "/link")
			if err := os.Symlink("apart", dir+"/link"); err != nil {
				t.Fatal(err)
			}
		}, "", false},
	} {
		t.Run(name, func(t *testing.T) {
			dir := folder(t, map[string]string{"seen": "1", "apart": "1", "both": "1", "listed/a": "", "other/y": ""})
			if err := os.Symlink("seen", dir+"/link"); err != nil {
				t.Fatal(err)
			}
			kept := cache.New()
			r := inputs.NewRecorder(inputs.OS{}, kept)
			_, err := r.ReadText(dir + "/missing")
			if !errors.Is(err, fs.ErrNotExist) {
				t.Fatalf("reading what there is not: %v", err)
			}
			_, seen := r.ReadText(dir + "/seen")
			_, apart := r.ReadApart(dir + "/apart")
			_, both := r.ReadApart(dir + "/both")
			_, again := r.Read(dir + "/both")
			_, listed := r.List(dir+"/listed", false)
			_, real := r.Real(dir + "/link")
			if err := errors.Join(seen, apart, both, again, listed, real); err != nil || r.Exists(dir+"/asked") {
				t.Fatal(err)
			}
			answers, all := r.Answers()
			if !all {
				t.Fatal("the answers are not all that is asked")
			}
			test.change(t, dir)
			changed, ok := answers.Compare(inputs.NewRecorder(inputs.OS{}, kept))
			got := ""
			for _, c := range changed {
				got += filepath.Base(c.Path) + "=" + c.Text
			}
			if ok != test.ok || ok && got != test.changed {
				t.Errorf("%q, %v; want %q, %v", got, ok, test.changed, test.ok)
			}
			if again, ok := answers.With(changed).Compare(inputs.NewRecorder(inputs.OS{}, kept)); test.ok && (!ok || len(again) > 0) {
				t.Errorf("with the new answers: %v, %v", again, ok)
			}
		})
	}
}

func TestAnswersAreOfTheSystem(t *testing.T) {
	if _, ok := inputs.NewRecorder(struct{ inputs.OS }{}, cache.New()).Answers(); ok {
		t.Error("answers of other files than the system's are kept")
	}
}

func TestList(t *testing.T) {
	dir := folder(t, map[string]string{"b": "", "a/c": "", "a/b/d": ""})
	for recursive, want := range map[bool][]string{false: {"b"}, true: {"a/b/d", "a/c", "b"}} {
		paths, err := inputs.NewRecorder(inputs.OS{}, cache.New()).List(dir, recursive)
		for i := range paths {
			paths[i] = strings.TrimPrefix(paths[i], dir+"/")
		}
		if err != nil || !slices.Equal(paths, want) {
			t.Errorf("recursive %v: %q and %v, want %q", recursive, paths, err, want)
		}
	}
}

func TestWhatIsNotRead(t *testing.T) {
	dir := folder(t, map[string]string{"large": ""})
	if err := os.Truncate(dir+"/large", inputs.MaxSize+1); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{dir + "/large": "more than the 64 MB", dir: "is a directory", "/dev/zero": "not a regular file"} {
		if _, err := (inputs.OS{}).ReadFile(path); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", path, err, want)
		}
	}
}

func TestIgnoreFile(t *testing.T) {
	dir := folder(t, map[string]string{".dockerignore": "# none\n\n*.md\n!README.md\n"})
	r := inputs.NewRecorder(inputs.OS{}, cache.New())
	for name, want := range map[string][]string{".dockerignore": {"*.md", "!README.md"}, "missing": nil} {
		if got, err := r.IgnoreFile(filepath.Join(dir, name)); err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %q and %v, want %q", name, got, err, want)
		}
	}
	if got := r.Paths(); len(got) != 2 {
		t.Errorf("noted %q", got)
	}
}
