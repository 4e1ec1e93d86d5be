package lsp

import (
	"context"

	"go.lsp.dev/uri"

	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/server/protocol"
)

// statusParams is a project's state as the client sees it.
func statusParams(p *project, state linkState) *protocol.StatusParams {
	out := &protocol.StatusParams{Folder: p.folder, Connected: state.daemon != nil, Status: state.status}
	if state.err != nil && state.daemon == nil {
		out.Problem = state.err.Error()
	}
	return out
}

// named returns the project that a message of ours is about.
func (s *session) named(p protocol.ProjectParams) *project {
	if p.URI != "" {
		if u, err := uri.Parse(p.URI); err == nil && u.IsFile() {
			return s.projectOf(u.FsPath())
		}
	}
	if all := s.allProjects(); len(all) == 1 {
		return all[0]
	}
	return s.projectOf("")
}

// getStatus answers with a project's state, without waiting for a daemon.
func (s *session) getStatus(_ context.Context, p *protocol.ProjectParams) (any, error) {
	project := s.named(*p)
	state, _ := project.link.now()
	return statusParams(project, state), nil
}

// logs answers with kept log lines.
func (s *session) logs(ctx context.Context, p *protocol.LogsParams) (any, error) {
	req := api.LogsRequest{Tail: p.Tail}
	if p.Resource != "" {
		req.Resources = []string{p.Resource}
	}
	if req.Tail == 0 {
		req.Tail = protocol.DefaultTail
	}
	out := &protocol.LogsResult{}
	err := s.named(p.ProjectParams).link.do(ctx, func(d Daemon) error {
		out.Lines = []api.LogLine{}
		return d.Logs(ctx, req, func(line api.LogLine) error {
			out.Lines = append(out.Lines, line)
			return nil
		})
	})
	return out, err
}

// debugTarget answers with the configuration that the editor starts its
// debugger with.
func (s *session) debugTarget(_ context.Context, p *protocol.DebugTargetParams) (any, error) {
	project := s.named(p.ProjectParams)
	return &protocol.DebugConfiguration{
		Type: "towline", Request: "attach", Name: "Towline: " + p.Resource,
		Resource: p.Resource, Workspace: project.folder,
	}, nil
}
