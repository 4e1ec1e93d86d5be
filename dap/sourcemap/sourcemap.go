// Package sourcemap reads source maps: which line of a source file a line of a
// generated JavaScript file came from, and the other way round.
//
// The format is that of ECMA-426 (version 3), with index maps. Reading is
// lenient where browsers are (a segment that points nowhere is left out), and
// strict about sizes, since a map comes from the program that is debugged.
package sourcemap

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sort"
)

// The limits of what is accepted.
const (
	MaxSize     = 64 << 20 // of a map, in bytes
	maxSegments = 8 << 20
	maxSources  = 1 << 18
	maxNumber   = 1 << 30 // of a line or a column
	maxDepth    = 4       // of index maps in index maps
)

// ErrMalformed is wrapped by every error about bytes that are no source map.
var ErrMalformed = errors.New("malformed source map")

// Position is a place in a file; both count from 0, columns in UTF-16 units.
type Position struct{ Line, Column int }

func (p Position) compare(q Position) int {
	return cmp.Or(cmp.Compare(p.Line, q.Line), cmp.Compare(p.Column, q.Column))
}

// Map is one source map. It is not changed after it was read.
type Map struct {
	Sources  []string // as the map names them, below its sourceRoot
	contents []*string

	generated []segment // in order of their place in the generated file
	original  []int     // indexes of those with a source, in order of source and place there
}

// segment says that the generated text from a place on came from a place in a
// source.
type segment struct {
	at     Position
	source int // index of Sources, -1: from none
	from   Position
}

// raw is a map as JSON has it.
type raw struct {
	Version    int       `json:"version"`
	SourceRoot string    `json:"sourceRoot"`
	Sources    []*string `json:"sources"`
	Contents   []*string `json:"sourcesContent"`
	Mappings   string    `json:"mappings"`
	Sections   []struct {
		Offset struct {
			Line   int `json:"line"`
			Column int `json:"column"`
		} `json:"offset"`
		Map json.RawMessage `json:"map"`
	} `json:"sections"`
}

// Parse reads a map.
func Parse(data []byte) (*Map, error) {
	m := &Map{}
	if err := m.add(data, Position{}, 0); err != nil {
		return nil, err
	}
	slices.SortStableFunc(m.generated, func(a, b segment) int { return a.at.compare(b.at) })
	for i, s := range m.generated {
		if s.source >= 0 {
			m.original = append(m.original, i)
		}
	}
	slices.SortStableFunc(m.original, func(i, j int) int {
		a, b := m.generated[i], m.generated[j]
		return cmp.Or(cmp.Compare(a.source, b.source), a.from.compare(b.from))
	})
	return m, nil
}

// add reads a map whose generated text begins at a place.
func (m *Map) add(data []byte, begin Position, depth int) error {
	if len(data) > MaxSize {
		return fmt.Errorf("%w: of %d bytes (at most %d)", ErrMalformed, len(data), MaxSize)
	}
	// Servers may put a line before it that keeps it from being run as a script.
	if bytes.HasPrefix(data, []byte(")]}")) {
		_, data, _ = bytes.Cut(data, []byte("\n"))
	}
	var r raw
	if err := json.Unmarshal(data, &r); err != nil {
		return fmt.Errorf("%w: %v", ErrMalformed, err)
	}
	if r.Version != 3 {
		return fmt.Errorf("%w: version %d", ErrMalformed, r.Version)
	}
	if r.Sections != nil && depth == maxDepth {
		return fmt.Errorf("%w: sections in sections", ErrMalformed)
	}
	for _, s := range r.Sections {
		at := Position{s.Offset.Line, s.Offset.Column}
		if at.Line < 0 || at.Column < 0 || at.Line > maxNumber || at.Column > maxNumber {
			return fmt.Errorf("%w: a section at %v", ErrMalformed, at)
		}
		if at.Line == 0 {
			at.Column += begin.Column
		}
		at.Line += begin.Line
		if err := m.add(s.Map, at, depth+1); err != nil {
			return err
		}
	}
	first := len(m.Sources)
	if first+len(r.Sources) > maxSources {
		return fmt.Errorf("%w: more than %d sources", ErrMalformed, maxSources)
	}
	for i, name := range r.Sources {
		var content *string
		if i < len(r.Contents) {
			content = r.Contents[i]
		}
		if name == nil {
			name = new(string)
		}
		m.Sources = append(m.Sources, under(r.SourceRoot, *name))
		m.contents = append(m.contents, content)
	}
	return m.decode(r.Mappings, begin, first)
}

// under puts a source below the root that the map names.
func under(root, name string) string {
	if root == "" || name == "" {
		return name
	}
	if root[len(root)-1] != '/' {
		root += "/"
	}
	return root + name
}

// Content returns the text of a source, if the map holds it.
func (m *Map) Content(source int) (string, bool) {
	if source < 0 || source >= len(m.contents) || m.contents[source] == nil {
		return "", false
	}
	return *m.contents[source], true
}

// Original returns where the generated text at a place came from; false when it
// came from no source.
func (m *Map) Original(at Position) (source int, from Position, ok bool) {
	i := sort.Search(len(m.generated), func(i int) bool { return m.generated[i].at.compare(at) > 0 }) - 1
	if i < 0 || m.generated[i].at.Line != at.Line || m.generated[i].source < 0 {
		return 0, Position{}, false
	}
	return m.generated[i].source, m.generated[i].from, true
}

// Generated returns the first place in the generated file that came from a place
// of a source, or from the next one after it that anything came from.
func (m *Map) Generated(source int, from Position) (at Position, ok bool) {
	first := sort.Search(len(m.original), func(i int) bool {
		s := m.generated[m.original[i]]
		return cmp.Or(cmp.Compare(s.source, source), s.from.compare(from)) >= 0
	})
	if first == len(m.original) || m.generated[m.original[first]].source != source {
		return Position{}, false
	}
	return m.generated[m.original[first]].at, true
}

// Span returns the first and the last place in the generated file that came from
// a part of a source; false when none did.
func (m *Map) Span(source int, from, to Position) (first, last Position, ok bool) {
	for i := sort.Search(len(m.original), func(i int) bool {
		s := m.generated[m.original[i]]
		return cmp.Or(cmp.Compare(s.source, source), s.from.compare(from)) >= 0
	}); i < len(m.original); i++ {
		s := m.generated[m.original[i]]
		if s.source != source || s.from.compare(to) > 0 {
			break
		}
		if !ok || s.at.compare(first) < 0 {
			first = s.at
		}
		if !ok || s.at.compare(last) > 0 {
			last = s.at
		}
		ok = true
	}
	return first, last, ok
}
