package syntax

import (
	"fmt"
	"math/rand"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// same holds a file that was parsed anew after an edit against one that was
// parsed as a whole.
func same(t *testing.T, old string, got, want *File) {
	t.Helper()
	text := want.Src
	check := func(what string, want, got any) {
		t.Helper()
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("%s (-parsed +reparsed):\n%s\n%q -> %q", what, diff, old, text)
		}
	}
	check("tree", Dump(want), Dump(got))
	check("places", places(want), places(got))
	check("tokens", slices.Collect(want.Tokens()), slices.Collect(got.Tokens()))
	check("comments", want.Comments, got.Comments)
	check("errors", want.Errors, got.Errors)
	check("lines", want.Lines.starts, got.Lines.starts)
	checkNumbers(t, got)
	checkParts(t, got)
	checkSpans(t, got)
}

// places returns the place of each node.
func places(f *File) []string {
	var out []string
	Walk(f, func(n Node) bool {
		extra := ""
		switch n := n.(type) {
		case *CallExpr:
			extra = fmt.Sprint(n.Lparen, n.Rparen)
		case *DotExpr:
			extra = fmt.Sprint(n.Dot)
		case *IndexExpr:
			extra = fmt.Sprint(n.Lbrack)
		case *SliceExpr:
			extra = fmt.Sprint(n.Lbrack)
		case *BinaryExpr:
			extra = fmt.Sprint(n.OpPos)
		case *AssignStmt:
			extra = fmt.Sprint(n.OpPos)
		case *DictEntry:
			extra = fmt.Sprint(n.Colon)
		case *DefStmt:
			extra = fmt.Sprint(n.Lparen, n.Rparen, n.Colon)
		case *LoadStmt:
			extra = fmt.Sprint(n.Lparen, n.Rparen)
		case *ForStmt:
			extra = fmt.Sprint(n.Colon)
		case *WhileStmt:
			extra = fmt.Sprint(n.Colon)
		case *IfClause:
			extra = fmt.Sprint(n.Colon)
		case *ElseClause:
			extra = fmt.Sprint(n.Colon)
		case *Literal:
			extra = n.Raw
		}
		out = append(out, fmt.Sprintf("%T %v %s", n, n.Span(), extra))
		return true
	})
	return out
}

// checkNumbers checks that each name has a number of its own.
func checkNumbers(t *testing.T, f *File) {
	t.Helper()
	seen := map[int]bool{}
	Walk(f, func(n Node) bool {
		if id, ok := n.(*Ident); ok {
			if seen[id.ID] || id.ID >= f.NumIdent || id.ID < 0 {
				t.Fatalf("name %q has the number of another\n%q", id.Name, f.Src)
			}
			seen[id.ID] = true
		}
		return true
	})
}

// checkParts checks that the parts are the file.
func checkParts(t *testing.T, f *File) {
	t.Helper()
	end := 0
	var stmts []Stmt
	var tokens []Token
	for i := range f.Parts {
		p := &f.Parts[i]
		if p.Start != end || p.Len() == 0 && len(f.Src) > 0 {
			t.Fatalf("part %d starts at %d, not %d\n%q", i, p.Start, end, f.Src)
		}
		if got := f.PartAt(p.Start); got != i {
			t.Fatalf("part at %d is %d, not %d\n%q", p.Start, got, i, f.Src)
		}
		end = p.End()
		stmts = append(stmts, p.Stmts()...)
		tokens = append(tokens, slices.Collect(p.Tokens())...)
	}
	if end != len(f.Src) || !slices.Equal(stmts, f.Stmts()) || len(tokens)+1 != f.NumTokens() {
		t.Fatalf("the parts end at %d with %d statements and %d tokens; the file at %d with %d and %d\n%q",
			end, len(stmts), len(tokens), len(f.Src), len(f.Stmts()), f.NumTokens(), f.Src)
	}
	for i, tok := range slices.Collect(f.Tokens()) {
		if f.Token(i) != tok {
			t.Fatalf("token %d is %v, not %v\n%q", i, f.Token(i), tok, f.Src)
		}
	}
}

// edit replaces a piece of a file's text and parses it both ways.
func edit(t *testing.T, f *File, start, end int, text string) *File {
	t.Helper()
	lines := f.Lines.Edit(start, end, text)
	got := Reparse(f, lines)
	same(t, f.Src, got, ParseString(f.Name, lines.Text()))
	return got
}

// snippets are what edits insert.
var snippets = []string{
	"(", ")", "\n", "x = 1\n", "    ", "'", `"""`, "def f():\n", "#", "\\", ":", ",", " ", "\x00", "\r", "\r\n", "else:\n", "elif a:\n b\n", "el",
	"se", "if a:\n  b\n", "f(\n", ")\n", "é", "\xff", "", "", "\t", "=", "x", "pass", ";", "[\n", "]\n",
}

func TestReparse(t *testing.T) {
	rng := rand.New(rand.NewSource(1))
	lines := strings.SplitAfter(strings.Join(append(seeds, broken[:60]...), "\n"), "\n")
	for range 400 {
		n := 1 + rng.Intn(40)
		at := rng.Intn(len(lines) - n)
		f := ParseString("t", strings.Join(lines[at:at+n], ""))
		for k := range 8 {
			i := rng.Intn(len(f.Src) + 1)
			j := min(len(f.Src), i+rng.Intn(8))
			text := snippets[rng.Intn(len(snippets))]
			if k < 7 && rng.Intn(3) > 0 { // nobody looks at what is typed on
				f = Reparse(f, f.Lines.Edit(i, j, text))
				if n := len(f.Parts); n > 0 && rng.Intn(2) > 0 {
					f.Parts[rng.Intn(n)].Stmts() // or at a part
				}
				continue
			}
			f = edit(t, f, i, j, text)
		}
	}
}

func FuzzReparse(f *testing.F) {
	for _, s := range append(seeds, broken[:60]...) {
		f.Add(s+"\nx = 1\nif a:\n  b\n", len(s), 1, "(", 3, 0, "\n")
	}
	f.Fuzz(func(t *testing.T, src string, i, n int, a string, j, m int, b string) {
		if len(src)+len(a)+len(b) > 1<<12 {
			return
		}
		file := ParseString("t", src)
		for _, e := range []struct {
			at, n int
			text  string
		}{{i, n, a}, {j, m, b}} {
			at := int(uint(e.at) % uint(len(file.Src)+1))
			end := at + int(uint(e.n)%uint(len(file.Src)-at+1))
			file = edit(t, file, at, end, e.text)
		}
	})
}

// TestReparseKeeps types in a long file and looks at what is parsed again, and
// that numbers of names do not run away.
func TestReparseKeeps(t *testing.T) {
	src := realistic(2000)
	f := ParseString("t", src)
	at := strings.LastIndex(src[:len(src)/2], "services_")
	most := 0
	for i := range 4000 {
		old := map[*Piece]bool{}
		for _, p := range f.Parts {
			old[p.Piece] = true
		}
		text, end := "f(d_b", at
		if i%2 == 1 {
			text, end = "", at+len("f(d_b")
		}
		f = Reparse(f, f.Lines.Edit(at, end, text))
		fresh := 0
		for _, p := range f.Parts {
			if !old[p.Piece] {
				fresh++
			}
		}
		if fresh > 3 {
			t.Fatalf("%d pieces were parsed again", fresh)
		}
		most = max(most, f.NumIdent)
	}
	if f.Src != src {
		t.Fatal("the text is another one")
	}
	if whole := ParseString("t", src).NumIdent; most > 4*whole+2*minIdents {
		t.Errorf("numbers up to %d for %d names", most, whole)
	}
	same(t, src, f, ParseString("t", src))
}

func BenchmarkReparse(b *testing.B) {
	src := realistic(5000)
	f := ParseString("t", src)
	for name, part := range map[string]int{"start": 1, "middle": 5, "end": 9} {
		at := strings.LastIndex(src[:len(src)*part/10], "services_")
		lines := f.Lines.Edit(at, at, "docker_b\n")
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				Reparse(f, lines)
			}
		})
	}
}
