package lsp

import (
	"cmp"
	"context"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	lsp "go.lsp.dev/protocol"

	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/server/protocol"
	"github.com/towline-dev/towline/server/workspace"
	"github.com/towline-dev/towline/starlark/config"
)

// project is a folder with a Tiltfile, and what is known of its daemon.
type project struct {
	folder     string // as the client names it
	real       string // without symbolic links, as the daemon names it
	link       *link
	forget     func()
	extensions *workspace.Extensions
	asks       *asks
	outputs    map[string]output              // of failed commands, by resource; of the reporter's goroutine
	evaluation atomic.Bool                    // one is being asked for
	evaluated  atomic.Pointer[config.Project] // by the daemon, at last; without the objects' contents
}

// project returns the project of a folder, which begins with the first call.
func (s *session) project(folder string) *project {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p := s.projects[folder]; p != nil {
		return p
	}
	p := &project{folder: folder, real: folder, link: newLink(folder, s.connector(), s.log), asks: newAsks(), extensions: s.options.Extensions}
	if real, err := filepath.EvalSymlinks(folder); err == nil {
		p.real = real
	}
	p.link.onHint = s.options.OnHint
	s.projects[folder] = p
	p.forget = s.spawn(func(ctx context.Context) {
		var linked sync.WaitGroup
		linked.Go(func() { p.link.run(ctx) })
		s.report(ctx, p)
		linked.Wait()
	})
	return p
}

// connector is how daemons are found and started.
func (s *session) connector() Connector {
	if s.client.static {
		return untrusted
	}
	return s.options.Connect
}

// forget lets go of the project of a folder that the client closed; its daemon
// goes on for others.
func (s *session) forget(folder string) {
	s.mu.Lock()
	p := s.projects[folder]
	delete(s.projects, folder)
	s.mu.Unlock()
	if p != nil {
		p.forget()
		s.diagnoser.evaluated(folder, nil)
	}
}

// allProjects returns the projects, in order of their folders.
func (s *session) allProjects() []*project {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.SortedFunc(maps.Values(s.projects), func(a, b *project) int { return cmp.Compare(a.folder, b.folder) })
}

// evaluate asks the daemon for the project, which evaluates a Tiltfile that
// nobody has brought up. The outcome arrives in the status.
func (p *project) evaluate(ctx context.Context) {
	if !p.evaluation.CompareAndSwap(false, true) {
		return
	}
	defer p.evaluation.Store(false)
	state, _ := p.link.now()
	if state.daemon == nil || (state.status != nil && state.status.Up) {
		return
	}
	p.fetch(ctx, state.daemon)
}

// fetch takes over what the daemon evaluated the project to, and evaluates it
// when that was never done.
func (p *project) fetch(ctx context.Context, d Daemon) {
	project, err := d.Project(ctx)
	if err != nil || project == nil {
		p.link.log.Debug("asking the daemon for the project", "folder", p.folder, "error", err)
		return
	}
	for i := range project.YAML {
		project.YAML[i].Content = nil // large, and nothing here looks at it
	}
	project.Warnings = nil // the status has them and the error, and sooner
	if project.Error != nil {
		project.Error = &config.Problem{Message: project.Error.Message} // without a place: only the fact that names may be missing
	}
	p.evaluated.Store(project)
}

// report passes what changes at a project's daemon on to the client.
func (s *session) report(ctx context.Context, p *project) {
	var seen reported
	for {
		state, changed := p.link.now()
		s.reportState(ctx, p, state, &seen)
		select {
		case <-ctx.Done():
			return
		case <-changed:
		}
	}
}

// reported is what the client knows of a project.
type reported struct {
	any       bool
	connected bool
	status    *api.Status
	asked     Daemon    // the daemon that was asked to evaluate
	evaluated time.Time // the evaluation that was fetched
}

func evaluatedAt(s *api.Status) time.Time {
	if s == nil {
		return time.Time{}
	}
	return s.Config.EvaluatedAt
}

// unevaluated reports whether a daemon waits for somebody to ask for the
// project.
func unevaluated(s *api.Status) bool {
	return s != nil && !s.Up && !s.Config.Evaluating && s.Config.EvaluatedAt.IsZero()
}

func (s *session) reportState(ctx context.Context, p *project, state linkState, seen *reported) {
	connected := state.daemon != nil
	news := !seen.any || connected != seen.connected || state.status != seen.status
	if news && s.client.status {
		s.notify(protocol.MethodStatus, statusParams(p, state))
	}
	if fresh := state.status != seen.status; fresh && state.daemon != seen.asked && unevaluated(state.status) {
		seen.asked = state.daemon
		s.spawn(p.evaluate)
	}
	if at := evaluatedAt(state.status); state.daemon != nil && !at.IsZero() && !at.Equal(seen.evaluated) {
		seen.evaluated = at
		s.spawn(func(ctx context.Context) {
			p.fetch(ctx, state.daemon)
			s.diagnoser.below(p.folder)
		})
	}
	if state.status != seen.status {
		s.ask(p, state.status)
		s.diagnoser.evaluated(p.folder, p.findings(state.status))
		if p.readOutput(ctx, state.daemon, state.status) {
			s.diagnoser.evaluated(p.folder, p.findings(state.status))
		}
		if clusterOf(seen.status) != clusterOf(state.status) {
			s.diagnoser.below(p.folder)
		}
		s.refresh(ctx, seen.status, state.status)
	}
	seen.any, seen.connected, seen.status = true, connected, state.status
}

// refresh asks the client to ask again for what shows the status.
func (s *session) refresh(ctx context.Context, before, after *api.Status) {
	ask := func(method string) {
		if err := s.conn.Call(ctx, method, nil, nil); err != nil && ctx.Err() == nil {
			s.log.Debug("asking the client to ask again", "method", method, "error", err)
		}
	}
	if s.client.refreshes.lenses && !slices.EqualFunc(resourcesOf(before), resourcesOf(after), looksSame) {
		ask(lsp.MethodWorkspaceCodeLensRefresh)
	}
	sameImages := func(a, b api.ResourceStatus) bool { return slices.Equal(a.Images, b.Images) }
	if s.client.refreshes.hints && !slices.EqualFunc(resourcesOf(before), resourcesOf(after), sameImages) {
		ask(lsp.MethodWorkspaceInlayHintRefresh)
	}
}

// clusterOf returns what diagnostics say of a status's cluster.
func clusterOf(s *api.Status) (of struct {
	context string
	allowed bool
}) {
	if s != nil {
		of.context, of.allowed = s.Cluster.Context, s.Cluster.Allowed
	}
	return of
}

func resourcesOf(s *api.Status) []api.ResourceStatus {
	if s == nil {
		return nil
	}
	return s.Resources
}

func looksSame(a, b api.ResourceStatus) bool {
	return a.Name == b.Name && a.Text == b.Text && a.Pos == b.Pos
}

// finding is a problem that a daemon reports, as the editor shows it.
type finding struct {
	problem  config.Problem
	warning  bool
	resource string          // "": the evaluation's
	at       time.Time       // when the evaluation ended that named the places
	text     *workspace.Text // of the file, as it was saved then; nil: unknown
}

// findings returns what a status complains of, at the places as the client
// names them.
func (p *project) findings(status *api.Status) []finding {
	if status == nil {
		return nil
	}
	var out []finding
	add := func(problem *config.Problem, fallback config.Position, f finding) {
		if problem != nil {
			f.problem, f.at = p.local(located(p.own(*problem), fallback)), status.Config.EvaluatedAt
			out = append(out, f)
		}
	}
	top := config.Position{File: status.Tiltfile, Line: 1, Col: 1}
	add(status.Config.Error, top, finding{})
	for i := range status.Config.Warnings {
		add(&status.Config.Warnings[i], top, finding{warning: true})
	}
	if p := status.Cluster.Problem; status.Up && p != nil && p.Pos.File != "" {
		add(p, p.Pos, finding{resource: "cluster"}) // of the kubeconfig: a Tiltfile cannot help it
	}
	for _, r := range status.Resources {
		out = append(out, p.outputs[r.Name].findings...)
		if r.State == api.StateUnknown {
			continue // it is the cluster's
		}
		add(r.Problem, r.Pos, finding{resource: r.Name, warning: r.State.Passing()})
		for _, t := range r.Targets {
			if t.Problem != nil && (r.Problem == nil || t.Problem.Message != r.Problem.Message) {
				add(t.Problem, r.Pos, finding{resource: r.Name})
			}
		}
	}
	return out
}

// own moves a problem out of an extension that the project only uses, to the
// call that led there.
func (p *project) own(problem config.Problem) config.Problem {
	for _, frame := range slices.Backward(problem.Stack) {
		if !p.extensions.Foreign(problem.Pos.File) {
			break
		}
		problem.Pos = frame.Pos
	}
	if p.extensions.Foreign(problem.Pos.File) {
		problem.Pos = config.Position{}
	}
	return problem
}

// local renames a problem's files to what the client calls them.
func (p *project) local(problem config.Problem) config.Problem {
	problem.Pos.File = p.localPath(problem.Pos.File)
	problem.Stack = slices.Clone(problem.Stack)
	for i := range problem.Stack {
		problem.Stack[i].Pos.File = p.localPath(problem.Stack[i].Pos.File)
	}
	return problem
}

// localPath returns what the client calls a file.
func (p *project) localPath(path string) string {
	if rest, ok := strings.CutPrefix(path, p.real+string(filepath.Separator)); ok {
		return filepath.Join(p.folder, rest)
	}
	return path
}

// located gives a problem without a place one.
func located(p config.Problem, fallback config.Position) config.Problem {
	if p.Pos.File == "" {
		p.Pos = fallback
	}
	return p
}
