package lsp

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand"
	"net"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/towline-dev/towline/server/workspace"
)

// wire is a server and the bare bytes in front of it.
type wire struct {
	net.Conn
	t      *testing.T
	served chan error
	read   chan error      // why the reader ended; nil at the end of the stream
	ids    chan string     // of the answers
	ctx    context.Context // ends when the server is taken for wedged
}

func dialWire(t *testing.T) *wire {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	ours, theirs := net.Pipe()
	w := &wire{Conn: ours, t: t, served: make(chan error, 1), read: make(chan error, 1), ids: make(chan string, 1<<16), ctx: ctx}
	o := Options{
		Connect: (&daemons{}).connect, Alive: func(int) bool { return true }, Limit: 1 << 20,
		Extensions: workspace.NewExtensions("", t.TempDir()), Kube: workspace.NewKubeconfig(),
	}
	go func() {
		_, err := Serve(ctx, theirs, o)
		w.served <- err
	}()
	go func() {
		err := w.frames()
		w.Close()
		w.read <- err
	}()
	return w
}

// frames reads what the server sends to its end, and returns what is wrong
// with it.
func (w *wire) frames() error {
	for in := bufio.NewReader(w.Conn); ; {
		length := -1
		for first := true; ; first = false {
			line, err := in.ReadString('\n')
			if err != nil && first && line == "" {
				return nil
			}
			if line = strings.TrimSuffix(line, "\r\n"); line == "" {
				break
			}
			n, ok := strings.CutPrefix(line, "Content-Length: ")
			if !ok {
				return fmt.Errorf("a header line %q", line)
			}
			if length, err = strconv.Atoi(n); err != nil {
				return err
			}
		}
		body := make([]byte, max(length, 0))
		if _, err := io.ReadFull(in, body); err != nil {
			return err
		}
		if err := w.message(body); err != nil {
			return fmt.Errorf("%w: %s", err, body)
		}
	}
}

// message looks at one message of the server.
func (w *wire) message(body []byte) error {
	var m struct {
		JSONRPC string
		ID      json.RawMessage
		Method  string
		Result  json.RawMessage
		Error   *struct {
			Code    int
			Message string
		}
	}
	if err := json.Unmarshal(body, &m); err != nil {
		return err
	}
	switch {
	case m.JSONRPC != "2.0":
		return fmt.Errorf("no JSON-RPC")
	case m.Method == "" && (m.ID == nil || (m.Result == nil) == (m.Error == nil)):
		return fmt.Errorf("neither an answer nor a request")
	case m.Error != nil && (m.Error.Code == 0 || m.Error.Message == "" || strings.Contains(m.Error.Message, "internal error")):
		return fmt.Errorf("an error that says too little or too much")
	case m.Method == "":
		w.ids <- string(m.ID)
	}
	return nil
}

// send writes bytes, and reports whether the server took them.
func (w *wire) send(data []byte) bool {
	_ = w.SetWriteDeadline(time.Now().Add(time.Minute))
	_, err := w.Write(data)
	return err == nil
}

func (w *wire) frame(body string) bool {
	return w.send(fmt.Appendf(nil, "Content-Length: %d\r\n\r\n%s", len(body), body))
}

// await waits for the answer with an id, or until the server has left.
func (w *wire) await(id string) (left bool) {
	w.t.Helper()
	for {
		select {
		case got := <-w.ids:
			if got == id {
				return false
			}
		case err := <-w.read:
			if err != nil {
				w.t.Fatal(err)
			}
			w.read <- nil
			return true
		case <-w.ctx.Done():
			w.t.Fatal("the server is wedged")
		}
	}
}

// end closes the connection and waits for the server.
func (w *wire) end() {
	w.t.Helper()
	w.Close()
	select {
	case <-w.served:
	case <-w.ctx.Done():
		w.t.Fatal("the server did not end with its connection")
	}
	if err := <-w.read; err != nil {
		w.t.Fatal(err)
	}
}

// hello brings a session to where it answers, with a Tiltfile open.
func (w *wire) hello() {
	w.t.Helper()
	w.frame(`{"jsonrpc":"2.0","id":"hello","method":"initialize","params":{"processId":null,"rootUri":"file://` + w.t.TempDir() + `","capabilities":{}}}`)
	w.await(`"hello"`)
	w.frame(`{"jsonrpc":"2.0","method":"initialized","params":{}}`)
	w.frame(`{"jsonrpc":"2.0","method":"textDocument/didOpen","params":{"textDocument":{"uri":"file:///w/Tiltfile","languageId":"tiltfile","version":1,` +
		`"text":"load('./a', 'b')\ndef f(x):\n    return b(x)\ndocker_build('i😀', '.')\n"}}}`)
}

// garbage are streams of bytes that are no conversation.
var garbage = []string{
	"", "\r\n", "\r\n\r\n", "Content-Length: 0\r\n\r\n", "Content-Length: -1\r\n\r\n", "Content-Length: 99999999999999999999\r\n\r\n",
	"Content-Length: 5\r\n\r\n{}", "Content-Length: 2\r\n\r\n{}Content-Length: 2\r\n\r\n[]", "Content-Length: 2000000\r\n\r\n{}", "GET / HTTP/1.1\r\n\r\n",
	"Content-Length: 4\r\nContent-Length: 2\r\n\r\n{}{}", "content-length:2\n\n{}", "\x00\xff\xfe", strings.Repeat("a", 1<<13),
	"Content-Length: 38\r\n\r\n{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"x\"}\nContent-Length: 17\r\n\r\n{\"jsonrpc\":\"2.0\"}",
}

// FuzzStream sends bytes as they are: the server answers with whole messages
// or ends, and ends with the connection.
func FuzzStream(f *testing.F) {
	for _, s := range garbage {
		f.Add([]byte(s), false)
		f.Add([]byte(s), true)
	}
	f.Fuzz(func(t *testing.T, stream []byte, greeted bool) {
		w := dialWire(t)
		if greeted {
			w.hello()
		}
		w.send(stream)
		w.end()
	})
}

// shapes are parameters, with holes for a number and a text.
var shapes = []string{
	`null`, `[]`, `{}`, `"TEXT"`, `NUMBER`, `{"textDocument":null}`,
	`{"textDocument":{"uri":"file:///w/Tiltfile"},"position":{"line":NUMBER,"character":2}}`,
	`{"textDocument":{"uri":"file:///w/Tiltfile"},"position":{"line":1,"character":NUMBER},"newName":"TEXT","context":{"includeDeclaration":true,"diagnostics":[]}}`,
	`{"textDocument":{"uri":"TEXT"},"position":{"line":0,"character":0}}`,
	`{"textDocument":{"uri":"file:///w/Tiltfile"},"range":{"start":{"line":NUMBER,"character":0},"end":{"line":0,"character":NUMBER}},"context":{"diagnostics":[]},"options":{"tabSize":4,"insertSpaces":true}}`,
	`{"textDocument":{"uri":"file:///w/Tiltfile","version":NUMBER},"contentChanges":[{"range":{"start":{"line":1,"character":NUMBER},"end":{"line":2,"character":0}},"text":"TEXT"}]}`,
	`{"textDocument":{"uri":"file:///w/Tiltfile","version":NUMBER},"contentChanges":[{"text":"TEXT"}]}`,
	`{"textDocument":{"uri":"file:///w/Tiltfile"},"positions":[{"line":NUMBER,"character":NUMBER}],"previousResultId":"TEXT"}`,
	`{"textDocument":{"uri":"file:///w/other.star","languageId":"starlark","version":1,"text":"TEXT"}}`,
	`{"command":"TEXT","arguments":[NUMBER,"TEXT",{}]}`, `{"query":"TEXT"}`, `{"id":NUMBER}`, `{"item":{"name":"TEXT","uri":"file:///w/Tiltfile"}}`,
	`{"label":"TEXT","data":{"u":"file:///w/Tiltfile","k":"name:TEXT#/w/Tiltfile"}}`, `{"changes":[{"uri":"TEXT","type":NUMBER}]}`,
	`{"event":{"added":[{"uri":"TEXT","name":"x"}],"removed":[]}}`, `{"token":"TEXT"}`, `{"project":"TEXT","resource":"TEXT"}`,
}

// talk sends well-framed messages of every method, with parameters that bytes
// choose, and then wants an answer.
func talk(t *testing.T, script []byte, text string) {
	t.Helper()
	w := dialWire(t)
	w.hello()
	methods := sortedMethods()
	quoted, err := json.Marshal(text)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; len(script) >= 4; script, i = script[4:], i+1 {
		method := methods[int(script[0])%len(methods)]
		if method == "exit" || method == "shutdown" {
			continue // they may end it
		}
		params := strings.ReplaceAll(shapes[int(script[1])%len(shapes)], "NUMBER", fmt.Sprint(int(script[2])*int(script[2])-1))
		params = strings.ReplaceAll(params, "TEXT", string(quoted[1:len(quoted)-1]))
		id := ""
		if script[3]%8 != 0 {
			id = fmt.Sprintf(`"id":%d,`, i)
		}
		if !w.frame(`{"jsonrpc":"2.0",` + id + `"method":"` + method + `","params":` + params + `}`) {
			w.end()
			t.Fatalf("the server left at %s %s", method, params)
		}
		if id != "" && script[3]%8 == 1 {
			w.frame(`{"jsonrpc":"2.0","method":"$/cancelRequest","params":{"id":` + fmt.Sprint(i) + `}}`)
		}
	}
	w.frame(`{"jsonrpc":"2.0","id":"last","method":"shutdown"}`)
	if w.await(`"last"`) {
		t.Error("the server left before it was asked to")
	}
	w.end()
}

// sortedMethods are the methods of the server and one that it does not have.
func sortedMethods() []string {
	names := []string{"$/nothing"}
	for name := range (&session{}).table() {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// FuzzMessages sends messages that are well framed and mean little.
func FuzzMessages(f *testing.F) {
	rng := rand.New(rand.NewSource(1))
	for _, text := range []string{"", "x = 1\n", "file:///w/Tiltfile", "f(", "😀\r\n", "\xff", strings.Repeat("(", 3000)} {
		script := make([]byte, 4*150)
		rng.Read(script)
		f.Add(script, text)
	}
	f.Fuzz(func(t *testing.T, script []byte, text string) {
		if len(script) < 1<<10 && len(text) < 1<<12 {
			talk(t, script, text)
		}
	})
}
