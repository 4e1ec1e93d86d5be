package eval

import (
	"errors"
	"fmt"

	"go.starlark.net/starlark"

	"github.com/towline-dev/towline/starlark/assembly"
	"github.com/towline-dev/towline/starlark/config"
	"github.com/towline-dev/towline/starlark/fault"
	"github.com/towline-dev/towline/starlark/unpack"
	"github.com/towline-dev/towline/starlark/value"
)

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
	o := &assembly.Options{
		Pos: c.pos(), Workload: name, NewName: string(in.NewName), Grouped: in.Workload == "", TriggerMode: in.TriggerMode, ResourceDeps: in.ResourceDeps,
		Objects: in.Objects, Readiness: config.PodReadiness(in.Readiness), Links: in.Links, Labels: in.Labels, Discovery: string(in.Discovery),
	}
	if in.AutoInit.Set {
		o.AutoInit = &in.AutoInit.Value
	}
	var err error
	if o.PortForwards, err = unpack.PortForwards(in.PortForwards); err != nil {
		return nil, fmt.Errorf("%s %q: %w", c.Name(), name, err)
	}
	if o.Selectors, err = unpack.PodSelectors(in.Selectors); err != nil {
		return nil, err
	}
	if o.Grouped && len(o.Objects) == 0 {
		return nil, errors.New("k8s_resource doesn't specify a workload or any objects. All non-workload resources must specify 1 or more objects")
	}
	c.run.k8s.AddOptions(o)
	return starlark.None, nil
}
