package assembly

import (
	"github.com/towline-dev/towline/starlark/config"
	"github.com/towline-dev/towline/starlark/value"
)

// Options are one call of k8s_resource.
type Options struct {
	Pos          config.Position
	Workload     string
	NewName      string
	Grouped      bool // made of objects, not of a workload
	PortForwards []config.PortForward
	Selectors    []map[string]string
	TriggerMode  value.TriggerMode
	ResourceDeps []string
	Objects      []string
	AutoInit     *bool // nil: as it is
	Readiness    config.PodReadiness
	Links        []config.Link
	Labels       []string
	Discovery    string
}
