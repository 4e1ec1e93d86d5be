package sourcemap

import (
	"errors"
	"strings"
	"testing"
)

// twice is a map of two generated lines: the first is from line 3 of b.ts, the
// second from a.ts, its line 1 and then its line 2.
const twice = `{"version":3,"sourceRoot":"src","sources":["a.ts","b.ts"],"sourcesContent":[null,"text"],"mappings":"ACEA;ADFA,IACA,I"}`

func parse(t *testing.T, text string) *Map {
	t.Helper()
	m, err := Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestOriginal(t *testing.T) {
	m := parse(t, twice)
	for _, test := range []struct {
		at   Position
		want string
		from Position
	}{
		{Position{0, 0}, "src/b.ts", Position{2, 0}},
		{Position{0, 99}, "src/b.ts", Position{2, 0}},
		{Position{1, 3}, "src/a.ts", Position{0, 0}},
		{Position{1, 4}, "src/a.ts", Position{1, 0}},
		{Position{1, 8}, "", Position{}}, // from no source
		{Position{2, 0}, "", Position{}},
	} {
		source, from, ok := m.Original(test.at)
		got := ""
		if ok {
			got = m.Sources[source]
		}
		if got != test.want || from != test.from {
			t.Errorf("Original(%v) = %s %v, want %s %v", test.at, got, from, test.want, test.from)
		}
	}
}

func TestGenerated(t *testing.T) {
	m := parse(t, twice)
	for _, test := range []struct {
		source     int
		from, want Position
		ok         bool
	}{
		{0, Position{0, 0}, Position{1, 0}, true},
		{0, Position{1, 0}, Position{1, 4}, true},
		{0, Position{2, 0}, Position{}, false},
		{1, Position{0, 0}, Position{0, 0}, true}, // nothing came from there: the next
		{2, Position{0, 0}, Position{}, false},
	} {
		if at, ok := m.Generated(test.source, test.from); at != test.want || ok != test.ok {
			t.Errorf("Generated(%d, %v) = %v, %t, want %v, %t", test.source, test.from, at, ok, test.want, test.ok)
		}
	}
	if first, last, ok := m.Span(0, Position{0, 0}, Position{1, 9}); !ok || first != (Position{1, 0}) || last != (Position{1, 4}) {
		t.Errorf("Span = %v, %v, %t", first, last, ok)
	}
}

func TestContent(t *testing.T) {
	m := parse(t, twice)
	if text, ok := m.Content(1); text != "text" || !ok {
		t.Errorf("Content(1) = %q, %t", text, ok)
	}
	for _, i := range []int{-1, 0, 2} {
		if _, ok := m.Content(i); ok {
			t.Errorf("Content(%d) is there", i)
		}
	}
}

// An index map is laid out by its sections' offsets.
func TestSections(t *testing.T) {
	m := parse(t, `)]}'
{"version":3,"sections":[
		{"offset":{"line":0,"column":0},"map":{"version":3,"sources":["a"],"mappings":"AAAA"}},
		{"offset":{"line":5,"column":7},"map":{"version":3,"sources":["b"],"mappings":"AACA;AACA"}}]}`)
	for at, want := range map[Position]string{{0, 9}: "a", {5, 7}: "b", {6, 0}: "b"} {
		if source, _, ok := m.Original(at); !ok || m.Sources[source] != want {
			t.Errorf("Original(%v) = %d, %t, want %s", at, source, ok, want)
		}
	}
	if _, _, ok := m.Original(Position{5, 6}); ok {
		t.Error("a section begins before its column")
	}
}

func TestParseRefuses(t *testing.T) {
	deep := `{"version":3,"sources":[],"mappings":""}`
	for range maxDepth + 1 {
		deep = `{"version":3,"sections":[{"offset":{"line":0,"column":0},"map":` + deep + `}]}`
	}
	for _, text := range []string{
		``, `null`, `[]`, `{"version":2}`, `{"version":3,"sources":[1],"mappings":""}`, deep,
		`{"version":3,"sources":["a"],"mappings":"AA"}`, `{"version":3,"sources":["a"],"mappings":"AAAAAA"}`,
		`{"version":3,"sources":["a"],"mappings":"A!"}`, `{"version":3,"sources":["a"],"mappings":"g"}`,
		`{"version":3,"sources":["a"],"mappings":"D"}`, `{"version":3,"sources":["a"],"mappings":"` + strings.Repeat("g", 20) + `A"}`,
		`{"version":3,"sections":[{"offset":{"line":-1,"column":0},"map":{"version":3}}]}`,
	} {
		if _, err := Parse([]byte(text)); !errors.Is(err, ErrMalformed) {
			t.Errorf("Parse(%.80s) = %v, want ErrMalformed", text, err)
		}
	}
}

// A segment that points to no source is as good as none.
func TestSegmentsThatPointNowhere(t *testing.T) {
	for _, mappings := range []string{"ACAA", "ADAA", "AADA", "AAAD"} {
		m := parse(t, `{"version":3,"sources":["a"],"mappings":"`+mappings+`"}`)
		if _, _, ok := m.Original(Position{}); ok {
			t.Errorf("%s has a source", mappings)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(twice))
	f.Add([]byte(`{"version":3,"sections":[{"offset":{"line":1,"column":2},"map":{"version":3,"sources":["b"],"mappings":"AACA;;AACA"}}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := Parse(data)
		if err != nil {
			return
		}
		for _, s := range m.generated[:min(len(m.generated), 100)] {
			source, from, ok := m.Original(s.at)
			if !ok {
				continue
			}
			if at, ok := m.Generated(source, from); !ok || at.Line < 0 || at.Column < 0 {
				t.Fatalf("%v came from %v of source %d, from which nothing came: %v", s.at, from, source, at)
			}
			m.Content(source)
		}
	})
}
