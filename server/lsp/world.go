package lsp

import (
	"maps"
	"path/filepath"
	"slices"
	"strings"

	lsp "go.lsp.dev/protocol"
	"go.lsp.dev/uri"

	"github.com/towline-dev/towline/server/workspace"
	"github.com/towline-dev/towline/starlark/config"
	"github.com/towline-dev/towline/starlark/ide"
	"github.com/towline-dev/towline/starlark/resolve"
	"github.com/towline-dev/towline/starlark/syntax"
)

// view is one file of a snapshot with everything that a feature needs.
type view struct {
	s     *session
	snap  *workspace.Snapshot
	world workspace.World
	ide   *ide.Analysis
	text  *workspace.Text
	name  string // of the file
	file  *resolve.File
}

// view returns a Tiltfile by its URI, nil when it is no Tiltfile or cannot be
// read.
func (s *session) view(snap *workspace.Snapshot, u uri.URI) *view {
	v := s.unresolved(snap, u)
	if v != nil {
		v.file = v.text.File(v.name)
	}
	return v
}

// unresolved is view without the file.
func (s *session) unresolved(snap *workspace.Snapshot, u uri.URI) *view {
	name := pathOf(u)
	v := &view{s: s, snap: snap}
	if path, ok := s.options.Extensions.Shipped(name); ok {
		v.name, v.world = path, s.world(snap, path)
		v.text = v.world.Text(path)
		v.ide = v.analysis(path)
		return v
	}
	switch doc := snap.Document(keyOf(u)); {
	case doc != nil && !snap.IsTiltfile(doc):
		return nil
	case doc != nil:
		v.text = doc.Text
		if name == "" {
			name = doc.URI
		}
	case name == "":
		return nil
	default:
		text, err := snap.Text(name)
		if err != nil {
			return nil
		}
		v.text = text
	}
	v.name, v.world = name, s.world(snap, name)
	v.ide = v.analysis(name)
	return v
}

// world returns the files of a snapshot as those of the project see them that
// a file belongs to.
func (s *session) world(snap *workspace.Snapshot, name string) workspace.World {
	w := workspace.World{Snapshot: snap, Found: s.options.Extensions, Kube: s.options.Kube}
	if p := s.evaluated(name); p != nil {
		w.API = p.API
	}
	return w
}

// analysis returns what a feature looks at beside the file itself.
func (v *view) analysis(name string) *ide.Analysis {
	return &ide.Analysis{Host: v.world, Project: v.s.evaluated(name), Refused: v.s.refused(name)}
}

// refused returns the Kubernetes context in use, if a file is a project's
// Tiltfile and, as it was last evaluated, does not allow that.
func (s *session) refused(name string) string {
	p := s.nearest(name)
	if p == nil || name != filepath.Join(p.folder, "Tiltfile") {
		return ""
	}
	status := p.link.status()
	if status == nil || status.Config.EvaluatedAt.IsZero() || status.Config.Error != nil || status.Cluster.Allowed {
		return ""
	}
	return status.Cluster.Context
}

// whole makes the view see all files that belong together, for searches.
func (v *view) whole() *view {
	v.ide.Files = v.s.tiltfiles(v.snap, v.file.Name)
	return v
}

// offset returns the byte offset of a position.
func (v *view) offset(p lsp.Position) int {
	off, _ := v.text.Offset(workspace.Position{Line: p.Line, Character: p.Character}, v.s.client.encoding)
	return off
}

// rng returns the range of a span of the file.
func (v *view) rng(s syntax.Span) lsp.Range { return v.s.rangeOf(v.text, s.Start, s.End) }

// span returns the span of a range of the file.
func (v *view) span(r lsp.Range) syntax.Span {
	return syntax.Span{Start: v.offset(r.Start), End: v.offset(r.End)}
}

// locations returns places in files as the client names them. Places in files
// that are gone are left out.
func (v *view) locations(list []ide.Location) []lsp.Location {
	out := []lsp.Location{}
	for _, l := range list {
		if loc, ok := v.location(l); ok {
			out = append(out, loc)
		}
	}
	return out
}

func (v *view) location(l ide.Location) (lsp.Location, bool) {
	text, u := v.textOf(l.Path)
	if text == nil {
		return lsp.Location{}, false
	}
	return lsp.Location{URI: u, Range: v.s.rangeOf(text, l.Span.Start, l.Span.End)}, true
}

// textOf returns a file's text and its URI, a nil text when it is gone.
func (v *view) textOf(path string) (*workspace.Text, uri.URI) {
	if path == v.file.Name {
		if !filepath.IsAbs(path) {
			return v.text, spelled(v.snap, path)
		}
		return v.text, v.uriOf(path)
	}
	text, u := v.s.open(v.snap, path)
	return text, u
}

func (v *view) uriOf(path string) uri.URI {
	_, u := v.s.open(v.snap, path)
	return u
}

// open returns a file's text and the URI under which a client can open it: a
// shipped extension is written out for that. The text is nil when it is gone.
func (s *session) open(snap *workspace.Snapshot, path string) (*workspace.Text, uri.URI) {
	text := s.world(snap, path).Text(path)
	if workspace.IsShipped(path) {
		file, err := s.options.Extensions.Open(path)
		if err != nil {
			s.log.Warn("showing a shipped extension", "error", err)
			return nil, ""
		}
		path = file
	}
	if doc := snap.DocumentAt(path); doc != nil {
		return text, spelled(snap, doc.URI)
	}
	return text, uri.File(path)
}

// workspaceEdit returns edits as the client takes them: each with the version of
// the document that it is of, if the client knows that form.
func (v *view) workspaceEdit(list []ide.Edit) *lsp.WorkspaceEdit {
	byFile := v.edits(list)
	if !v.s.client.versions {
		return &lsp.WorkspaceEdit{Changes: byFile}
	}
	out := &lsp.WorkspaceEdit{}
	for _, u := range slices.Sorted(maps.Keys(byFile)) {
		edit := &lsp.TextDocumentEdit{TextDocument: lsp.OptionalVersionedTextDocumentIdentifier{TextDocumentIdentifier: lsp.TextDocumentIdentifier{URI: u}}}
		if doc := v.snap.Document(keyOf(u)); doc != nil {
			edit.TextDocument.Version = &doc.Version
		}
		for i := range byFile[u] {
			edit.Edits = append(edit.Edits, &byFile[u][i])
		}
		out.DocumentChanges = append(out.DocumentChanges, edit)
	}
	return out
}

// edits returns edits as the client takes them, by file. Their lines end as the
// file's do.
func (v *view) edits(list []ide.Edit) map[uri.URI][]lsp.TextEdit {
	out := map[uri.URI][]lsp.TextEdit{}
	for _, e := range list {
		if text, u := v.textOf(e.Path); text != nil {
			out[u] = append(out[u], lsp.TextEdit{Range: v.s.rangeOf(text, e.Span.Start, e.Span.End), NewText: text.WithEnds(e.Text)})
		}
	}
	return out
}

// evaluated returns what the project of a file was last evaluated to, nil when
// it was not.
func (s *session) evaluated(path string) *config.Project {
	if p := s.nearest(path); p != nil {
		return p.evaluated.Load()
	}
	return nil
}

// nearest returns the project of the nearest folder above a file among those
// that are known, nil when there is none. It does not look at the disk.
func (s *session) nearest(path string) *project {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !filepath.IsAbs(path) {
		return nil
	}
	for dir := path; ; { // by hand: each key asks several times
		i := strings.LastIndexByte(dir, filepath.Separator)
		if i <= len(filepath.VolumeName(path)) {
			return s.projects[filepath.Dir(dir)]
		}
		if dir = dir[:i]; s.projects[dir] != nil {
			return s.projects[dir]
		}
	}
}

// tiltfiles returns the Tiltfiles that belong together with one: the project's
// own, those that are open below its folder, and all that these load, but for
// extensions of others. To such an extension belong all projects.
func (s *session) tiltfiles(snap *workspace.Snapshot, name string) []string {
	projects := s.allProjects()
	if !s.options.Extensions.Foreign(name) {
		projects = slices.DeleteFunc(projects, func(p *project) bool { return p != s.nearest(name) })
	}
	roots := []string{name}
	for _, project := range projects {
		roots = append(roots, filepath.Join(project.folder, "Tiltfile"))
		for _, doc := range snap.Documents() {
			if snap.IsTiltfile(doc) && s.nearest(doc.Path) == project {
				roots = append(roots, doc.Path)
			}
		}
	}
	w := s.world(snap, name)
	seen := map[string]bool{}
	var out []string
	for _, root := range roots {
		for _, path := range append([]string{root}, loaded(w, root)...) {
			if !seen[path] && !s.options.Extensions.Foreign(path) && w.File(path) != nil {
				seen[path] = true
				out = append(out, path)
			}
		}
	}
	return out
}

// roots returns a view of each project's Tiltfile.
func (s *session) roots(snap *workspace.Snapshot) []*view {
	var out []*view
	for _, p := range s.allProjects() {
		if v := s.view(snap, uri.File(filepath.Join(p.folder, "Tiltfile"))); v != nil {
			out = append(out, v)
		}
	}
	return out
}
