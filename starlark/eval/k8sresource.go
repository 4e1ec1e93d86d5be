package eval

import (
	"errors"
	"fmt"

	"go.starlark.net/starlark"

	"github.com/towline-dev/towline/starlark/config"
	"github.com/towline-dev/towline/starlark/fault"
	"github.com/towline-dev/towline/starlark/unpack"
	"github.com/towline-dev/towline/starlark/value"
)

// k8sOptions is one call of k8s_resource.
type k8sOptions struct {
	pos          config.Position
	workload     string
	newName      string
	grouped      bool // made of objects, not of a workload
	portForwards []config.PortForward
	selectors    []map[string]string
	triggerMode  value.TriggerMode
	resourceDeps []string
	objects      []string
	autoInit     unpack.BoolOrNone
	readiness    config.PodReadiness
	links        []config.Link
	labels       []string
	discovery    string
}

func (c *call) k8sResource() (starlark.Value, error) {
	var in struct {
		Workload     unpack.ResourceName `arg:"workload"`
		NewName      unpack.ResourceName `arg:"new_name"`
		PortForwards starlark.Value      `arg:"port_forwards"`
		Selectors    starlark.Value      `arg:"extra_pod_selectors"`
		TriggerMode  value.TriggerMode   `arg:"trigger_mode"`
		ResourceDeps unpack.Sequence     `arg:"resource_deps"`
		Objects      unpack.Sequence     `arg:"objects"`
		AutoInit     unpack.BoolOrNone   `arg:"auto_init"`
		Readiness    readiness           `arg:"pod_readiness"`
		Links        linkList            `arg:"links"`
		Labels       unpack.Labels       `arg:"labels"`
		Discovery    discovery           `arg:"discovery_strategy"`
	}
	if err := c.Into(&in); err != nil {
		return nil, err
	}
	name := string(in.Workload)
	if name == "" {
		name = string(in.NewName)
	}
	if name == "" {
		return nil, fault.Tiltf("Resource name missing. Must give a name for an existing resource or a new_name to create a new resource.")
	}
	o := &k8sOptions{
		pos: c.pos(), workload: name, newName: string(in.NewName), grouped: in.Workload == "", triggerMode: in.TriggerMode, resourceDeps: in.ResourceDeps,
		objects: in.Objects, autoInit: in.AutoInit, readiness: config.PodReadiness(in.Readiness), links: in.Links, labels: in.Labels, discovery: string(in.Discovery),
	}
	var err error
	if o.portForwards, err = portForwards(in.PortForwards); err != nil {
		return nil, fmt.Errorf("%s %q: %w", c.Name(), name, err)
	}
	if o.selectors, err = podSelectors(in.Selectors); err != nil {
		return nil, err
	}
	if o.grouped && len(o.objects) == 0 {
		return nil, errors.New("k8s_resource doesn't specify a workload or any objects. All non-workload resources must specify 1 or more objects")
	}
	c.run.yaml.options = append(c.run.yaml.options, o)
	return starlark.None, nil
}

// discovery takes a discovery strategy.
type discovery string

// Unpack implements starlark.Unpacker.
func (d *discovery) Unpack(v starlark.Value) error {
	s, ok := value.AsString(v)
	if !ok {
		return fault.Tiltf("Must be a string. Got: %s", v.Type())
	}
	if s != "" && s != "default" && s != "selectors-only" {
		return fault.Tiltf("Invalid. Must be one of: %q, %q", "default", "selectors-only")
	}
	*d = discovery(s)
	return nil
}

// readiness takes a pod readiness mode.
type readiness config.PodReadiness

// Unpack implements starlark.Unpacker.
func (r *readiness) Unpack(v starlark.Value) error {
	s, ok := v.(starlark.String)
	if !ok {
		return fault.Tiltf("Must be a string. Got: %s", v.Type())
	}
	switch config.PodReadiness(s) {
	case "", config.ReadinessIgnore, config.ReadinessWait, config.ReadinessSucceeded:
		*r = readiness(s)
		return nil
	}
	return fault.Tiltf("Invalid value. Allowed: {%s, %s, %s}. Got: %s", config.ReadinessIgnore, config.ReadinessWait, config.ReadinessSucceeded, string(s))
}

func podSelectors(v starlark.Value) ([]map[string]string, error) {
	dicts := []starlark.Value{v}
	switch x := v.(type) {
	case nil:
		return nil, nil
	case *starlark.Dict:
	case *starlark.List:
		dicts = value.Elements(x)
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
