package message

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// The limits of what is accepted, in bytes: of a header, of what a debugger
// sends, and of what an editor does.
const (
	MaxHeader  = 4 << 10
	MaxMessage = 64 << 20
	MaxRequest = 4 << 20
)

// ErrFraming is wrapped by errors after which the stream is out of step and
// must be closed.
var ErrFraming = errors.New("broken DAP framing")

// chunk is how much is allocated on the word of a length that nobody checked.
const chunk = 64 << 10

// Read reads the next message. The error is io.EOF at a clean end, wraps
// ErrMalformed when the next message can still be read, and is final otherwise.
func Read(r *bufio.Reader) (Message, error) { return read(r, MaxMessage) }

// ReadRequest is Read for what an editor sends.
func ReadRequest(r *bufio.Reader) (Message, error) { return read(r, MaxRequest) }

func read(r *bufio.Reader, limit int) (Message, error) {
	length, err := readHeader(r, limit)
	if err != nil {
		return Message{}, err
	}
	var body bytes.Buffer
	body.Grow(min(length, chunk))
	if _, err := io.CopyN(&body, r, int64(length)); err != nil {
		return Message{}, fmt.Errorf("reading a DAP message of %d bytes: %w", length, unexpected(err))
	}
	return Decode(body.Bytes())
}

// readHeader reads the header fields and returns the content's length. Only the
// fields of the protocol are allowed: a web page can have a browser send a
// request to a port of this machine, whose body would else be carried out, and
// HTTP does not get along without lines of its own.
func readHeader(r *bufio.Reader, limit int) (int, error) {
	length, size := -1, 0
	for {
		line, err := readLine(r, MaxHeader-size)
		if err != nil {
			if size == 0 && line == "" && errors.Is(err, io.EOF) {
				return 0, io.EOF
			}
			return 0, fmt.Errorf("reading a DAP header: %w", unexpected(err))
		}
		size += len(line) + 2
		if line == "" {
			break
		}
		name, value, ok := strings.Cut(line, ":")
		if !ok {
			return 0, fmt.Errorf("%w: header line %.60q", ErrFraming, line)
		}
		if strings.EqualFold(name, "Content-Type") {
			continue
		}
		if !strings.EqualFold(name, "Content-Length") || length >= 0 {
			return 0, fmt.Errorf("%w: header line %.60q", ErrFraming, line)
		}
		n, err := strconv.ParseUint(strings.TrimSpace(value), 10, 31)
		if err != nil || n > uint64(limit) {
			return 0, fmt.Errorf("%w: content length %.40q (at most %d)", ErrFraming, value, limit)
		}
		length = int(n)
	}
	if length < 0 {
		return 0, fmt.Errorf("%w: no Content-Length", ErrFraming)
	}
	return length, nil
}

// readLine reads a line of at most limit bytes, without its end.
func readLine(r *bufio.Reader, limit int) (string, error) {
	var line []byte
	for {
		b, err := r.ReadByte()
		if err != nil {
			return string(line), err
		}
		if b == '\n' {
			return string(bytes.TrimSuffix(line, []byte("\r"))), nil
		}
		if len(line) >= limit {
			return "", fmt.Errorf("%w: header of more than %d bytes", ErrFraming, MaxHeader)
		}
		line = append(line, b)
	}
}

// unexpected turns the end of a stream within a message into an error of its
// own.
func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// Write writes a message in one call.
func Write(w io.Writer, m Message) error {
	raw := m.Bytes()
	frame := make([]byte, 0, len(raw)+32)
	frame = fmt.Appendf(frame, "Content-Length: %d\r\n\r\n", len(raw))
	_, err := w.Write(append(frame, raw...))
	return err
}
