package docker

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
)

// stream is a command's stdin and stdout. What comes is divided into frames: a
// head of eight bytes, whose first says which of the command's streams it is of
// and whose last four its length, and the text. One goroutine may read and another
// write.
type stream struct {
	conn  io.ReadWriteCloser
	in    io.Reader
	ended func(said string) error // why it did

	left uint32 // of the frame of stdout that is being read
	said tail   // on stderr
}

// maxSaid bounds what is kept of a command's stderr, in bytes.
const maxSaid = 2048

const (
	frameStdout = 1
	frameStderr = 2
)

// Read reads from the command's stdout.
func (s *stream) Read(p []byte) (int, error) {
	for s.left == 0 {
		if err := s.next(); err != nil {
			return 0, err
		}
	}
	n, err := s.in.Read(p[:min(uint64(len(p)), uint64(s.left))])
	s.left -= uint32(n)
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// next reads the head of a frame of stdout, and what comes before it on stderr.
func (s *stream) next() error {
	var head [8]byte
	if _, err := io.ReadFull(s.in, head[:]); err != nil {
		if errors.Is(err, io.EOF) {
			return s.ended(strings.TrimSpace(string(s.said.kept)))
		}
		return err
	}
	size := binary.BigEndian.Uint32(head[4:])
	switch head[0] {
	case frameStdout:
		s.left = size
		return nil
	case frameStderr:
		_, err := io.CopyN(&s.said, s.in, int64(size))
		return err
	}
	return fmt.Errorf("docker's stream is not divided as it should be: %q", head[:])
}

// tail keeps the end of what is written to it.
type tail struct{ kept []byte }

// Write never fails.
func (t *tail) Write(p []byte) (int, error) {
	t.kept = append(t.kept, p...)
	if extra := len(t.kept) - maxSaid; extra > 0 {
		t.kept = bytes.Clone(t.kept[extra:])
	}
	return len(p), nil
}

// Write writes to the command's stdin.
func (s *stream) Write(p []byte) (int, error) { return s.conn.Write(p) }

// Close ends the command's stdin, and the stream.
func (s *stream) Close() error { return s.conn.Close() }
