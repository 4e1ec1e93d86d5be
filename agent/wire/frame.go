package wire

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// A frame is one byte of kind, four bytes of length (big-endian), the payload.
const (
	kindMethod  byte = 'q' // the name of a request's method
	kindMessage byte = 'm' // JSON
	kindError   byte = 'x' // JSON of an Error, in place of a result
	kindData    byte = 'd' // a piece of a file's content
	kindEnd     byte = '.' // the content is complete
	kindAbort   byte = '!' // the content is not to be had, the payload says why
	kindStdout  byte = 'o' // output of a command
	kindStderr  byte = 'e'
)

const frameHeader = 5

// limitOf returns how long a frame of the kind may be, or -1 for an unknown kind.
func limitOf(kind byte) int {
	switch kind {
	case kindMethod:
		return MaxMethod
	case kindMessage:
		return MaxMessage
	case kindData, kindStdout, kindStderr:
		return MaxData
	case kindError, kindAbort:
		return 64 << 10
	case kindEnd:
		return 0
	}
	return -1
}

// ErrProtocol is wrapped by errors about bytes that break the protocol.
var ErrProtocol = errors.New("the agent protocol is broken")

// ErrAborted is wrapped by the error of a content that its sender cut short.
var ErrAborted = errors.New("the content was cut short by its sender")

// Writer writes frames. It buffers: Flush before waiting for an answer. It is
// for one goroutine.
type Writer struct {
	w    *bufio.Writer
	head [frameHeader]byte
}

// NewWriter returns a Writer onto w.
func NewWriter(w io.Writer) *Writer {
	return &Writer{w: bufio.NewWriterSize(w, 64<<10)}
}

func (w *Writer) frame(kind byte, payload []byte) error {
	if len(payload) > limitOf(kind) {
		return fmt.Errorf("%w: a %q frame of %d bytes is over the limit of %d", ErrProtocol, kind, len(payload), limitOf(kind))
	}
	w.head[0] = kind
	binary.BigEndian.PutUint32(w.head[1:], uint32(len(payload)))
	if _, err := w.w.Write(w.head[:]); err != nil {
		return err
	}
	_, err := w.w.Write(payload)
	return err
}

// Request begins a request: its method and its parameters.
func (w *Writer) Request(m Method, params any) error {
	if err := w.frame(kindMethod, []byte(m)); err != nil {
		return err
	}
	return w.Message(params)
}

// Message writes v as JSON.
func (w *Writer) Message(v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encoding %T: %w", v, err)
	}
	return w.frame(kindMessage, data)
}

// Error writes err in place of a result.
func (w *Writer) Error(err *Error) error {
	short := *err
	if len(short.Message) > 16<<10 {
		short.Message = short.Message[:16<<10] + "…"
	}
	data, e := json.Marshal(&short)
	if e != nil {
		return e
	}
	return w.frame(kindError, data)
}

// Data writes a piece of content of any length, as as many frames as it needs.
func (w *Writer) Data(p []byte) error {
	for len(p) > 0 {
		n := min(len(p), MaxData)
		if err := w.frame(kindData, p[:n]); err != nil {
			return err
		}
		p = p[n:]
	}
	return nil
}

// Write is Data as an io.Writer.
func (w *Writer) Write(p []byte) (int, error) {
	if err := w.Data(p); err != nil {
		return 0, err
	}
	return len(p), nil
}

// End marks the end of a content.
func (w *Writer) End() error { return w.frame(kindEnd, nil) }

// Abort says that the content cannot be completed, and why.
func (w *Writer) Abort(reason string) error {
	return w.frame(kindAbort, []byte(reason[:min(len(reason), 1024)]))
}

// Output writes a piece of a command's output.
func (w *Writer) Output(stderr bool, p []byte) error {
	kind := kindStdout
	if stderr {
		kind = kindStderr
	}
	for len(p) > 0 {
		n := min(len(p), MaxData)
		if err := w.frame(kind, p[:n]); err != nil {
			return err
		}
		p = p[n:]
	}
	return nil
}

// Flush sends what is buffered.
func (w *Writer) Flush() error { return w.w.Flush() }

// Reader reads frames. It is for one goroutine.
type Reader struct {
	r   *bufio.Reader
	buf []byte
}

// NewReader returns a Reader of r.
func NewReader(r io.Reader) *Reader {
	return &Reader{r: bufio.NewReaderSize(r, 64<<10)}
}

// Raw returns what follows the frames read so far, for streams that go on with
// raw bytes.
func (r *Reader) Raw() io.Reader { return r.r }

// next reads one frame. The payload is valid until the next call.
func (r *Reader) next() (byte, []byte, error) {
	var head [frameHeader]byte
	if _, err := io.ReadFull(r.r, head[:]); err != nil {
		return 0, nil, err
	}
	kind, n := head[0], binary.BigEndian.Uint32(head[1:])
	limit := limitOf(kind)
	if limit < 0 {
		return 0, nil, fmt.Errorf("%w: unknown frame 0x%02x", ErrProtocol, kind)
	}
	if uint64(n) > uint64(limit) {
		return 0, nil, fmt.Errorf("%w: a %q frame of %d bytes is over the limit of %d", ErrProtocol, kind, n, limit)
	}
	payload, err := r.payload(int(n))
	if err != nil {
		return 0, nil, err
	}
	return kind, payload, nil
}

// payload reads n bytes, and takes memory only as they arrive: a length alone
// costs nothing.
func (r *Reader) payload(n int) ([]byte, error) {
	buf := r.buf[:0]
	for len(buf) < n {
		step := min(n-len(buf), MaxData)
		if cap(buf)-len(buf) < step {
			buf = append(buf, make([]byte, step)...)[:len(buf)]
		}
		if _, err := io.ReadFull(r.r, buf[len(buf):len(buf)+step]); err != nil {
			return nil, noEOF(err)
		}
		buf = buf[:len(buf)+step]
	}
	if cap(buf) <= 1<<20 {
		r.buf = buf
	}
	return buf, nil
}

func noEOF(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// Method reads the method of a request.
func (r *Reader) Method() (Method, error) {
	kind, payload, err := r.next()
	if err != nil {
		return "", err
	}
	if kind != kindMethod {
		return "", fmt.Errorf("%w: want a method, got a %q frame", ErrProtocol, kind)
	}
	return Method(payload), nil
}

// Message reads a JSON message into v. An error frame is returned as *Error.
func (r *Reader) Message(v any) error { return r.Result(v, nil) }

// Result reads output frames, handing each to output, up to the JSON message
// that it decodes into v. An error frame is returned as *Error. A nil output
// allows no output frames.
func (r *Reader) Result(v any, output func(stderr bool, p []byte)) error {
	for {
		kind, payload, err := r.next()
		if err != nil {
			return noEOF(err)
		}
		switch {
		case kind == kindMessage:
			if err := json.Unmarshal(payload, v); err != nil {
				return fmt.Errorf("%w: decoding %T: %w", ErrProtocol, v, err)
			}
			return nil
		case kind == kindError:
			var e Error
			if err := json.Unmarshal(payload, &e); err != nil {
				return fmt.Errorf("%w: decoding an error: %w", ErrProtocol, err)
			}
			return &e
		case output != nil && (kind == kindStdout || kind == kindStderr):
			output(kind == kindStderr, payload)
		default:
			return fmt.Errorf("%w: want a message, got a %q frame", ErrProtocol, kind)
		}
	}
}

// Content returns the reader of one file's content: the data frames up to the
// end frame. It must be read to its end, with Drain at least, before the next
// frame is.
func (r *Reader) Content() *ContentReader { return &ContentReader{r: r} }

// ContentReader reads the data frames of one content.
type ContentReader struct {
	r    *Reader
	rest []byte
	err  error
}

// Read reads from the content. It returns io.EOF only after the sender's own
// end mark.
func (c *ContentReader) Read(p []byte) (int, error) {
	for len(c.rest) == 0 {
		if c.err != nil {
			return 0, c.err
		}
		kind, payload, err := c.r.next()
		switch {
		case err != nil:
			c.err = noEOF(err)
		case kind == kindData:
			c.rest = payload
		case kind == kindEnd:
			c.err = io.EOF
		case kind == kindAbort:
			c.err = fmt.Errorf("%w: %s", ErrAborted, payload)
		default:
			c.err = fmt.Errorf("%w: want data, got a %q frame", ErrProtocol, kind)
		}
	}
	n := copy(p, c.rest)
	c.rest = c.rest[n:]
	return n, nil
}

// Drain reads what is left of the content and returns nil when it ended
// properly.
func (c *ContentReader) Drain() error {
	c.rest = nil
	_, err := io.Copy(io.Discard, c)
	return err
}
