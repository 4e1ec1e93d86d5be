// Package delta makes and applies binary patches between two versions of a
// file. It is pure: bytes in, bytes out.
//
// # Why not block hashes
//
// When a line of a Go program changes, the linker shifts everything behind it,
// and addresses change throughout: a tenth to a third of the bytes of the
// binary are other bytes, spread over all of it. Methods that look for equal
// blocks, as rsync and content-defined chunking do, find few. But the new
// bytes lie in long stretches beside the old ones, and differ from them by
// small and regular amounts. So a patch copies such stretches *approximately*
// and adds the bytewise difference, which is mostly zeros and compresses to
// almost nothing.
//
// # How stretches are found
//
// Index keeps a hash of each aligned block of blockSize bytes of the old file.
// Diff rolls a hash of the same width over the new file; where it hits a block
// that is really equal, a stretch begins: its diagonal, the distance between
// old and new position, is followed forward as long as half of the next
// windowSize bytes agree. Where it ends, the diagonal is kept in mind and
// tried first, since most stretches resume after a few inserted bytes.
//
// # The format
//
// A patch is the magic, the length of the new file, and three sections, each
// a length and so many bytes of zstd: the operations, the differences, the
// literals. An operation is three varints: how many literal bytes come first;
// how many bytes are copied after them; and, if any are, the signed distance of
// their old position from the end of the copy before. Lengths are unsigned.
package delta

import (
	"encoding/binary"
	"errors"
	"math/bits"

	"github.com/klauspost/compress/zstd"
)

// ErrCorrupt is wrapped by errors about patches that are not well-formed, or
// not for this old file.
var ErrCorrupt = errors.New("the patch is not well-formed")

const (
	magic      = "TWD1"
	blockSize  = 32
	windowSize = 64
)

// MaxSize is the size in bytes up to which files can be indexed.
const MaxSize = 1 << 31

// Index is an old file, prepared for Diff. It may be used concurrently.
type Index struct {
	old   []byte
	table []uint32 // hash to 1 + number of block, 0 for none
	shift uint
}

// NewIndex prepares an old file, of at most MaxSize bytes, which must not
// change while the Index is in use.
func NewIndex(old []byte) *Index {
	blocks := len(old) / blockSize
	bits := uint(4)
	for 1<<bits < 2*blocks {
		bits++
	}
	ix := &Index{old: old, table: make([]uint32, 1<<bits), shift: 32 - bits}
	for b := range blocks {
		slot := &ix.table[ix.slot(hashOf(old[b*blockSize:]))]
		if *slot == 0 { // the first of equal blocks: padding is full of them
			*slot = uint32(b) + 1
		}
	}
	return ix
}

// The rolling hash is a polynomial in base, modulo 2^32, mixed by a
// multiplication when it is looked up.
const base = 0x08104225

var baseToBlock = func() uint32 { // base^blockSize
	p := uint32(1)
	for range blockSize {
		p *= base
	}
	return p
}()

func hashOf(p []byte) uint32 {
	h := uint32(0)
	for _, c := range p[:blockSize] {
		h = h*base + uint32(c) + 1
	}
	return h
}

func roll(h uint32, out, in byte) uint32 {
	return h*base + uint32(in) + 1 - (uint32(out)+1)*baseToBlock
}

func (ix *Index) slot(h uint32) uint32 { return (h * 0x9e3779b1) >> ix.shift }

// find returns the position of a block of the old file that is equal to the
// start of p, whose hash is h, or -1.
func (ix *Index) find(h uint32, p []byte) int {
	b := ix.table[ix.slot(h)]
	if b == 0 {
		return -1
	}
	at := int(b-1) * blockSize
	if string(ix.old[at:at+blockSize]) != string(p[:blockSize]) {
		return -1
	}
	return at
}

// Diff returns a patch that makes new out of the old file.
func (ix *Index) Diff(new []byte) []byte {
	w := &writer{old: ix.old, new: new, diffs: make([]byte, 0, len(new))}
	ix.scan(w)
	return w.patch()
}

// scan finds the stretches.
func (ix *Index) scan(w *writer) {
	old, new := ix.old, w.new
	diagonal := 0 // old position minus new position
	hash, hashed := uint32(0), -1
	for i := 0; i < len(new); {
		from := -1
		if j := i + diagonal; j >= 0 && starts(old, new, j, i) {
			from = j
		} else if i+blockSize <= len(new) {
			if hashed == i-1 && i > 0 {
				hash = roll(hash, new[i-1], new[i+blockSize-1])
			} else {
				hash = hashOf(new[i:])
			}
			hashed = i
			from = ix.find(hash, new[i:])
		}
		if from < 0 {
			i++
			continue
		}
		diagonal = from - i
		back := backward(old[:from], new[w.done:i])
		n := back + forward(old[from:], new[i:])
		w.stretch(i-back, from-back, n)
		i = w.done
	}
	w.literals(len(new))
}

// starts reports whether a stretch starts at old[j] and new[i]: half of the
// next window agrees, and of it the first byte.
func starts(old, new []byte, j, i int) bool {
	return j+windowSize <= len(old) && i+windowSize <= len(new) && old[j] == new[i] &&
		agreeing(old[j:], new[i:]) >= windowSize/2
}

func word(p []byte) uint64 { return binary.LittleEndian.Uint64(p) }

// backward returns how many bytes agree at the ends.
func backward(old, new []byte) int {
	n := 0
	for n < len(old) && n < len(new) && old[len(old)-1-n] == new[len(new)-1-n] {
		n++
	}
	return n
}

// forward returns how far a stretch goes: whole windows of which half agree,
// then the bytes that do, without disagreeing ones at the end.
func forward(old, new []byte) int {
	limit := min(len(old), len(new))
	n := 0
	for n+windowSize <= limit && agreeing(old[n:], new[n:]) >= windowSize/2 {
		n += windowSize
	}
	for n < limit && old[n] == new[n] {
		n++
	}
	for n > 0 && old[n-1] != new[n-1] {
		n--
	}
	return n
}

const (
	lows  = 0x7f7f7f7f7f7f7f7f
	highs = 0x8080808080808080
)

// agreeing counts the equal bytes of a window, eight at a time.
func agreeing(old, new []byte) int {
	n := 0
	for k := 0; k < windowSize; k += 8 {
		x := word(old[k:]) ^ word(new[k:])
		n += bits.OnesCount64(^((x&lows + lows) | x | lows))
	}
	return n
}

// writer gathers a patch.
type writer struct {
	old, new              []byte
	done                  int // how much of new is covered
	copied                int // where the last copy ended in old
	ops, diffs, literally []byte
}

// literals covers new up to the position with literal bytes.
func (w *writer) literals(to int) {
	if to > w.done {
		w.op(to-w.done, 0)
		w.literally = append(w.literally, w.new[w.done:to]...)
		w.done = to
	}
}

func (w *writer) op(literal, n int) {
	w.ops = binary.AppendUvarint(w.ops, uint64(literal))
	w.ops = binary.AppendUvarint(w.ops, uint64(n))
}

// stretch covers new up to at+n: literals up to at, then a copy of n bytes
// from the old position.
func (w *writer) stretch(at, from, n int) {
	w.op(at-w.done, n)
	w.literally = append(w.literally, w.new[w.done:at]...)
	w.ops = binary.AppendVarint(w.ops, int64(from-w.copied))
	w.diffs = appendDiff(w.diffs, w.old[from:from+n], w.new[at:at+n])
	w.done, w.copied = at+n, from+n
}

// patch puts the patch together.
func (w *writer) patch() []byte {
	enc, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1))
	if err != nil {
		panic(err) // the options are constants
	}
	out := binary.AppendUvarint([]byte(magic), uint64(len(w.new)))
	for _, section := range [][]byte{w.ops, w.diffs, w.literally} {
		packed := enc.EncodeAll(section, nil)
		out = binary.AppendUvarint(out, uint64(len(packed)))
		out = append(out, packed...)
	}
	return out
}
