package workspace

import (
	"fmt"
	"math/rand"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/towline-dev/towline/starlark/ide"
	"github.com/towline-dev/towline/starlark/resolve"
	"github.com/towline-dev/towline/starlark/syntax"
)

// naive applies a change as the protocol describes it, line by line and
// character by character.
func naive(text string, c Change, enc Encoding) string {
	if c.Range == nil {
		return c.Text
	}
	start, end := naiveOffset(text, c.Range.Start, enc), naiveOffset(text, c.Range.End, enc)
	return text[:min(start, end)] + c.Text + text[max(start, end):]
}

func naiveOffset(text string, p Position, enc Encoding) int {
	off := 0
	for line := uint32(0); line < p.Line; line++ {
		i := strings.IndexAny(text[off:], "\r\n")
		if i < 0 {
			return len(text)
		}
		if off += i + 1; text[off-1] == '\r' && strings.HasPrefix(text[off:], "\n") {
			off++
		}
	}
	for units := uint32(0); off < len(text) && text[off] != '\r' && text[off] != '\n'; {
		r, size := utf8.DecodeRuneInString(text[off:])
		n := map[Encoding]uint32{UTF8: uint32(size), UTF16: 1, UTF32: 1}[enc]
		if enc == UTF16 && r > 0xffff {
			n = 2
		}
		if units+n > p.Character {
			break
		}
		units, off = units+n, off+size
	}
	return off
}

// sameFile holds a file that grew by edits against one that was read whole.
func sameFile(t *testing.T, got, want *resolve.File) {
	t.Helper()
	snap := &ide.Analysis{}
	for _, c := range []struct {
		what      string
		got, want any
	}{
		{"tree", syntax.Dump(got.File), syntax.Dump(want.File)},
		{"errors", got.Errors, want.Errors},
		{"bindings", bindings(got), bindings(want)},
		{"problems", got.Problems, want.Problems},
		{"diagnostics", ide.Diagnostics(snap, got), ide.Diagnostics(snap, want)},
		{"semantic tokens", ide.SemanticTokens(snap, got, got.Span()), ide.SemanticTokens(snap, want, want.Span())},
		{"symbols", ide.DocumentSymbols(snap, got), ide.DocumentSymbols(snap, want)},
	} {
		if diff := cmp.Diff(c.want, c.got, cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("%s (-whole +edited):\n%s\n%q", c.what, diff, want.Src)
		}
	}
}

// bindings says what each name of a file refers to.
func bindings(f *resolve.File) []string {
	var out []string
	syntax.Walk(f.File, func(n syntax.Node) bool {
		if id, ok := n.(*syntax.Ident); ok {
			said := fmt.Sprintf("%s %d:", id.Name, id.Start)
			if b := f.Binding(id); b != nil {
				said += fmt.Sprint(b.Kind, b.Scope != nil && b.Scope.Parent == nil)
				for _, s := range b.Sites {
					said += fmt.Sprintf(" %T %d", s.Node, s.Ident.Start)
				}
				for _, u := range b.Uses {
					said += fmt.Sprintf(" used %d", u.Start)
				}
			}
			out = append(out, said)
		}
		return true
	})
	return out
}

// inserts are what changes insert.
var inserts = []string{
	"", "(", ")", "\n", "\r\n", "\r", "'", `"""`, "x = 1\n", "def f(a):\n    return a\n", "    ", "😀", "é", "\xff", "#", "f(x)\n", ":", "if x:\n",
	"load('a', 'b')\n", "x", "=", ",", "[", "docker_build('a', '.')\n", "\\", "\x00", "for i in x:\n  y = i\n",
}

const program = `load('./lib', 'labels_of')
# A comment 😀.
def steps(path, cmd='é'):
    """Doc."""
    return [sync(path, '/app'), run(cmd)]

x = [steps(n) for n in ['a', 'b'] if n != 'b']
docker_build('web', '.', live_update=steps('web'))
if x:
    k8s_resource('web', port_forwards=[1, '2:3'], labels=labels_of('web'))
cfg = config.parse()
print(cfg.get('a'), undefined_name)
`

// run applies changes that bytes encode, five bytes each, in both ways.
func runChanges(t *testing.T, content string, script []byte, enc Encoding) {
	t.Helper()
	w := New()
	if err := w.Open(&Document{URI: "u", Path: "/w/Tiltfile", Text: NewText(content)}); err != nil {
		t.Fatal(err)
	}
	want := content
	for n := int32(2); len(script) >= 5; script, n = script[5:], n+1 {
		lines := uint32(strings.Count(want, "\n") + 2)
		at := func(b, c byte) Position { return Position{uint32(b) % lines, uint32(c) % 40} }
		c := Change{Range: &Range{at(script[0], script[1]), at(script[2], script[3])}, Text: inserts[int(script[4])%len(inserts)]}
		switch {
		case script[4] == 255:
			c = Change{Text: want + "x\n"}
		case script[2]%4 > 0: // most edits are of one line
			c.Range.End = Position{c.Range.Start.Line, c.Range.Start.Character + uint32(script[3]%4)}
		}
		_ = w.Change("u", n, enc, []Change{c}) // that it is out of range is no matter here
		want = naive(want, c, enc)
		got := w.Snapshot().Document("u").Text
		if got.String() != want {
			t.Fatalf("after %+v: %q, want %q", c, got.String(), want)
		}
		if script[1]%2 == 0 { // some versions nobody looks at
			sameFile(t, got.File("/w/Tiltfile"), resolve.Resolve(syntax.ParseString("/w/Tiltfile", want)))
		}
	}
}

func FuzzChanges(f *testing.F) {
	rng := rand.New(rand.NewSource(1))
	for i := range 150 {
		script := make([]byte, 5*12)
		rng.Read(script)
		f.Add(program, script, uint8(i))
		f.Add("", slices.Clone(script[:20]), uint8(i))
	}
	f.Fuzz(func(t *testing.T, content string, script []byte, enc uint8) {
		if len(content) < 1<<12 && len(script) < 100 {
			runChanges(t, content, script, Encoding(enc%3))
		}
	})
}
