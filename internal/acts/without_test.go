package acts_test

import (
	"encoding/json"
	"flag"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/towline-dev/towline/internal/acts"
	"github.com/towline-dev/towline/starlark/decl"
)

var (
	without = flag.Bool("without", false, "run the tests of each package that acts on a parameter as if it never heard of it")
	only    = flag.String("only", "", "of those, the fields and functions that contain this")
)

// provenBy are the packages whose tests prove what a function does, where those
// of its own package do not.
var provenBy = map[string]string{
	"server/run/command": "./server/run/local",
}

// TestWithout takes each field away from each function that starlark/decl says
// acts on it: a test has to go red. It takes a while, so it is asked for:
// go test ./internal/acts -run Without -without -timeout 2h
func TestWithout(t *testing.T) {
	root, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, e := range decl.All() {
		for _, p := range e.Params {
			if act, _ := decl.ActOf(e, p); act.Field != "" {
				for _, actor := range decl.ActorsOf(act.Field) {
					seen[act.Field+" "+actor] = true
				}
			}
		}
	}
	if len(seen) < 80 {
		t.Errorf("only %d places act on something", len(seen))
	}
	for _, pair := range slices.Sorted(maps.Keys(seen)) {
		if *without && strings.Contains(pair, *only) {
			t.Run(pair, func(t *testing.T) { checkWithout(t, root, pair) })
		}
	}
}

func checkWithout(t *testing.T, root, pair string) {
	field, actor, _ := strings.Cut(pair, " ")
	path, source, err := acts.Without(root, actor, field)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	changed, overlay := filepath.Join(dir, "changed.go"), filepath.Join(dir, "overlay.json")
	content, err := json.Marshal(map[string]any{"Replace": map[string]string{path: changed}})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(changed, source, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(overlay, content, 0o600); err != nil {
		t.Fatal(err)
	}
	rel, err := filepath.Rel(root, filepath.Dir(path))
	if err != nil {
		t.Fatal(err)
	}
	pkg := "./" + filepath.ToSlash(rel)
	if by := provenBy[rel]; by != "" {
		pkg = by
	}
	cmd := exec.CommandContext(t.Context(), "go", "test", "-trimpath", "-failfast", "-vet=off", "-overlay", overlay, pkg)
	cmd.Dir = root
	out, err := cmd.CombinedOutput()
	switch {
	case strings.Contains(string(out), "[build failed]"):
		t.Errorf("does not compile without it:\n%s", out)
	case err == nil:
		t.Errorf("no test of %s goes red", pkg)
	}
}
