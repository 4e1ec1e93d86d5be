package lsp

import (
	"context"
	"strings"

	lsp "go.lsp.dev/protocol"

	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/server/protocol"
	"github.com/towline-dev/towline/server/workspace"
	"github.com/towline-dev/towline/starlark/config"
	"github.com/towline-dev/towline/starlark/ide"
	"github.com/towline-dev/towline/starlark/syntax"
)

// codeLens shows each resource's state above the call that declares it, with
// what can be done about it.
func (s *session) codeLens(_ context.Context, snap *workspace.Snapshot, p *lsp.CodeLensParams) (any, error) {
	v := s.view(snap, p.TextDocument.URI)
	if v == nil {
		return nil, nil
	}
	project := s.nearest(v.file.Name)
	var status *api.Status
	if project != nil {
		status = project.link.status()
	}
	declared := v.declared(snap, project, status)
	out := newLensList(spelled(snap, keyOf(p.TextDocument.URI)), mostLenses*len(declared))
	for _, at := range declared {
		out.add(v.rng(at.span), at.name, at.commands())
	}
	return out.answer(), nil
}

// declaredResource is a resource and the place that declares it.
type declaredResource struct {
	name   string
	span   syntax.Span
	status *api.ResourceStatus // nil: unknown
	up     bool                // the project is
}

// declared returns the resources that a file declares: those that its text
// names, and those that the last evaluation found elsewhere in it, as in
// loops.
func (v *view) declared(snap *workspace.Snapshot, project *project, status *api.Status) []declaredResource {
	byName := map[string]*api.ResourceStatus{}
	list := resourcesOf(status)
	for i := range list {
		byName[list[i].Name] = &list[i]
	}
	up := status != nil && status.Up
	var out []declaredResource
	seen := map[string]bool{}
	for _, sym := range ide.Declared(v.ide, v.file) {
		if sym.Kind == ide.SymbolResource && !seen[sym.Name] {
			seen[sym.Name] = true
			out = append(out, declaredResource{sym.Name, sym.Selection, byName[sym.Name], up})
		}
	}
	doc := snap.DocumentAt(v.file.Name)
	for i := range list {
		r := &list[i]
		if seen[r.Name] || project.localPath(r.Pos.File) != v.file.Name {
			continue
		}
		at := finding{problem: config.Problem{Pos: r.Pos}, resource: r.Name}
		if off, ok := placeOf(v.snap, doc, v.text, at); ok {
			out = append(out, declaredResource{r.Name, syntax.Span{Start: off, End: endOfWord(v.text, off)}, r, up})
		}
	}
	return out
}

// mostLenses is how many lenses a resource has at most.
const mostLenses = 5

// commands returns the lenses of a resource.
func (d declaredResource) commands() []lens {
	if !d.up || d.status == nil || d.status.State == api.StateStopped {
		return []lens{{"▶ Up", protocol.CommandUp}}
	}
	out := []lens{{lensTitle(d.status), protocol.CommandStatus}, {"Trigger", protocol.CommandTrigger}, {"Logs", protocol.CommandLogs}}
	if len(d.status.Targets) > 0 {
		out = append(out, lens{"Restart", protocol.CommandRestart})
		if d.status.NoDebug == nil {
			out = append(out, lens{"Debug", protocol.CommandDebug})
		}
	}
	return out
}

// lensTitle is a resource's state in a few words.
func lensTitle(r *api.ResourceStatus) string {
	mark := [...]string{api.ClassBusy: "○", api.ClassGood: "●", api.ClassWarning: "▲", api.ClassBad: "✗", api.ClassIdle: "○"}[r.State.Class()]
	line, _, _ := strings.Cut(r.Text, "\n")
	if r.Problem != nil {
		cause, _, _ := strings.Cut(r.Problem.Message, "\n")
		line = string(r.State) + ": " + cause
	}
	return mark + " " + shortened(line, lensWidth)
}

// lensWidth is how many characters of a lens are about the state: what can be
// done stands behind it, and has to stay in sight. The whole text is in hover.
const lensWidth = 60

// shortened is a text of at most so many characters, cut at a word if there is
// one.
func shortened(text string, most int) string {
	runes := []rune(text)
	if len(runes) <= most {
		return text
	}
	cut := string(runes[:most-1])
	if space := strings.LastIndexByte(cut, ' '); space > len(cut)/2 {
		cut = cut[:space]
	}
	return strings.TrimRight(cut, " ,.;:") + "…"
}
