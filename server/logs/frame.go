package logs

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/towline-dev/towline/server/api"
)

// A frame is a head of fixed length and lines, compressed. All numbers are
// little-endian.
const (
	frameMagic = "TWf2"                // TWf1 knew a pod's name alone
	headLen    = 4 + 4 + 4 + 8 + 4 + 8 // magic, length of the body, sum, first Seq, lines, newest time

	frameLines = 4096     // at most
	frameText  = 1 << 20  // bytes of lines after which a frame is full
	maxBody    = 8 << 20  // compressed
	maxLines   = 64 << 20 // uncompressed; one line may be beyond frameText
)

var errDamaged = errors.New("a damaged frame")

// sums is the table of the sum, which is only read.
var sums = crc32.MakeTable(crc32.Castagnoli)

// head is what is known of a frame without reading its lines.
type head struct {
	body   int
	sum    uint32
	first  uint64
	lines  int
	newest time.Time
}

// last is the Seq of its last line: lines are numbered without gaps.
func (h head) last() uint64 { return h.first + uint64(h.lines) - 1 }

// coder packs lines into frames and unpacks them. It is for one goroutine.
type coder struct {
	zip   *zstd.Encoder
	unzip *zstd.Decoder
	plain []byte
}

func newCoder() (*coder, error) {
	zip, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(256<<10))
	if err != nil {
		return nil, err
	}
	unzip, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxLines), zstd.WithDecoderLowmem(true))
	return &coder{zip: zip, unzip: unzip}, err
}

func (c *coder) close() { c.unzip.Close() }

// pack appends a frame of some lines, one at least, to out.
func (c *coder) pack(out []byte, lines []api.LogLine) []byte {
	c.plain = c.plain[:0]
	origins := map[origin]uint64{}
	var before, newest time.Time
	for i := range lines {
		l := &lines[i]
		if i == 0 || l.Time.After(newest) {
			newest = l.Time
		}
		c.plain = appendLine(c.plain, l, origins, before)
		before = l.Time
	}
	start := len(out)
	out = append(out, make([]byte, headLen)...)
	out = c.zip.EncodeAll(c.plain, out)
	h := out[start : start+headLen]
	copy(h, frameMagic)
	binary.LittleEndian.PutUint32(h[4:], uint32(len(out)-start-headLen))
	binary.LittleEndian.PutUint64(h[12:], lines[0].Seq)
	binary.LittleEndian.PutUint32(h[20:], uint32(len(lines)))
	binary.LittleEndian.PutUint64(h[24:], uint64(newest.UnixNano()))
	binary.LittleEndian.PutUint32(h[8:], crc32.Checksum(out[start+12:], sums))
	return out
}

func appendLine(out []byte, l *api.LogLine, origins map[origin]uint64, before time.Time) []byte {
	o := originOf(l)
	n, known := origins[o]
	if !known {
		n = uint64(len(origins))
		origins[o] = n
	}
	out = binary.AppendUvarint(out, n)
	if !known {
		for _, text := range [...]string{o.resource, string(o.source), o.place.Namespace, o.place.Pod, o.place.UID, o.place.Container, o.stream} {
			out = appendText(out, text)
		}
	}
	was := int64(0)
	if !before.IsZero() {
		was = before.UnixNano()
	}
	out = binary.AppendVarint(out, l.Time.UnixNano()-was)
	back := uint64(0)
	if l.Head != 0 {
		back = l.Seq - l.Head
	}
	out = binary.AppendUvarint(out, back)
	out = binary.AppendUvarint(out, l.Save)
	out = appendText(out, l.Level)
	return appendText(out, l.Text)
}

func appendText(out []byte, text string) []byte {
	return append(binary.AppendUvarint(out, uint64(len(text))), text...)
}

// headOf reads the head that data begins with.
func headOf(data []byte) (head, error) {
	if len(data) < headLen || string(data[:4]) != frameMagic {
		return head{}, errDamaged
	}
	h := head{
		body: int(binary.LittleEndian.Uint32(data[4:])), sum: binary.LittleEndian.Uint32(data[8:]),
		first: binary.LittleEndian.Uint64(data[12:]), lines: int(binary.LittleEndian.Uint32(data[20:])),
		newest: time.Unix(0, int64(binary.LittleEndian.Uint64(data[24:]))),
	}
	if h.body > maxBody || h.lines == 0 || h.lines > frameLines {
		return head{}, errDamaged
	}
	return h, nil
}

// unpack reads the frame that data begins with. Its sum was not looked at yet.
func (c *coder) unpack(h head, data []byte) ([]api.LogLine, error) {
	if len(data) < headLen+h.body || crc32.Checksum(data[12:headLen+h.body], sums) != h.sum {
		return nil, errDamaged
	}
	var err error
	if c.plain, err = c.unzip.DecodeAll(data[headLen:headLen+h.body], c.plain[:0]); err != nil {
		return nil, errDamaged
	}
	r := reader{data: string(c.plain)}
	lines := make([]api.LogLine, 0, h.lines)
	var origins []origin
	was := int64(0)
	for i := range h.lines {
		n := r.uvarint()
		if n == uint64(len(origins)) {
			origins = append(origins, origin{r.text(), api.LogSource(r.text()), Place{r.text(), r.text(), r.text(), r.text()}, r.text()})
		}
		if r.bad || n >= uint64(len(origins)) {
			return nil, errDamaged
		}
		o := origins[n]
		l := api.LogLine{Seq: h.first + uint64(i), Resource: o.resource, Source: o.source, Stream: o.stream}
		l.Namespace, l.Pod, l.UID, l.Container = o.place.Namespace, o.place.Pod, o.place.UID, o.place.Container
		was += r.varint()
		l.Time = time.Unix(0, was)
		if back := r.uvarint(); back != 0 && back < l.Seq {
			l.Head = l.Seq - back
		}
		l.Save, l.Level, l.Text = r.uvarint(), r.text(), r.text()
		lines = append(lines, l)
	}
	if r.bad {
		return nil, errDamaged
	}
	return lines, nil
}

// reader reads what appendLine wrote. Once something was bad, all is zero.
type reader struct {
	data string
	bad  bool
}

func (r *reader) uvarint() uint64 {
	var n uint64
	for i := 0; i < len(r.data) && i < binary.MaxVarintLen64; i++ {
		b := r.data[i]
		n |= uint64(b&0x7f) << (7 * i)
		if b < 0x80 {
			r.data = r.data[i+1:]
			return n
		}
	}
	r.bad, r.data = true, ""
	return 0
}

func (r *reader) varint() int64 {
	n := r.uvarint()
	return int64(n>>1) ^ -int64(n&1)
}

func (r *reader) text() string {
	n := r.uvarint()
	if n > uint64(len(r.data)) {
		r.bad, r.data = true, ""
		return ""
	}
	text := r.data[:n]
	r.data = r.data[n:]
	return text
}

// frames visits the frames of a file's content, past what is damaged, until
// visit returns false.
func frames(data []byte, visit func(head, []byte) bool) {
	for len(data) >= headLen {
		h, err := headOf(data)
		if err == nil && len(data) >= headLen+h.body && crc32.Checksum(data[12:headLen+h.body], sums) == h.sum {
			if !visit(h, data) {
				return
			}
			data = data[headLen+h.body:]
			continue
		}
		next := bytes.Index(data[1:], []byte(frameMagic))
		if next < 0 {
			return
		}
		data = data[1+next:]
	}
}
