package lsp

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"go.lsp.dev/jsonrpc2"

	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/server/protocol"
	"github.com/towline-dev/towline/starlark/config"
)

// debugTarget answers with the configuration that the editor starts its
// debugger with, for a resource or for the one that a file is a source of.
func (s *session) debugTarget(ctx context.Context, p *protocol.DebugTargetParams) (any, error) {
	if p.Resource == "" {
		file := pathOf(parsed(p.URI))
		if p.URI == "" || file == "" {
			return nil, protocol.Errorf(jsonrpc2.InvalidParams, "%s needs the name of a resource, or the URI of one of its files", protocol.CommandDebug)
		}
		project, resource, problem := s.runs(ctx, file)
		if problem != nil {
			return nil, problem
		}
		return debugConfiguration(project, resource), nil
	}
	project, err := s.target(ctx, p.ProjectParams, toUse)
	if err != nil {
		return nil, err
	}
	return debugConfiguration(project, p.Resource), nil
}

func debugConfiguration(p *project, resource string) *protocol.DebugConfiguration {
	return &protocol.DebugConfiguration{Type: "towline", Request: "attach", Name: "Towline: " + resource, Resource: resource, Workspace: p.folder}
}

// owner is a resource that a file is a source of.
type owner struct {
	project  *project
	resource *api.ResourceStatus
}

// runs finds the resource that a file is a source of, in what is up.
func (s *session) runs(ctx context.Context, file string) (*project, string, *config.Problem) {
	up := upOf(ctx, s.candidates())
	nearest := nearest(up, file)
	able := slices.DeleteFunc(slices.Clone(nearest), func(o owner) bool { return o.resource.NoDebug != nil })
	name := filepath.Base(file)
	switch {
	case len(able) == 1:
		return able[0].project, able[0].resource.Name, nil
	case len(able) > 1:
		var names []string
		for _, o := range able {
			names = append(names, o.resource.Name)
		}
		return nil, "", &config.Problem{Message: fmt.Sprintf("%s is a source of %s", name, strings.Join(names, " and ")), Hint: "say which of them is meant"}
	case len(nearest) > 0:
		return nil, "", nearest[0].resource.NoDebug
	case len(up) == 0:
		return nil, "", &config.Problem{Message: "nothing is up", Hint: "bring the project up, then debug"}
	}
	return nil, "", &config.Problem{Message: "no resource that is up is made of " + name, Hint: "say which one is meant"}
}

// nearest returns the resources of some projects with the longest path that a
// file is or lies in.
func nearest(projects []*project, file string) (found []owner) {
	depth := 1
	for _, p := range projects {
		status := p.link.status()
		if status == nil {
			continue
		}
		for i := range status.Resources {
			r := &status.Resources[i]
			d := depthOf(r.Sources, file)
			if d < depth || r.State == api.StateDisabled || r.State == api.StateStopped {
				continue // nothing of it runs, or another is nearer
			}
			if d > depth {
				found, depth = nil, d
			}
			found = append(found, owner{p, r})
		}
	}
	return found
}

// depthOf is how long the longest of some folders and files is that a file is or
// lies in, 0 for none. Either may be spelled through links.
func depthOf(sources []string, file string) (longest int) {
	real := realPath(file)
	for _, source := range sources {
		if len(source) > longest && (isBelow(source, file) || isBelow(source, real) || isBelow(realPath(source), real)) {
			longest = len(source)
		}
	}
	return longest
}

// realPath is a path without links, or as it is where nothing is there.
func realPath(path string) string {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		return real
	}
	return path
}

// isBelow reports whether a file is a path, or lies below it.
func isBelow(path, file string) bool {
	rel, err := filepath.Rel(path, file)
	return err == nil && filepath.IsLocal(rel)
}
