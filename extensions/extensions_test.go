package extensions

import (
	"os"
	"slices"
	"strings"
	"testing"
)

func TestEveryExtensionHasATest(t *testing.T) {
	names := Names()
	if !slices.Contains(names, "restart_process") || !slices.Contains(names, "tests/golang") {
		t.Fatalf("names: %v", names)
	}
	tests, err := os.ReadFile("../starlark/eval/testdata/extensions.txtar")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		source, ok := Source(name)
		if !ok || !strings.HasPrefix(string(source), `"""`) {
			t.Errorf("%s: does not start with what it is for", name)
		}
		if !strings.Contains(string(tests), "ext://"+name+"'") {
			t.Errorf("%s: no test loads it", name)
		}
		if _, left := Left()[name]; left {
			t.Errorf("%s: shipped and left out", name)
		}
	}
}

func TestUnknownExtension(t *testing.T) {
	for _, name := range []string{"", "nothing", "../starlark", "tests"} {
		if _, ok := Source(name); ok {
			t.Errorf("Source(%q) is there", name)
		}
	}
}
