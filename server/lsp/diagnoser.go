package lsp

import (
	"context"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	lsp "go.lsp.dev/protocol"
	"go.lsp.dev/uri"

	"github.com/towline-dev/towline/server/workspace"
)

// diagnoser publishes diagnostics beside the messages. What it shows of a file
// comes from two sides that never erase each other: what the text says by
// itself, computed from the snapshot, and what the daemons report.
//
// It runs one goroutine, which takes all documents that changed since it last
// looked, so that a slow check skips versions instead of falling behind. It
// makes way for requests, and drops a check whose text was edited meanwhile.
type diagnoser struct {
	s    *session
	wake chan struct{} // capacity 1

	refreshes atomic.Int32 // asked for, and not yet known to be seen by the client

	mu        sync.Mutex
	dirty     map[string]bool      // documents to look at
	since     map[string]time.Time // when each of those that were not published since changed
	findings  map[string][]finding // of the daemons, by project folder
	published map[string]uri.URI   // as which the client shows something that we pushed, by document
}

func newDiagnoser(s *session) *diagnoser {
	return &diagnoser{
		s: s, wake: make(chan struct{}, 1),
		dirty: map[string]bool{}, since: map[string]time.Time{}, findings: map[string][]finding{}, published: map[string]uri.URI{},
	}
}

// changed says that a document's diagnostics may have changed.
func (d *diagnoser) changed(uris ...string) {
	d.mu.Lock()
	for _, u := range uris {
		d.dirty[u] = true
		if d.since[u].IsZero() {
			d.since[u] = time.Now()
		}
	}
	d.mu.Unlock()
	select {
	case d.wake <- struct{}{}:
	default:
	}
}

// evaluated takes in what a project's daemon reports. Its places are those of
// the files as they were evaluated, so that text is kept with each.
func (d *diagnoser) evaluated(folder string, findings []finding) {
	snap := d.s.docs.Snapshot()
	d.mu.Lock()
	before := d.findings[folder]
	for i := range findings {
		findings[i].text = evaluatedText(snap, before, findings[i])
	}
	d.findings[folder] = findings
	d.mu.Unlock()
	if len(before)+len(findings) == 0 {
		return
	}
	var uris []string
	for _, f := range slices.Concat(before, findings) {
		if path := f.problem.Pos.File; path != "" {
			uris = append(uris, d.uriOf(path))
		}
	}
	d.changed(uris...)
	d.refresh()
}

// refresh has a client that pulls ask for the diagnostics of all documents
// again, since what is known of some changed without an edit of theirs.
func (d *diagnoser) refresh() {
	if !d.s.client.pulls || !d.s.client.refreshes.diagnostics || d.refreshes.Add(1) > 1 {
		return // the one who asks already asks once more
	}
	d.s.spawn(func(ctx context.Context) {
		for ctx.Err() == nil {
			before := d.refreshes.Load()
			_ = d.s.conn.Call(ctx, lsp.MethodWorkspaceDiagnosticRefresh, nil, nil)
			if d.refreshes.CompareAndSwap(before, 0) {
				return
			}
		}
	})
}

// evaluatedText returns the text that a finding's place is of: what an earlier
// finding of the same evaluation had, else what is saved now.
func evaluatedText(snap *workspace.Snapshot, before []finding, f finding) *workspace.Text {
	path := f.problem.Pos.File
	for _, b := range before {
		if b.problem.Pos.File == path && b.at.Equal(f.at) {
			return b.text
		}
	}
	if doc := snap.DocumentAt(path); doc != nil {
		return doc.Saved
	}
	text, err := snap.Text(path)
	if err != nil {
		return nil
	}
	return text
}

// below says that the diagnostics of all open Tiltfiles below a folder may
// have changed.
func (d *diagnoser) below(folder string) {
	var uris []string
	snap := d.s.docs.Snapshot()
	for _, doc := range snap.Documents() {
		if snap.IsTiltfile(doc) && strings.HasPrefix(doc.Path, folder+string(filepath.Separator)) {
			uris = append(uris, doc.URI)
		}
	}
	d.changed(uris...)
}

// uriOf returns what the document of a file goes by.
func (d *diagnoser) uriOf(path string) string {
	if doc := d.s.docs.Snapshot().DocumentAt(path); doc != nil {
		return doc.URI
	}
	return string(uri.File(path))
}

// findingsOf returns what the daemons report of a file. Two projects that read
// the same file say the same of it; the one that evaluated last is right.
func (d *diagnoser) findingsOf(path string) []finding {
	d.mu.Lock()
	defer d.mu.Unlock()
	var out []finding
	for _, folder := range slices.Sorted(maps.Keys(d.findings)) {
		others := len(out)
		for _, f := range d.findings[folder] {
			if path == "" || f.problem.Pos.File != path {
				continue
			}
			i := slices.IndexFunc(out[:others], func(g finding) bool {
				return g.resource == f.resource && g.problem.Message == f.problem.Message
			})
			switch {
			case i < 0:
				out = append(out, f)
			case out[i].at.Before(f.at):
				out[i] = f
			}
		}
	}
	return out
}

// run publishes until ctx ends. Files that load what was edited come when there
// is nothing else to do.
func (d *diagnoser) run(ctx context.Context) {
	seen := interfaces{}
	later := map[string]bool{}
	hasty := false // the last check was overtaken by an edit
	for ctx.Err() == nil {
		if len(later) == 0 {
			select {
			case <-ctx.Done():
				return
			case <-d.wake:
			}
		}
		if hasty {
			d.awaitPause(ctx)
		}
		hasty = false
		dirty := d.takeDirty()
		snap := d.s.docs.Snapshot()
		for u := range dirty {
			delete(later, u)
			hasty = !d.publish(ctx, snap, u) || hasty
		}
		dependents := d.dependents(snap, seen.changed(snap, dirty))
		if len(dependents) > 0 {
			d.refresh()
		}
		for _, u := range dependents {
			if !dirty[u] {
				later[u] = true
			}
		}
		for u := range later {
			delete(later, u)
			d.publish(ctx, snap, u)
			break // there may be something to do first
		}
	}
}

// takeDirty returns the URIs to look at, and forgets them.
func (d *diagnoser) takeDirty() map[string]bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	dirty := d.dirty
	d.dirty = map[string]bool{}
	return dirty
}

// publish sends a file's diagnostics, unless an edit overtakes the check. A
// client that pulls asks for those of open documents itself, and would show them
// twice.
func (d *diagnoser) publish(ctx context.Context, snap *workspace.Snapshot, u string) (done bool) {
	doc := snap.Document(u)
	params := &lsp.PublishDiagnosticsParams{URI: spelled(snap, u), Diagnostics: []lsp.Diagnostic{}}
	if doc != nil {
		params.Version = lsp.NewOptional(doc.Version)
	}
	if doc == nil || !d.s.client.pulls {
		stopped := false
		if params.Diagnostics = d.s.diagnose(snap, u, d.giveWay(ctx, snap, u, &stopped)); stopped {
			return false // it is dirty again
		}
	}
	// An open Tiltfile always gets an answer to its new version; of other
	// files the client need not hear that they are fine.
	shown := d.show(u, params, doc != nil)
	own := doc != nil && snap.IsTiltfile(doc) && !d.s.client.pulls
	if shown || own || len(params.Diagnostics) > 0 {
		d.s.notify(lsp.MethodTextDocumentPublishDiagnostics, params)
	}
	return true
}

// show notes what the client is about to show of a document, and reports
// whether it showed something before. What it showed under another spelling of
// the URI it is told to forget.
func (d *diagnoser) show(u string, params *lsp.PublishDiagnosticsParams, open bool) bool {
	d.mu.Lock()
	before := d.published[u]
	if before != "" && !open {
		params.URI = before
	}
	delete(d.since, u)
	if delete(d.published, u); len(params.Diagnostics) > 0 {
		d.published[u] = params.URI
	}
	d.mu.Unlock()
	if before != "" && before != params.URI {
		d.s.notify(lsp.MethodTextDocumentPublishDiagnostics, &lsp.PublishDiagnosticsParams{URI: before, Diagnostics: []lsp.Diagnostic{}})
		return false
	}
	return before != ""
}
