package lsp

import (
	"context"
	"fmt"
	"strings"

	lsp "go.lsp.dev/protocol"

	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/server/workspace"
	"github.com/towline-dev/towline/starlark/ide"
)

// hover says what stands at a place; on a resource with its live state.
func (s *session) hover(_ context.Context, snap *workspace.Snapshot, p *lsp.HoverParams) (any, error) {
	v := s.view(snap, p.TextDocument.URI)
	if v == nil {
		return nil, nil
	}
	info := ide.Hover(v.ide, v.file, v.offset(p.Position))
	if info == nil {
		return nil, nil
	}
	text := info.Markdown
	if r := s.resource(v.file.Name, info.Resource); r != nil {
		text = strings.TrimRight(text, "\n") + "\n\n---\n\n" + resourceMarkdown(r)
	}
	return &lsp.Hover{Contents: markup(text, s.client.markdown.hover), Range: new(v.rng(info.Span))}, nil
}

// resource returns the live state of a resource of the project that a file
// belongs to, nil when there is none.
func (s *session) resource(path, name string) *api.ResourceStatus {
	project := s.nearest(path)
	if name == "" || project == nil {
		return nil
	}
	list := resourcesOf(project.link.status())
	for i := range list {
		if list[i].Name == name {
			return &list[i]
		}
	}
	return nil
}

// resourceMarkdown describes a resource's state in a few lines.
func resourceMarkdown(r *api.ResourceStatus) string {
	var b strings.Builder
	fmt.Fprintf(&b, "**%s**", r.State)
	if r.Message != "" {
		fmt.Fprintf(&b, " · %s", r.Message)
	}
	if r.Changed {
		b.WriteString(" · files changed, trigger it to update")
	}
	if r.Problem != nil {
		fmt.Fprintf(&b, "\n\n%s", r.Problem.Message)
		if r.Problem.Hint != "" {
			fmt.Fprintf(&b, "  \n%s", r.Problem.Hint)
		}
	}
	b.WriteString("\n")
	for _, t := range r.Targets {
		fmt.Fprintf(&b, "\n- `%s/%s`: %s", t.Pod, t.Container, targetText(t))
	}
	for _, f := range r.Forwards {
		fmt.Fprintf(&b, "\n- %s", strings.TrimSpace("<"+f.URL+"> "+f.Name))
		if f.Problem != "" {
			fmt.Fprintf(&b, ": %s", f.Problem)
		}
		if f.Silent != "" {
			fmt.Fprintf(&b, ": nothing answered: %s", f.Silent)
		}
	}
	for _, l := range r.Links {
		fmt.Fprintf(&b, "\n- %s", strings.TrimSpace("<"+l.URL+"> "+l.Name))
	}
	if u := r.LastUpdate; u != nil {
		fmt.Fprintf(&b, "\n- last %s took %s", u.Kind, u.Took.Round(100_000))
		if u.Reason != "" {
			fmt.Fprintf(&b, ", for %s", u.Reason)
		}
	}
	if v := r.LastSave; v != nil {
		fmt.Fprintf(&b, "\n- last save: %s", v.Text)
	}
	return b.String()
}

// targetText describes a container in a line.
func targetText(t api.Target) string {
	var parts []string
	switch {
	case t.Ready:
		parts = append(parts, "ready")
	default:
		parts = append(parts, "not ready")
	}
	if t.Process != "" {
		parts = append(parts, t.Process)
	}
	if t.Sync != api.SyncNone {
		parts = append(parts, string(t.Sync))
	}
	if t.Restarts > 0 {
		parts = append(parts, fmt.Sprintf("%d restarts", t.Restarts))
	}
	if t.Debugging {
		parts = append(parts, "being debugged")
	}
	return strings.Join(parts, ", ")
}
