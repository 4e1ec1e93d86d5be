package wire_test

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"net"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/towline-dev/towline/agent/wire"
)

func TestFrames(t *testing.T) {
	big := bytes.Repeat([]byte("0123456789"), 100_000)
	want := wire.Transaction{
		Files:   []wire.File{{Path: wire.Path{Root: "/app", Path: "x"}, Size: 3, Hash: wire.Digest{1, 2}}},
		Deletes: []wire.Path{{Root: "/app", Path: "y"}},
		Restart: true,
	}
	var buf bytes.Buffer
	w := wire.NewWriter(&buf)
	must(t, w.Request(wire.MethodApply, want))
	must(t, w.Message(wire.Content{Index: 0, Encoding: wire.EncodingRaw}))
	must(t, w.Data(big))
	must(t, w.End())
	must(t, w.Output(false, []byte("out")))
	must(t, w.Output(true, []byte("err")))
	must(t, w.Message(wire.Exit{Code: 3}))
	must(t, w.Error(&wire.Error{Code: wire.CodeNoSpace, Message: "full"}))
	must(t, w.Flush())

	r := wire.NewReader(&buf)
	if m, err := r.Method(); err != nil || m != wire.MethodApply {
		t.Fatalf("method %q, %v", m, err)
	}
	var got wire.Transaction
	must(t, r.Message(&got))
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("transaction (-want +got):\n%s", diff)
	}
	must(t, r.Message(&wire.Content{}))
	content, err := io.ReadAll(r.Content())
	if err != nil || !bytes.Equal(content, big) {
		t.Errorf("content of %d bytes, %v", len(content), err)
	}
	var exit wire.Exit
	var output strings.Builder
	must(t, r.Result(&exit, func(stderr bool, p []byte) { output.Write(p) }))
	if exit.Code != 3 || output.String() != "outerr" {
		t.Errorf("exit %+v after output %q", exit, output.String())
	}
	var e *wire.Error
	if err := r.Message(&exit); !errors.As(err, &e) || e.Code != wire.CodeNoSpace {
		t.Errorf("got %v, want the error", err)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func frame(kind byte, length uint32, payload string) []byte {
	return append(binary.BigEndian.AppendUint32([]byte{kind}, length), payload...)
}

func TestReaderRefuses(t *testing.T) {
	tests := map[string]struct {
		bytes []byte
		want  error
	}{
		"unknown kind":  {frame('?', 0, ""), wire.ErrProtocol},
		"over limit":    {frame('m', wire.MaxMessage+1, ""), wire.ErrProtocol},
		"not JSON":      {frame('m', 3, "{]}"), wire.ErrProtocol},
		"other kind":    {frame('d', 1, "x"), wire.ErrProtocol},
		"cut in header": {[]byte{'m', 0}, io.ErrUnexpectedEOF},
		"cut payload":   {frame('m', 10, "{"), io.ErrUnexpectedEOF},
		"nothing":       {nil, io.ErrUnexpectedEOF},
	}
	for name, test := range tests {
		if err := wire.NewReader(bytes.NewReader(test.bytes)).Message(&wire.Empty{}); !errors.Is(err, test.want) {
			t.Errorf("%s: got %v, want %v", name, err, test.want)
		}
	}
}

// A content is complete only with its own end mark: the end of the stream
// proves nothing.
func TestContentNeedsItsEnd(t *testing.T) {
	read := func(frames ...[]byte) error {
		_, err := io.ReadAll(wire.NewReader(bytes.NewReader(bytes.Join(frames, nil))).Content())
		return err
	}
	data := frame('d', 2, "hi")
	if err := read(data, frame('.', 0, "")); err != nil {
		t.Errorf("whole content: %v", err)
	}
	if err := read(data); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("stream ended: %v, want ErrUnexpectedEOF", err)
	}
	if err := read(data, frame('!', 3, "why")); !errors.Is(err, wire.ErrAborted) {
		t.Errorf("aborted: %v, want ErrAborted", err)
	}
	if err := read(data, frame('m', 2, "{}")); !errors.Is(err, wire.ErrProtocol) {
		t.Errorf("message inside: %v, want ErrProtocol", err)
	}
}

// A length that is only announced costs no memory.
func TestAnnouncedLengthCostsNothing(t *testing.T) {
	said := frame('m', wire.MaxMessage, "x")
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if err := wire.NewReader(bytes.NewReader(said)).Message(&wire.Empty{}); err == nil {
		t.Fatal("want an error")
	}
	runtime.ReadMemStats(&after)
	if took := after.TotalAlloc - before.TotalAlloc; took > 4<<20 {
		t.Errorf("a header that announces 32 MB made the reader take %d bytes", took)
	}
}

func TestDigestText(t *testing.T) {
	want := wire.Digest{0xab, 31: 0xcd}
	data, err := json.Marshal(want)
	must(t, err)
	var got wire.Digest
	must(t, json.Unmarshal(data, &got))
	if got != want {
		t.Errorf("%s became %s", want, got)
	}
	for _, bad := range []string{`"ab"`, `"zz` + strings.Repeat("0", 62) + `"`, `"` + strings.Repeat("0", 65) + `"`} {
		if err := json.Unmarshal([]byte(bad), &got); err == nil {
			t.Errorf("%s was read as a digest", bad)
		}
	}
}

// The mux joins small writes, splits large ones, and loses nothing.
func TestMuxWrites(t *testing.T) {
	a, b := net.Pipe()
	count := &countWrites{Conn: a}
	daemon, err := wire.Mux(count, false)
	must(t, err)
	agent, err := wire.Mux(b, true)
	must(t, err)
	defer daemon.Close()
	defer agent.Close()
	want := bytes.Repeat([]byte("towline "), 1<<19) // 4 MB
	go func() {
		s, err := daemon.OpenStream()
		if err == nil {
			_, err = s.Write(want)
		}
		if err != nil {
			t.Error(err)
		}
		s.Close()
	}()
	s, err := agent.AcceptStream()
	must(t, err)
	got, err := io.ReadAll(s)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("read %d bytes, %v", len(got), err)
	}
	if count.largest > wire.MaxWrite {
		t.Errorf("a write of %d bytes went out, over the limit of %d", count.largest, wire.MaxWrite)
	}
}

// TestMuxSendsARequestAtOnce: what opens a stream and what is first said on it
// are one write, and what is open and silent holds up no other.
func TestMuxSendsARequestAtOnce(t *testing.T) {
	a, b := net.Pipe()
	count := &countWrites{Conn: a}
	daemon, err := wire.Mux(count, false)
	must(t, err)
	agent, err := wire.Mux(b, true)
	must(t, err)
	defer daemon.Close()
	defer agent.Close()
	open := func() net.Conn {
		s, err := daemon.OpenStream()
		must(t, err)
		return s
	}
	silent, second := open(), open()
	before := count.writes.Load()
	third := open()
	for i, s := range []net.Conn{third, second, silent} {
		_, err := s.Write([]byte("hello"))
		must(t, err)
		if took := count.writes.Load() - before; i == 0 && took != 1 {
			t.Errorf("a new stream and its first words took %d writes, want 1", took)
		}
	}
	for range 3 {
		s, err := agent.AcceptStream()
		must(t, err)
		got := make([]byte, 5)
		if _, err := io.ReadFull(s, got); err != nil || string(got) != "hello" {
			t.Errorf("a stream says %q, %v", got, err)
		}
	}
}

type countWrites struct {
	net.Conn
	largest int
	writes  atomic.Int64
}

func (c *countWrites) Write(p []byte) (int, error) {
	c.writes.Add(1)
	c.largest = max(c.largest, len(p))
	return c.Conn.Write(p)
}

// FuzzReader: any bytes lead to an error or a message, never to a panic or to
// memory beyond what came.
func FuzzReader(f *testing.F) {
	f.Add(frame('q', 5, "apply"))
	f.Add(append(frame('q', 5, "apply"), frame('m', 2, "{}")...))
	f.Add(append(frame('m', 2, "{}"), append(frame('d', 3, "abc"), frame('.', 0, "")...)...))
	f.Add(frame('x', 14, `{"code":"full"}`))
	f.Fuzz(func(t *testing.T, said []byte) {
		r := wire.NewReader(bytes.NewReader(said))
		r.Method()
		var tr wire.Transaction
		r.Message(&tr)
		n, _ := io.Copy(io.Discard, r.Content())
		if n > int64(len(said)) {
			t.Fatalf("%d bytes of content from %d bytes", n, len(said))
		}
		r.Result(&wire.Result{}, func(bool, []byte) {})
	})
}
