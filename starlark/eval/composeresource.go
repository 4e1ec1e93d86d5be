package eval

import (
	"errors"
	"fmt"
	"slices"

	"go.starlark.net/starlark"

	"github.com/towline-dev/towline/starlark/config"
	"github.com/towline-dev/towline/starlark/fault"
	"github.com/towline-dev/towline/starlark/image"
	"github.com/towline-dev/towline/starlark/manifest"
	"github.com/towline-dev/towline/starlark/unpack"
	"github.com/towline-dev/towline/starlark/value"
)

func (c *call) dcResource() (starlark.Value, error) {
	var in struct {
		Name         string            `arg:"name"`
		Image        starlark.Value    `arg:"image"`
		TriggerMode  value.TriggerMode `arg:"trigger_mode"`
		ResourceDeps unpack.Sequence   `arg:"resource_deps"`
		Links        unpack.Links      `arg:"links"`
		Labels       unpack.Labels     `arg:"labels"`
		AutoInit     unpack.BoolOrNone `arg:"auto_init"`
		Project      string            `arg:"project_name"`
		NewName      string            `arg:"new_name"`
		InferLinks   unpack.BoolOrNone `arg:"infer_links"`
	}
	if err := c.Into(&in); err != nil {
		return nil, err
	}
	if in.Name == "" {
		return nil, errors.New("dc_resource: `name` must not be empty")
	}
	given, ok := value.OrNone(in.Image).(starlark.String)
	if !ok && value.OrNone(in.Image) != starlark.None {
		return nil, fmt.Errorf("image arg must be a string; got %s", value.TypeOf(in.Image))
	}
	s, err := c.run.compose.find(in.Name, in.Project)
	if err != nil {
		return nil, err
	}
	if given != "" {
		if s.given, err = c.run.images.Names.ImageName(string(given)); err != nil {
			return nil, fmt.Errorf("parsing image %s of service %s: %w", given, in.Name, err)
		}
	}
	s.res.Links = append(s.res.Links, in.Links...)
	s.res.Labels = append(s.res.Labels, in.Labels...)
	for _, d := range in.ResourceDeps {
		if !slices.Contains(s.res.ResourceDeps, d) {
			s.res.ResourceDeps = append(s.res.ResourceDeps, d)
		}
	}
	if in.TriggerMode != value.TriggerUnset {
		s.triggerMode = in.TriggerMode
	}
	if in.AutoInit.Set {
		s.res.AutoInit = in.AutoInit.Value
	}
	if in.InferLinks.Set {
		s.res.Compose = &config.Compose{NoInferredLinks: !in.InferLinks.Value}
	}
	if in.NewName != "" && in.NewName != s.res.Name {
		if err := c.run.conflict(in.NewName); err != nil {
			return nil, fmt.Errorf("dc_resource specified to rename %q to %q: %w", s.res.Name, in.NewName, err)
		}
		c.run.compose.rename(s, in.NewName)
	}
	return starlark.None, nil
}

// assembleCompose finds the images of services; a build of the Compose file
// becomes an image, unless the Tiltfile builds that image.
func (r *run) assembleCompose() error {
	if !r.compose.empty() && r.registrySet {
		return errors.New("default_registry is not supported with docker compose")
	}
	for _, s := range r.compose.services {
		img := r.imageOf(s)
		if img == nil && s.image != nil && s.service.Builds() {
			var err error
			if img, err = r.composeImage(s); err != nil {
				return &fault.Located{Pos: s.res.Pos, Err: err}
			}
			if err := r.images.Add(img); err != nil {
				return &fault.Located{Pos: s.res.Pos, Err: err}
			}
		}
		if img == nil {
			continue
		}
		if len(img.Entrypoint) > 0 {
			return &fault.Located{Pos: img.Pos, Err: errors.New("docker_build/custom_build.entrypoint not supported for Docker Compose resources")}
		}
		img.Matched = true
		s.images = append(s.images, img)
		s.res.Images = append(s.res.Images, img.Ref)
	}
	return nil
}

// imageOf is the image that the Tiltfile builds for a service: the one that
// dc_resource names, or one of the name that the service has. A service without
// a name for its image is called project_service by Tilt, project-service by Compose.
func (r *run) imageOf(s *composeService) *image.Image {
	names := []*manifest.ImageName{s.given, s.image}
	if s.service.Image == "" && s.service.Builds() {
		if name, err := r.images.Names.ImageName(s.project.Name + "-" + s.service.Name); err == nil {
			names = append(names, name)
		}
	}
	for _, name := range names {
		if name == nil {
			continue
		}
		if img := r.images.Find(name); img != nil {
			return img
		}
	}
	return nil
}

func (r *run) composeImage(s *composeService) (*image.Image, error) {
	img := &image.Image{Image: s.service.Build()}
	img.SetName(s.image)
	img.Pos = s.res.Pos
	return img, r.readIgnores(img, img.Deps)
}

// addCompose adds the resources of services to the project.
func (r *run) addCompose() {
	for _, p := range r.compose.projects {
		r.project.Compose = append(r.project.Compose, config.ComposeProject{Name: p.Name, Dir: p.Dir(), EnvFile: p.EnvFile, Model: p.Model})
	}
	for _, s := range r.compose.services {
		res := s.res
		inferred := res.Compose == nil || !res.Compose.NoInferredLinks
		res.Compose = &config.Compose{
			Project: s.project.Name, Service: s.service.Name, ConfigFiles: s.project.Paths, EnvFile: s.project.EnvFile,
			Profiles: s.project.Profiles, Wait: s.project.Wait, NoInferredLinks: !inferred,
			PublishedPorts: s.service.PublishedPorts(), Definition: s.service.Definition, Ends: s.service.Ends,
		}
		slices.Sort(res.Labels)
		res.Labels = slices.Compact(res.Labels)
		res.TriggerMode = s.triggerMode.OrElse(r.triggerMode)
		r.project.Resources = append(r.project.Resources, res)
	}
}
