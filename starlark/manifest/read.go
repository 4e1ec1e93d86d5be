package manifest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"go.yaml.in/yaml/v2"

	"github.com/towline-dev/towline/starlark/fault"
	"github.com/towline-dev/towline/starlark/yamldoc"
)

// Read decodes a stream of objects; a List becomes its items.
func Read(text string, names Names, types *Types) ([]Manifest, error) {
	docs, err := yamldoc.Parse(text)
	r := reader{text: text, names: names, types: types}
	for _, d := range docs {
		if err := r.add(d, nil); err != nil {
			return nil, yamldoc.At(d.Line, err)
		}
	}
	return r.objects, err
}

// reader collects the objects of a stream.
type reader struct {
	text    string
	names   Names
	types   *Types
	objects []Manifest
}

// add takes an object, or those of a List. Within are the keys and indexes that
// lead to it from its document.
func (r *reader) add(d yamldoc.Document, within []string) error {
	content, ok := d.Value.(map[string]any)
	if !ok {
		return decode(d.Value)
	}
	kind, _ := content["kind"].(string)
	version, _ := content["apiVersion"].(string)
	switch {
	case kind == "":
		return fault.Tiltf("Object 'Kind' is missing in '%s'", Shorten(content))
	case version == "":
		name, _ := MapAt(content, "metadata")["name"].(string)
		return fault.Tiltf("decoding %s %q: Object 'apiVersion' is missing in '%s'", kind, name, Shorten(content))
	}
	if items, ok := content["items"].([]any); ok && kind == "List" && version == "v1" {
		for i, item := range items {
			if err := r.add(yamldoc.Document{Value: item, Line: d.Line}, append(slices.Clone(within), "items", strconv.Itoa(i))); err != nil {
				return err
			}
		}
		return nil
	}
	for _, key := range []string{"name", "namespace"} {
		if v, ok := MapAt(content, "metadata")[key]; ok && v != nil {
			if _, ok := v.(string); !ok {
				return fmt.Errorf("metadata.%s must be a string, found %s in %s", key, Shorten(v), Shorten(content))
			}
		}
	}
	name, _ := MapAt(content, "metadata")["name"].(string)
	if err := r.types.Check(content, version, kind, name); err != nil {
		if wrong := new(Mistyped); errors.As(err, &wrong) {
			return yamldoc.At(yamldoc.NodesAt(r.text, d.Line).Line(append(slices.Clone(within), wrong.path...)), err)
		}
		return err
	}
	removed := r.types.Prune(content, version, kind)
	findLines(removed, r.text, d.Line, within)
	t := New(r.names, content)
	t.Line, t.Removed = d.Line, removed
	r.objects = append(r.objects, t)
	return nil
}

// Shorten is a value as JSON, for messages, without the values of Secrets.
func Shorten(v any) string {
	if m, ok := v.(map[string]any); ok && m["kind"] == "Secret" {
		return `{"kind":"Secret",…}`
	}
	data, err := json.Marshal(withoutData(v))
	if err != nil {
		return fmt.Sprintf("%T", v)
	}
	if len(data) > 200 {
		return string(data[:200]) + "…"
	}
	return string(data)
}

// withoutData is a value without the data of Secrets in it, and of objects
// that do not say what they are.
func withoutData(v any) any {
	switch v := v.(type) {
	case []any:
		list := make([]any, len(v))
		for i, x := range v {
			list[i] = withoutData(x)
		}
		return list
	case map[string]any:
		kind, _ := v["kind"].(string)
		m := make(map[string]any, len(v))
		for k, x := range v {
			if (kind == "" || kind == "Secret") && (k == "data" || k == "stringData") {
				x = "…"
			}
			m[k] = withoutData(x)
		}
		return m
	}
	return v
}

// Write renders objects as a stream.
func Write(objects []map[string]any) (string, error) {
	var b bytes.Buffer
	for i, o := range objects {
		if i > 0 {
			b.WriteString("---\n")
		}
		data, err := yaml.Marshal(o)
		if err != nil {
			return "", err
		}
		b.Write(data)
	}
	return b.String(), nil
}
