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
		Readiness    unpack.Readiness    `arg:"pod_readiness"`
		Links        unpack.Links        `arg:"links"`
		Labels       unpack.Labels       `arg:"labels"`
		Discovery    unpack.Discovery    `arg:"discovery_strategy"`
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
	if o.portForwards, err = unpack.PortForwards(in.PortForwards); err != nil {
		return nil, fmt.Errorf("%s %q: %w", c.Name(), name, err)
	}
	if o.selectors, err = unpack.PodSelectors(in.Selectors); err != nil {
		return nil, err
	}
	if o.grouped && len(o.objects) == 0 {
		return nil, errors.New("k8s_resource doesn't specify a workload or any objects. All non-workload resources must specify 1 or more objects")
	}
	c.run.yaml.options = append(c.run.yaml.options, o)
	return starlark.None, nil
}
