package agents

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/zeebo/blake3"

	"github.com/towline-dev/towline/agent/client"
	"github.com/towline-dev/towline/agent/wire"
)

// Limits of what is kept of the files that were sent. Smaller files travel
// whole: a patch of them saves nothing.
const (
	sentFrom  = 64 << 10
	sentFile  = 256 << 20
	sentTotal = 512 << 20
)

// sent keeps the large files that containers were sent last, in a folder, so
// that the next version travels as a patch where the link is slow. It is no
// more than a guess at what a container has: the agent refuses a patch of
// another base, and gets the file whole.
type sent struct {
	dir string // "": nothing is kept

	mu    sync.Mutex
	bases map[string]keptFile // by image and path
	order []string            // keys of bases, the oldest first
	total int64
}

type keptFile struct {
	digest wire.Digest
	size   int64
}

// newSent returns an empty store; what an earlier one left is removed.
func newSent(dir string) (*sent, error) {
	s := &sent{bases: map[string]keptFile{}}
	if dir == "" {
		return s, nil
	}
	if err := errors.Join(os.RemoveAll(dir), os.MkdirAll(dir, 0o700)); err != nil {
		return s, fmt.Errorf("making a folder for sent files: %w", err)
	}
	s.dir = dir
	return s, nil
}

// close removes what was kept: what it belongs to is known to this store alone.
func (s *sent) close() {
	if s.dir != "" {
		_ = os.RemoveAll(s.dir) // the next store tries again
	}
}

func (s *sent) file(key string) string {
	sum := blake3.Sum256([]byte(key))
	return filepath.Join(s.dir, fmt.Sprintf("%x", sum[:12]))
}

// keeps reports whether a file of a size is kept.
func (s *sent) keeps(size int64) bool { return s.dir != "" && size >= sentFrom && size <= sentFile }

// keep copies a file that was sent, unless it has changed since.
func (s *sent) keep(key, local string, f wire.File) error {
	if !s.keeps(f.Size) {
		return nil
	}
	in, err := os.Open(local)
	if err != nil {
		return nil // it is gone: so much for the next version
	}
	defer in.Close()
	temp, err := os.CreateTemp(s.dir, "new-*")
	if err != nil {
		return err
	}
	defer os.Remove(temp.Name()) // fails once it is renamed
	h := blake3.New()
	_, err = io.Copy(io.MultiWriter(temp, h), io.LimitReader(in, f.Size+1))
	if err := errors.Join(err, temp.Close()); err != nil {
		return err
	}
	var got wire.Digest
	h.Sum(got[:0])
	if got != f.Hash {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.forget(key)
	if err := os.Rename(temp.Name(), s.file(key)); err != nil {
		return err
	}
	s.bases[key] = keptFile{digest: f.Hash, size: f.Size}
	s.order, s.total = append(s.order, key), s.total+f.Size
	for s.total > sentTotal {
		s.forget(s.order[0])
	}
	return nil
}

// forget removes a file. The caller holds s.mu.
func (s *sent) forget(key string) {
	if old, known := s.bases[key]; known {
		_ = os.Remove(s.file(key)) // what stays is removed by close
		delete(s.bases, key)
		s.order = slices.DeleteFunc(s.order, func(k string) bool { return k == key })
		s.total -= old.size
	}
}

// base returns what was sent last.
func (s *sent) base(key string) (content []byte, digest wire.Digest, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	kept, known := s.bases[key]
	if !known {
		return nil, digest, false
	}
	content, err := os.ReadFile(s.file(key))
	if err != nil || blake3.Sum256(content) != kept.digest {
		s.forget(key)
		return nil, digest, false
	}
	return content, kept.digest, true
}

// patched is a source of local files that knows what was sent before.
type patched struct {
	disk
	sent    *sent
	image   string
	arrived []wire.File // that are worth to be kept
}

// Base implements client.Baser.
func (p *patched) Base(f wire.File) ([]byte, wire.Digest, bool) { return p.sent.base(p.key(f)) }

// Arrived implements client.Baser.
func (p *patched) Arrived(f wire.File) {
	if p.sent.keeps(f.Size) {
		p.arrived = append(p.arrived, f)
	}
}

func (p *patched) key(f wire.File) string { return p.image + " " + f.String() }

var _ client.Baser = (*patched)(nil)

// source is where a change's contents come from: with what was sent before,
// unless towline.sync(mode='whole') says otherwise.
func (a *Agents) source(files disk, image, mode string) client.Source {
	if mode == "whole" {
		return files
	}
	return &patched{disk: files, sent: a.sent, image: image}
}

// remember keeps those files of a change of which the next version may travel
// as a patch, beside whatever follows.
func (a *Agents) remember(change client.Change) {
	from, ok := change.Source.(*patched)
	if !ok || len(from.arrived) == 0 {
		return
	}
	a.box.Go(func() {
		for _, f := range from.arrived {
			if err := from.sent.keep(from.key(f), from.disk[f.Path], f); err != nil {
				a.o.Log.Say("", "warn", fmt.Sprintf("keeping %s for the next patch: %v", f, err))
			}
		}
	})
}
