package eval

import (
	"fmt"

	"go.starlark.net/starlark"

	"github.com/towline-dev/towline/starlark/fault"
	"github.com/towline-dev/towline/starlark/manifest"
	"github.com/towline-dev/towline/starlark/unpack"
	"github.com/towline-dev/towline/starlark/value"
)

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
	objects, err := c.yamlArg(in.YAML, c.run.readApart)
	if err != nil {
		return nil, err
	}
	if first, _ := starlark.AsString(values[0]); len(objects) == 0 && first == "" && c.run.withheld == nil {
		return nil, errEmpty
	}
	return starlark.None, c.run.k8s.Declare(objects, in.AllowDuplicates)
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
	objects, err := c.yamlArg(in.YAML, c.run.files.ReadText)
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
		case !sel.Matches(o.Of):
			rest = append(rest, o.Content)
		case !o.Of.HasLabels(in.Labels):
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
	c.run.k8s.Names = func(workloads []value.ObjectID) ([]string, error) { return c.run.nameWorkloads(in.Func, workloads) }
	return starlark.None, nil
}

// nameWorkloads asks a function of the Tiltfile for the names of workloads.
func (r *run) nameWorkloads(f *starlark.Function, workloads []value.ObjectID) ([]string, error) {
	at := func(err error) error {
		return &fault.Located{Pos: position(f.Position()), Err: fmt.Errorf("error applying workload_to_resource_function %s: %w", f.Position(), err)}
	}
	names, taken := make([]string, len(workloads)), map[string]value.ObjectID{}
	for i, w := range workloads {
		v, err := starlark.Call(r.thread, f, starlark.Tuple{w}, nil)
		if err != nil {
			return nil, at(fmt.Errorf("error determining resource name for '%s': %w", w, err))
		}
		s, ok := v.(starlark.String)
		if !ok {
			return nil, at(fmt.Errorf("error determining resource name for '%s': %s: invalid return value. wanted: string. got: %s", w, f.Name(), value.TypeOf(v)))
		}
		if other, ok := taken[string(s)]; ok {
			return nil, at(fmt.Errorf("both '%s' and '%s' mapped to resource name '%s'", w, other, string(s)))
		}
		names[i], taken[string(s)] = string(s), w
	}
	return names, nil
}
