package lsp

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"go.lsp.dev/jsonrpc2"
	lsp "go.lsp.dev/protocol"

	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/server/protocol"
)

// executeCommand does what the editor's user asked for.
func (s *session) executeCommand(ctx context.Context, p *lsp.ExecuteCommandParams) (any, error) {
	args, err := commandArguments(p.Arguments)
	if err != nil {
		return nil, err
	}
	result, err := s.command(ctx, p, args)
	if err != nil {
		return nil, s.explained(err)
	}
	data, err := json.Marshal(result)
	return jsonrpc2.RawMessage(data), err
}

// command runs one command.
func (s *session) command(ctx context.Context, p *lsp.ExecuteCommandParams, args protocol.CommandArguments) (any, error) {
	switch p.Command {
	case protocol.CommandLogs:
		return s.logs(ctx, &protocol.LogsParams{ProjectParams: args.ProjectParams, Resource: args.Resource, Tail: args.Tail})
	case protocol.CommandStatus:
		return s.getStatus(ctx, &args.ProjectParams)
	case protocol.CommandDebug:
		return s.debugTarget(ctx, &protocol.DebugTargetParams{ProjectParams: args.ProjectParams, Resource: args.Resource})
	}
	why := toUse
	if p.Command == protocol.CommandUp || p.Command == protocol.CommandAllow || p.Command == protocol.CommandRestartDaemon {
		why = toBring
	}
	if !slices.Contains(commands(), p.Command) {
		return nil, protocol.Errorf(jsonrpc2.InvalidParams, "there is no command %q; there are %s", p.Command, strings.Join(commands(), ", "))
	}
	project, err := s.target(ctx, args.ProjectParams, why)
	if err != nil {
		return nil, err
	}
	return s.commandOf(ctx, operation{project: project, token: p.WorkDoneToken, wait: args.Wait}, p.Command, args)
}

// commandOf runs a command of one project.
func (s *session) commandOf(ctx context.Context, run operation, command string, args protocol.CommandArguments) (any, error) {
	project := run.project
	switch command {
	case protocol.CommandUp:
		return s.up(ctx, run, args)
	case protocol.CommandAllow:
		return s.allow(ctx, project)
	case protocol.CommandArgs:
		return s.setArgs(ctx, run, args)
	case protocol.CommandDown:
		return nil, s.down(ctx, run, args)
	case protocol.CommandTrigger:
		return s.trigger(ctx, run, args)
	case protocol.CommandButton:
		if err := needResource(command, args); err != nil {
			return nil, err
		}
		req := api.ButtonRequest{Resource: args.Resource, Button: args.Button, Inputs: args.Inputs}
		return nil, project.link.do(ctx, func(d Daemon) error { return d.Press(ctx, req) })
	case protocol.CommandRestart:
		if err := needResource(command, args); err != nil {
			return nil, err
		}
		return nil, project.link.do(ctx, func(d Daemon) error { return d.Restart(ctx, args.Resource) })
	case protocol.CommandAnswer:
		s.askAgain(project)
		return nil, nil
	case protocol.CommandRestartDaemon:
		return nil, project.link.restart(ctx)
	}
	return nil, protocol.Errorf(jsonrpc2.InternalError, "%s is not carried out", command)
}

// down takes a project down, and says what that was.
func (s *session) down(ctx context.Context, run operation, args protocol.CommandArguments) error {
	name := s.shown(run.project)
	run.title, run.done = "Taking down "+name, name+" is down"
	if !run.project.link.up(ctx) {
		run.done = "nothing of " + name + " was known to be up; what was left of it is deleted"
	}
	return s.operate(ctx, run, func(ctx context.Context, _ func(string)) error {
		return run.project.link.do(ctx, func(d Daemon) error {
			return d.Down(ctx, api.DownRequest{Args: args.Args, Context: args.Context, Namespace: args.Namespace, Env: s.options.Env()})
		})
	})
}

// up brings the project up. The Tiltfile's and the cluster's refusal are the
// answer; how the resources fare is shown as progress.
func (s *session) up(ctx context.Context, run operation, args protocol.CommandArguments) (any, error) {
	req := api.UpRequest{Args: args.Args, Resources: args.Resources, Context: args.Context, Namespace: args.Namespace, Env: s.options.Env()}
	if args.Resource != "" {
		req.Resources = append(req.Resources, args.Resource)
	}
	var status api.Status
	err := run.project.link.do(ctx, func(d Daemon) (err error) {
		status, err = d.Up(ctx, req)
		return err
	})
	if err != nil {
		return nil, err
	}
	run.title = "Bringing up"
	return status, s.operate(ctx, run, func(ctx context.Context, report func(string)) error {
		return follow(ctx, run.project.link, settled(req.Resources, status), report)
	})
}

// allow has the Tiltfile evaluated with its effects, for a person who allows
// them.
func (s *session) allow(ctx context.Context, project *project) (any, error) {
	var status api.Status
	err := project.link.do(ctx, func(d Daemon) (err error) {
		status, err = d.Allow(ctx)
		return err
	})
	return status, err
}

// setArgs changes the Tiltfile's arguments. How what they enable fares is shown
// as progress.
func (s *session) setArgs(ctx context.Context, run operation, args protocol.CommandArguments) (any, error) {
	var status api.Status
	err := run.project.link.do(ctx, func(d Daemon) (err error) {
		status, err = d.SetArgs(ctx, args.Args...)
		return err
	})
	if err != nil {
		return nil, err
	}
	run.title = "Changing arguments"
	return status, s.operate(ctx, run, func(ctx context.Context, report func(string)) error {
		return follow(ctx, run.project.link, settled(nil, status), report)
	})
}

// trigger updates a resource by force.
func (s *session) trigger(ctx context.Context, run operation, args protocol.CommandArguments) (any, error) {
	if err := needResource(protocol.CommandTrigger, args); err != nil {
		return nil, err
	}
	began := lastUpdate(run.project.link.status(), args.Resource)
	err := run.project.link.do(ctx, func(d Daemon) error { return d.Trigger(ctx, args.Resource) })
	if err != nil {
		return nil, err
	}
	run.title = "Updating " + args.Resource
	return nil, s.operate(ctx, run, func(ctx context.Context, report func(string)) error {
		done := settled([]string{args.Resource}, api.Status{})
		busy := false
		return follow(ctx, run.project.link, func(status *api.Status) (string, bool, error) {
			text, end, err := done(status)
			busy = busy || !end
			return text, end && (busy || !lastUpdate(status, args.Resource).Equal(began)), err
		}, report)
	})
}

// lastUpdate returns when the last update of a resource began.
func lastUpdate(status *api.Status, resource string) time.Time {
	for _, r := range resourcesOf(status) {
		if r.Name == resource && r.LastUpdate != nil {
			return r.LastUpdate.Began
		}
	}
	return time.Time{}
}

// commandArguments reads a command's one argument: an object, or the name of
// a resource.
func commandArguments(raw []lsp.LSPAny) (protocol.CommandArguments, error) {
	var args protocol.CommandArguments
	if len(raw) == 0 || string(raw[0]) == "null" {
		return args, nil
	}
	if json.Unmarshal(raw[0], &args.Resource) == nil {
		return args, nil
	}
	if err := protocol.Unmarshal(raw[0], &args); err != nil {
		return args, protocol.Errorf(jsonrpc2.InvalidParams, "reading the command's argument: %v; it is an object or the name of a resource", err)
	}
	return args, nil
}

func needResource(command string, args protocol.CommandArguments) error {
	if args.Resource == "" {
		return protocol.Errorf(jsonrpc2.InvalidParams, "%s needs the name of a resource", command)
	}
	return nil
}
