package decl

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	acting "github.com/towline-dev/towline/internal/acts"
)

// TestEveryParameterActs goes red when a built-in or parameter is declared and
// nothing says what it comes to, or nobody acts on that.
func TestEveryParameterActs(t *testing.T) {
	for _, e := range All() {
		if e.Universe || e.Section == "Values" || e.Kind != Function {
			continue
		}
		params := e.Params
		if len(params) == 0 {
			params = []Param{{}}
		}
		for _, p := range params {
			act, ok := ActOf(e, p)
			name := strings.TrimSuffix(e.Name+"."+p.Name, ".")
			if !ok {
				t.Errorf("%s: nothing says what acts on it: see actsTable", name)
			} else if act.Field != "" && len(ActorsOf(act.Field)) == 0 {
				t.Errorf("%s: nobody acts on %s of starlark/config: see actorsTable", name, act.Field)
			}
		}
	}
}

// TestActorsReadWhatTheyActOn goes red when a function of the table is gone, or
// reads the field no more.
func TestActorsReadWhatTheyActOn(t *testing.T) {
	readers, err := acting.Readers(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	for field, who := range actors() {
		for _, actor := range who {
			if !slices.Contains(readers[field], actor) {
				t.Errorf("%s does not read %s", actor, field)
			}
		}
	}
}

// TestActsOfUnknown: the table has no line for what is not declared, and none
// that a warning has made superfluous.
func TestActsOfUnknown(t *testing.T) {
	for key := range acts() {
		e, ok := Lookup(key)
		if !ok {
			i := strings.LastIndexByte(key, '.')
			if e, ok = Lookup(key[:max(i, 0)]); !ok {
				t.Errorf("%s: not declared", key)
				continue
			}
			if _, ok := e.Param(key[i+1:]); !ok {
				t.Errorf("%s: no such parameter", key)
			}
		}
		if e.Idle != "" {
			t.Errorf("%s: has a line, and warns that it has no effect yet", key)
		}
	}
	if _, ok := ActOf(&Entry{Name: "k8s_resource"}, Param{Name: "brand_new"}); ok {
		t.Error("a parameter of which nothing is known acts")
	}
}
