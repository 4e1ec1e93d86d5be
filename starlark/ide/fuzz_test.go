package ide

import (
	"math/rand"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/towline-dev/towline/starlark/resolve"
	"github.com/towline-dev/towline/starlark/syntax"
)

// everything runs all features on a text, at the offset and as a whole. None
// may panic, and all places must lie in the text.
func everything(t *testing.T, src string, off int) {
	t.Helper()
	ar := &txtar.Archive{Files: []txtar.File{
		{Name: "Tiltfile", Data: []byte(src)},
		{Name: "lib/Tiltfile", Data: []byte("load('../Tiltfile', 'x')\ndef build(name): return struct(a=name)\n")},
		{Name: "ext/a/Tiltfile", Data: []byte("def alpha(): pass\n")},
		{Name: "project.json", Data: []byte(`{"resources": [{"name": "web", "kind": "k8s", "pos": {"file": "/w/Tiltfile", "line": 3, "col": 9}}]}`)},
	}}
	s, w := newWorld(t, ar)
	f := w.files["/w/Tiltfile"]
	if len(src) > 0 {
		off = (off%(len(src)+1) + len(src) + 1) % (len(src) + 1)
	} else {
		off = 0
	}
	in := func(what string, span syntax.Span) {
		if span.Start < 0 || span.Start > span.End || span.End > len(src) {
			t.Fatalf("%s: place %v out of the text\n%q", what, span, src)
		}
	}
	for _, d := range Diagnostics(s, f) {
		in("diagnostic "+d.Code, d.Span)
		if severityOf(d.Code) == 0 || d.Message == "" {
			t.Fatalf("diagnostic %+v", d)
		}
		for _, x := range d.Fixes {
			for _, e := range x.Edits {
				in("fix", e.Span)
			}
		}
	}
	c := Complete(s, f, off)
	in("completion", c.Replace)
	if early, ok := CompleteName(s, resolve.Outline(f.File, off), off); ok {
		if diff := cmp.Diff(c, early, cmp.AllowUnexported(Item{}, rank{})); diff != "" {
			t.Fatalf("of the outline (-whole +outline):\n%s\n%q at %d", diff, src, off)
		}
	}
	for _, i := range c.Items {
		if i.Label == "" {
			t.Fatalf("an item without a label: %+v\n%q", i, src)
		}
		ResolveItem(s, i.Key)
		if len(i.Sort) != len(c.Items[0].Sort) {
			t.Fatalf("%s sorts by %q, %s by %q", i.Label, i.Sort, c.Items[0].Label, c.Items[0].Sort)
		}
	}
	if !slices.IsSortedFunc(c.Items, func(a, b Item) int { return strings.Compare(a.Sort+a.Label, b.Sort+b.Label) }) {
		t.Fatalf("items out of order\n%q", src)
	}
	if h := Hover(s, f, off); h != nil {
		in("hover", h.Span)
	}
	SignatureHelp(s, f, off)
	Definition(s, f, off)
	Declaration(s, f, off)
	for _, l := range References(s, f, off, true) {
		if l.Path == f.Name {
			in("reference", l.Span)
		}
	}
	for _, h := range DocumentHighlight(s, f, off) {
		in("highlight", h.Span)
	}
	if list, err := Rename(s, f, off, "renamed"); err == nil {
		for _, e := range list {
			if e.Path == f.Name {
				in("rename", e.Span)
			}
		}
	}
	for _, y := range DocumentSymbols(s, f) {
		in("symbol", y.Span)
		if y.Selection.Start < y.Span.Start || y.Span.End < y.Selection.End {
			t.Fatalf("symbol %+v: its name lies outside\n%q", y, src)
		}
	}
	declared := slices.DeleteFunc(DocumentSymbols(s, f), func(y Symbol) bool { return y.Kind != SymbolResource && y.Kind != SymbolImage })
	if diff := cmp.Diff(declared, Declared(s, f), cmpopts.EquateEmpty()); diff != "" {
		t.Fatalf("declared (-symbols +alone):\n%s\n%q", diff, src)
	}
	for _, r := range FoldingRanges(f) {
		if r.Start < 0 || r.End <= r.Start || r.End >= f.Lines.Count() {
			t.Fatalf("fold %v\n%q", r, src)
		}
	}
	inner := syntax.Span{Start: off, End: off}
	for _, o := range SelectionRanges(f, off) {
		if o.Start > inner.Start || inner.End > o.End {
			t.Fatalf("selection %v is not within %v\n%q", inner, o, src)
		}
		inner = o
	}
	end := 0
	for _, k := range SemanticTokens(s, f, f.Span()) {
		in("token", k.Span)
		if k.Span.Start < end || k.Span.End <= k.Span.Start || f.Lines.Number(k.Span.Start) != f.Lines.Number(k.Span.End) {
			t.Fatalf("token %v after %d\n%q", k.Span, end, src)
		}
		end = k.Span.End
	}
	for _, l := range DocumentLinks(s, f) {
		in("link", l.Span)
	}
	InlayHints(s, f, f.Span())
	CodeActions(s, f, syntax.Span{Start: off, End: off})
	if item := PrepareCallHierarchy(s, f, off); item != nil {
		IncomingCalls(s, *item)
		OutgoingCalls(s, *item)
	}
	WorkspaceSymbols(s, "a")
}

// seeds returns the Tiltfiles of the marker tests.
func seeds(t testing.TB) []string {
	t.Helper()
	var list []string
	files, _ := filepath.Glob("testdata/*.txtar")
	for _, name := range files {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range txtar.Parse(data).Files {
			if f.Name == "Tiltfile" {
				list = append(list, string(f.Data))
			}
		}
	}
	return list
}

func FuzzEverything(f *testing.F) {
	for _, s := range seeds(f) {
		f.Add(s, len(s)/2)
	}
	f.Fuzz(func(t *testing.T, src string, off int) {
		if len(src) < 1<<12 {
			everything(t, src, off)
		}
	})
}

// TestEverything cuts and pastes the Tiltfiles of the marker tests.
func TestEverything(t *testing.T) {
	everything(t, "", 0)
	rng := rand.New(rand.NewSource(1))
	list := seeds(t)
	for range 600 {
		s := list[rng.Intn(len(list))]
		i := rng.Intn(len(s))
		s = s[i:min(len(s), i+rng.Intn(300))]
		other := list[rng.Intn(len(list))]
		j, k := rng.Intn(len(other)), rng.Intn(len(s)+1)
		s = s[:k] + other[j:min(len(other), j+rng.Intn(40))] + s[k:]
		everything(t, s, rng.Intn(len(s)+1))
	}
}
