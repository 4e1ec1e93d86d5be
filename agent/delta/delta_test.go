package delta_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"testing"

	"github.com/towline-dev/towline/agent/delta"
)

func patched(t testing.TB, old, patch []byte, limit int) ([]byte, error) {
	var out bytes.Buffer
	err := delta.Apply(&out, bytes.NewReader(old), int64(len(old)), patch, int64(limit))
	if out.Len() > limit {
		t.Fatalf("%d bytes were written, over the limit of %d", out.Len(), limit)
	}
	return out.Bytes(), err
}

// check makes a patch, applies it, and returns its size.
func check(t testing.TB, old, new []byte) int {
	t.Helper()
	patch := delta.NewIndex(old).Diff(new)
	got, err := patched(t, old, patch, len(new))
	if err != nil {
		t.Fatalf("applying a patch from %d to %d bytes: %v", len(old), len(new), err)
	}
	if !bytes.Equal(got, new) {
		t.Fatalf("a patch from %d to %d bytes made something else", len(old), len(new))
	}
	return len(patch)
}

// random returns n reproducible random bytes.
func random(n int, seed uint64) []byte {
	r := rand.NewChaCha8([32]byte{byte(seed)})
	p := make([]byte, n)
	r.Read(p)
	return p
}

// addresses is what machine code looks like to us: random bytes with, every
// few of them, the low half of an address beyond the code.
func addresses(n, shift int) []byte {
	p := random(n, 7)
	for i := 0; i+12 <= n; i += 12 {
		a := 1<<20 + i*3 + shift
		p[i], p[i+1], p[i+2] = byte(a), byte(a>>8), byte(a>>16)
	}
	return p
}

func TestPatches(t *testing.T) {
	a := random(1<<20, 1)
	tests := map[string]struct {
		old, new []byte
		atMost   int // bytes of the patch
	}{
		"both empty":     {nil, nil, 60},
		"from nothing":   {nil, a[:1000], 1100},
		"to nothing":     {a, nil, 60},
		"tiny":           {[]byte("a"), []byte("b"), 60},
		"equal":          {a, a, 400},
		"one byte":       {a, splice(a, 1000, 1, []byte{^a[1000]}), 500},
		"inserted":       {a, splice(a, 5000, 0, []byte("something new")), 500},
		"removed":        {a, splice(a, 5000, 777, nil), 500},
		"at both ends":   {a, splice(splice(a, 0, 0, []byte("x")), 1<<20, 0, []byte("y")), 500},
		"moved":          {a, append(bytes.Clone(a[1<<19:]), a[:1<<19]...), 500},
		"other":          {a, random(1<<18, 2), 1<<18 + 1000},
		"zeros":          {make([]byte, 1<<20), make([]byte, 1<<21), 1000},
		"addresses":      {addresses(1<<20, 0), addresses(1<<20, 64), 20_000},
		"shorter a page": {a, a[:4096], 400},
	}
	for name, test := range tests {
		if got := check(t, test.old, test.new); got > test.atMost {
			t.Errorf("%s: a patch of %d bytes, want at most %d", name, got, test.atMost)
		}
	}
}

// splice returns a copy of p with n bytes at i replaced.
func splice(p []byte, i, n int, by []byte) []byte {
	return append(append(bytes.Clone(p[:i]), by...), p[i+n:]...)
}

func TestRandomEdits(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	old := addresses(1<<16, 0)
	for range 200 {
		new := bytes.Clone(old)
		for range r.IntN(6) {
			i := r.IntN(len(new) + 1)
			new = splice(new, i, r.IntN(len(new)-i+1)/(1+r.IntN(200)), random(r.IntN(100), r.Uint64()))
		}
		check(t, old, new)
	}
}

func TestCorruptPatches(t *testing.T) {
	old, new := addresses(1<<14, 0), addresses(1<<14, 5)
	patch := delta.NewIndex(old).Diff(new)
	for i := range patch {
		if _, err := patched(t, old, patch[:i], len(new)); !errors.Is(err, delta.ErrCorrupt) {
			t.Fatalf("a patch cut to %d of %d bytes: got %v, want ErrCorrupt", i, len(patch), err)
		}
	}
	if _, err := patched(t, old, patch, len(new)-1); !errors.Is(err, delta.ErrCorrupt) {
		t.Errorf("over the limit: got %v, want ErrCorrupt", err)
	}
	if _, err := patched(t, old[:100], patch, len(new)); !errors.Is(err, delta.ErrCorrupt) {
		t.Errorf("a shorter old file: got %v, want ErrCorrupt", err)
	}
}

// FuzzApply: no patch makes Apply panic, write beyond the limit, or go on for ever.
func FuzzApply(f *testing.F) {
	old := addresses(1<<12, 0)
	f.Add(delta.NewIndex(old).Diff(addresses(1<<12, 5)))
	f.Add(delta.NewIndex(old).Diff(old[100:]))
	f.Add([]byte("TWD1"))
	f.Fuzz(func(t *testing.T, patch []byte) {
		patched(t, old, patch, 1<<16)
	})
}

// FuzzDiff: what Diff makes, Apply takes.
func FuzzDiff(f *testing.F) {
	f.Add([]byte("hello"), []byte("hullo"))
	f.Add(random(200, 1), random(200, 1)[3:])
	f.Fuzz(func(t *testing.T, old, new []byte) { check(t, old, new) })
}

// BenchmarkDelta patches one file into another, named by the environment
// variables, or synthetic ones.
func BenchmarkDelta(b *testing.B) {
	old, new := addresses(32<<20, 0), addresses(32<<20, 64)
	if name := os.Getenv("TOWLINE_DELTA_OLD"); name != "" {
		old, new = mustRead(b, name), mustRead(b, os.Getenv("TOWLINE_DELTA_NEW"))
	}
	index := delta.NewIndex(old)
	patch := index.Diff(new)
	b.Run("index", func(b *testing.B) {
		b.SetBytes(int64(len(old)))
		for b.Loop() {
			delta.NewIndex(old)
		}
	})
	b.Run("diff", func(b *testing.B) {
		b.SetBytes(int64(len(new)))
		for b.Loop() {
			index.Diff(new)
		}
		b.ReportMetric(float64(len(patch))/1000, "KB/patch")
	})
	b.Run("apply", func(b *testing.B) {
		b.SetBytes(int64(len(new)))
		for b.Loop() {
			if err := delta.Apply(io.Discard, bytes.NewReader(old), int64(len(old)), patch, int64(len(new))); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func mustRead(b *testing.B, name string) []byte {
	p, err := os.ReadFile(name)
	if err != nil {
		b.Fatal(fmt.Errorf("reading what to patch: %w", err))
	}
	return p
}
