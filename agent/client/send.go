package client

import (
	"bytes"
	"fmt"
	"io"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/towline-dev/towline/agent/wire"
)

// smallFile is the size up to which a file is not worth compressing: it
// travels in one packet as it is.
const smallFile = 4 << 10

// fastLink is the speed in bytes per second from which on compressing costs
// more than it saves.
const fastLink = 150 << 20

func newReader(p []byte) io.Reader { return bytes.NewReader(p) }

// sender sends the contents of one change.
type sender struct {
	client *Client
	q      *call
	change *Change
	sent   int64 // bytes on the wire
	files  int64 // bytes of files
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
	encoding := wire.EncodingRaw
	if f.Size > smallFile && s.client.speed.Load() < fastLink {
		encoding = wire.EncodingZstd
	}
	if err := s.q.w.Message(wire.Content{Index: i, Encoding: encoding}); err != nil {
		return err
	}
	if err := s.content(f, encoding); err != nil {
		return s.abort(f, err)
	}
	if err := s.q.w.End(); err != nil {
		return err
	}
	s.files += f.Size
	if s.change.Sent != nil {
		s.change.Sent(s.sent, s.files)
	}
	return nil
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

// measure learns the link's speed from an acknowledged transfer that is long
// enough to tell.
func (s *sender) measure(took time.Duration) {
	if s.sent < 1<<20 || took <= 0 {
		return
	}
	s.client.speed.Store(int64(float64(s.sent) / took.Seconds()))
}

// counter counts what goes onto the wire.
type counter struct{ s *sender }

// Write writes p as data frames.
func (c counter) Write(p []byte) (int, error) {
	c.s.sent += int64(len(p))
	return c.s.q.w.Write(p)
}
