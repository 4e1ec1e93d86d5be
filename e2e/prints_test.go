package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.lsp.dev/uri"

	"github.com/towline-dev/towline/server/protocol"
	"github.com/towline-dev/towline/server/protocol/editortest"
)

// TestPrintsStayOutOfTheProtocol loads an extension of the developer's own that
// prints when it is loaded: the evaluation has it, and the language server's
// stream has nothing but the protocol.
func TestPrintsStayOutOfTheProtocol(t *testing.T) {
	w := newWorkspace(t)
	extension := filepath.Join(filepath.Dir(w.dir), "exts", "hello")
	if err := os.MkdirAll(extension, 0o700); err != nil {
		t.Fatal(err)
	}
	text := "v1alpha1.extension_repo(name='default', url='file://" + filepath.Dir(extension) + "')\nload('ext://hello', 'hi')\nprint('in the Tiltfile')\nhi()\nlocal_res\n"
	for name, content := range map[string]string{
		filepath.Join(w.dir, "Tiltfile"):     strings.TrimSuffix(text, "local_res\n"),
		filepath.Join(extension, "Tiltfile"): "print('Content-Length: 5')\ndef hi():\n    '''Says hi.'''\n    print('hi!')\n",
	} {
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, towline(t), "lsp")
	cmd.Dir, cmd.Env = w.dir, w.env
	in, err1 := cmd.StdinPipe()
	out, err2 := cmd.StdoutPipe()
	if err := errors.Join(err1, err2, cmd.Start()); err != nil {
		t.Fatal(err)
	}
	var sent bytes.Buffer
	editor, err := editortest.New(stream{io.TeeReader(out, &sent), in})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		editor.Close()
		_ = cmd.Wait()
	})
	call := func(method string, params, result any) {
		t.Helper()
		if err := editor.Call(ctx, method, params, result); err != nil {
			t.Fatal(err)
		}
	}
	doc := map[string]any{"uri": string(uri.File(filepath.Join(w.dir, "Tiltfile")))}
	call("initialize", map[string]any{
		"processId": nil, "rootUri": string(uri.File(w.dir)), "initializationOptions": map[string]any{"status": true},
		"capabilities": map[string]any{"textDocument": map[string]any{"hover": map[string]any{"contentFormat": []string{"markdown"}}}},
	}, nil)
	notify := func(method string, params any) {
		t.Helper()
		if err := editor.Notify(method, params); err != nil {
			t.Fatal(err)
		}
	}
	notify("initialized", map[string]any{})
	notify("textDocument/didOpen", map[string]any{"textDocument": map[string]any{"uri": doc["uri"], "languageId": "tiltfile", "version": 1, "text": text}})
	var s protocol.StatusParams
	_, _, err = editor.Await(ctx, 0, func(m editortest.Message) bool {
		s = protocol.StatusParams{}
		return m.Method == protocol.MethodStatus && json.Unmarshal(m.Params, &s) == nil && s.Status != nil && !s.Status.Config.EvaluatedAt.IsZero()
	})
	if err != nil {
		t.Fatalf("waiting for the evaluation: %v; received %+v", err, editor.Received())
	}
	if p := s.Status.Config.Error; p != nil {
		t.Errorf("the evaluation failed: %s", p.Message)
	}
	var hover struct{ Contents struct{ Value string } }
	call("textDocument/hover", map[string]any{"textDocument": doc, "position": map[string]any{"line": 3, "character": 1}}, &hover)
	if !strings.Contains(hover.Contents.Value, "Says hi.") {
		t.Errorf("hover over what the extension defines: %q", hover.Contents.Value)
	}
	var list struct{ Items []struct{ Label string } }
	call("textDocument/completion", map[string]any{"textDocument": doc, "position": map[string]any{"line": 4, "character": 9}}, &list)
	if len(list.Items) == 0 || list.Items[0].Label != "local_resource" {
		t.Errorf("completed %+v", list.Items)
	}
	for _, p := range editor.Problems() {
		t.Errorf("on the stream: %v", p)
	}
	call("shutdown", nil, nil)
	notify("exit", nil)
	<-editor.Done() // sent is read to its end
	wantMessagesAlone(t, sent.String())
}

// wantMessagesAlone takes a stream apart: a client may pass over a line that is no
// header, and another one stumbles over it.
func wantMessagesAlone(t *testing.T, sent string) {
	t.Helper()
	for n := 0; sent != ""; n++ {
		var length int
		if _, err := fmt.Sscanf(sent, "Content-Length: %d\r\n\r\n", &length); err != nil {
			t.Fatalf("behind %d messages stands %.60q", n, sent)
		}
		_, body, _ := strings.Cut(sent, "\r\n\r\n")
		if sent = body[min(length, len(body)):]; len(body) < length || !json.Valid([]byte(body[:length])) {
			t.Fatalf("message %d is no JSON: %.60q", n, body)
		}
	}
}

// stream is the standard output and input of a program.
type stream struct {
	io.Reader
	io.WriteCloser
}
