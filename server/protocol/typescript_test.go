package protocol_test

import (
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/server/protocol"
	"github.com/towline-dev/towline/starlark/config"
)

var update = flag.Bool("update", false, "rewrite the generated TypeScript")

// TestTypeScript holds vscode/src/protocol.ts to the Go types whose JSON form
// the extension receives.
func TestTypeScript(t *testing.T) {
	const file = "../../vscode/src/protocol.ts"
	g := generator{constants: stringConstants(t, "../api", "../../starlark/config"), seen: map[reflect.Type]bool{}}
	g.declare(reflect.TypeFor[protocol.InitializationOptions]())
	g.declare(reflect.TypeFor[protocol.CommandArguments]())
	g.declare(reflect.TypeFor[protocol.DebugConfiguration]())
	g.declare(reflect.TypeFor[protocol.StatusParams]())
	want := "// What travels between the extension and the server, as server/protocol and\n" +
		"// server/api declare it in Go. Generated; do not edit. To renew it:\n" +
		"// go test ./server/protocol -run TypeScript -update\n" + g.out.String()
	if *update {
		if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("%s does not agree with the Go types; run: go test ./server/protocol -run TypeScript -update\n(-want +got)\n%s", file, diff)
	}
}

// TestTypeScriptGenerator holds the generator to encoding/json's rules: what
// may be left out, and what may be null.
func TestTypeScriptGenerator(t *testing.T) {
	type Base struct {
		URI string `json:"uri,omitempty"`
	}
	type part struct {
		At time.Time `json:"at"`
	}
	type whole struct {
		Base
		Name    string            `json:"name"`
		Count   int               `json:"count,omitempty"`
		Took    time.Duration     `json:"took_ns"`
		Parts   []part            `json:"parts"`
		Words   []string          `json:"words,omitempty"`
		Maybe   *part             `json:"maybe"`
		Env     map[string]string `json:"env,omitempty"`
		Phase   api.Phase         `json:"phase"`
		Skipped string            `json:"-"`
		Problem config.Position   `json:"-"`
	}
	g := generator{constants: map[string][]string{"Phase": {"up", "down"}}, seen: map[reflect.Type]bool{}}
	g.declare(reflect.TypeFor[whole]())
	want := `
export interface whole {
  uri?: string;
  name: string;
  count?: number;
  took_ns: number;
  parts: part[] | null;
  words?: string[];
  maybe: part | null;
  env?: Record<string, string>;
  phase: Phase;
}

export interface part {
  at: string;
}

export type Phase = "up" | "down";
`
	if diff := cmp.Diff(want, g.out.String()); diff != "" {
		t.Errorf("generated (-want +got)\n%s", diff)
	}
}

// generator writes TypeScript declarations of Go types in their JSON form.
type generator struct {
	constants map[string][]string // values of the constants of each named string type
	seen      map[reflect.Type]bool
	out       strings.Builder
}

// declare writes the declaration of a named type and of all that it refers to.
func (g *generator) declare(t reflect.Type) {
	if g.seen[t] {
		return
	}
	g.seen[t] = true
	if t.Kind() == reflect.String {
		fmt.Fprintf(&g.out, "\nexport type %s = %s;\n", t.Name(), strings.Join(quoted(g.constants[t.Name()]), " | "))
		return
	}
	var later []reflect.Type
	fmt.Fprintf(&g.out, "\nexport interface %s {\n", t.Name())
	for _, field := range reflect.VisibleFields(t) {
		if field.Anonymous {
			continue // its fields follow, as in the JSON form
		}
		name, options, _ := strings.Cut(field.Tag.Get("json"), ",")
		if name == "-" {
			continue
		}
		optional := options == "omitempty"
		mark, null := "", ""
		if optional {
			mark = "?"
		} else if k := field.Type.Kind(); k == reflect.Slice || k == reflect.Map || k == reflect.Pointer {
			null = " | null"
		}
		fmt.Fprintf(&g.out, "  %s%s: %s%s;\n", name, mark, g.name(field.Type, &later), null)
	}
	g.out.WriteString("}\n")
	for _, next := range later {
		g.declare(next)
	}
}

// name returns the TypeScript name of a type and notes what must be declared.
func (g *generator) name(t reflect.Type, later *[]reflect.Type) string {
	if t == reflect.TypeFor[time.Time]() {
		return "string"
	}
	switch t.Kind() {
	case reflect.Bool:
		return "boolean"
	case reflect.Int, reflect.Int64, reflect.Uint64, reflect.Float64:
		return "number"
	case reflect.Pointer:
		return g.name(t.Elem(), later)
	case reflect.Slice:
		return g.name(t.Elem(), later) + "[]"
	case reflect.Map:
		return "Record<string, " + g.name(t.Elem(), later) + ">"
	case reflect.Interface:
		return "unknown"
	case reflect.String:
		if len(g.constants[t.Name()]) == 0 {
			return "string"
		}
	case reflect.Struct:
	default:
		panic("no TypeScript for " + t.String())
	}
	*later = append(*later, t)
	return t.Name()
}

// stringConstants returns the values of the packages' string constants by the
// name of their type.
func stringConstants(t *testing.T, folders ...string) map[string][]string {
	t.Helper()
	values := map[string][]string{}
	for _, folder := range folders {
		files, err := filepath.Glob(filepath.Join(folder, "*.go"))
		if err != nil || len(files) == 0 {
			t.Fatalf("no Go files in %s: %v", folder, err)
		}
		for _, file := range files {
			tree, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			ast.Inspect(tree, func(n ast.Node) bool {
				spec, ok := n.(*ast.ValueSpec)
				if !ok || spec.Type == nil || len(spec.Values) != 1 {
					return true
				}
				typ, isName := spec.Type.(*ast.Ident)
				value, isLiteral := spec.Values[0].(*ast.BasicLit)
				if isName && isLiteral && value.Kind == token.STRING {
					values[typ.Name] = append(values[typ.Name], strings.Trim(value.Value, `"`))
				}
				return true
			})
		}
	}
	delete(values, "string")
	return values
}

func quoted(values []string) []string {
	out := make([]string, len(values))
	for i, v := range values {
		out[i] = `"` + v + `"`
	}
	return out
}
