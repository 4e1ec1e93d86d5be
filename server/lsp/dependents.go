package lsp

import (
	"maps"
	"slices"

	"go.lsp.dev/uri"

	"github.com/towline-dev/towline/server/workspace"
	"github.com/towline-dev/towline/starlark/resolve"
	"github.com/towline-dev/towline/starlark/syntax"
)

// interfaces holds what others could see of each open document when it was last
// looked at, by URI.
type interfaces map[string]map[string][]*syntax.Piece

// changed returns the documents among those that were touched whose interface
// is not what it was.
func (i interfaces) changed(snap *workspace.Snapshot, touched map[string]bool) map[string]bool {
	out := map[string]bool{}
	for u := range touched {
		doc := snap.Document(u)
		if doc == nil || doc.Path == "" || !snap.IsTiltfile(doc) {
			delete(i, u)
			out[u] = true
			continue
		}
		now := interfaceOf(doc.Text.File(doc.Path))
		if !maps.EqualFunc(i[u], now, slices.Equal[[]*syntax.Piece]) {
			out[u] = true
		}
		i[u] = now
	}
	return out
}

// interfaceOf returns the pieces of a file that bind each name of its top
// level, those that define settings, and whether it has errors: what other files
// show of it can depend on nothing else.
func interfaceOf(f *resolve.File) map[string][]*syntax.Piece {
	out := map[string][]*syntax.Piece{}
	at := func(name string, off int) { out[name] = append(out[name], f.Parts[f.PartAt(off)].Piece) }
	for _, b := range f.Root.Order {
		for _, site := range b.Sites {
			at(b.Name, site.Ident.Start)
		}
	}
	if config := f.Builtins["config"]; config != nil {
		for _, use := range config.Uses {
			at("config.", use.Start)
		}
	}
	if len(f.Errors) > 0 {
		out["errors."] = nil
	}
	return out
}

// dependents returns the open Tiltfiles that load a changed one, directly or
// through others, without those that changed themselves.
func (d *diagnoser) dependents(snap *workspace.Snapshot, changed map[string]bool) []string {
	if len(changed) == 0 {
		return nil
	}
	files := map[string]bool{} // also those that were closed
	for u := range changed {
		if path := pathOf(uri.URI(u)); path != "" {
			files[path], files[snap.Real(path)] = true, true
		}
	}
	var out []string
	for _, doc := range snap.Documents() {
		if changed[doc.URI] || doc.Path == "" || !snap.IsTiltfile(doc) {
			continue
		}
		for _, path := range loaded(d.s.world(snap, doc.Path), doc.Path) {
			if files[path] || files[snap.Real(path)] {
				out = append(out, doc.URI)
				break
			}
		}
	}
	return out
}

// loaded returns the files that one loads, directly or through others.
func loaded(w workspace.World, path string) []string {
	var out []string
	seen := map[string]bool{path: true}
	for queue := []string{path}; len(queue) > 0; queue = queue[1:] {
		f := w.File(queue[0])
		if f == nil {
			continue
		}
		for _, l := range f.Loads {
			if l.Module == nil {
				continue
			}
			if m := w.Module(f.Name, l.Module.Value); m.Path != "" && !seen[m.Path] {
				seen[m.Path] = true
				out = append(out, m.Path)
				queue = append(queue, m.Path)
			}
		}
	}
	return out
}
