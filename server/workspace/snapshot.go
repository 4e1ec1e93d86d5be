package workspace

import (
	"cmp"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"sync"
)

// Snapshot is an immutable view of the open documents and the files below
// them. A file is looked at once in the life of a snapshot, so that it cannot
// change in the middle of a request.
type Snapshot struct {
	Seq uint64 // grows with each snapshot

	disk  uint64 // grows with each event that the disk may have changed before
	files *files
	docs  map[string]*Document // by URI
	paths map[string]*Document // by path, the documents that are files
	reals map[string]*Document // the same, by path without symbolic links

	mu    sync.Mutex
	read  map[string]outcome // what ReadFile answered, by path
	taken map[string]bool    // see IsTiltfile, by path
}

type outcome struct {
	text *Text
	err  error
}

func (s *Snapshot) put(doc *Document) {
	s.docs[doc.URI] = doc
	if doc.Path != "" {
		s.paths[doc.Path] = doc
		s.reals[doc.real] = doc
	}
}

// Document returns an open document by its URI, nil when it is not open.
func (s *Snapshot) Document(uri string) *Document { return s.docs[uri] }

// DocumentAt returns an open document by its path, nil when it is not open. What
// is open under another path that symbolic links lead to is the same file.
func (s *Snapshot) DocumentAt(path string) *Document {
	path = filepath.Clean(path)
	if doc := s.paths[path]; doc != nil || len(s.reals) == 0 || !filepath.IsAbs(path) {
		return doc
	}
	return s.reals[s.Real(path)]
}

// Real returns a path without symbolic links; what is not there has none.
func (s *Snapshot) Real(path string) string { return s.files.real(path, s.disk) }

// Documents returns all open documents, in order of their URIs.
func (s *Snapshot) Documents() []*Document {
	return slices.SortedFunc(maps.Values(s.docs), func(a, b *Document) int { return cmp.Compare(a.URI, b.URI) })
}

// Text returns a file's text: that of the open document if there is one, else
// that on disk.
func (s *Snapshot) Text(path string) (*Text, error) {
	path = filepath.Clean(path)
	if doc := s.paths[path]; doc != nil {
		return doc.Text, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if o, ok := s.read[path]; ok {
		return o.text, o.err
	}
	text, err := s.look(path)
	if s.read == nil {
		s.read = map[string]outcome{}
	}
	s.read[path] = outcome{text, err}
	return text, err
}

// look reads a file that is not open under that path. A tree belongs to one
// path, so that an open document's is not lent to another.
func (s *Snapshot) look(path string) (*Text, error) {
	if doc := s.DocumentAt(path); doc != nil {
		return doc.Text.bare(), nil
	}
	return s.files.text(path)
}

// ReadFile is Text as a string.
func (s *Snapshot) ReadFile(path string) (string, error) {
	text, err := s.Text(path)
	if err != nil {
		return "", err
	}
	return text.String(), nil
}

// ReadDir lists a folder on disk, by name. What it says may be a second old
// unless a document was opened, saved or closed or Refresh called since.
func (s *Snapshot) ReadDir(path string) ([]fs.DirEntry, error) {
	return s.files.list(filepath.Clean(path), s.disk)
}
