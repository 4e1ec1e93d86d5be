package resolve

import (
	"errors"
	"fmt"
	"sort"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	oracle "go.starlark.net/resolve"
	oraclesyntax "go.starlark.net/syntax"

	"github.com/towline-dev/towline/starlark/decl"
	"github.com/towline-dev/towline/starlark/syntax"
)

var tiltOptions = oraclesyntax.FileOptions{Set: true, GlobalReassign: true, Recursion: true, TopLevelControl: true, While: true}

// compare holds the problems against those of the original, which all files
// that parse must agree with.
func compare(t *testing.T, src string) {
	t.Helper()
	f := Resolve(syntax.ParseString("t", src))
	checkRefs(t, f)
	of, err := tiltOptions.Parse("t", src, 0)
	if err != nil {
		return
	}
	known := func(name string) bool {
		e, ok := decl.Lookup(name)
		return ok && e.Parent() == ""
	}
	var want []string
	var list oracle.ErrorList
	if err := oracle.File(of, known, func(string) bool { return false }); errors.As(err, &list) {
		for _, e := range list {
			want = append(want, fmt.Sprintf("%d: %s", e.Pos.Line, plain(e.Msg)))
		}
	}
	var got []string
	for _, p := range f.Problems {
		line, _ := f.Lines.Position(p.Start, syntax.UTF32)
		got = append(got, fmt.Sprintf("%d: %s", line+1, plain(p.Msg)))
	}
	sort.Strings(got)
	sort.Strings(want)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("problems (-original +ours):\n%s\n%s", diff, src)
	}
}

// plain returns a message without what it says of the name that is meant, since
// the original knows fewer names.
func plain(msg string) string {
	msg, _, _ = strings.Cut(msg, " (did you mean")
	msg, _, _ = strings.Cut(msg, " (assigned below")
	return msg
}

// checkRefs makes sure that identifiers and bindings know each other.
func checkRefs(t *testing.T, f *File) {
	t.Helper()
	var scope func(*Scope)
	scope = func(s *Scope) {
		for _, b := range s.Order {
			for _, u := range b.Uses {
				if f.Binding(u) != b || u.Name != b.Name {
					t.Fatalf("%s at %d is not bound to what lists it", u.Name, u.Start)
				}
			}
		}
		for _, c := range s.Children {
			scope(c)
		}
	}
	scope(f.Root)
}

var cases = []string{
	"x = 1\nprint(x, y)\n", "print(x)\nx = 1\n", "def f():\n  return g()\ndef g(): return 1\n", "[x for x in x]\n", "x = [y for y in [1] for z in [y] if z]\nprint(y)\n",
	"def f(a, a): pass\n", "def f(a=1, b): pass\n", "def f(*, **k): pass\n", "def f(*a, *b): pass\n", "def f(**k, a): pass\n", "def f(**k, a=1): pass\n",
	"def f(**k, *a): pass\n", "def f(**k, **l): pass\n", "def f(*, a, b=1, c): pass\n", "f = lambda x, x: y\n", "def f(*a, a): pass\n",
	"break\n", "for x in []:\n  continue\n  def f(): break\n", "return 1\n", "def f():\n  load('a', 'b')\n", "if True:\n  load('a', 'b')\n", "for x in []:\n  load('a', 'b')\n",
	"if 1:\n  pass\nelif 2:\n  pass\nelse:\n  load('a', 'b')\nload('c', 'd')\n",
	"load('a', '_b', c='')\nprint(_b)\n", "1 = 2\n", "f() = 1\n", "a + b = 1\n", "-a = 1\n", "[a, b] = 1, 2\n(c, [d]) = 1\na, b += 1\n[a] += 1\n", "a if b else c = 1\n", "a[1:2] = 1\n", "{} = 1\n",
	"print(1, a=2, 3)\n", "print(a=1, a=2)\n", "print(*a, 1)\n", "print(**a, b=1)\n", "print(**a, *b)\n", "print(*a, *b)\n", "print(**a, **b)\n", "print(*a, b=1)\n", "print(**a, 1)\n",
	"def f():\n  x = 1\n  def g():\n    return x + z\n  return g\nz = 1\n", "x += 1\n", "def f():\n  x += 1\n", "while True:\n  break\n", "lambda: [a for a in b]\n",
	"docker_bild('x', '.')\n", "load('x', 'y')\nprint(y)\ny = 2\n", "x = y = 1\n", "a.b = 1\na[0] = 1\n", "for a, (b, c) in []:\n  print(a, b, c, d)\n", "f(" + strings.Repeat("1,", 256) + ")\n", "[lambda: q for q in []]\n",
}

func TestOracle(t *testing.T) {
	for _, src := range cases {
		compare(t, src)
	}
}

func FuzzOracle(f *testing.F) {
	for _, src := range cases {
		f.Add(src)
	}
	f.Fuzz(compare)
}

// TestAssignedBelow uses names at the top level before they are bound.
func TestAssignedBelow(t *testing.T) {
	f := Resolve(syntax.ParseString("t", "print(later)\nif later_fn():\n  pass\n\nlater = 1\ndef later_fn(): return early\nlater = 2\n[q for q in last]\nfor last in []: pass\n"))
	var got []string
	for _, p := range f.Problems {
		got = append(got, p.Msg+p.Suggest)
	}
	want := []string{"undefined: later (assigned below, in line 5)", "undefined: later_fn (assigned below, in line 6)", "undefined: last (assigned below, in line 9)", "undefined: early"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestSuggest(t *testing.T) {
	f := Resolve(syntax.ParseString("t", "docker_biuld('x', '.')\nservices = []\nprint(servces)\n"))
	var got []string
	for _, p := range f.Problems {
		got = append(got, p.Suggest)
	}
	if diff := cmp.Diff([]string{"docker_build", "services"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestLoads(t *testing.T) {
	f := Resolve(syntax.ParseString("t", "load('ext://a', 'b', c='d')\ninclude('./x')\ny = load_dynamic(path='z')\ninclude(y)\n"))
	var got []string
	for _, l := range f.Loads {
		got = append(got, fmt.Sprint(l.Kind, " ", l.Module.Value))
	}
	if diff := cmp.Diff([]string{"0 ext://a", "1 ./x", "2 z"}, got); diff != "" {
		t.Error(diff)
	}
	var names []string
	for _, b := range f.Exports() {
		names = append(names, b.Name)
	}
	if diff := cmp.Diff([]string{"y"}, names); diff != "" {
		t.Error(diff)
	}
}
