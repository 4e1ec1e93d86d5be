package protocol_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/towline-dev/towline/server/protocol"
	"github.com/towline-dev/towline/server/protocol/editortest"
)

// note is the parameter of the methods below.
type note struct {
	Text string `json:"text"`
}

// log is a text that several goroutines may write.
type log struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// serve serves methods over a pipe until the test ends.
func serve(t *testing.T, limit int, methods map[string]protocol.Method) (*editortest.Editor, *log) {
	t.Helper()
	ours, theirs := net.Pipe()
	out := &log{}
	conn := protocol.NewConn(theirs, protocol.Options{Log: slog.New(slog.NewTextHandler(out, nil)), Limit: limit})
	ended := make(chan error, 1)
	go func() {
		ended <- conn.Serve(t.Context(), func(method string) (protocol.Method, error) {
			m, ok := methods[method]
			if !ok {
				return m, protocol.Errorf(-32601, "no method %s", method)
			}
			return m, nil
		})
	}()
	e := editortest.NewUnchecked(ours)
	t.Cleanup(func() {
		e.Close()
		if err := <-ended; err != nil {
			t.Errorf("serving: %v", err)
		}
	})
	return e, out
}

func deadline(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func TestBeginSeesWhatCameBefore(t *testing.T) {
	var text string // owned by the reader
	e, _ := serve(t, 0, map[string]protocol.Method{
		"set": {Ordered: protocol.Decode(func(_ context.Context, n *note) (any, error) {
			text = n.Text
			return nil, nil
		})},
		"get": {Begin: func() protocol.Handler {
			snapshot := text
			return func(context.Context, []byte) (any, error) { return snapshot, nil }
		}},
	})
	for i := range 200 {
		want := fmt.Sprint(i)
		if err := e.Notify("set", note{Text: want}); err != nil {
			t.Fatal(err)
		}
		_, first, err := e.Begin("get", nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := e.Notify("set", note{Text: "later"}); err != nil {
			t.Fatal(err)
		}
		if got := (<-first).Result(); got != fmt.Sprintf("%q", want) {
			t.Fatalf("the request saw %s, want %q", got, want)
		}
	}
}

func TestSlowRequestHoldsNothingUp(t *testing.T) {
	release := make(chan struct{})
	e, _ := serve(t, 0, map[string]protocol.Method{
		"slow": {Begin: func() protocol.Handler {
			return func(ctx context.Context, _ []byte) (any, error) { <-release; return 1, nil }
		}},
		"quick": {Begin: func() protocol.Handler {
			return func(context.Context, []byte) (any, error) { return 2, nil }
		}},
	})
	_, slow, err := e.Begin("slow", nil)
	if err != nil {
		t.Fatal(err)
	}
	var got int
	if err := e.Call(deadline(t), "quick", nil, &got); err != nil || got != 2 {
		t.Fatalf("quick answered %d, %v", got, err)
	}
	close(release)
	if got := (<-slow).Result(); got != "1" {
		t.Errorf("slow answered %s", got)
	}
}

func TestCancel(t *testing.T) {
	e, _ := serve(t, 0, map[string]protocol.Method{
		"wait": {Begin: func() protocol.Handler {
			return func(ctx context.Context, _ []byte) (any, error) { <-ctx.Done(); return nil, ctx.Err() }
		}},
	})
	id, answer, err := e.Begin("wait", nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Raw(editortest.Frame([]byte(`{"jsonrpc":"2.0","method":"$/cancelRequest","params":{"id":` + id + `}}`))); err != nil {
		t.Fatal(err)
	}
	wantCode(t, (<-answer).Err(), -32800)
}

func TestConnectionSurvives(t *testing.T) {
	e, out := serve(t, 1000, map[string]protocol.Method{
		"ok": {Begin: func() protocol.Handler {
			return func(context.Context, []byte) (any, error) { return "fine", nil }
		}},
		"panics":  {Ordered: func(context.Context, []byte) (any, error) { panic("here") }},
		"panics2": {Begin: func() protocol.Handler { return func(context.Context, []byte) (any, error) { panic("there") } }},
		"fails":   {Ordered: func(context.Context, []byte) (any, error) { return nil, errors.New("no luck") }},
		"typed":   {Ordered: protocol.Decode(func(_ context.Context, n *note) (any, error) { return n.Text, nil })},
		"odd":     {Ordered: func(context.Context, []byte) (any, error) { return make(chan int), nil }},
	})
	ctx := deadline(t)
	alive := func(after string) {
		t.Helper()
		var got string
		if err := e.Call(ctx, "ok", nil, &got); err != nil || got != "fine" {
			t.Fatalf("after %s: %q, %v", after, got, err)
		}
	}
	for method, code := range map[string]int{"panics": -32603, "panics2": -32603, "fails": -32803, "unknown": -32601, "odd": -32803} {
		wantCode(t, e.Call(ctx, method, nil, nil), code)
		if err := e.Notify(method, nil); err != nil {
			t.Fatal(err)
		}
		alive(method)
	}
	wantCode(t, e.Call(ctx, "typed", []int{1}, nil), -32602)
	alive("params of the wrong type")
	for name, raw := range map[string]string{
		"no JSON":          `{"jsonrpc":"2.0",`,
		"no object":        `7`,
		"a batch":          `[{"jsonrpc":"2.0","id":9,"method":"ok"}]`,
		"too long":         `{"jsonrpc":"2.0","id":9,"method":"ok","params":"` + strings.Repeat("x", 1000) + `"}`,
		"nothing":          ``,
		"a stray response": `{"jsonrpc":"2.0","id":77,"result":1}`,
		"invalid UTF-8":    "{\"jsonrpc\":\"2.0\",\"method\":\"\xff\xfe\"}",
		"a bad cancel":     `{"jsonrpc":"2.0","method":"$/cancelRequest","params":{"id":{}}}`,
	} {
		if err := e.Raw(editortest.Frame([]byte(raw))); err != nil {
			t.Fatal(err)
		}
		alive(name)
	}
	var refused int
	for _, m := range e.Received() {
		if strings.Contains(string(m.Params), `"id":null`) {
			refused++
		}
	}
	if refused != 5 {
		t.Errorf("%d messages were refused, want 5: %v", refused, e.Received())
	}
	for _, want := range []string{"conn_test.go", "panic=here", "panic=there", "no luck"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the log has no %q", want)
		}
	}
}

func TestBrokenHeaderEndsTheConnection(t *testing.T) {
	ours, theirs := net.Pipe()
	conn := protocol.NewConn(theirs, protocol.Options{})
	ended := make(chan error, 1)
	go func() { ended <- conn.Serve(t.Context(), nil) }()
	if _, err := ours.Write([]byte("GET / HTTP/1.1\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err == nil || !strings.Contains(err.Error(), "header") {
		t.Errorf("serving ended with %v, want a problem with the header", err)
	}
}

func wantCode(t *testing.T, err error, code int) {
	t.Helper()
	var f *editortest.Failure
	if !errors.As(err, &f) || f.Code != code {
		t.Errorf("got %v, want an error with code %d", err, code)
	}
}

// TestAsk withdraws a question, and still gets the answer that comes.
func TestAsk(t *testing.T) {
	ours, theirs := net.Pipe()
	conn := protocol.NewConn(theirs, protocol.Options{})
	served := make(chan error, 1)
	go func() {
		served <- conn.Serve(t.Context(), func(string) (protocol.Method, error) { return protocol.Method{}, errors.New("none") })
	}()
	e := editortest.NewUnchecked(ours)
	defer func() { e.Close(); <-served }()
	e.Hold("which")
	ctx := deadline(t)
	for _, withdraws := range []bool{false, true} {
		var got note
		withdrawn, answered, from := make(chan struct{}), make(chan error, 1), e.Mark()
		go func() { answered <- conn.Ask(ctx, withdrawn, "which", note{"?"}, &got) }()
		asked, _, err := e.Await(ctx, from, func(m editortest.Message) bool { return m.Method == "which" })
		if err != nil {
			t.Fatal(err)
		}
		if withdraws {
			close(withdrawn)
			told, _, err := e.Await(ctx, from, func(m editortest.Message) bool { return m.Method == "$/cancelRequest" })
			if err != nil || string(told.Params) != `{"id":`+string(asked.ID)+`}` {
				t.Fatalf("told was %s, %v, of request %s", told.Params, err, asked.ID)
			}
		}
		if err := e.Reply(asked, note{"this"}); err != nil {
			t.Fatal(err)
		}
		if err := <-answered; err != nil || got.Text != "this" {
			t.Errorf("the answer is %+v, %v", got, err)
		}
	}
}
