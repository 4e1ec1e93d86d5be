package eval

import (
	"fmt"
	"slices"
	"strings"

	"github.com/towline-dev/towline/starlark/compose"
	"github.com/towline-dev/towline/starlark/config"
	"github.com/towline-dev/towline/starlark/fault"
	"github.com/towline-dev/towline/starlark/image"
	"github.com/towline-dev/towline/starlark/manifest"
	"github.com/towline-dev/towline/starlark/value"
)

// composeState is what docker_compose and dc_resource noted.
type composeState struct {
	projects []*composeProject
	services []*composeService
}

// composeProject is a project and where it was declared first.
type composeProject struct {
	compose.Project
	pos config.Position
}

// composeService is a service and the resource that it becomes.
type composeService struct {
	project     *composeProject
	service     *compose.Service
	res         config.Resource
	triggerMode value.TriggerMode
	image       *manifest.ImageName // that the Compose file names, or its default
	given       *manifest.ImageName // that dc_resource names; nil without one
	images      []*image.Image
}

func (s *composeState) empty() bool { return len(s.services) == 0 }

func (s *composeState) has(name string) bool {
	return slices.ContainsFunc(s.services, func(x *composeService) bool { return x.res.Name == name })
}

// find returns the service of a name, in one project when it is named.
func (s *composeState) find(name, project string) (*composeService, error) {
	var found []*composeService
	var names []string
	for _, x := range s.services {
		names = append(names, x.res.Name)
		if x.res.Name == name && (project == "" || compose.NormalName(project) == x.project.Name) {
			found = append(found, x)
		}
	}
	if len(found) > 1 {
		return nil, fmt.Errorf("found multiple resources named %q, please specify which one with project_name= argument", name)
	}
	if len(found) == 0 {
		return nil, fault.Tiltf("no Docker Compose service found with name %q. Found these instead:\n\t%s\n", name, strings.Join(names, "; "))
	}
	return found[0], nil
}

// rename gives a service's resource another name, in others' dependencies too.
func (s *composeState) rename(service *composeService, name string) {
	for _, x := range s.services {
		if x.project != service.project {
			continue
		}
		for i, d := range x.res.ResourceDeps {
			if d == service.res.Name {
				x.res.ResourceDeps[i] = name
			}
		}
	}
	service.res.Name = name
}
