package kubebin

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestCachedByContent(t *testing.T) {
	source, cache := t.TempDir(), t.TempDir()
	p := Program{Name: "hello", Dir: "hello"}
	write(t, source, "hello/go.mod", "module hello\n")
	write(t, source, "hello/main.go", "package main\n\nfunc main() {}\n")
	var lines []string
	say := func(line string) { lines = append(lines, line) }
	built, err := Build(p, source, cache, say)
	if err != nil {
		t.Fatal(err)
	}
	if len(lines) == 0 {
		t.Error("the build said nothing")
	}
	path, ok, err := Cached(p, source, cache)
	if err != nil || !ok || path != built {
		t.Fatalf("Cached = %q, %v, %v; want %q, true", path, ok, err, built)
	}
	lines = nil
	if _, err := Build(p, source, cache, say); err != nil || len(lines) > 0 {
		t.Errorf("building again: %v, %q; want no work", err, lines)
	}
	write(t, source, "hello/main.go", "package main\n\nfunc main() { println() }\n")
	if other, ok, err := Cached(p, source, cache); err != nil || ok || other == path {
		t.Errorf("after an edit, Cached = %q, %v, %v; want another path, false", other, ok, err)
	}
}

func TestBuildErrorsAreShown(t *testing.T) {
	source := t.TempDir()
	write(t, source, "hello/go.mod", "module hello\n")
	write(t, source, "hello/main.go", "package main\n\nfunc main() { wrong() }\n")
	_, err := Build(Program{Name: "hello", Dir: "hello"}, source, t.TempDir(), func(string) {})
	if err == nil || !strings.Contains(err.Error(), "undefined: wrong") {
		t.Errorf("error = %v, want the compiler's", err)
	}
}

// TestVersion keeps the version that the binary claims and the one that the
// module requires the same.
func TestVersion(t *testing.T) {
	data, err := os.ReadFile("../kube/go.mod")
	if err != nil {
		t.Fatal(err)
	}
	if want := "k8s.io/kubernetes " + Version + "\n"; !strings.Contains(string(data), want) {
		t.Errorf("kube/go.mod does not require %s", want)
	}
}

func write(t *testing.T, dir, name, content string) {
	t.Helper()
	file := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}
