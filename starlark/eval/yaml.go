package eval

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"go.starlark.net/starlark"
	"go.yaml.in/yaml/v2"

	"github.com/towline-dev/towline/starlark/config"
)

// document is one document of a YAML stream. Its value is shared between
// evaluations and must not be changed.
type document struct {
	value any
	line  int // 1-based line of its first line that is no comment
}

// parseYAML splits a stream in its documents and decodes them as Kubernetes
// does: YAML 1.1, with the keys of maps as strings. Empty documents are left
// out.
func (r *run) parseYAML(text string) ([]document, error) {
	return cached(r.opts.Cache, contentKey("yaml", text), func() ([]document, error) {
		return parseYAML(text)
	})
}

func parseYAML(text string) ([]document, error) {
	if !strings.HasPrefix(strings.TrimSpace(text), "{") {
		return parseDocuments(text)
	}
	if docs, err := parseJSONStream(text); err == nil {
		return docs, nil
	}
	return parseDocuments(text)
}

func parseJSONStream(text string) ([]document, error) {
	var docs []document
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	for d.More() {
		start := d.InputOffset()
		var v any
		if err := d.Decode(&v); err != nil {
			return nil, err
		}
		line := 1 + strings.Count(text[:start], "\n")
		docs = append(docs, document{value: numbers(v), line: line})
	}
	return docs, nil
}

func parseDocuments(text string) ([]document, error) {
	var docs []document
	line := 1
	for text != "" {
		doc, rest := cutDocument(text)
		var v any
		if err := yaml.Unmarshal([]byte(doc), &v); err != nil {
			return docs, fmt.Errorf("error converting YAML to JSON: %w", shiftLine(err, line-1))
		}
		if v != nil {
			converted, err := plain(v, 0)
			if err != nil {
				return docs, fmt.Errorf("error converting YAML to JSON: %w", err)
			}
			docs = append(docs, document{value: converted, line: line + firstLine(doc)})
		}
		line += strings.Count(text[:len(text)-len(rest)], "\n")
		text = rest
	}
	return docs, nil
}

// cutDocument returns the first document and what stands behind the line that
// separates it from the next.
func cutDocument(text string) (doc, rest string) {
	i := strings.Index(text, "\n---")
	if i < 0 {
		return text, ""
	}
	doc = text[:i+1]
	_, rest, _ = strings.Cut(text[i+1:], "\n")
	return doc, rest
}

// firstLine counts the lines before the first that says something.
func firstLine(doc string) int {
	n := 0
	for line := range strings.Lines(doc) {
		s := strings.TrimSpace(line)
		if s != "" && s[0] != '#' && !strings.HasPrefix(s, "---") {
			return n
		}
		n++
	}
	return 0
}

// shiftLine adds the lines of earlier documents to the line that an error of
// the YAML library names.
func shiftLine(err error, by int) error {
	const mark = "yaml: line "
	text := err.Error()
	rest, ok := strings.CutPrefix(text, mark)
	if !ok || by == 0 {
		return err
	}
	number, rest, _ := strings.Cut(rest, ":")
	n, convErr := strconv.Atoi(number)
	if convErr != nil {
		return err
	}
	return errors.New(mark + strconv.Itoa(n+by) + ":" + rest)
}

// maxYAMLDepth is how deep values may nest.
const maxYAMLDepth = 1_000

// plain converts what the YAML library decodes to what JSON would give, with
// integers as int64.
func plain(v any, depth int) (any, error) {
	if depth > maxYAMLDepth {
		return nil, errors.New("values nest too deep")
	}
	switch v := v.(type) {
	case map[any]any:
		m := make(map[string]any, len(v))
		for key, x := range v {
			name, err := keyText(key)
			if err != nil {
				return nil, err
			}
			if m[name], err = plain(x, depth+1); err != nil {
				return nil, err
			}
		}
		return m, nil
	case []any:
		list := make([]any, len(v))
		for i, x := range v {
			var err error
			if list[i], err = plain(x, depth+1); err != nil {
				return nil, err
			}
		}
		return list, nil
	case int:
		return int64(v), nil
	case uint64:
		if v <= math.MaxInt64 {
			return int64(v), nil
		}
		return float64(v), nil
	}
	return v, nil
}

// keyText is a map's key as JSON has it.
func keyText(key any) (string, error) {
	switch key := key.(type) {
	case string:
		return key, nil
	case int:
		return strconv.Itoa(key), nil
	case int64:
		return strconv.FormatInt(key, 10), nil
	case float64:
		return strconv.FormatFloat(key, 'g', -1, 32), nil
	case bool:
		return strconv.FormatBool(key), nil
	case nil:
		return "null", nil
	}
	return "", fmt.Errorf("unsupported map key of type: %T, key: %+#v", key, key)
}

// numbers replaces json.Number by int64 or float64.
func numbers(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k, x := range v {
			v[k] = numbers(x)
		}
	case []any:
		for i, x := range v {
			v[i] = numbers(x)
		}
	case json.Number:
		if n, err := v.Int64(); err == nil {
			return n
		}
		f, _ := v.Float64()
		return f
	}
	return v
}

// writeYAML renders objects as a stream.
func writeYAML(objects []map[string]any) (string, error) {
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

// yamlArg reads the objects of a k8s_yaml argument: paths and blobs, one or
// several.
func (c *call) yamlArg(v starlark.Value) ([]*object, error) {
	var objects []*object
	for _, x := range elements(v) {
		more, err := c.yamlOne(x)
		if err != nil {
			return nil, err
		}
		objects = append(objects, more...)
	}
	return objects, nil
}

func (c *call) yamlOne(v starlark.Value) ([]*object, error) {
	if b, ok := v.(blob); ok {
		objects, err := c.run.objects(b.text, c.pos(), "")
		if err != nil {
			return nil, fmt.Errorf("Error reading yaml from %s: %w", b.source, err)
		}
		return objects, nil
	}
	s, ok := pathText(v)
	if !ok {
		return nil, fmt.Errorf("expected path | string. Actual type: %T", v)
	}
	file := c.run.abs(s)
	data, err := c.run.files.read(file)
	if err != nil {
		return nil, fmt.Errorf("error reading yaml file: %w", err)
	}
	if bytes.IndexByte(data, 0) >= 0 {
		return nil, fmt.Errorf("%s is not a valid YAML file: it is binary", file)
	}
	objects, err := c.run.objects(string(data), c.pos(), file)
	if err != nil {
		return nil, fmt.Errorf("%s is not a valid YAML file: %w", file, err)
	}
	return objects, nil
}

// objects decodes Kubernetes objects; a List becomes its items. What an object
// is by its content alone is worked out once per content.
func (r *run) objects(text string, pos config.Position, file string) ([]*object, error) {
	templates, err := cached(r.opts.Cache, contentKey("objects", text), func() ([]object, error) {
		docs, err := parseYAML(text)
		var templates []object
		for _, d := range docs {
			if err := addObjects(&templates, d); err != nil {
				return nil, err
			}
		}
		return templates, err
	})
	if err != nil {
		return nil, err
	}
	objects := make([]*object, len(templates))
	copies := make([]object, len(templates))
	for i, t := range templates {
		copies[i] = t
		copies[i].Pos, copies[i].Source = pos, file
		objects[i] = &copies[i]
	}
	return objects, nil
}

func addObjects(objects *[]object, d document) error {
	content, ok := d.value.(map[string]any)
	if !ok {
		return fmt.Errorf("a Kubernetes object is a map, found %s", shorten(d.value))
	}
	kind, _ := content["kind"].(string)
	version, _ := content["apiVersion"].(string)
	switch {
	case kind == "":
		return sayf("Object 'Kind' is missing in '%s'", shorten(content))
	case version == "":
		return sayf("Object 'apiVersion' is missing in '%s'", shorten(content))
	}
	if items, ok := content["items"].([]any); ok && kind == "List" && version == "v1" {
		for _, item := range items {
			if err := addObjects(objects, document{value: item, line: d.line}); err != nil {
				return err
			}
		}
		return nil
	}
	for _, key := range []string{"name", "namespace"} {
		if v, ok := mapAt(content, "metadata")[key]; ok && v != nil {
			if _, ok := v.(string); !ok {
				return fmt.Errorf("metadata.%s must be a string, found %s in %s", key, shorten(v), shorten(content))
			}
		}
	}
	o := newObject(content)
	o.Line = d.line
	*objects = append(*objects, o)
	return nil
}

// shorten is a value as JSON, for messages, without the values of Secrets.
func shorten(v any) string {
	if m, ok := v.(map[string]any); ok && m["kind"] == "Secret" {
		return `{"kind":"Secret",…}`
	}
	data, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprintf("%T", v)
	}
	if len(data) > 200 {
		return string(data[:200]) + "…"
	}
	return string(data)
}
