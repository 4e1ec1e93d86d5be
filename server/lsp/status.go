package lsp

import (
	"context"
	"errors"

	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/server/protocol"
)

// statusParams is a project's state as the client sees it.
func statusParams(p *project, state linkState) *protocol.StatusParams {
	out := &protocol.StatusParams{Folder: p.folder, Connected: state.daemon != nil, Status: state.status}
	if state.err != nil && state.daemon == nil && !errors.Is(state.err, ErrNoDaemon) {
		out.Problem = state.err.Error()
	}
	return out
}

// getStatus answers with a project's state, without waiting for a daemon.
// Where several are meant, it is the first that is up, or the first.
func (s *session) getStatus(ctx context.Context, p *protocol.ProjectParams) (any, error) {
	project := s.projectOf(pathOf(parsed(p.URI)))
	if project == nil {
		all := s.candidates()
		if len(all) == 0 {
			return &protocol.StatusParams{Problem: noTiltfile().Message}, nil
		}
		project = append(upOf(ctx, all), all...)[0]
	}
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
	project, err := s.target(ctx, p.ProjectParams, toUse)
	if err != nil {
		return nil, err
	}
	out := &protocol.LogsResult{}
	err = project.link.do(ctx, func(d Daemon) error {
		out.Lines = []api.LogLine{}
		return d.Logs(ctx, req, func(line api.LogLine) error {
			out.Lines = append(out.Lines, line)
			return nil
		})
	})
	return out, err
}
