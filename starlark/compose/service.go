package compose

import (
	"cmp"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"

	"github.com/towline-dev/towline/starlark/config"
	"github.com/towline-dev/towline/starlark/value"
)

// Service is a service of a project. It is shared and must not be changed.
type Service struct {
	Name      string
	Image     string   // as its file names it; "" where it does not
	DependsOn []string // other services of the project
	Ends      bool     // one of those that depend on it waits for its successful end
	// Definition is the hash of what the files say of it, and of what services share.
	Definition string
	is         types.ServiceConfig
}

// servicesOf returns a project's services, dependencies first.
func servicesOf(p *types.Project) []*Service {
	names := p.ServiceNames()
	slices.Sort(names)
	ends := map[string]bool{}
	for _, s := range p.Services {
		for name, d := range s.DependsOn {
			ends[name] = ends[name] || d.Condition == types.ServiceConditionCompletedSuccessfully
		}
	}
	var services []*Service
	seen := map[string]bool{}
	var visit func(name string)
	visit = func(name string) {
		is, ok := p.Services[name]
		if seen[name] || !ok {
			return
		}
		seen[name] = true
		s := &Service{Name: is.Name, Image: is.Image, DependsOn: slices.Sorted(maps.Keys(is.DependsOn)), Ends: ends[name], is: is}
		for _, d := range s.DependsOn {
			visit(d)
		}
		services = append(services, s)
	}
	for _, name := range names {
		visit(name)
	}
	return services
}

// Builds reports whether the service is built.
func (s *Service) Builds() bool { return s.is.Build != nil }

// Dockerfile is the file that a service is built from; "" where it is none of
// this machine.
func (s *Service) Dockerfile() string {
	b := s.is.Build
	if b == nil || b.DockerfileInline != "" || isRemote(b.Context) {
		return ""
	}
	return value.JoinPath(b.Context, cmp.Or(b.Dockerfile, "Dockerfile"))
}

// PublishedPorts are the ports of this machine that lead to the service.
func (s *Service) PublishedPorts() []int {
	var ports []int
	for _, p := range s.is.Ports {
		if n, err := strconv.Atoi(p.Published); err == nil && n != 0 && !slices.Contains(ports, n) {
			ports = append(ports, n)
		}
	}
	return ports
}

// Build is the image that a service is built as, without its name. The ignore
// files of its Deps are not read.
func (s *Service) Build() config.Image {
	b := s.is.Build
	img := config.Image{
		Builder: config.BuilderCompose, Context: b.Context, Args: argsOf(b), Target: b.Target, Network: b.Network,
		Dockerfile: s.Dockerfile(), DockerfileContents: b.DockerfileInline, Pull: b.Pull, CacheFrom: b.CacheFrom,
		ExtraTags: b.Tags, ExtraHosts: b.ExtraHosts.AsList(":"),
	}
	for _, key := range b.SSH {
		img.SSH = append(img.SSH, strings.TrimSuffix(key.ID+"="+key.Path, "="))
	}
	if len(b.Platforms) > 0 {
		img.Platform = b.Platforms[0]
	}
	if isRemote(b.Context) { // nothing of it is on this machine
		if b.DockerfileInline == "" {
			img.Dockerfile = b.Dockerfile
		}
		return img
	}
	img.Deps = []string{b.Context}
	for _, name := range value.SortedKeys(b.AdditionalContexts) {
		if dir := b.AdditionalContexts[name]; filepath.IsAbs(dir) && !slices.Contains(img.Deps, dir) {
			img.Deps = append(img.Deps, dir)
		}
	}
	for _, v := range s.is.Volumes {
		if v.Type == types.VolumeTypeBind && v.Source != "" { // the container sees changes as they are
			img.Ignores = append(img.Ignores, config.Ignore{Base: v.Source, Patterns: []string{"**"}, Source: config.SourceVolume})
		}
	}
	return img
}

// argsOf are a build's variables; one without a value is empty.
func argsOf(b *types.BuildConfig) map[string]string {
	args := map[string]string{}
	for name, v := range b.Args {
		args[name] = ""
		if v != nil {
			args[name] = *v
		}
	}
	return args
}

// isRemote reports whether a context is a URL or a repository, and no folder.
func isRemote(context string) bool {
	return strings.Contains(context, "://") || strings.HasPrefix(context, "git@") || strings.HasPrefix(context, "github.com/")
}
