package cdp

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// inspector serves one process, which handle plays.
func inspector(t *testing.T, handle func(*websocket.Conn)) *Conn {
	t.Helper()
	var upgrade websocket.Upgrader
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Host != "localhost" {
			t.Errorf("asked as %q", r.Host)
		}
		if r.URL.Path == "/json/list" {
			io.WriteString(w, `[{"type":"node","webSocketDebuggerUrl":"ws://127.0.0.1:1/the-process"}]`)
			return
		}
		if r.URL.Path != "/the-process" {
			t.Errorf("asked for %s", r.URL)
		}
		if ws, err := upgrade.Upgrade(w, r, nil); err == nil {
			handle(ws)
			ws.Close()
		}
	}))
	t.Cleanup(server.Close)
	conn, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	c, err := Dial(t.Context(), conn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// within bounds what a test waits for.
func within(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeoutCause(t.Context(), time.Minute, errors.New("the test takes too long"))
	t.Cleanup(cancel)
	return ctx
}

// tell sends an event of a worker's.
func tell(ws *websocket.Conn, method, session string) {
	_ = ws.WriteJSON(frame{Method: method, Params: json.RawMessage(`{"sessionId":"` + session + `"}`)})
}

// echo answers each message with its own parameters.
func echo(ws *websocket.Conn) {
	for {
		var f frame
		if ws.ReadJSON(&f) != nil {
			return
		}
		if f.Method == "NodeWorker.sendMessageToWorker" {
			var inner struct{ SessionID, Message string }
			_ = json.Unmarshal(f.Params, &inner)
			var g frame
			_ = json.Unmarshal([]byte(inner.Message), &g)
			answer, _ := json.Marshal(frame{ID: g.ID, Result: g.Params})
			params, _ := json.Marshal(map[string]string{"sessionId": inner.SessionID, "message": string(answer)})
			_ = ws.WriteJSON(frame{Method: "NodeWorker.receivedMessageFromWorker", Params: params})
			continue
		}
		if f.Method == "fail" {
			_ = ws.WriteJSON(frame{ID: f.ID, Error: &Error{Code: 3, Message: "it fails"}})
			continue
		}
		_ = ws.WriteJSON(frame{Method: "event", Params: f.Params})
		_ = ws.WriteJSON(frame{ID: f.ID, Result: f.Params})
	}
}

func TestCall(t *testing.T) {
	c := inspector(t, func(ws *websocket.Conn) {
		tell(ws, "NodeWorker.attachedToWorker", "7")
		echo(ws)
	})
	if e, err := c.Next(within(t)); err != nil || e.Method != "NodeWorker.attachedToWorker" {
		t.Errorf("event %+v, %v", e, err)
	}
	for _, session := range []string{Main, "7"} {
		var got map[string]int
		if err := c.Call(within(t), session, "any", map[string]int{"a": 5}, &got); err != nil || got["a"] != 5 {
			t.Errorf("session %q: %v, %v", session, got, err)
		}
	}
	if e, err := c.Next(t.Context()); err != nil || e.Method != "event" || string(e.Params) != `{"a":5}` {
		t.Errorf("event %+v, %v", e, err)
	}
	var refused *Error
	if err := c.Call(t.Context(), Main, "fail", nil, nil); !errors.As(err, &refused) || refused.Code != 3 {
		t.Errorf("fail: %v", err)
	}
	if e, ok := c.Ready(); ok {
		t.Errorf("an event that nobody told: %+v", e)
	}
}

// Calls that are under way when the inspector goes, or a worker, are answered,
// though nobody takes the events; and those that come later.
func TestGone(t *testing.T) {
	ctx := within(t)
	c := inspector(t, func(ws *websocket.Conn) {
		tell(ws, "NodeWorker.attachedToWorker", "7")
		ws.ReadMessage()
		tell(ws, "NodeWorker.detachedFromWorker", "7")
		ws.ReadMessage()
	})
	if _, err := c.Next(ctx); err != nil {
		t.Fatal(err)
	}
	for _, when := range []string{"under way", "later"} {
		if err := c.Call(ctx, "7", "any", nil, nil); !errors.Is(err, ErrClosed) {
			t.Errorf("a call in a worker that is gone, %s: %v", when, err)
		}
	}
	if err := c.Call(ctx, Main, "any", nil, nil); !errors.Is(err, ErrClosed) {
		t.Errorf("a call: %v", err)
	}
	if e, err := c.Next(ctx); err != nil || e.Method != "NodeWorker.detachedFromWorker" {
		t.Errorf("event %+v, %v", e, err)
	}
	if _, err := c.Next(ctx); !errors.Is(err, ErrClosed) {
		t.Errorf("the next event: %v", err)
	}
}

// A context ends what is begun, opening too.
func TestContext(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	ours, its := net.Pipe()
	go func() {
		io.ReadAtLeast(its, make([]byte, 10), 10)
		cancel(errors.New("enough"))
		io.Copy(io.Discard, its)
	}()
	if _, err := Dial(ctx, ours); err == nil || !strings.Contains(err.Error(), "enough") {
		t.Errorf("Dial: %v", err)
	}
}

func FuzzTake(f *testing.F) {
	f.Add([]byte(`{"id":1,"result":{}}`))
	f.Add([]byte(`{"id":2,"error":{"code":1,"message":"x"}}`))
	f.Add([]byte(`{"method":"m","params":{}}`))
	f.Add([]byte(`{"method":"NodeWorker.receivedMessageFromWorker","params":{"sessionId":"7","message":"{\"id\":3}"}}`))
	f.Add([]byte(`{"method":"NodeWorker.detachedFromWorker","params":{"sessionId":"7"}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		answers := make(chan reply, 3)
		c := &Conn{pending: map[int]call{1: {Main, answers}, 2: {Main, answers}, 3: {"7", answers}}, workers: map[string]bool{}, more: make(chan struct{}, 1)}
		if c.take(Main, data) != nil {
			return
		}
		if len(c.pending)+len(answers) != 3 {
			t.Errorf("%d wait and %d are answered", len(c.pending), len(answers))
		}
	})
}
