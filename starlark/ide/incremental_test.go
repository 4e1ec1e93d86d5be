package ide

import (
	"flag"
	"fmt"
	"math/rand"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/towline-dev/towline/starlark/resolve"
	"github.com/towline-dev/towline/starlark/syntax"
)

var steps = flag.Int("edits", 600, "how many random edits TestIncremental makes")

// pasted is what edits insert beside what is typed.
var pasted = []string{
	"docker_build('a', '.')\n", "def helper(x, y=1):\n    return x\n", "load('./lib/Tiltfile', 'build')\n", "x = build('a')\n", "k8s_res", "x.", "if x:\n    y = ",
	"# said\n", "(", ")", "'", "\n", "\n\n", "    ", "helper(", "for n in [1]:\n    z = n\n", "k8s_resource('web', port_", "é", "", "", "alp", "'''", "v1alpha1.",
	"y = 1 if x else k8s_resource('nope')\n", "k8s_resource('nope', resource_deps=x or ['gone'])\n",
}

// TestIncremental edits texts at random, keeps what may be kept of each for the
// next, and holds what the features say against what they say of the same text
// when it is read anew. Most versions nobody looks at, or at one place only, as
// while somebody types.
func TestIncremental(t *testing.T) {
	rng := rand.New(rand.NewSource(7))
	list := seeds(t)
	s, w := newWorld(t, &txtar.Archive{Files: []txtar.File{
		{Name: "Tiltfile"},
		{Name: "project.json", Data: []byte(`{"resources": [{"name": "web", "kind": "k8s"}]}`)},
		{Name: "lib/Tiltfile", Data: []byte("def build(name): return struct(a=name)\n")},
		{Name: "ext/a/Tiltfile", Data: []byte("def alpha(): pass\n")},
	}})
	const name = "/w/Tiltfile"
	for done := 0; done < *steps; {
		src := list[rng.Intn(len(list))] + list[rng.Intn(len(list))] + list[rng.Intn(len(list))]
		tree := syntax.ParseString(name, src)
		for range 40 {
			done++
			at := rng.Intn(len(tree.Src) + 1)
			end, text := at, pasted[rng.Intn(len(pasted))]
			if rng.Intn(3) == 0 {
				end = min(len(tree.Src), at+rng.Intn(12))
			}
			tree = syntax.Reparse(tree, tree.Lines.Edit(at, end, text))
			off := at + len(text)
			switch rng.Intn(4) {
			case 0:
				typed(t, s, w, tree, off)
			case 1:
				typed(t, s, w, tree, rng.Intn(len(tree.Src)+1))
			case 2:
				whole(t, s, w, tree, off)
			}
		}
	}
}

// typed compares what is completed while somebody types.
func typed(t *testing.T, s *Analysis, w *world, tree *syntax.File, off int) {
	t.Helper()
	w.files[tree.Name] = nil
	outline := resolve.Outline(tree, off)
	for _, b := range outline.Root.Order {
		for _, site := range b.Sites {
			// A name that is loaded has the place of a text.
			if name := outline.Text(site.Ident); name != b.Name && b.Kind != resolve.Loaded {
				t.Fatalf("%s is bound at %q in\n%s", b.Name, name, tree.Src)
			}
		}
	}
	got, ok := CompleteName(s, outline, off)
	if !ok {
		return
	}
	fresh := resolve.Resolve(syntax.ParseString(tree.Name, tree.Src))
	w.files[tree.Name] = fresh
	compare(t, tree, off, "completion of the outline", Complete(s, fresh, off), got)
}

// whole compares all features.
func whole(t *testing.T, s *Analysis, w *world, tree *syntax.File, off int) {
	t.Helper()
	kept, fresh := resolve.Resolve(tree), resolve.Resolve(syntax.ParseString(tree.Name, tree.Src))
	for _, test := range features {
		w.files[tree.Name] = fresh
		want := test.run(s, fresh, off)
		w.files[tree.Name] = kept
		compare(t, tree, off, test.name, want, test.run(s, kept, off))
	}
}

// features are what TestIncremental compares.
var features = []struct {
	name string
	run  func(s *Analysis, f *resolve.File, off int) any
}{
	{"diagnostics", func(s *Analysis, f *resolve.File, _ int) any { return Diagnostics(s, f) }},
	{"tokens", func(s *Analysis, f *resolve.File, _ int) any { return SemanticTokens(s, f, f.Span()) }},
	{"symbols", func(s *Analysis, f *resolve.File, _ int) any { return DocumentSymbols(s, f) }},
	{"completion", func(s *Analysis, f *resolve.File, off int) any { return Complete(s, f, off) }},
	{"hover", func(s *Analysis, f *resolve.File, off int) any { return Hover(s, f, off) }},
	{"signature", func(s *Analysis, f *resolve.File, off int) any { return SignatureHelp(s, f, off) }},
	{"definition", func(s *Analysis, f *resolve.File, off int) any { return Definition(s, f, off) }},
	{"references", func(s *Analysis, f *resolve.File, off int) any { return References(s, f, off, true) }},
	{"folds", func(s *Analysis, f *resolve.File, _ int) any { return FoldingRanges(f) }},
	{"links", func(s *Analysis, f *resolve.File, _ int) any { return DocumentLinks(s, f) }},
	{"hints", func(s *Analysis, f *resolve.File, _ int) any { return InlayHints(s, f, f.Span()) }},
}

func compare(t *testing.T, tree *syntax.File, off int, what string, want, got any) {
	t.Helper()
	if fmt.Sprintf("%+v", want) == fmt.Sprintf("%+v", got) {
		return
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(Item{}, rank{})); diff != "" {
		before := tree.Src[:off]
		t.Fatalf("%s (-fresh +kept):\n%s\nat %d, behind %q in\n%s", what, diff, off, before[strings.LastIndexByte(before, '\n')+1:], tree.Src)
	}
}
