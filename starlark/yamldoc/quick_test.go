package yamldoc

import (
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// check holds the quick reader against the library.
func check(t *testing.T, doc string) (accepted bool) {
	t.Helper()
	got, ok := quick(doc)
	if !ok {
		return false
	}
	want, err := exact(doc)
	if err != nil {
		t.Errorf("the quick reader takes what the library refuses: %v\n%s", err, doc)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the quick reader differs (-library +quick):\n%s\n%s", diff, doc)
	}
	return true
}

// taken are documents that the quick reader must not leave to the library:
// each line of usual manifests that it does leave costs the whole file.
var taken = []string{
	"", "# nothing\n", "---\n", "--- # nothing\n\n",
	"a: 1\nb: two\nc:\n  d: e\n", "a:\n- b\n- c: d\n  e: f\n-\n  g: h\n- - i\n  - j\n", "a:\n  - b # c\n\n  # d\n  - e\n",
	"a: {}\nb: []\nc: {d: e, f: [1, 'two', \"3\"], \"g\":{h: -1}}\n", "a: \"x\\n\\t\\\"\\\\\"\n'b c': d\n\"e\": f\n",
	"a: |\n  x\n    y\n\n  z\n\n\nb: |-\n  x\n", "a:\n", "a: ~\nb: null\nc: yes\nd: off\n", "a: http://b:80/c#d\n",
	"1: a\ntrue: b\n", "a: 0644\nb: 1.5\nc: 1e3\nd: 0x1F\ne: 10m\nf: 1.2.3\ng: 2001-02-03\nh: -5\ni: +7\nj: 1_000\nk: .5\n",
	"args:\n- --flag=value\n- -x\n", "é: ü # ö\n", "a: b\\c\nd: 'e\\f'\n", "- a\n- b\n", "a: b\n  c\n\n\n  d # e\nf:\n- g\n  h\n- i\n", "a: b\n # c\nd: e\n", "a: 'it''s'\n'b''': c\n", "a: 1\n  2\n",
}

// left are documents that the library alone knows.
var left = []string{
	"a: &x 1\nb: *x\n", "a: !!str 1\n", "a: >\n  b\n", "a: b\n  c: d\n", "a: b # c\n  d\n", "a: b\n  # c\n  d\n", "a: b\n  - c\n", "? a\n: b\n", "a:\tb\n", "a: 1\na: 2\n", "a: .inf\n", "<<: {a: b}\n",
	"a: b: c\n", "a\n", "a: [b,\n  c]\n", "a: \"b\n  c\"\n", "a: |2\n   b\n", "a: |+\n  b\n\n", "a: \x01\n", "a: \"\\u00e9\"\n", "\ufeffa: b\n", "a: b\r\n",
	"a:\n  b: c\n d: e\n", "- a\nb: c\n", "%YAML 1.1\n---\na: b\n", "a: @b\n", "a: `b`\n", "... : b\n", "a: 0b12\n", "null: a\n", "a: {b, c}\n", "a: [b: c]\n",
	"a: |\n b\n\tc\n", "a: 'b' c\n", "a: {b: c} d\n", "a: [,]\n", "a: {b: c,}\n", "a: ]\n", "a: |", "a: |\n \t\n",
}

func TestQuickTakes(t *testing.T) {
	for _, doc := range taken {
		if !check(t, doc) {
			t.Errorf("left to the library: %q", doc)
		}
	}
}

func TestQuickLeaves(t *testing.T) {
	for _, doc := range left {
		if check(t, doc) {
			t.Errorf("taken: %q", doc)
		}
	}
}

// TestQuickOnTheProject reads every YAML file of the project both ways.
func TestQuickOnTheProject(t *testing.T) {
	all, quickly := 0, 0
	each := func(text string) {
		for text != "" {
			var doc string
			doc, text = cutDocument(text)
			all++
			if check(t, doc) {
				quickly++
			}
		}
	}
	err := filepath.WalkDir(filepath.Join("..", ".."), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			if d != nil && (d.Name() == "node_modules" || d.Name() == ".git") {
				return fs.SkipDir
			}
			return err
		}
		if ext := filepath.Ext(path); ext == ".yaml" || ext == ".yml" || ext == ".txtar" {
			data, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			each(string(data))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d of %d documents are read quickly", quickly, all)
	if quickly == 0 {
		t.Error("no document is read quickly")
	}
}

// TestQuickOnMutations reads usual manifests with small mistakes in them: what
// people type, rather than what a fuzzer finds.
func TestQuickOnMutations(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	pieces := []string{" ", "  ", "\n", "\t", ":", ": ", "- ", "-", "#", " #", "'", "\"", "\\", "{", "}", "[", "]", ",", "|", ">", "&a", "*a", "!", "?", "...", "---", "0", "~", "y", "\n\n", "\n "}
	accepted := 0
	for range 30_000 {
		doc := []byte(manifests[random.IntN(len(manifests))])
		for range 1 + random.IntN(3) {
			i := random.IntN(len(doc))
			switch random.IntN(3) {
			case 0:
				doc = slices.Delete(doc, i, min(i+1+random.IntN(3), len(doc)))
			case 1:
				doc = slices.Insert(doc, i, []byte(pieces[random.IntN(len(pieces))])...)
			case 2:
				j := random.IntN(len(doc))
				doc[i], doc[j] = doc[j], doc[i]
			}
		}
		if first, _ := cutDocument(string(doc)); check(t, first) {
			accepted++
		}
		if t.Failed() {
			return
		}
	}
	if accepted < 1000 {
		t.Errorf("%d accepted: the test says too little", accepted)
	}
}

// manifests are what the mutations start from.
var manifests = []string{
	"apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: a\n  labels: {app: a, tier: \"b\"}\nspec:\n  replicas: 1\n  template:\n    spec:\n      containers:\n" +
		"      - name: main\n        image: a:1.2\n        args: [\"--x\", '-y', z]\n        ports:\n        - containerPort: 8080\n        -\n          containerPort: 9\n      - name: side\n",
	"kind: ConfigMap\nmetadata: # name\n    name: b\ndata:\n  file.conf: |\n    a = 1\n\n      b = 2\n    # no comment\n  other: |-\n    x\n\n  empty:\n  'quoted key': \"a \\\"b\\\"\"\n",
	"description: one\n  two 'three'\n\n  four: five\nother: 'it''s'\nlist:\n- a\n  b\n- c # d\n",
	"- a\n- b: c\n  d:\n  - e\n  - - f\n    - 1.5\n- {g: [h, 0x1f], i: -1}\n-\n",
}

// FuzzQuick holds the two readers against each other on what a stream's parts
// can be.
func FuzzQuick(f *testing.F) {
	for _, doc := range append(append([]string{}, taken...), left...) {
		f.Add(doc)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 4096 {
			t.Skip()
		}
		for text != "" {
			var doc string
			doc, text = cutDocument(text)
			check(t, doc)
		}
	})
}

// TestParse reads streams: where documents begin, and whose lines errors name.
func TestParse(t *testing.T) {
	text := "# head\n---\na: 1\n---\n\n# two\nb: [x]\n---\n{\"c\": 12345678901234567890}\n"
	got, err := Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	want := []Document{
		{Value: map[string]any{"a": int64(1)}, Line: 3},
		{Value: map[string]any{"b": []any{"x"}}, Line: 7},
		{Value: map[string]any{"c": float64(12345678901234567890)}, Line: 9},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	docs, err := Parse("a: 1\n---\nb: c\n  : d: e\n")
	if len(docs) != 1 || err == nil || !strings.Contains(err.Error(), "yaml: line 3:") {
		t.Errorf("got %v, %v; want one document and an error in line 3", docs, err)
	}
}

func BenchmarkParse(b *testing.B) {
	doc := "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: a\n  labels: {app: a}\nspec:\n  replicas: 1\n  template:\n    metadata:\n      labels: {app: a}\n    spec:\n      containers:\n      - name: main\n        image: a\n        ports:\n        - containerPort: 8080\n        resources:\n          requests: {cpu: 10m, memory: 32Mi}\n"
	for name, f := range map[string]func(string) (any, error){"exact": exact, "quick": func(s string) (any, error) { v, _ := quick(s); return v, nil }} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(doc)))
			for b.Loop() {
				if v, err := f(doc); v == nil || err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
