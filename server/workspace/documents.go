// Package workspace holds what an editor has open, and below it the files on
// disk, as immutable snapshots.
//
// Every edit replaces the current Snapshot. A request takes the one that is
// current when it begins and keeps it, so it sees one state of the world
// however long it takes, and never needs a lock. What a snapshot computes from
// a document is kept with the document and carried over to later snapshots
// that hold the same version.
package workspace

import (
	"errors"
	"fmt"
	"maps"
	"sync"
	"sync/atomic"
)

// Errors of the document notifications. A client that causes one and the
// server disagree about what is open; the server goes on with its best guess.
var (
	ErrNotOpen     = errors.New("the document is not open")
	ErrAlreadyOpen = errors.New("the document was open already")
	ErrOutOfRange  = errors.New("an edit lies outside of the document; it was moved into it")
)

// Document is an open document at one version. It is immutable.
type Document struct {
	URI      string // what it goes by, in normal form
	Spelled  string // the URI as the client spells it
	Path     string // absolute; "" when it is no file
	Language string // the client's language id
	Version  int32
	Text     *Text
	Saved    *Text // as it was opened or last saved; nil stands for Text when it is opened

	real string // Path without symbolic links, as it was opened
}

// Change is one edit of a document; Range nil replaces the whole text.
type Change struct {
	Range *Range
	Text  string
}

// Documents are what an editor has open, with the current snapshot. All methods
// may be called concurrently.
type Documents struct {
	files *files

	mu      sync.Mutex // held to replace current
	current atomic.Pointer[Snapshot]
}

// New returns documents of which none is open.
func New() *Documents {
	d := &Documents{files: newFiles()}
	d.current.Store(&Snapshot{files: d.files, docs: map[string]*Document{}, paths: map[string]*Document{}, reals: map[string]*Document{}})
	return d
}

// Snapshot returns the current snapshot.
func (d *Documents) Snapshot() *Snapshot { return d.current.Load() }

// Open adds a document. One that is open already is replaced and reported.
func (d *Documents) Open(doc *Document) error {
	return d.updateDisk(func(s *Snapshot) error {
		_, was := s.docs[doc.URI]
		opened := *doc
		opened.Saved, opened.real = doc.Text, d.files.real(doc.Path, s.disk)
		s.put(&opened)
		if was {
			return fmt.Errorf("%s: %w", doc.URI, ErrAlreadyOpen)
		}
		return nil
	})
}

// Change edits a document. The changes apply in order, each to the outcome of
// the one before.
func (d *Documents) Change(uri string, version int32, enc Encoding, changes []Change) error {
	return d.update(func(s *Snapshot) error {
		old := s.docs[uri]
		if old == nil {
			return fmt.Errorf("%s: %w", uri, ErrNotOpen)
		}
		text, inside := old.Text, true
		for _, c := range changes {
			if c.Range == nil {
				text = text.Replace(c.Text)
				continue
			}
			var ok bool
			text, ok = text.Edit(*c.Range, c.Text, enc)
			inside = inside && ok
		}
		doc := *old
		if doc.Saved == old.Text {
			doc.Saved = old.Text.bare()
		}
		doc.Version, doc.Text = version, text
		s.put(&doc)
		if !inside {
			return fmt.Errorf("%s: version %d: %w", uri, version, ErrOutOfRange)
		}
		return nil
	})
}

// Save notes that a document's text is what the file holds.
func (d *Documents) Save(uri string) error {
	return d.updateDisk(func(s *Snapshot) error {
		old := s.docs[uri]
		if old == nil {
			return fmt.Errorf("%s: %w", uri, ErrNotOpen)
		}
		doc := *old
		doc.Saved = doc.Text
		s.put(&doc)
		return nil
	})
}

// Close removes a document; its file counts again.
func (d *Documents) Close(uri string) error {
	return d.updateDisk(func(s *Snapshot) error {
		doc := s.docs[uri]
		if doc == nil {
			return fmt.Errorf("%s: %w", uri, ErrNotOpen)
		}
		delete(s.docs, uri)
		delete(s.paths, doc.Path)
		if s.reals[doc.real] == doc {
			delete(s.reals, doc.real)
			for _, other := range s.docs { // by another path
				if doc.real != "" && other.real == doc.real {
					s.reals[doc.real] = other
				}
			}
		}
		return nil
	})
}

// Refresh makes a new snapshot that looks at the files on disk anew.
func (d *Documents) Refresh() {
	_ = d.updateDisk(func(*Snapshot) error { return nil })
}

// updateDisk is update for events before which the disk may have changed.
func (d *Documents) updateDisk(change func(*Snapshot) error) error {
	return d.update(func(s *Snapshot) error {
		s.disk++
		return change(s)
	})
}

// update replaces the current snapshot by a changed copy.
func (d *Documents) update(change func(*Snapshot) error) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	old := d.current.Load()
	next := &Snapshot{Seq: old.Seq + 1, disk: old.disk, files: d.files, docs: maps.Clone(old.docs), paths: maps.Clone(old.paths), reals: maps.Clone(old.reals)}
	err := change(next)
	d.current.Store(next)
	return err
}
