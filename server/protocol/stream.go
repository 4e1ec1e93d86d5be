package protocol

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"

	"go.lsp.dev/jsonrpc2"
	lsp "go.lsp.dev/protocol"
)

const (
	// DefaultLimit is the longest message in bytes that is read unless Options
	// say otherwise: room for a document of many megabytes, escaped.
	DefaultLimit = 64 << 20

	headerLimit = 4 << 10 // of one header line
	keepBuffer  = 1 << 20 // a larger read or write buffer is not kept
)

// stream frames messages as LSP's base protocol does. Unlike the library's
// own, it survives a message that is too long, no JSON or no object: such a
// message is answered with an error and skipped. Only a broken header ends it,
// since after that nothing says where the next message starts.
//
// ReadFrame and WriteFrame are what the library looks for to read frames
// without copying them.
type stream struct {
	rwc   io.ReadWriteCloser
	in    *bufio.Reader
	limit int
	rbuf  []byte

	writeMu sync.Mutex
	wbuf    []byte
}

func newStream(rwc io.ReadWriteCloser, limit int) *stream {
	return &stream{rwc: rwc, in: bufio.NewReaderSize(rwc, headerLimit), limit: limit}
}

// Read implements jsonrpc2.Stream.
func (s *stream) Read(ctx context.Context) (jsonrpc2.Message, int64, error) {
	body, n, err := s.ReadFrame(ctx)
	if err != nil {
		return nil, 0, err
	}
	msg, err := jsonrpc2.DecodeMessage(body)
	return msg, n, err
}

// ReadFrame returns the body of the next message, which is valid until the
// next call.
func (s *stream) ReadFrame(ctx context.Context) ([]byte, int64, error) {
	for {
		if err := ctx.Err(); err != nil {
			return nil, 0, err
		}
		length, err := s.readHeader()
		if err != nil {
			return nil, 0, err
		}
		if length > s.limit {
			if _, err := io.CopyN(io.Discard, s.in, int64(length)); err != nil {
				return nil, 0, truncated(err)
			}
			s.refuse(ctx, jsonrpc2.InvalidRequest,
				fmt.Sprintf("the message has %d bytes; the limit is %d", length, s.limit))
			continue
		}
		body, err := s.readBody(length)
		if err != nil {
			return nil, 0, err
		}
		if code, problem := refusal(body); problem != "" {
			s.refuse(ctx, code, problem)
			continue
		}
		return body, int64(length), nil
	}
}

// refusal says why a message cannot be taken, "" when it can.
func refusal(body []byte) (jsonrpc2.Code, string) {
	if trimmed := bytes.TrimLeft(body, " \t\r\n"); len(trimmed) > 0 && trimmed[0] == '[' {
		return jsonrpc2.InvalidRequest, "the language server protocol has no batches"
	}
	if _, err := jsonrpc2.DecodeMessage(body); err != nil {
		return jsonrpc2.ParseError, err.Error()
	}
	return 0, ""
}

// refuse answers a message whose id is not known.
func (s *stream) refuse(ctx context.Context, code jsonrpc2.Code, problem string) {
	// A write that fails shows again at the next write of the connection.
	_, _ = s.Write(ctx, jsonrpc2.NewResponse(jsonrpc2.ID{}, nil, jsonrpc2.NewError(code, problem)))
}

// readHeader returns the announced length of the next message.
func (s *stream) readHeader() (int, error) {
	length := -1
	for first := true; ; first = false {
		raw, err := s.in.ReadSlice('\n')
		switch {
		case errors.Is(err, io.EOF) && first && len(raw) == 0:
			return 0, io.EOF
		case errors.Is(err, bufio.ErrBufferFull):
			return 0, fmt.Errorf("reading a message's header: a line is longer than %d bytes", headerLimit)
		case err != nil:
			return 0, truncated(err)
		}
		line := strings.TrimRight(string(raw), "\r\n")
		if line == "" {
			break
		}
		name, value, ok := strings.Cut(line, ":")
		if !ok {
			return 0, fmt.Errorf("reading a message's header: %q has no colon", line)
		}
		if !strings.EqualFold(name, "content-length") {
			continue
		}
		length, err = strconv.Atoi(strings.TrimSpace(value))
		if err != nil || length < 0 {
			return 0, fmt.Errorf("reading a message's header: %q is no length", line)
		}
	}
	if length < 0 {
		return 0, errors.New("reading a message's header: no Content-Length")
	}
	return length, nil
}

func (s *stream) readBody(length int) ([]byte, error) {
	switch {
	case cap(s.rbuf) < length:
		s.rbuf = make([]byte, length)
	case cap(s.rbuf) > keepBuffer && length <= keepBuffer:
		s.rbuf = make([]byte, length, keepBuffer)
	}
	body := s.rbuf[:length]
	if _, err := io.ReadFull(s.in, body); err != nil {
		return nil, truncated(err)
	}
	return body, nil
}

// Write implements jsonrpc2.Stream.
func (s *stream) Write(ctx context.Context, msg jsonrpc2.Message) (int64, error) {
	n, err := s.write(ctx, func(dst []byte) []byte { return jsonrpc2.AppendMessage(dst, msg) })
	if sent, ok := ctx.Value(sentKey{}).(chan<- lsp.ProgressToken); ok && err == nil {
		var call lsp.CancelParams // of a call it is the id alone
		if err := lsp.Unmarshal(jsonrpc2.AppendMessage(nil, msg), &call); err == nil {
			sent <- call.ID
		}
	}
	return n, err
}

// sentKey is where a context has who wants to know a call's id as soon as it is
// sent; the library says it with the answer.
type sentKey struct{}

func noting(ctx context.Context, sent chan<- lsp.ProgressToken) context.Context {
	return context.WithValue(ctx, sentKey{}, sent)
}

// WriteFrame writes an encoded message.
func (s *stream) WriteFrame(ctx context.Context, data []byte) (int64, error) {
	return s.write(ctx, func(dst []byte) []byte { return append(dst, data...) })
}

// write frames what body appends, as one write to the connection.
func (s *stream) write(ctx context.Context, body func([]byte) []byte) (int64, error) {
	s.writeMu.Lock()
	defer s.writeMu.Unlock()
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	const reserve = len("Content-Length: ") + 20 + len("\r\n\r\n")
	buf := body(append(s.wbuf[:0], make([]byte, reserve)...))
	header := fmt.Appendf(nil, "Content-Length: %d\r\n\r\n", len(buf)-reserve)
	frame := buf[reserve-len(header):]
	copy(frame, header)
	if s.wbuf = buf; cap(buf) > keepBuffer {
		s.wbuf = nil
	}
	n, err := s.rwc.Write(frame)
	return int64(n), err
}

// Close implements jsonrpc2.Stream.
func (s *stream) Close() error { return s.rwc.Close() }

// truncated names the end of the stream inside a message for what it is.
func truncated(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
