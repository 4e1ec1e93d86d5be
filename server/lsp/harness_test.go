package lsp

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.lsp.dev/uri"

	"github.com/towline-dev/towline/server/protocol/editortest"
	"github.com/towline-dev/towline/server/workspace"
)

// harness is a server, a fake editor and fake daemons in one workspace.
type harness struct {
	*editortest.Editor
	t       *testing.T
	ctx     context.Context
	dir     string
	daemons *daemons
	log     *syncLog
	code    chan int
	mark    int // where await begins to look
}

// setup is what a test may change of a harness.
type setup struct {
	files        map[string]string
	capabilities string // JSON
	options      string // JSON, of initialization
	serve        Options
	daemons      *daemons      // nil: none can be started
	patience     time.Duration // after which the server is taken for hung; 0: 10 s
}

// begin starts a server and an editor; initialize is left to the test.
func begin(t *testing.T, set setup) *harness {
	t.Helper()
	if set.patience == 0 {
		set.patience = 10 * time.Second
	}
	ctx, cancel := context.WithTimeout(t.Context(), set.patience)
	t.Cleanup(cancel)
	h := &harness{t: t, ctx: ctx, dir: t.TempDir(), daemons: set.daemons, log: &syncLog{}, code: make(chan int, 1)}
	if h.daemons == nil {
		h.daemons = &daemons{}
	}
	for name, content := range set.files {
		h.write(name, content)
	}
	ours, theirs := net.Pipe()
	o := set.serve
	if o.Extensions == nil {
		o.Extensions = workspace.NewExtensions("", t.TempDir())
	}
	if o.Kube == nil {
		o.Kube = workspace.NewKubeconfig()
	}
	o.Connect = h.daemons.connect
	o.Log = slog.New(slog.NewTextHandler(h.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	go func() {
		code, err := Serve(ctx, theirs, o)
		if err != nil {
			t.Errorf("serving: %v", err)
		}
		h.code <- code
	}()
	var err error
	if h.Editor, err = editortest.New(ours); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.end)
	return h
}

// open starts a server and an editor that has said hello.
func open(t *testing.T, set setup) *harness {
	t.Helper()
	h := begin(t, set)
	h.initialize(set, nil)
	return h
}

// initialize says hello, and decodes the answer into result.
func (h *harness) initialize(set setup, result any) {
	h.t.Helper()
	if set.capabilities == "" {
		set.capabilities = everything
	}
	params := map[string]any{
		"processId": nil, "rootUri": h.uri(""), "capabilities": json.RawMessage(set.capabilities),
		"workspaceFolders": []any{map[string]any{"uri": h.uri(""), "name": "w"}},
	}
	if set.options != "" {
		params["initializationOptions"] = json.RawMessage(set.options)
	}
	h.call("initialize", params, result)
	h.notify("initialized", map[string]any{})
}

// everything are the capabilities of a client that can do all but pull
// diagnostics.
const everything = `{
	"window": {"workDoneProgress": true},
	"workspace": {"didChangeWatchedFiles": {"dynamicRegistration": true}, "codeLens": {"refreshSupport": true},
		"inlayHint": {"refreshSupport": true}, "diagnostics": {"refreshSupport": true}},
	"textDocument": {"publishDiagnostics": {"relatedInformation": true, "codeDescriptionSupport": true, "tagSupport": {"valueSet": [1, 2]}},
		"hover": {"contentFormat": ["markdown", "plaintext"]}, "documentSymbol": {"hierarchicalDocumentSymbolSupport": true},
		"signatureHelp": {"signatureInformation": {"documentationFormat": ["markdown"], "parameterInformation": {"labelOffsetSupport": true}}},
		"codeAction": {"codeActionLiteralSupport": {"codeActionKind": {"valueSet": ["quickfix", "refactor", "source"]}}, "isPreferredSupport": true},
		"completion": {"completionItem": {"snippetSupport": true, "documentationFormat": ["markdown"],
			"tagSupport": {"valueSet": [1]}, "insertTextModeSupport": {"valueSet": [1, 2]}, "resolveSupport": {"properties": ["documentation", "detail"]}}}}}`

// end closes the connection and reports what the metamodel objects to.
func (h *harness) end() {
	h.Close()
	<-h.Done()
	for _, p := range h.Problems() {
		h.t.Errorf("the server sent a wrong message: %v", p)
	}
	if strings.Contains(h.log.String(), "panicked") {
		h.t.Errorf("a handler panicked:\n%s", h.log)
	}
}

func (h *harness) path(name string) string { return filepath.Join(h.dir, name) }

func (h *harness) uri(name string) string { return string(uri.File(h.path(name))) }

func (h *harness) write(name, content string) {
	h.t.Helper()
	path := h.path(name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		h.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		h.t.Fatal(err)
	}
}

func (h *harness) call(method string, params, result any) {
	h.t.Helper()
	if err := h.Call(h.ctx, method, params, result); err != nil {
		h.t.Fatal(err)
	}
}

func (h *harness) notify(method string, params any) {
	h.t.Helper()
	if err := h.Notify(method, params); err != nil {
		h.t.Fatal(err)
	}
}

// didOpen opens a file of the workspace with the given text, and waits until
// the server has it.
func (h *harness) didOpen(name, language, text string) {
	h.t.Helper()
	h.notify("textDocument/didOpen", map[string]any{"textDocument": map[string]any{
		"uri": h.uri(name), "languageId": language, "version": 1, "text": text,
	}})
	// Whatever the answer: messages are begun in order.
	_ = h.Call(h.ctx, "textDocument/foldingRange", map[string]any{"textDocument": map[string]any{"uri": h.uri(name)}}, nil)
}

// edit replaces a range of a document; no range replaces all.
func (h *harness) edit(name string, version int, text string, at ...int) {
	h.t.Helper()
	change := map[string]any{"text": text}
	if len(at) == 4 {
		change["range"] = span(at[0], at[1], at[2], at[3])
	}
	h.notify("textDocument/didChange", map[string]any{
		"textDocument": map[string]any{"uri": h.uri(name), "version": version}, "contentChanges": []any{change},
	})
}

func (h *harness) didSave(name string) {
	h.t.Helper()
	h.notify("textDocument/didSave", map[string]any{"textDocument": h.doc(name)})
}

func (h *harness) doc(name string) map[string]any { return map[string]any{"uri": h.uri(name)} }

func span(l1, c1, l2, c2 int) map[string]any {
	return map[string]any{
		"start": map[string]any{"line": l1, "character": c1}, "end": map[string]any{"line": l2, "character": c2},
	}
}

// await waits for a message of the server, behind those that were awaited
// before, and decodes its params; match may be nil.
func await[P any](h *harness, method string, match func(P) bool) P {
	h.t.Helper()
	var found P
	_, next, err := h.Await(h.ctx, h.mark, func(m editortest.Message) bool {
		var params P
		if m.Method != method || (m.Params != nil && json.Unmarshal(m.Params, &params) != nil) || (match != nil && !match(params)) {
			return false
		}
		found = params
		return true
	})
	if err != nil {
		h.t.Fatalf("waiting for %s: %v; the server's log:\n%s", method, err, h.log)
	}
	h.mark = next
	return found
}

// until waits for a condition that a fake fulfils; it looks again whenever
// signal has something.
func (h *harness) until(what string, signal <-chan string, ok func() bool) {
	h.t.Helper()
	for !ok() {
		select {
		case <-signal:
		case <-h.ctx.Done():
			h.t.Fatalf("waiting for %s: %v; the server's log:\n%s", what, h.ctx.Err(), h.log)
		}
	}
}

// diagnostics are the params of a publishDiagnostics.
type diagnostics struct {
	URI         string `json:"uri"`
	Version     int    `json:"version"`
	Diagnostics []struct {
		Range    rng    `json:"range"`
		Severity int    `json:"severity"`
		Code     string `json:"code"`
		Message  string `json:"message"`
		Related  []struct {
			Message  string `json:"message"`
			Location struct {
				URI   string `json:"uri"`
				Range rng    `json:"range"`
			} `json:"location"`
		} `json:"relatedInformation"`
	} `json:"diagnostics"`
}

type rng struct {
	Start, End struct{ Line, Character int }
}

// syncLog is a text that several goroutines write.
type syncLog struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *syncLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *syncLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}
