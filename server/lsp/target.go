package lsp

import (
	"cmp"
	"context"
	"fmt"
	"path/filepath"
	"slices"

	lsp "go.lsp.dev/protocol"
	"go.lsp.dev/uri"

	"github.com/towline-dev/towline/server/protocol"
	"github.com/towline-dev/towline/starlark/config"
)

// Which project is meant is decided here, for every message by one rule: that
// of the file that is named, else the only one, else the person picks. Whoever
// uses what is up means a project that is.

// projectOf returns the project that a file or folder belongs to: that of the
// nearest folder above with a Tiltfile, nil when there is none. A file whose
// name is only like a Tiltfile's makes no project.
func (s *session) projectOf(path string) *project {
	if above := s.projectsAbove(path); len(above) > 0 {
		return s.project(above[0])
	}
	return nil
}

// projectsAbove returns the folders above a path, or the path itself, that have
// a Tiltfile, the nearest first.
func (s *session) projectsAbove(path string) []string {
	var out []string
	for dir := path; path != ""; dir = filepath.Dir(dir) {
		if hasTiltfile(dir) {
			out = append(out, dir)
		}
		if dir == filepath.Dir(dir) {
			break
		}
	}
	return out
}

// purpose says what a project is wanted for.
type purpose int

const (
	toBring purpose = iota // up, or to look at
	toUse                  // what is up
)

// target returns the project that a message of ours is about.
func (s *session) target(ctx context.Context, p protocol.ProjectParams, why purpose) (*project, error) {
	candidates := s.candidates()
	if path := pathOf(parsed(p.URI)); path != "" {
		own := s.ownersOf(ctx, path, why)
		switch {
		case own == nil:
		case why == toBring || own.link.up(ctx):
			return own, nil
		default:
			// What is up is elsewhere, if anywhere: taking that needs a word.
			up := upOf(ctx, candidates)
			if len(up) == 0 {
				return own, nil
			}
			return s.pick(ctx, "Nothing is up in "+s.shown(own)+". Which project is meant?", up)
		}
	}
	if up := upOf(ctx, candidates); why == toUse && len(up) > 0 {
		candidates = up
	}
	switch len(candidates) {
	case 0:
		return nil, noTiltfile()
	case 1:
		return candidates[0], nil
	}
	return s.pick(ctx, "Which project is meant?", candidates)
}

// ownersOf returns the project that a file belongs to, nil when there is none:
// the nearest above, or if one is wanted that is up, the nearest that is.
func (s *session) ownersOf(ctx context.Context, path string, why purpose) *project {
	above := s.projectsAbove(path)
	if len(above) == 0 {
		return nil
	}
	if why == toUse {
		for _, folder := range above {
			if p := s.project(folder); p.link.up(ctx) {
				return p
			}
		}
	}
	return s.project(above[0])
}

// upOf returns the projects that are up.
func upOf(ctx context.Context, projects []*project) []*project {
	return slices.DeleteFunc(slices.Clone(projects), func(p *project) bool { return !p.link.up(ctx) })
}

// candidates returns the projects that a person may mean: those known whose
// Tiltfile is there and is not part of another one's.
func (s *session) candidates() []*project {
	all := slices.DeleteFunc(s.allProjects(), func(p *project) bool { return !hasTiltfile(p.folder) })
	parts := map[string]bool{}
	snap := s.docs.Snapshot()
	for _, p := range all {
		root := filepath.Join(p.folder, "Tiltfile")
		for _, path := range loaded(s.world(snap, root), root) {
			parts[path] = true
		}
	}
	return slices.DeleteFunc(all, func(p *project) bool {
		return parts[filepath.Join(p.folder, "Tiltfile")] && (p.link.status() == nil || !p.link.status().Up)
	})
}

func noTiltfile() *config.Problem {
	return &config.Problem{Message: "there is no Tiltfile here", Hint: "write one: `towline docs` has the reference of its built-ins"}
}

// pick has the person choose a project.
func (s *session) pick(ctx context.Context, question string, among []*project) (*project, error) {
	var names []string
	params := &lsp.ShowMessageRequestParams{Type: lsp.MessageTypeInfo, Message: question}
	for _, p := range among {
		names = append(names, s.shown(p))
		params.Actions = append(params.Actions, lsp.MessageActionItem{Title: s.shown(p)})
	}
	var chosen *lsp.MessageActionItem
	if err := s.conn.Call(ctx, lsp.MethodWindowShowMessageRequest, params, &chosen); err != nil {
		s.log.Warn("asking which project is meant", "error", err)
	}
	if chosen != nil {
		if i := slices.Index(names, chosen.Title); i >= 0 {
			return among[i], nil
		}
	}
	return nil, &config.Problem{
		Message: fmt.Sprintf("no project was chosen; there are %v", names),
		Hint:    "open a file of the one that is meant, or name one of its files in `uri`",
	}
}

// shown is what a person calls a project: its folder, from the workspace's on.
func (s *session) shown(p *project) string {
	for _, folder := range s.workspaceFolders() {
		if rel, err := filepath.Rel(folder, p.folder); err == nil && filepath.IsLocal(rel) {
			if rel == "." {
				return filepath.Base(p.folder)
			}
			return rel
		}
	}
	return cmp.Or(filepath.Base(p.folder), p.folder)
}

func parsed(text string) uri.URI {
	u, err := uri.Parse(text)
	if err != nil {
		return ""
	}
	return u
}
