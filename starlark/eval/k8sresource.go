package eval

import (
	"errors"
	"fmt"
	"strings"

	"go.starlark.net/starlark"

	"github.com/towline-dev/towline/starlark/config"
)

// k8sOptions is one call of k8s_resource.
type k8sOptions struct {
	pos          config.Position
	workload     string
	newName      string
	grouped      bool // made of objects, not of a workload
	portForwards []config.PortForward
	selectors    []map[string]string
	triggerMode  triggerMode
	resourceDeps []string
	objects      []string
	autoInit     optionalBool
	readiness    config.PodReadiness
	links        []config.Link
	labels       []string
	discovery    string
}

func (c *call) k8sResource() (starlark.Value, error) {
	var in struct {
		Workload     string         `arg:"workload"`
		NewName      string         `arg:"new_name"`
		PortForwards starlark.Value `arg:"port_forwards"`
		Selectors    starlark.Value `arg:"extra_pod_selectors"`
		TriggerMode  triggerMode    `arg:"trigger_mode"`
		ResourceDeps sequence       `arg:"resource_deps"`
		Objects      sequence       `arg:"objects"`
		AutoInit     optionalBool   `arg:"auto_init"`
		Readiness    readiness      `arg:"pod_readiness"`
		Links        starlark.Value `arg:"links"`
		Labels       labelSet       `arg:"labels"`
		Discovery    string         `arg:"discovery_strategy"`
	}
	if err := checkOldCall(c); err != nil {
		return nil, err
	}
	if err := c.into(&in); err != nil {
		return nil, err
	}
	o := &k8sOptions{
		pos: c.pos(), workload: in.Workload, newName: in.NewName, triggerMode: in.TriggerMode, resourceDeps: in.ResourceDeps,
		objects: in.Objects, autoInit: in.AutoInit, readiness: config.PodReadiness(in.Readiness), labels: in.Labels, discovery: in.Discovery,
	}
	name := in.Workload
	if name == "" {
		name, o.grouped, o.workload = in.NewName, true, in.NewName
	}
	var err error
	if o.portForwards, err = portForwards(in.PortForwards); err != nil {
		return nil, fmt.Errorf("%s %q: %w", c.name(), name, err)
	}
	if o.selectors, err = podSelectors(in.Selectors); err != nil {
		return nil, err
	}
	if o.links, err = links(in.Links); err != nil {
		return nil, fmt.Errorf("%s %q: %w", c.name(), name, err)
	}
	switch {
	case in.Discovery != "" && in.Discovery != "default" && in.Discovery != "selectors-only":
		return nil, fmt.Errorf("invalid. Must be one of: \"default\", \"selectors-only\"")
	case o.grouped && len(o.objects) == 0:
		return nil, errors.New("k8s_resource doesn't specify a workload or any objects. All non-workload resources must specify 1 or more objects")
	case o.grouped && in.NewName == "":
		return nil, errors.New("k8s_resource has only non-workload objects but doesn't provide a new_name")
	}
	c.run.yaml.options = append(c.run.yaml.options, o)
	return starlark.None, nil
}

// checkOldCall refuses the arguments of a form that went years ago, where a
// generic message would puzzle.
func checkOldCall(c *call) error {
	const old = "It looks like k8s_resource is being called with deprecated arguments: %s"
	for _, kw := range c.kwargs {
		if name, _ := starlark.AsString(kw[0]); name == "name" || name == "yaml" || name == "image" {
			return sayf(old, fmt.Sprintf("it was called with kwarg %q, which no longer exists", name))
		}
	}
	if len(c.args) < 2 {
		return nil
	}
	switch x := c.args[1].(type) {
	case starlark.Sequence:
		return sayf(old, "second arg was a sequence")
	case blob:
		return sayf(old, "second arg was a blob")
	case starlark.String:
		if strings.HasSuffix(string(x), ".yaml") || strings.HasSuffix(string(x), ".yml") {
			return sayf(old, "second arg looks like a yaml file name, not a resource name")
		}
	}
	return nil
}

// readiness takes a pod readiness mode.
type readiness config.PodReadiness

// Unpack implements starlark.Unpacker.
func (r *readiness) Unpack(v starlark.Value) error {
	s, ok := v.(starlark.String)
	if !ok {
		return sayf("Must be a string. Got: %s", v.Type())
	}
	switch config.PodReadiness(s) {
	case "", config.ReadinessIgnore, config.ReadinessWait, config.ReadinessSucceeded:
		*r = readiness(s)
		return nil
	}
	return sayf("Invalid value. Allowed: {%s, %s, %s}. Got: %s", config.ReadinessIgnore, config.ReadinessWait, config.ReadinessSucceeded, string(s))
}

func podSelectors(v starlark.Value) ([]map[string]string, error) {
	dicts := []starlark.Value{v}
	switch x := v.(type) {
	case nil:
		return nil, nil
	case *starlark.Dict:
	case *starlark.List:
		dicts = elements(x)
	default:
		return nil, fmt.Errorf("pod labels must be a dict or a list; got %T", v)
	}
	var all []map[string]string
	for _, x := range dicts {
		d, ok := x.(*starlark.Dict)
		if !ok {
			return nil, fmt.Errorf("pod labels elements must be dicts; got %T", x)
		}
		m := map[string]string{}
		for _, item := range d.Items() {
			k, ok := item[0].(starlark.String)
			if !ok {
				return nil, fmt.Errorf("pod label keys must be strings; got '%s' of type %T", item[0].String(), item[0])
			}
			value, ok := item[1].(starlark.String)
			if !ok {
				return nil, fmt.Errorf("pod label values must be strings; got '%s' of type %T", item[1].String(), item[1])
			}
			m[string(k)] = string(value)
		}
		if len(m) > 0 {
			all = append(all, m)
		}
	}
	return all, nil
}
