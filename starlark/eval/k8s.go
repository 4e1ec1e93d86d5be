package eval

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"

	"go.starlark.net/starlark"

	"github.com/towline-dev/towline/starlark/config"
	"github.com/towline-dev/towline/starlark/fault"
	"github.com/towline-dev/towline/starlark/manifest"
	"github.com/towline-dev/towline/starlark/unpack"
	"github.com/towline-dev/towline/starlark/value"
)

// yamlState is what the Kubernetes built-ins noted.
type yamlState struct {
	objects  []*object
	declared map[objectRef]*object
	kinds    []*kindRule
	options  []*k8sOptions

	resources []*resource // in Tilt's order: custom deployments, workloads, groups of objects
	byName    map[string]*resource
	nameFunc  *starlark.Function
}

func (c *call) k8sYAML() (starlark.Value, error) {
	var in struct {
		YAML            starlark.Value `arg:"yaml"`
		AllowDuplicates bool           `arg:"allow_duplicates"`
	}
	if err := c.Into(&in); err != nil {
		return nil, err
	}
	errEmpty := fault.Tiltf("Empty YAML passed to k8s_yaml")
	values := value.Elements(in.YAML)
	if len(values) == 0 {
		return nil, errEmpty
	}
	objects, err := c.yamlArg(in.YAML)
	if err != nil {
		return nil, err
	}
	if first, _ := starlark.AsString(values[0]); len(objects) == 0 && first == "" && c.run.withheld == nil {
		return nil, errEmpty
	}
	return starlark.None, c.run.declare(objects, in.AllowDuplicates)
}

// objectRef is what two objects may not have in common, unless that is allowed.
type objectRef struct{ kind, apiVersion, name, namespace string }

func (o *object) ref() objectRef {
	namespace, _ := manifest.MapAt(o.Content, "metadata")["namespace"].(string)
	return objectRef{o.of.Kind, o.of.APIVersion, o.of.Name, namespace}
}

// String is the form of messages.
func (o objectRef) String() string {
	if o.namespace == "" {
		return o.kind + " " + o.name
	}
	return fmt.Sprintf("%s %s (Namespace: %s)", o.kind, o.name, o.namespace)
}

// declare takes the objects of a k8s_yaml.
func (r *run) declare(objects []*object, allowDuplicates bool) error {
	y := &r.yaml
	if y.declared == nil {
		y.declared = map[objectRef]*object{}
	}
	for _, o := range objects {
		r.nameGenerated(o)
		if err := checkName(o); err != nil {
			return err
		}
		ref := o.ref()
		if old := y.declared[ref]; old != nil && !allowDuplicates {
			return fault.Tiltf("Duplicate YAML: %s\nIgnore this error with k8s_yaml(..., allow_duplicates=True)\nYAML originally registered at: %s", ref, old.Pos)
		}
		o.order = len(y.objects)
		y.declared[ref] = o
		y.objects = append(y.objects, o)
	}
	return nil
}

// checkName refuses an object without a name: no server takes it.
func checkName(o *object) error {
	if o.of.Name != "" {
		return nil
	}
	at := o.Pos
	if o.Source != "" {
		at = config.Position{File: o.Source, Line: o.Line}
	}
	return &fault.Located{Pos: at, Err: fmt.Errorf("a %s has no metadata.name: %s", o.of.Kind, manifest.Shorten(o.Content))}
}

// nameGenerated gives an object with metadata.generateName the name that the
// server would make, but always the same: it is applied again and again.
func (r *run) nameGenerated(o *object) {
	prefix, _ := manifest.MapAt(o.Content, "metadata")["generateName"].(string)
	if o.of.Name != "" || prefix == "" {
		return
	}
	content, metadata := maps.Clone(o.Content), maps.Clone(manifest.MapAt(o.Content, "metadata")) // others have them too
	content["metadata"] = metadata
	for n := 0; ; n++ {
		sum := sha256.Sum256(fmt.Append(nil, o.of.Kind, prefix, n))
		metadata["name"] = prefix + hex.EncodeToString(sum[:])[:5]
		named := manifest.New(r.imageNames, content)
		named.Line, named.Removed = o.of.Line, o.of.Removed
		o.of, o.Content, o.Key = &named, content, named.Key
		if r.yaml.declared[o.ref()] == nil {
			return
		}
	}
}

func (c *call) filterYAML() (starlark.Value, error) {
	var in struct {
		YAML       starlark.Value   `arg:"yaml"`
		Labels     unpack.StringMap `arg:"labels"`
		Name       string           `arg:"name"`
		Namespace  string           `arg:"namespace"`
		Kind       string           `arg:"kind"`
		APIVersion string           `arg:"api_version"`
	}
	if err := c.Into(&in); err != nil {
		return nil, err
	}
	objects, err := c.yamlArg(in.YAML)
	if err != nil {
		return nil, err
	}
	sel, err := manifest.NewSelector(in.APIVersion, in.Kind, in.Name, in.Namespace)
	if err != nil {
		return nil, err
	}
	var match, unlabelled, rest []map[string]any
	for _, o := range objects {
		switch {
		case !sel.Matches(o.of):
			rest = append(rest, o.Content)
		case !o.of.HasLabels(in.Labels):
			unlabelled = append(unlabelled, o.Content)
		default:
			match = append(match, o.Content)
		}
	}
	source := "filter_yaml"
	if b, ok := in.YAML.(value.Blob); ok {
		source = b.Source
	}
	result := make(starlark.Tuple, 2)
	for i, part := range [][]map[string]any{match, append(rest, unlabelled...)} {
		text, err := manifest.Write(part)
		if err != nil {
			return nil, err
		}
		result[i] = value.Blob{Text: text, Source: source}
	}
	return result, nil
}

func (c *call) workloadToResourceFunction() (starlark.Value, error) {
	var in struct {
		Func *starlark.Function `arg:"func"`
	}
	if err := c.Into(&in); err != nil {
		return nil, err
	}
	if n := in.Func.NumParams(); n != 1 {
		return nil, fmt.Errorf("%s arg must take 1 argument. %s takes %d", c.Name(), in.Func.Name(), n)
	}
	c.run.yaml.nameFunc = in.Func
	return starlark.None, nil
}
