package client

import (
	"bytes"
	"fmt"
	"io"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/towline-dev/towline/agent/delta"
	"github.com/towline-dev/towline/agent/wire"
)

// smallFile is the size up to which a file is not worth compressing: it
// travels in one packet as it is.
const smallFile = 4 << 10

// patchFrom is the size from which on a patch is tried.
const patchFrom = 64 << 10

// Speeds in bytes per second of links on which making a patch, or compressing,
// takes longer than what it saves.
const (
	fastForPatch = 60 << 20
	fastForZstd  = 150 << 20
)

func newReader(p []byte) io.Reader { return bytes.NewReader(p) }

// sender sends the contents of one change.
type sender struct {
	client *Client
	q      *call
	change *Change
	sent   int64         // bytes on the wire since the last answer
	took   time.Duration // spent writing them
	total  int64         // bytes on the wire
	files  int64         // bytes of files
	zenc   *zstd.Encoder
}

// send sends the contents of the files with the given indexes. An error that
// wraps wire.ErrAborted is about a content and the agent knows of it; any
// other ends the stream.
func (s *sender) send(indexes []int, whole bool) error {
	for _, i := range indexes {
		if err := s.file(i, whole); err != nil {
			return err
		}
	}
	return nil
}

func (s *sender) file(i int, whole bool) error {
	f := s.change.Files[i]
	c := wire.Content{Index: i, Encoding: wire.EncodingRaw}
	var patch []byte
	if !whole {
		var err error
		if patch, c.Base, err = s.patch(f); err != nil {
			return s.begin(f, c, err)
		}
	}
	switch {
	case patch != nil:
		c.Encoding = wire.EncodingDelta
	case f.Size > smallFile && s.client.speed.Load() < fastForZstd:
		c.Encoding = wire.EncodingZstd
	}
	if err := s.begin(f, c, nil); err != nil {
		return err
	}
	var err error
	if patch != nil {
		_, err = counter{s}.Write(patch)
	} else {
		err = s.content(f, c.Encoding)
	}
	if err != nil {
		return s.abort(f, err)
	}
	if err := s.q.w.End(); err != nil {
		return err
	}
	s.files += f.Size
	if s.change.Sent != nil {
		s.change.Sent(s.total, s.files)
	}
	return nil
}

// begin announces a content; with an error, one that is not to be had.
func (s *sender) begin(f wire.File, c wire.Content, failed error) error {
	if err := s.q.w.Message(c); err != nil || failed == nil {
		return err
	}
	return s.abort(f, failed)
}

// patch returns a patch for a file, and the content that it is against, if one
// can be made and is worth it.
func (s *sender) patch(f wire.File) ([]byte, wire.Digest, error) {
	baser, ok := s.change.Source.(Baser)
	if !ok || !s.patches(f) {
		return nil, wire.Digest{}, nil
	}
	defer s.weigh(f, time.Now())
	base, digest, ok := baser.Base(f)
	if !ok || len(base) < patchFrom || len(base) > delta.MaxSize {
		return nil, wire.Digest{}, nil
	}
	r, err := s.change.Source.Open(f)
	if err != nil {
		return nil, wire.Digest{}, err
	}
	defer r.Close()
	content := make([]byte, f.Size)
	if _, err := io.ReadFull(r, content); err != nil {
		return nil, wire.Digest{}, err
	}
	patch := s.client.indexes.get(digest, base).Diff(content)
	if len(patch) > len(content)/2 {
		return nil, wire.Digest{}, nil // another program altogether
	}
	return patch, digest, nil
}

// patches reports whether a patch of a file is made where its base is known.
func (s *sender) patches(f wire.File) bool {
	return f.Kind == wire.KindRegular && f.Size >= patchFrom && f.Size <= delta.MaxSize && (s.change.Delta || s.client.speed.Load() <= fastForPatch)
}

// weigh has the next file travel whole if a patch took longer to make than the
// file would have to travel, as far as is known: the link may have been measured
// in a slow moment, and what travels whole is measured anew.
func (s *sender) weigh(f wire.File, began time.Time) {
	speed := s.client.speed.Load()
	if speed > 0 && !s.change.Delta && time.Since(began).Seconds() > float64(f.Size)/float64(speed) {
		s.client.speed.CompareAndSwap(speed, fastForPatch+1)
	}
}

// arrived tells the source which of its files may be a base.
func (s *sender) arrived(covered map[string]bool) {
	baser, ok := s.change.Source.(Baser)
	for _, f := range s.change.Files {
		if ok && s.patches(f) && !covered[f.Path.String()] {
			baser.Arrived(f)
		}
	}
}

// abort tells the agent that a content is not to be had; the agent answers
// with an error and undoes what it staged.
func (s *sender) abort(f wire.File, cause error) error {
	if err := s.q.w.Abort(cause.Error()); err != nil {
		return err
	}
	return fmt.Errorf("%w: reading %s: %w", wire.ErrAborted, f.Path, cause)
}

func (s *sender) content(f wire.File, encoding wire.Encoding) error {
	if f.Size == 0 {
		return nil
	}
	if s.change.Source == nil {
		return fmt.Errorf("the change has no source of contents")
	}
	r, err := s.change.Source.Open(f)
	if err != nil {
		return err
	}
	defer r.Close()
	out := io.Writer(counter{s})
	if encoding == wire.EncodingZstd {
		return s.compress(out, io.LimitReader(r, f.Size+1))
	}
	_, err = io.Copy(out, io.LimitReader(r, f.Size+1))
	return err
}

func (s *sender) compress(out io.Writer, r io.Reader) error {
	if s.zenc == nil {
		enc, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1))
		if err != nil {
			return err
		}
		s.zenc = enc
	}
	s.zenc.Reset(out)
	if _, err := io.Copy(s.zenc, r); err != nil {
		return err
	}
	return s.zenc.Close()
}

// measure learns the link's speed from a transfer that is long enough to tell:
// the time spent in writing, and then in waiting for the answer. Compressing
// and reading do not count.
func (s *sender) measure(waited time.Duration) {
	if took := s.took + waited; s.sent >= 1<<20 && took > 0 {
		s.client.speed.Store(int64(float64(s.sent) / took.Seconds()))
	}
	s.sent, s.took = 0, 0
}

// counter counts what goes onto the wire, and how long that takes.
type counter struct{ s *sender }

// Write writes p as data frames.
func (c counter) Write(p []byte) (int, error) {
	began := time.Now()
	n, err := c.s.q.w.Write(p)
	c.s.took += time.Since(began)
	c.s.sent += int64(n)
	c.s.total += int64(n)
	if c.s.change.Sent != nil {
		c.s.change.Sent(c.s.total, c.s.files)
	}
	return n, err
}
