package eval

import (
	"errors"
	"fmt"
	"strings"

	"go.starlark.net/starlark"

	"github.com/towline-dev/towline/starlark/assembly"
	"github.com/towline-dev/towline/starlark/cache"
	"github.com/towline-dev/towline/starlark/config"
	"github.com/towline-dev/towline/starlark/fault"
	"github.com/towline-dev/towline/starlark/manifest"
	"github.com/towline-dev/towline/starlark/value"
	"github.com/towline-dev/towline/starlark/yamldoc"
)

// parseYAML decodes a stream. What it returns is shared between evaluations
// and must not be changed.
func (r *run) parseYAML(text string) ([]yamldoc.Document, error) {
	if err := r.meter.AllowParsed(text); err != nil {
		return nil, err
	}
	return cache.Fill(r.opts.Cache, "yaml", text, func() ([]yamldoc.Document, error) {
		return yamldoc.Parse(text)
	})
}

// yamlArg reads the objects of a k8s_yaml argument: paths and blobs, one or
// several; read reads a path's file.
func (c *call) yamlArg(v starlark.Value, read func(string) (string, error)) ([]*assembly.Object, error) {
	var objects []*assembly.Object
	for _, x := range value.Elements(v) {
		more, err := c.yamlOne(x, read)
		if err != nil {
			return nil, err
		}
		objects = append(objects, more...)
	}
	return objects, nil
}

func (c *call) yamlOne(v starlark.Value, read func(string) (string, error)) ([]*assembly.Object, error) {
	if b, ok := v.(value.Blob); ok {
		objects, err := c.run.objects(b.Text, c.pos(), "")
		if err != nil {
			//lint:ignore ST1005 the words are Tilt's
			return nil, fmt.Errorf("Error reading yaml from %s: %w", b.Source, err)
		}
		return objects, nil
	}
	s, ok := value.PathText(v)
	if !ok {
		return nil, fmt.Errorf("expected path | string. Actual type: %s", value.TypeOf(v))
	}
	file := c.run.abs(s)
	text, err := read(file)
	if err != nil {
		return nil, fmt.Errorf("error reading yaml file: %w", err)
	}
	if strings.IndexByte(text, 0) >= 0 {
		return nil, fmt.Errorf("%s is not a valid YAML file: it is binary", file)
	}
	objects, err := c.run.objects(text, c.pos(), file)
	if err != nil {
		if line := yamldoc.LineOf(err); line > 0 { // the place names the file
			if errors.As(err, new(*manifest.Mistyped)) {
				return nil, &fault.Located{Pos: config.Position{File: file, Line: line}, Err: fmt.Errorf("this is no object that Kubernetes can read: %w", err)}
			}
			return nil, &fault.Located{Pos: config.Position{File: file, Line: line}, Err: fmt.Errorf("this is not a valid YAML file: %w", err)}
		}
		return nil, fmt.Errorf("%s is not a valid YAML file: %w", file, err)
	}
	return objects, nil
}

// objects decodes Kubernetes objects; a List becomes its items. What an object
// is by its content alone is worked out once per content.
func (r *run) objects(text string, pos config.Position, file string) ([]*assembly.Object, error) {
	if err := r.meter.AllowParsed(text); err != nil {
		return nil, err
	}
	manifests, err := r.manifests(text)
	if err != nil {
		r.noteSecretsOf(text)
		return nil, err
	}
	for i := range manifests {
		r.noteSecrets(manifests[i].Content)
		r.warnRemoved(&manifests[i], pos, file)
	}
	return assembly.ObjectsOf(manifests, pos, file), nil
}

// manifests reads objects, each text once.
func (r *run) manifests(text string) ([]manifest.Manifest, error) {
	types, _ := cache.Fill(r.opts.Cache, "types", "", func() (*manifest.Types, error) { return manifest.NewTypes(), nil })
	return cache.Fill(r.opts.Cache, manifestsKind, text, func() ([]manifest.Manifest, error) {
		return manifest.Read(text, r.images.Names, types)
	})
}

// manifestsKind is the kind of what manifests keeps among the cache's values.
const manifestsKind = "objects"

// warnRemoved says what was left out of an object, once for each place.
func (r *run) warnRemoved(m *manifest.Manifest, pos config.Position, file string) {
	for _, x := range m.Removed {
		at := pos
		if file != "" {
			at = config.Position{File: file, Line: x.Line}
		}
		text := strings.TrimSpace(m.Kind+" "+m.Name) + ": " + x.Text
		if key := at.String() + text; !r.warned[key] {
			r.warned[key] = true
			r.warnAt(at, text)
		}
	}
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
