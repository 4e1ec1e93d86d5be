package delta

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"
)

// chunk is how much is held in memory of the old and the new file.
const chunk = 64 << 10

// Apply writes the new file that the patch makes out of the old one to dst. It
// holds no more than the patch and a few pieces of chunk bytes in memory, and
// writes at most limit bytes.
func Apply(dst io.Writer, old io.ReaderAt, oldSize int64, patch []byte, limit int64) error {
	p, err := parse(patch, limit)
	if err != nil {
		return err
	}
	defer p.close()
	return p.run(dst, old, oldSize)
}

// patcher is a patch on its way.
type patcher struct {
	size                int64 // of the new file
	ops, diffs, literal *zstd.Decoder
}

// parse opens the sections.
func parse(patch []byte, limit int64) (*patcher, error) {
	rest, ok := bytes.CutPrefix(patch, []byte(magic))
	if !ok {
		return nil, fmt.Errorf("%w: wrong magic", ErrCorrupt)
	}
	size, n := binary.Uvarint(rest)
	if n <= 0 || size > uint64(limit) {
		return nil, fmt.Errorf("%w: a new file of %d bytes, at most %d are allowed", ErrCorrupt, size, limit)
	}
	rest = rest[n:]
	p := &patcher{size: int64(size)}
	for _, section := range []**zstd.Decoder{&p.ops, &p.diffs, &p.literal} {
		length, n := binary.Uvarint(rest)
		if n <= 0 || length > uint64(len(rest)-n) {
			p.close()
			return nil, fmt.Errorf("%w: a section is cut", ErrCorrupt)
		}
		d, err := zstd.NewReader(bytes.NewReader(rest[n:n+int(length)]),
			zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(8<<20))
		if err != nil {
			p.close()
			return nil, fmt.Errorf("%w: %w", ErrCorrupt, err)
		}
		*section = d
		rest = rest[n+int(length):]
	}
	return p, nil
}

func (p *patcher) close() {
	for _, d := range []*zstd.Decoder{p.ops, p.diffs, p.literal} {
		if d != nil {
			d.Close()
		}
	}
}

// run performs the operations.
func (p *patcher) run(dst io.Writer, old io.ReaderAt, oldSize int64) error {
	ops := bufio.NewReaderSize(p.ops, 4096)
	buf, diff := make([]byte, chunk), make([]byte, chunk)
	var done, at int64
	for done < p.size {
		literal, err1 := binary.ReadUvarint(ops)
		n, err2 := binary.ReadUvarint(ops)
		left := uint64(p.size - done)
		if err1 != nil || err2 != nil || literal > left || n > left-literal || literal+n == 0 {
			return fmt.Errorf("%w: an operation at byte %d of the new file", ErrCorrupt, done)
		}
		if err := p.literals(dst, int64(literal), buf); err != nil {
			return err
		}
		if n > 0 {
			distance, err := binary.ReadVarint(ops)
			at += distance
			if err != nil || at < 0 || at > oldSize || int64(n) > oldSize-at {
				return fmt.Errorf("%w: a copy from outside of the old file", ErrCorrupt)
			}
			if err := p.copy(dst, old, at, int64(n), buf, diff); err != nil {
				return err
			}
			at += int64(n)
		}
		done += int64(literal + n)
	}
	return nil
}

// literals writes n literal bytes.
func (p *patcher) literals(dst io.Writer, n int64, buf []byte) error {
	for n > 0 {
		piece := buf[:min(n, chunk)]
		if _, err := io.ReadFull(p.literal, piece); err != nil {
			return fmt.Errorf("%w: literals: %w", ErrCorrupt, err)
		}
		if _, err := dst.Write(piece); err != nil {
			return err
		}
		n -= int64(len(piece))
	}
	return nil
}

// copy writes n bytes of the old file with their differences.
func (p *patcher) copy(dst io.Writer, old io.ReaderAt, at, n int64, buf, diff []byte) error {
	for n > 0 {
		piece := buf[:min(n, chunk)]
		if _, err := old.ReadAt(piece, at); err != nil && err != io.EOF {
			return fmt.Errorf("reading the old file: %w", err)
		}
		if _, err := io.ReadFull(p.diffs, diff[:len(piece)]); err != nil {
			return fmt.Errorf("%w: differences: %w", ErrCorrupt, err)
		}
		addDiff(piece, diff[:len(piece)])
		if _, err := dst.Write(piece); err != nil {
			return err
		}
		at += int64(len(piece))
		n -= int64(len(piece))
	}
	return nil
}
