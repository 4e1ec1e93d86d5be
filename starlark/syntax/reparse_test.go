package syntax

import (
	"math/rand"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// same holds two files of one text against each other.
func same(t *testing.T, old string, got, want *File) {
	t.Helper()
	if diff := cmp.Diff(Dump(want), Dump(got)); diff != "" {
		t.Fatalf("another tree:\n%s\n%q -> %q", diff, old, want.Src)
	}
	for _, d := range []string{cmp.Diff(want.Tokens, got.Tokens), cmp.Diff(want.Comments, got.Comments), cmp.Diff(want.Errors, got.Errors)} {
		if d != "" {
			t.Fatalf("(-parsed +reparsed)\n%s\n%q -> %q", d, old, want.Src)
		}
	}
	seen := map[int]bool{}
	Walk(got, func(n Node) bool {
		if id, ok := n.(*Ident); ok {
			if seen[id.ID] || id.ID >= got.NumIdent {
				t.Fatalf("name %q has the number of another\n%q -> %q", id.Name, old, want.Src)
			}
			seen[id.ID] = true
		}
		return true
	})
	checkSpans(t, got)
}

func TestReparse(t *testing.T) {
	rng := rand.New(rand.NewSource(1))
	lines := strings.SplitAfter(strings.Join(append(seeds, broken[:60]...), "\n"), "\n")
	pieces := []string{"(", ")", "\n", "x = 1\n", "    ", "'", `"""`, "def f():\n", "#", "\\", ":", ",", " ", "\x00"}
	for range 400 {
		n := 1 + rng.Intn(30)
		at := rng.Intn(len(lines) - n)
		src := strings.Join(lines[at:at+n], "")
		f := ParseString("t", src)
		for range 5 {
			i := rng.Intn(len(src) + 1)
			j := min(len(src), i+rng.Intn(5))
			old := src
			src = src[:i] + pieces[rng.Intn(len(pieces))] + src[j:]
			f = Reparse(f, src)
			same(t, old, f, ParseString("t", src))
		}
	}
}

func BenchmarkReparse(b *testing.B) {
	src := realistic(5000)
	f := ParseString("t", src)
	at := strings.LastIndex(src[:len(src)*9/10], "services_")
	edited := src[:at] + "docker_b\n" + src[at:]
	b.ReportAllocs()
	for b.Loop() {
		Reparse(f, edited)
	}
}
