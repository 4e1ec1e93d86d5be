package eval

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"

	"go.starlark.net/starlark"
	"go.yaml.in/yaml/v2"

	"github.com/towline-dev/towline/starlark/config"
	"github.com/towline-dev/towline/starlark/fault"
	"github.com/towline-dev/towline/starlark/value"
	"github.com/towline-dev/towline/starlark/yamldoc"
)

// parseYAML decodes a stream. What it returns is shared between evaluations
// and must not be changed.
func (r *run) parseYAML(text string) ([]yamldoc.Document, error) {
	if err := r.meter.AllowParsed(text); err != nil {
		return nil, err
	}
	return cached(r.opts.Cache, "yaml", text, func() ([]yamldoc.Document, error) {
		return yamldoc.Parse(text)
	})
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
	for _, x := range value.Elements(v) {
		more, err := c.yamlOne(x)
		if err != nil {
			return nil, err
		}
		objects = append(objects, more...)
	}
	return objects, nil
}

func (c *call) yamlOne(v starlark.Value) ([]*object, error) {
	if b, ok := v.(value.Blob); ok {
		objects, err := c.run.objects(b.Text, c.pos(), "")
		if err != nil {
			return nil, fmt.Errorf("Error reading yaml from %s: %w", b.Source, err)
		}
		return objects, nil
	}
	s, ok := value.PathText(v)
	if !ok {
		return nil, fmt.Errorf("expected path | string. Actual type: %T", v)
	}
	file := c.run.abs(s)
	text, err := c.run.files.readText(file)
	if err != nil {
		return nil, fmt.Errorf("error reading yaml file: %w", err)
	}
	if strings.IndexByte(text, 0) >= 0 {
		return nil, fmt.Errorf("%s is not a valid YAML file: it is binary", file)
	}
	objects, err := c.run.objects(text, c.pos(), file)
	if err != nil {
		return nil, fmt.Errorf("%s is not a valid YAML file: %w", file, err)
	}
	return objects, nil
}

// objects decodes Kubernetes objects; a List becomes its items. What an object
// is by its content alone is worked out once per content.
func (r *run) objects(text string, pos config.Position, file string) ([]*object, error) {
	if err := r.meter.AllowParsed(text); err != nil {
		return nil, err
	}
	templates, err := cached(r.opts.Cache, "objects", text, func() ([]objectTemplate, error) {
		docs, err := yamldoc.Parse(text)
		var templates []objectTemplate
		for _, d := range docs {
			if err := r.addObjects(&templates, d); err != nil {
				return nil, err
			}
		}
		return templates, err
	})
	if err != nil {
		r.noteSecretsOf(text)
		return nil, err
	}
	objects := make([]*object, len(templates))
	copies := make([]object, len(templates))
	for i := range templates {
		t := &templates[i]
		r.noteSecrets(t.content)
		copies[i].objectTemplate = t
		copies[i].Object = config.Object{Key: t.key, Content: t.content, Line: t.line, Pos: pos, Source: file}
		objects[i] = &copies[i]
	}
	return objects, nil
}

func (r *run) addObjects(objects *[]objectTemplate, d yamldoc.Document) error {
	content, ok := d.Value.(map[string]any)
	if !ok {
		return decode(d.Value)
	}
	kind, _ := content["kind"].(string)
	version, _ := content["apiVersion"].(string)
	switch {
	case kind == "":
		return fault.Tiltf("Object 'Kind' is missing in '%s'", shorten(content))
	case version == "":
		name, _ := mapAt(content, "metadata")["name"].(string)
		return fault.Tiltf("decoding %s %q: Object 'apiVersion' is missing in '%s'", kind, name, shorten(content))
	}
	if items, ok := content["items"].([]any); ok && kind == "List" && version == "v1" {
		for _, item := range items {
			if err := r.addObjects(objects, yamldoc.Document{Value: item, Line: d.Line}); err != nil {
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
	t := newTemplate(r.opts.Cache, content)
	checker, _ := cached(r.opts.Cache, "types", "", func() (*typeChecker, error) {
		return &typeChecker{types: map[reflect.Type]*typeInfo{}}, nil
	})
	if err := checker.check(content, t.apiVersion, t.kind, t.name); err != nil {
		return err
	}
	t.line = d.Line
	*objects = append(*objects, t)
	return nil
}

// shorten is a value as JSON, for messages, without the values of Secrets.
func shorten(v any) string {
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

// noteSecrets notes the values of the Secrets in decoded YAML, which no message
// may show from now on.
func (r *run) noteSecrets(v any) {
	m, ok := v.(map[string]any)
	if !ok {
		return
	}
	r.secrets = r.secrets.With(m)
	if items, ok := m["items"].([]any); ok && m["kind"] == "List" {
		for _, item := range items {
			r.noteSecrets(item)
		}
	}
}

// noteSecretsOf is noteSecrets for a text that holds something wrong.
func (r *run) noteSecretsOf(text string) {
	docs, _ := r.parseYAML(text) // what could be read before the error
	for _, d := range docs {
		r.noteSecrets(d.Value)
	}
}

// scrub takes the values of Secrets out of a text, unless the Tiltfile shows
// them.
func (r *run) scrub(text string) string {
	if !r.project.Settings.SecretScrub {
		return text
	}
	return r.secrets.Scrub(text)
}

// scrubProblems takes them out of what the run has to say.
func (r *run) scrubProblems() {
	r.project.Secrets = r.secrets
	if r.secrets == nil || !r.project.Settings.SecretScrub {
		return
	}
	r.project.Error = r.secrets.ScrubProblem(r.project.Error)
	for i := range r.project.Warnings {
		r.project.Warnings[i] = *r.secrets.ScrubProblem(&r.project.Warnings[i])
	}
}
