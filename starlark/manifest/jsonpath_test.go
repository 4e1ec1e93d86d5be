package manifest

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"k8s.io/client-go/util/jsonpath"

	"github.com/towline-dev/towline/starlark/yamldoc"
)

const shelf = `
kind: Shelf
images: [a, b, c, d]
none: null
books:
- {name: one, image: x/one, size: 1, tags: [t1, t2]}
- {name: two, image: x/two, size: 2.5, more: {image: x/deep}, tags: []}
- {name: three, image: x/three, size: 3}
"dotted.name": {image: x/dotted}
`

func TestFind(t *testing.T) {
	docs, err := yamldoc.Parse(shelf)
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		"{.images[0]}":                          "images/0",
		"images[-1]":                            "images/3",
		"{.images[1:3]}":                        "images/1 images/2",
		"{.images[:2]}":                         "images/0 images/1",
		"{.images[-2:]}":                        "images/2 images/3",
		"{.images[::2]}":                        "images/0 images/2",
		"{.images[0:4:3]}":                      "images/0 images/3",
		"{.images[1:1]}":                        "",
		"{.images[0,2]}":                        "images/0 images/2",
		"{$.images[*]}":                         "images/0 images/1 images/2 images/3",
		"{.books[*].image}":                     "books/0/image books/1/image books/2/image",
		"{.books[*]['name','size']}":            "books/0/name books/1/name books/2/name books/0/size books/1/size books/2/size",
		"{.books[*]['more','image']}":           "books/1/more books/0/image books/1/image books/2/image",
		`{.books[?(@.name=="two")].image}`:      "books/1/image",
		`{.books[?(@.name!='two')].image}`:      "books/0/image books/2/image",
		"{.books[?(@.size>=2.5)].image}":        "error: incompatible types for comparison",
		"{.books[?(@.more)].image}":             "books/1/image",
		"{.books[?(@.more.image)].more.image}":  "books/1/more/image",
		"{range .books[*]}{.image}{'\\n'}{end}": "books/0/image books/1/image books/2/image",
		"{range .books[0:2]}{.image}{range .tags[*]}{@}{end}{end}{.images[0]}": "books/0/image books/0/tags/0 books/0/tags/1 books/1/image images/0",
		"{range .none[*]}{.image}{end}{.images[0]}":                            "images/0",
		"text {.images[0]} and {.images[1]}":                                   "images/0 images/1",
		"{..image}":                                                            "books/0/image books/1/image books/1/more/image books/2/image dotted.name/image",
		`{.dotted\.name.image}`:                                                "dotted.name/image",
		`{['dotted\.name']['image']}`:                                          "dotted.name/image",
		"{.books[0].*}":                                                        "books/0/image books/0/name books/0/size books/0/tags",
		"{.missing}":                                                           "error: missing is not found",
		"{.images[7]}":                                                         "error: array index out of bounds: index 7, length 4",
		"{.images[3:1]}":                                                       "error: starting index 3 is greater than ending index 1",
		"{.images[::0]}":                                                       "error: step must be > 0",
		"{.kind[0]}":                                                           "error: string is not a list",
		"{.kind[?(@.a)]}":                                                      "error: Shelf is not array or slice and cannot be filtered",
		"{.books[?(@.tags[*]=='t1')]}":                                         "error: can only compare one element at a time",
		"{.images[":                                                            "error: parsing JSONPath \"{.images[\": unterminated array",
		"{.images[x]}":                                                         "error: parsing JSONPath \"{.images[x]}\": invalid array index x",
		"":                                                                     "error: parsing JSONPath \"\": it leads nowhere",
		"{'text'}":                                                             "",
	} {
		if got := places(path, docs[0].Value); got != want {
			t.Errorf("%s leads to %s, want %s", path, got, want)
		}
		compareWithKubernetes(t, path, docs[0].Value)
	}
}

func places(text string, root any) string {
	p, err := ParsePath(text)
	if err == nil {
		var nodes []Node
		if nodes, err = p.Find(root); err == nil {
			var all []string
			for _, n := range nodes {
				all = append(all, strings.Join(n.Place, "/"))
			}
			return strings.Join(all, " ")
		}
	}
	return "error: " + err.Error()
}

// compareWithKubernetes compares the values that are found with those that
// kubectl finds, texts aside, which have no place.
func compareWithKubernetes(t *testing.T, text string, root any) {
	t.Helper()
	p, err := ParsePath(text)
	if err != nil || !strings.Contains(text, "{") || strings.Contains(text, ".none") {
		return // of a range over nothing kubectl evaluates the inside all the same
	}
	theirs := jsonpath.New("theirs")
	if err := theirs.Parse(text); err != nil {
		t.Fatal(err)
	}
	results, theirErr := theirs.FindResults(root)
	nodes, err := p.Find(root)
	if (err == nil) != (theirErr == nil) {
		t.Errorf("%s: %v, and with kubectl %v", text, err, theirErr)
		return
	}
	var got, want []string
	for _, n := range nodes {
		got = append(got, asJSON(t, n.Value))
	}
	for _, values := range results {
		for _, v := range values {
			if x, ok := v.Interface().(string); ok && slices.Contains([]string{"\n", "text", "text ", " and "}, x) {
				continue // a text of the template
			}
			want = append(want, asJSON(t, v.Interface()))
		}
	}
	slices.Sort(got) // kubectl goes through maps in any order
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("%s:\n%s\nand with kubectl\n%s", text, got, want)
	}
}

func asJSON(t *testing.T, v any) string {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func FuzzPath(f *testing.F) {
	for _, seed := range []string{"{.a[0]}", "{range .a[*]}{.b}{end}", "{..a}", "{.a[?(@.b=='c')]}", "{['a','b'][1:2:3]}"} {
		f.Add(seed)
	}
	root := map[string]any{"a": []any{map[string]any{"b": "c"}, int64(1), nil}, "b": map[string]any{"a": "x"}}
	f.Fuzz(func(t *testing.T, text string) {
		p, err := ParsePath(text)
		if err != nil {
			return
		}
		nodes, err := p.Find(root)
		if err != nil {
			return
		}
		for _, n := range nodes {
			if got := fmt.Sprint(at(root, n.Place)); n.Place != nil && got != fmt.Sprint(n.Value) {
				t.Errorf("%q: at %q there is %s, not %v", text, n.Place, got, n.Value)
			}
		}
	})
}

func at(v any, place []string) any {
	for _, key := range place {
		switch x := v.(type) {
		case map[string]any:
			v = x[key]
		case []any:
			var i int
			_, _ = fmt.Sscan(key, &i)
			v = x[i]
		}
	}
	return v
}
