package eval

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"

	"go.starlark.net/starlark"

	"github.com/towline-dev/towline/starlark/compose"
	"github.com/towline-dev/towline/starlark/config"
	"github.com/towline-dev/towline/starlark/fault"
	"github.com/towline-dev/towline/starlark/unpack"
	"github.com/towline-dev/towline/starlark/value"
)

func (r *run) composeLoader() compose.Loader {
	return compose.Loader{Files: r.files, Cache: r.opts.Cache, Env: r.env.Copy(), Parse: r.parseYAML}
}

func (c *call) dockerCompose(ctx context.Context) (starlark.Value, error) {
	c.run.outside()
	var in struct {
		Paths    starlark.Value      `arg:"configPaths"`
		EnvFile  unpack.OptionalPath `arg:"env_file"`
		Project  string              `arg:"project_name"`
		Profiles unpack.Strings      `arg:"profiles"`
		Wait     bool                `arg:"wait"`
	}
	if err := c.Into(&in); err != nil {
		return nil, err
	}
	if len(value.Elements(in.Paths)) == 0 {
		return nil, fault.Tiltf("Nothing to compose")
	}
	added := &composeProject{
		Project: compose.Project{Name: in.Project, EnvFile: in.EnvFile.Value, Profiles: in.Profiles.NonEmpty(), Wait: in.Wait},
		pos:     c.pos(),
	}
	for i, v := range value.Elements(in.Paths) {
		if err := c.addComposeFile(&added.Project, v, i); err != nil {
			return nil, err
		}
	}
	if added.Name == "" {
		var warnings []string
		added.Name, warnings = c.run.composeLoader().NameOf(&added.Project)
		for _, text := range warnings {
			c.run.warn(text)
		}
	}
	return starlark.None, c.run.addProject(ctx, added)
}

// addComposeFile reads a file, or takes the text of a Blob.
func (c *call) addComposeFile(p *compose.Project, v starlark.Value, i int) error {
	if b, ok := v.(value.Blob); ok {
		p.Add(filepath.Join(c.run.dir(), fmt.Sprintf("inline-%d.yaml", i)), []byte(b.Text), true)
		return nil
	}
	s, ok := value.PathText(v)
	if !ok {
		return fmt.Errorf("docker_compose files must be a string, a blob, or a sequence of these; found %s", value.TypeOf(v))
	}
	file := c.run.abs(s)
	data, err := c.run.files.Read(file)
	p.Add(file, data, false)
	return err
}

// addProject merges the files with those of an earlier call for the project,
// and reads the services anew.
func (r *run) addProject(ctx context.Context, added *composeProject) error {
	s := &r.compose
	project := added
	if i := slices.IndexFunc(s.projects, func(p *composeProject) bool { return p.Name == added.Name }); i >= 0 {
		project = s.projects[i]
		if err := project.Merge(&added.Project); err != nil {
			return err
		}
	} else {
		s.projects = append(s.projects, project)
	}
	services, err := r.composeLoader().Load(ctx, &project.Project)
	if err != nil {
		return err
	}
	for _, service := range services {
		if err := r.addService(project, service); err != nil {
			return err
		}
	}
	return nil
}

func (r *run) addService(p *composeProject, service *compose.Service) error {
	s := &composeService{project: p, service: service}
	if i := slices.IndexFunc(r.compose.services, func(x *composeService) bool { return x.project == p && x.service.Name == service.Name }); i >= 0 {
		s = r.compose.services[i]
		s.service = service
	} else {
		if err := r.conflict(service.Name); err != nil {
			return err
		}
		s.res = config.Resource{Name: service.Name, Kind: config.KindCompose, Pos: p.pos, AutoInit: true}
		r.compose.services = append(r.compose.services, s)
	}
	for _, d := range service.DependsOn {
		if !slices.Contains(s.res.ResourceDeps, d) {
			s.res.ResourceDeps = append(s.res.ResourceDeps, d)
		}
	}
	text := service.Image
	if text == "" && service.Builds() {
		text = p.Name + "_" + service.Name
	}
	if text != "" {
		name, err := r.images.Names.ImageName(text)
		if err != nil {
			return fmt.Errorf("parsing image %s of service %s: %w", text, service.Name, err)
		}
		s.image = name
	}
	if file := service.Dockerfile(); file != "" {
		r.files.Watch(file)
	}
	return nil
}
