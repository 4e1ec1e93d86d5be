package inspector

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gorilla/websocket"

	"github.com/towline-dev/towline/dap/cdp"
)

// gone returns a connection whose calls fail at once.
func gone(t testing.TB) *cdp.Conn {
	t.Helper()
	var upgrade websocket.Upgrader
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/json/list" {
			io.WriteString(w, `[{"type":"node","webSocketDebuggerUrl":"ws://localhost/1"}]`)
			return
		}
		if ws, err := upgrade.Upgrade(w, r, nil); err == nil {
			ws.Close()
		}
	}))
	defer server.Close()
	conn, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	c, err := cdp.Dial(t.Context(), conn)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Next(t.Context()); err == nil {
		t.Fatal("the inspector told something")
	}
	return c
}

// FuzzEvents feeds a session with what an inspector tells.
func FuzzEvents(f *testing.F) {
	f.Add("Debugger.scriptParsed", []byte(`{"scriptId":"1","url":"file:///a.js","sourceMapURL":"data:application/json,{\"version\":3,\"sources\":[\"a.ts\"],\"mappings\":\"AAAA\"}"}`))
	f.Add("Debugger.paused", []byte(`{"callFrames":[{"location":{"scriptId":"1"},"scopeChain":[{"type":"local"}]}],"reason":"exception","data":{"type":"object","description":"x"}}`))
	f.Add("Debugger.breakpointResolved", []byte(`{"breakpointId":"b","location":{"scriptId":"1"}}`))
	f.Add("Runtime.consoleAPICalled", []byte(`{"type":"log","args":[{"type":"string","value":"%s %d"},{"type":"object","objectId":"1","preview":{"subtype":"internal#entry"}}]}`))
	f.Add("Runtime.exceptionThrown", []byte(`{"exceptionDetails":{"text":"Uncaught","exception":{"description":"at /a.js:1:1"}}}`))
	f.Add("NodeWorker.attachedToWorker", []byte(`{"sessionId":"2","workerInfo":{"url":"x"}}`))
	conn := gone(f)
	f.Fuzz(func(t *testing.T, method string, params []byte) {
		if !json.Valid(params) || len(params) > 1<<16 {
			return
		}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		ours, its := net.Pipe()
		go io.Copy(io.Discard, ours)
		s := newSession(its, Options{})
		s.conn = conn
		main := &thread{s: s, conn: conn, id: s.nextID(), name: "main thread"}
		main.forget()
		s.threads[cdp.Main] = main
		b := &breakpoint{id: s.nextID(), file: "/a.ts"}
		s.breakpoints[b.file] = []*breakpoint{b}
		main.placed["b"] = b
		s.dispatch(ctx, cdp.Event{Method: "Debugger.scriptParsed", Params: []byte(`{"scriptId":"1","url":"file:///a.js"}`)})
		s.dispatch(ctx, cdp.Event{Method: method, Params: params})
		for id := range main.scripts {
			s.origin(ctx, main, id, 0, 0)
		}
		for _, f := range frames(main) {
			s.shown(ctx, f)
		}
		its.Close()
	})
}

func frames(t *thread) []frame {
	if t.stop == nil {
		return nil
	}
	return t.stop.frames
}

// FuzzPaths: what a source map names is a clean path or none.
func FuzzPaths(f *testing.F) {
	f.Add("file:///a/b.js", "../c.ts", "/app")
	f.Add("file:///a/b.js", "webpack://x/./src/a.ts?1", "/app")
	f.Add("", "webpack-internal:///(rsc)/./a.ts", "")
	f.Fuzz(func(t *testing.T, base, name, cwd string) {
		if !strings.HasPrefix(cwd, "/") {
			cwd = ""
		}
		if got := sourceOf(base, name, cwd); got != "" && got[0] != '/' {
			t.Errorf("sourceOf(%q, %q) = %q", base, name, got)
		}
		_, _ = dataOf(name)
		_ = glob(name)
		if _, err := logParts(name); err == nil {
			_, _ = hitTest(name, 1)
		}
	})
}

func TestSourceOf(t *testing.T) {
	for _, test := range []struct{ base, name, want string }{
		{"file:///app/dist/a.js", "../src/a.ts", "/app/src/a.ts"},
		{"/app/dist/a.js.map", "../src/a%20b.ts", "/app/src/a b.ts"},
		{"file:///app/dist/a.js", "/src/a.ts", "/src/a.ts"},
		{"file:///app/dist/a.js", "file:///src/a.ts", "/src/a.ts"},
		{"file:///app/dist/a.js", "webpack://shop/./src/a.ts", "/app/src/a.ts"},
		{"file:///app/dist/a.js", "webpack://shop/src/a.ts?f00d", "/app/src/a.ts"},
		{"file:///app/dist/a.js", "webpack:///./src/a.ts", "/app/src/a.ts"},
		{"file:///app/dist/a.js", "webpack://shop/webpack/bootstrap", ""},
		{"file:///app/dist/a.js", "webpack://shop/external commonjs \"x\"", ""},
		{"webpack-internal:///1", "webpack-internal:///(rsc)/./app/page.tsx", "/app/app/page.tsx"},
		{"file:///app/.next/a.js", "turbopack:///[project]/app/page.tsx", "/app/app/page.tsx"},
		{"evalmachine.<anonymous>", "a.ts", ""},
		{"file:///app/a.js", "https://example.com/a.ts", ""},
		{"file:///app/a.js", "node:fs", ""},
		{"file:///app/a.js", "", ""},
	} {
		if got := sourceOf(test.base, test.name, "/app"); got != test.want {
			t.Errorf("sourceOf(%q, %q) = %q, want %q", test.base, test.name, got, test.want)
		}
	}
}

func TestLogParts(t *testing.T) {
	for message, want := range map[string]string{
		"plain":                "plain",
		"a {b} c":              "a |<b>| c",
		`{ {x: "}"} }`:         `<{x: "}"}>`,
		`\{x\} \\ {y}`:         `{x} \ |<y>`,
		"{`a${b}`}{'\\'}'}":    "<`a${b}`>|<'\\'}'>",
		"open {x":              "!",
		"{}":                   "!",
		"closed } is no brace": "closed } is no brace",
	} {
		parts, err := logParts(message)
		var got []string
		for _, p := range parts {
			if p.expression != "" {
				got = append(got, "<"+p.expression+">")
			} else {
				got = append(got, p.text)
			}
		}
		if text := strings.Join(got, "|"); err == nil && text != want || (err != nil) != (want == "!") {
			t.Errorf("%q: %q, %v, want %q", message, text, err, want)
		}
	}
}

func TestCut(t *testing.T) {
	for limit, want := range map[int]string{0: "…", 1: "a…", 2: "a…", 3: "aé…", 4: "aéb"} {
		if got := cut("aéb", limit); got != want {
			t.Errorf("cut at %d: %q, want %q", limit, got, want)
		}
	}
}
