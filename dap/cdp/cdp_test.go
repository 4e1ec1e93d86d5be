package cdp

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"

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
	c := inspector(t, echo)
	for _, session := range []string{Main, "7"} {
		var got map[string]int
		if err := c.Call(t.Context(), session, "any", map[string]int{"a": 5}, &got); err != nil || got["a"] != 5 {
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

// Calls that are under way when the inspector goes, or a worker, are answered.
func TestGone(t *testing.T) {
	next := make(chan struct{})
	c := inspector(t, func(ws *websocket.Conn) {
		<-next
		ws.ReadMessage()
	})
	worker := make(chan error, 1)
	go func() { worker <- c.Call(t.Context(), "7", "any", nil, nil) }()
	for {
		c.mu.Lock()
		waits := len(c.pending) == 1
		c.mu.Unlock()
		if waits {
			break
		}
		runtime.Gosched()
	}
	c.Abandon("7")
	if err := <-worker; !errors.Is(err, ErrClosed) {
		t.Errorf("a call in a worker that is gone: %v", err)
	}
	close(next)
	if err := c.Call(t.Context(), Main, "any", nil, nil); !errors.Is(err, ErrClosed) {
		t.Errorf("a call: %v", err)
	}
	if _, err := c.Next(t.Context()); !errors.Is(err, ErrClosed) {
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
	f.Fuzz(func(t *testing.T, data []byte) {
		answers := make(chan reply, 3)
		c := &Conn{pending: map[int]call{1: {Main, answers}, 2: {Main, answers}, 3: {"7", answers}}, more: make(chan struct{}, 1)}
		if c.take(Main, data) != nil {
			return
		}
		if len(c.pending)+len(answers) != 3 {
			t.Errorf("%d wait and %d are answered", len(c.pending), len(answers))
		}
	})
}
