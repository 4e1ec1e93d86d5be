package eval

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/zeebo/blake3"

	"github.com/towline-dev/towline/starlark/cache"
	"github.com/towline-dev/towline/starlark/config"
)

// TestWhatWasReadIsTold: a caller has to know what the files held then.
func TestWhatWasReadIsTold(t *testing.T) {
	dir := t.TempDir()
	text := "read_file('a')\nread_file('none', default='')\nlistdir('d')\nwatch_file('w')\n"
	for name, text := range map[string]string{"Tiltfile": text, "a": "content", "d/x": "", "d/b/y": ""} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	at := func(name string) string { return filepath.Join(dir, name) }
	holds := func(text string) config.Content {
		return config.Content{Exists: true, Sum: blake3.Sum256([]byte(text))}
	}
	want := map[string]config.Content{at("Tiltfile"): holds(text), at("a"): holds("content"), at("none"): {}}
	kept := cache.New()
	for range 2 { // from the files, and from the cache
		p := Eval(context.Background(), Options{Tiltfile: at("Tiltfile"), Kube: &Kube{}, Cache: kept})
		if p.Error != nil {
			t.Fatal(p.Error)
		}
		delete(p.Read, at(".tiltignore"))
		if diff := cmp.Diff(want, p.Read); diff != "" {
			t.Errorf("read (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(map[string][]string{at("d"): {"b", "x"}}, p.Listed); diff != "" {
			t.Errorf("listed (-want +got):\n%s", diff)
		}
	}
}

// TestContextsByTheirCertificate: towline.contexts() allows local() where the
// authority is the right one.
func TestContextsByTheirCertificate(t *testing.T) {
	sum := strings.Repeat("5F", 32)
	file := filepath.Join(t.TempDir(), "Tiltfile")
	if err := os.WriteFile(file, []byte("towline.contexts(staging='"+sum+"')\nlocal('true')\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for ca, want := range map[string]bool{strings.ToLower(sum): true, strings.Repeat("60", 32): false, "": false} {
		p := Eval(context.Background(), Options{Tiltfile: file, Kube: &Kube{Context: "staging", CASHA256: ca}, AnyContext: true})
		if got := p.Error == nil; got != want {
			t.Errorf("authority %.4s…: %v", ca, p.Error)
		}
	}
}
