package config

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite docs/eval.schema.json")

// TestSchema compares docs/eval.schema.json with the types.
func TestSchema(t *testing.T) {
	s := schemas{defs: map[string]any{}}
	root := s.of(reflect.TypeFor[Project]())
	doc := map[string]any{
		"$schema": "https://json-schema.org/draft/2020-12/schema",
		"title":   "What `towline eval --json` prints",
		"version": SchemaVersion,
		"$ref":    root["$ref"],
		"$defs":   s.defs,
	}
	data, err := json.MarshalIndent(doc, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	data = append(data, '\n')
	file := filepath.Join("..", "..", "docs", "eval.schema.json")
	if *update {
		if err := os.WriteFile(file, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(got), string(data)); diff != "" {
		t.Errorf("%s is not fresh: run the test with -update (-have +want):\n%s", file, diff)
	}
}

// TestSchemaNamesWhatIsWritten writes a full project and looks every key up.
func TestSchemaNamesWhatIsWritten(t *testing.T) {
	data, err := os.ReadFile(filepath.Join("..", "..", "docs", "eval.schema.json"))
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Defs map[string]struct {
			Properties map[string]any `json:"properties"`
		} `json:"$defs"`
	}
	if err := json.Unmarshal(data, &doc); err != nil {
		t.Fatal(err)
	}
	local := Resource{Name: "a", Kind: KindLocal, Local: &Local{Cmd: Command{Argv: []string{"a"}}, Probe: &Probe{}, Test: true}}
	full := Resource{Name: "a", Kind: KindK8s, DiscoveryStrategy: "default", CustomDeploy: &CustomDeploy{}, Compose: &Compose{}}
	for def, v := range map[string]any{"Project": Project{API: []APIObject{{}}}, "Resource": full, "resource": local, "Image": Image{HasContainerArgs: true}} {
		data, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		var keys map[string]any
		if err := json.Unmarshal(data, &keys); err != nil {
			t.Fatal(err)
		}
		if def == "resource" {
			def = "Resource"
		}
		for key := range keys {
			if doc.Defs[def].Properties[key] == nil {
				t.Errorf("%s: the schema does not name %q", def, key)
			}
		}
	}
}

func TestResourceJSONRoundTrip(t *testing.T) {
	want := []Resource{
		{Name: "a", Kind: KindLocal, Local: &Local{Cmd: Command{Argv: []string{"a"}, Dir: "/d", Env: map[string]string{"A": "b"}}, Deps: []string{"/x"}}},
		{Name: "b", Kind: KindK8s, Objects: []string{"b:pod:default:core"}},
	}
	data, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	var got []Resource
	if err := json.Unmarshal(data, &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if !strings.Contains(string(data), `"deps":["/x"]`) || !strings.Contains(string(data), `"dir":"/d"`) {
		t.Errorf("the fields of local resources are not beside the others: %s", data)
	}
}

// schemas collects the definitions of named structs.
type schemas struct{ defs map[string]any }

func (s *schemas) of(t reflect.Type) map[string]any {
	switch {
	case t == reflect.TypeFor[time.Duration]():
		return map[string]any{"type": "integer", "description": "nanoseconds"}
	case t.Kind() == reflect.Pointer:
		return map[string]any{"anyOf": []any{s.of(t.Elem()), map[string]any{"type": "null"}}}
	case t.Kind() == reflect.Struct:
		s.define(t)
		return map[string]any{"$ref": "#/$defs/" + t.Name()}
	case t.Kind() == reflect.Slice:
		return map[string]any{"type": []string{"array", "null"}, "items": s.of(t.Elem())}
	case t.Kind() == reflect.Map:
		return map[string]any{"type": []string{"object", "null"}, "additionalProperties": s.of(t.Elem())}
	case t.Kind() == reflect.String:
		return map[string]any{"type": "string"}
	case t.Kind() == reflect.Bool:
		return map[string]any{"type": "boolean"}
	case t.Kind() == reflect.Int:
		return map[string]any{"type": "integer"}
	}
	return map[string]any{}
}

func (s *schemas) define(t reflect.Type) {
	if s.defs[t.Name()] != nil {
		return
	}
	def := map[string]any{"type": "object"}
	s.defs[t.Name()] = def
	properties, required := map[string]any{}, []string{}
	s.fields(t, properties, &required, true)
	if t == reflect.TypeFor[Resource]() {
		s.fields(reflect.TypeFor[Local](), properties, &required, false)
		properties["dir"] = map[string]any{"type": "string"}
		properties["env"] = s.of(reflect.TypeFor[map[string]string]())
	}
	def["properties"], def["required"] = properties, required
}

func (s *schemas) fields(t reflect.Type, properties map[string]any, required *[]string, must bool) {
	for i := range t.NumField() {
		name, options, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		if name == "-" {
			continue
		}
		properties[name] = s.of(t.Field(i).Type)
		if must && options != "omitempty" {
			*required = append(*required, name)
		}
	}
}
