package config

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestAppendJSON holds the printer against the library on projects of random
// content, which has every field of every type in it.
func TestAppendJSON(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		p := &Project{}
		fill(random, reflect.ValueOf(p).Elem(), 0)
		checkPrinted(t, p)
	}
	checkPrinted(t, &Project{})
	checkPrinted(t, &Project{Resources: []Resource{{Kind: KindLocal, Local: &Local{}}}, Images: []Image{}, Settings: Settings{Towline: map[string]any{}}})
}

func checkPrinted(t *testing.T, p *Project) {
	t.Helper()
	var want bytes.Buffer
	e := json.NewEncoder(&want)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	if err := e.Encode(p); err != nil {
		t.Fatal(err)
	}
	if got := p.AppendJSON(nil); !bytes.Equal(got, want.Bytes()) {
		t.Fatalf("(-library +printer):\n%s", cmp.Diff(want.String(), string(got)))
	}
}

// fill sets a value to something random, nil and empty included.
func fill(random *rand.Rand, v reflect.Value, depth int) {
	texts := []string{"", "a", "a b", "<&>", "\"\\\n\t\r\b", "é", "\u2028", "\xff", "\x00\x1f\x7f", "日本"}
	if depth > 8 || !v.CanSet() {
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			fill(random, v.Field(i), depth+1)
		}
	case reflect.Pointer:
		if random.IntN(3) > 0 {
			v.Set(reflect.New(v.Type().Elem()))
			fill(random, v.Elem(), depth+1)
		}
	case reflect.Slice:
		if n := random.IntN(4); n > 0 {
			v.Set(reflect.MakeSlice(v.Type(), n-1, n-1))
		}
		for i := range v.Len() {
			fill(random, v.Index(i), depth+1)
		}
	case reflect.Map:
		n := random.IntN(4)
		if n > 0 {
			v.Set(reflect.MakeMap(v.Type()))
		}
		for range n - 1 {
			x := reflect.New(v.Type().Elem()).Elem()
			fill(random, x, depth+1)
			v.SetMapIndex(reflect.ValueOf(texts[random.IntN(len(texts))]).Convert(v.Type().Key()), x)
		}
	case reflect.Interface:
		values := []any{
			nil, true, int64(-7), 1.5, 1e30, 1e-9, float64(3), "x", []any{}, []any(nil), map[string]any(nil), []string{"b"}, 7, map[string]string{"k": "v"},
			[]any{"a", map[string]any{"b": []any{int64(1), nil}}}, map[string]any{"<": map[string]any{}, "é": "\n"},
		}
		if x := values[random.IntN(len(values))]; x != nil {
			v.Set(reflect.ValueOf(x))
		}
	case reflect.String:
		v.SetString(texts[random.IntN(len(texts))])
	case reflect.Bool:
		v.SetBool(random.IntN(2) > 0)
	case reflect.Int, reflect.Int64:
		v.SetInt(int64(random.IntN(3)) * 1_000_000_007)
	}
}

func BenchmarkAppendJSON(b *testing.B) {
	p := &Project{}
	random := rand.New(rand.NewPCG(1, 2))
	for len(p.YAML) < 500 {
		p.YAML = append(p.YAML, Object{Key: "a", Content: map[string]any{"kind": "Deployment", "spec": map[string]any{"replicas": int64(random.IntN(9)), "containers": []any{map[string]any{"name": "a", "image": "b"}}}}})
	}
	b.Run("library", func(b *testing.B) {
		for b.Loop() {
			if _, err := json.MarshalIndent(p, "", "  "); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("printer", func(b *testing.B) {
		for b.Loop() {
			p.AppendJSON(nil)
		}
	})
}
