package eval

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// TestMissingIgnoreFileIsWatched writes no .dockerignore: when one comes, the
// Tiltfile has to be evaluated again.
func TestMissingIgnoreFileIsWatched(t *testing.T) {
	dir := t.TempDir()
	for _, d := range []string{"web", "lib"} {
		if err := os.Mkdir(filepath.Join(dir, d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	tiltfile := filepath.Join(dir, "Tiltfile")
	text := "docker_build('web', 'web', dockerfile_contents='FROM scratch')\ncustom_build('lib', 'make', ['lib', 'gone'])\n"
	if err := os.WriteFile(tiltfile, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	p := Eval(context.Background(), Options{Tiltfile: tiltfile, Kube: &Kube{}})
	for name, want := range map[string]bool{"web": true, "lib": true, "gone": false} {
		if got := slices.Contains(p.ConfigFiles, filepath.Join(dir, name, ".dockerignore")); got != want {
			t.Errorf("%s/.dockerignore is watched: %v, want %v", name, got, want)
		}
	}
}
