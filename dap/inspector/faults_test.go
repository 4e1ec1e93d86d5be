package inspector_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"

	"github.com/towline-dev/towline/dap/inspector"
)

// cut is a connection that breaks after some bytes were read. The inspector does
// not see it: Node 20 can crash when it is left while it has something to tell.
type cut struct {
	net.Conn
	left atomic.Int64
}

func (c *cut) Read(p []byte) (int, error) {
	left := c.left.Load()
	if left <= 0 {
		return 0, io.ErrUnexpectedEOF
	}
	n, err := c.Conn.Read(p[:min(int64(len(p)), left)])
	c.left.Add(-int64(n))
	return n, err
}

// Close lets who reads go on.
func (c *cut) Close() error {
	c.left.Store(0)
	return c.SetReadDeadline(time.Unix(1, 0))
}

// Wherever the inspector's stream breaks, the client is answered and told.
func TestInspectorBreaks(t *testing.T) {
	p := run(t, loop("  const n = line.length;\n  return n;"), "--inspect=127.0.0.1:0", "app.js")
	p.hear(t)
	for at := int64(0); at < 60_000; at += 1 + at/2 {
		t.Run(fmt.Sprint(at), func(t *testing.T) {
			conn, err := net.Dial("tcp", p.addr)
			must(t, err)
			broken := &cut{Conn: conn}
			broken.left.Store(at)
			c := serve(t, broken, inspector.Options{})
			c.call("initialize", object{}, nil)
			attached := c.Call(c.ctx, "attach", object{}, nil)
			for _, r := range []struct {
				command string
				args    any
			}{
				{"setBreakpoints", object{"source": object{"path": p.file("app.js")}, "breakpoints": []object{{"line": 6}}}},
				{"configurationDone", nil}, {"threads", nil}, {"evaluate", object{"expression": "1 + 1"}}, {"loadedSources", nil},
				{"evaluate", object{"expression": "'x'.repeat(70000)"}},
			} {
				_ = c.Call(c.ctx, r.command, r.args, nil) // it is answered, or fails by the context
			}
			if c.ctx.Err() != nil {
				t.Fatal("a request was not answered")
			}
			if attached == nil {
				must(t, c.Event(c.ctx, "terminated", nil, nil))
			}
		})
	}
}

// Whenever a client goes, without a word, the program runs on.
func TestClientBreaks(t *testing.T) {
	p := run(t, loop("  for (let i = 0; i < 50; i++) console.error(i);\n  return line;"), "--inspect=127.0.0.1:0", "app.js")
	p.hear(t)
	for i := range 12 {
		c := debug(t, p, inspector.Options{})
		c.attach(p.file("app.js"), object{"line": 6, "condition": "line === 'stop'"})
		fmt.Fprintln(p.in, i)
		if i%2 == 0 {
			fmt.Fprintln(p.in, "stop")
			c.stopped("breakpoint", p.file("app.js"), 6)
		} else if _, err := c.Send("evaluate", object{"expression": "'x'.repeat(70000)", "context": "repl"}); err != nil {
			t.Fatal(err)
		}
		c.Close()
		if got := p.hear(t); got != fmt.Sprint(i) {
			t.Fatalf("the program said %q, want %d", got, i)
		}
		if i%2 == 0 && p.hear(t) != "stop" {
			t.Fatal("the program did not run on")
		}
	}
}

// fake is an inspector that answers by a function; "" is no answer.
func fake(t *testing.T, list string, answer func(request string) string) *client {
	t.Helper()
	var upgrade websocket.Upgrader
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/json/list" {
			io.WriteString(w, list)
			return
		}
		ws, err := upgrade.Upgrade(w, r, nil)
		if err != nil {
			return
		}
		defer ws.Close()
		for {
			_, request, err := ws.ReadMessage()
			if err != nil {
				return
			}
			if text := answer(string(request)); text != "" {
				_ = ws.WriteMessage(websocket.TextMessage, []byte(text)) // the client may be gone
			}
		}
	}))
	t.Cleanup(server.Close)
	conn, err := net.Dial("tcp", server.Listener.Addr().String())
	must(t, err)
	return serve(t, conn, inspector.Options{})
}

const target = `[{"type":"node","webSocketDebuggerUrl":"ws://localhost/1"}]`

func TestInspectorLies(t *testing.T) {
	for name, test := range map[string]struct {
		list   string
		answer string // "" with a list: to every request
	}{
		"no list":               {"nonsense", ""},
		"an empty list":         {"[]", ""},
		"no target":             {`[{"type":"page","webSocketDebuggerUrl":"ws://localhost/1"}]`, ""},
		"no address":            {`[{"type":"node","webSocketDebuggerUrl":"%%"}]`, ""},
		"a long list":           {strings.Repeat(" ", 2<<20), ""},
		"no JSON":               {target, "nonsense"},
		"no object":             {target, "7"},
		"a worker that is none": {target, `{"method":"NodeWorker.receivedMessageFromWorker","params":{"sessionId":"","message":"{}"}}`},
		"an error":              {target, `{"id":1,"error":{"code":-1,"message":"no"}}`},
	} {
		t.Run(name, func(t *testing.T) {
			c := fake(t, test.list, func(string) string { return test.answer })
			c.call("initialize", object{}, nil)
			c.refused("attach", object{}, "")
			c.refused("threads", nil, "attach first")
		})
	}
}

// An inspector that says nothing is given up.
func TestInspectorIsSilent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ours, its := net.Pipe()
		go io.Copy(io.Discard, its)
		c := serve(t, ours, inspector.Options{})
		c.refused("attach", object{}, "does not answer within")
	})
}

// What the inspector tells is bounded and checked, whatever it is.
func TestInspectorTellsNonsense(t *testing.T) {
	events := []string{
		`{"method":"Debugger.paused","params":{"callFrames":[],"reason":"other"}}`,
		`{"method":"Debugger.paused","params":{"callFrames":"none"}}`,
		`{"method":"Debugger.paused","params":{"callFrames":[{"scopeChain":[{}]}],"reason":"exception","data":7,"hitBreakpoints":["x"]}}`,
		`{"method":"Debugger.resumed"}`, `{"method":"Debugger.scriptParsed","params":{"url":"%zz","sourceMapURL":"data:,x"}}`,
		`{"method":"Debugger.breakpointResolved","params":{}}`, `{"method":"Runtime.consoleAPICalled","params":{"args":[{"type":"string","value":"\u0000towline failed"}]}}`,
		`{"method":"Runtime.exceptionThrown","params":{}}`, `{"method":"NodeWorker.detachedFromWorker","params":{"sessionId":""}}`,
		`{"method":"NodeWorker.receivedMessageFromWorker","params":{"sessionId":"9","message":"{\"method\":\"x\"}"}}`, `{"id":99,"result":{}}`,
	}
	var sent atomic.Int64
	c := fake(t, target, func(request string) string {
		var id int
		_, _ = fmt.Sscanf(request, `{"id":%d`, &id)
		if strings.Contains(request, "generatePreview") { // the client asks for each of them by evaluate
			return events[int(sent.Add(1)-1)%len(events)]
		}
		return fmt.Sprintf(`{"id":%d,"result":{}}`, id)
	})
	c.call("initialize", object{}, nil)
	must(t, c.Attach(c.ctx, object{}))
	c.set("/app/a.js", object{"line": 1})
	for range events {
		_, err := c.Send("evaluate", object{"expression": "1"})
		must(t, err)
		threads, err := c.Threads(c.ctx)
		if err != nil || len(threads) != 1 {
			t.Fatalf("threads: %v, %v", threads, err)
		}
	}
	c.call("disconnect", nil, nil)
}

// answers answers each request with nothing, but those that hold a text.
func answers(silent string) func(string) string {
	return func(request string) string {
		var id int
		if _, err := fmt.Sscanf(request, `{"id":%d`, &id); err != nil || strings.Contains(request, silent) {
			return ""
		}
		return fmt.Sprintf(`{"id":%d,"result":{}}`, id)
	}
}

// A program in native code answers nothing. The session ends all the same when its
// client goes or says so, whatever waits.
func TestProgramIsBusy(t *testing.T) {
	for name, leave := range map[string]func(c *client){
		"goes":        func(c *client) { c.Close() },
		"disconnects": func(c *client) { c.call("disconnect", nil, nil) },
	} {
		t.Run(name, func(t *testing.T) {
			asked := make(chan struct{}, 100)
			usual := answers("setBreakpointByUrl")
			c := fake(t, target, func(request string) string {
				if strings.Contains(request, "setBreakpointByUrl") {
					asked <- struct{}{}
				}
				return usual(request)
			})
			c.call("initialize", object{}, nil)
			must(t, c.Attach(c.ctx, object{}))
			_, err := c.Send("setBreakpoints", object{"source": object{"path": "/app/a.js"}, "breakpoints": []object{{"line": 1}, {"line": 2}, {"line": 3}}})
			must(t, err)
			select {
			case <-asked:
			case <-c.ctx.Done():
				t.Fatal("no breakpoint is set")
			}
			for range 100 {
				_, err := c.Send("configurationDone", nil)
				must(t, err)
			}
			leave(c)
			select {
			case <-c.over:
			case <-time.After(10 * time.Second):
				t.Fatal("the session does not end")
			}
		})
	}
}

// Expressions that are never answered hold up nothing else.
func TestManyEvaluations(t *testing.T) {
	c := fake(t, target, answers("generatePreview"))
	c.call("initialize", object{}, nil)
	must(t, c.Attach(c.ctx, object{}))
	for range 300 {
		_, err := c.Send("evaluate", object{"expression": "new Promise(() => {})", "context": "repl"})
		must(t, err)
	}
	c.refused("evaluate", object{"expression": "1"}, "wait to be answered")
	c.call("disconnect", nil, nil)
}
