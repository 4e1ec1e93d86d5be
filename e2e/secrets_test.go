package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/towline-dev/towline/server/protocol/editortest"
)

// The canary is the value of a Secret, which a Tiltfile has in all that a
// project holds, and in its last words.
const (
	canary   = "t0ps3cret"
	canary64 = "dDBwczNjcmV0"
)

const canaryTiltfile = `k8s_yaml('secret.yaml')
value = str(read_yaml('secret.yaml')['stringData']['password'])
encoded = 'dDBwczNj' + 'cmV0'
docker_build('web', '.', build_args={'TOKEN': value}, live_update=[sync('.', '/app'), run('login ' + value)])
k8s_yaml('web.yaml')
k8s_resource('web', links=[link('http://localhost/?token=' + value, 'open ' + value)])
local_resource('job', 'echo ' + value, env={'TOKEN': value}, links=['http://localhost/' + encoded])
print('it is', value, encoded)
warn('take care of ' + value)
fail('bad ' + value)
`

var canaryFiles = map[string]string{
	"secret.yaml": "apiVersion: v1\nkind: Secret\nmetadata: {name: login}\nstringData: {password: " + canary + "}\n",
	"web.yaml":    "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec: {containers: [{name: web, image: web, args: [--password=" + canary + "]}]}\n",
	"Dockerfile":  "FROM scratch\n",
}

// canaryFolder is a workspace of its own, with and without the last failure.
func canaryFolder(t *testing.T, fails bool) (dir, text string) {
	t.Helper()
	dir, text = t.TempDir(), canaryTiltfile
	if !fails {
		text = strings.Replace(text, "fail(", "print(", 1)
	}
	for name, content := range canaryFiles {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "Tiltfile"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"XDG_RUNTIME_DIR", "XDG_STATE_HOME", "HOME"} {
		t.Setenv(name, t.TempDir())
	}
	t.Setenv("KUBECONFIG", filepath.Join(t.TempDir(), "none"))
	return dir, text
}

func wantNoCanary(t *testing.T, what, text, hidden string) {
	t.Helper()
	for _, leak := range []string{canary, canary64} {
		if at := strings.Index(text, leak); at >= 0 {
			t.Errorf("%s shows the secret: …%s…", what, text[max(0, at-200):min(len(text), at+60)])
		}
	}
	if !strings.Contains(text, hidden) {
		t.Errorf("%s: %q is not in it, so it proves nothing", what, hidden)
	}
}

// TestSecretsStayOutOfEval has the value in all that is printed of a project.
func TestSecretsStayOutOfEval(t *testing.T) {
	for what, fails := range map[string]bool{"a good project": false, "a failed one": true} {
		t.Run(what, func(t *testing.T) {
			dir, _ := canaryFolder(t, fails)
			for _, args := range [][]string{{"eval", "--json"}, {"eval"}, {"check"}} {
				cmd := exec.CommandContext(t.Context(), towline(t), args...)
				cmd.Dir = dir
				out, _ := cmd.CombinedOutput() // a failed project is one
				hidden := "[redacted secret login:password]"
				if args[0] == "check" && !fails {
					hidden = "take care of"
				}
				wantNoCanary(t, strings.Join(args, " "), string(out), hidden)
			}
		})
	}
}

// pipes are a process's input and output, of which all that it says is kept.
type pipes struct {
	io.Reader
	io.WriteCloser
}

// TestSecretsStayOutOfTheEditor asks a language server for everything that it
// can say of the Tiltfile while its daemon knows the project, and looks at every
// byte that came.
func TestSecretsStayOutOfTheEditor(t *testing.T) {
	for what, fails := range map[string]bool{"a good project": false, "a failed one": true} {
		t.Run(what, func(t *testing.T) {
			dir, text := canaryFolder(t, fails)
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			cmd := exec.CommandContext(ctx, towline(t), "lsp", "--stdio")
			cmd.Dir = dir
			in, err := cmd.StdinPipe()
			if err != nil {
				t.Fatal(err)
			}
			out, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			var said, log record
			cmd.Stderr = &log
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			defer func() {
				down := exec.Command(towline(t), "down", "--forget") // ends the daemon
				down.Dir = dir
				_ = down.Run()
			}()
			editor, err := editortest.New(pipes{io.TeeReader(out, &said), in})
			if err != nil {
				t.Fatal(err)
			}
			askEverything(t, ctx, editor, dir, text)
			_ = editor.Close()
			_ = cmd.Wait()
			wantNoCanary(t, "the language server", said.String(), "take care of [redacted secret login:password]")
			wantNoCanary(t, "its log", log.String(), "")
		})
	}
}

// askEverything opens the Tiltfile, waits for its evaluation, and asks.
func askEverything(t *testing.T, ctx context.Context, e *editortest.Editor, dir, text string) {
	t.Helper()
	call := func(method string, params map[string]any) {
		t.Helper()
		if err := e.Call(ctx, method, params, nil); err != nil && ctx.Err() != nil {
			t.Fatal(err)
		}
	}
	root, doc := "file://"+filepath.ToSlash(dir), map[string]any{"uri": "file://" + filepath.ToSlash(dir) + "/Tiltfile"}
	call("initialize", map[string]any{"processId": nil, "rootUri": root, "capabilities": map[string]any{}, "workspaceFolders": []any{map[string]any{"uri": root, "name": "w"}}})
	_ = e.Notify("initialized", map[string]any{})
	_ = e.Notify("textDocument/didOpen", map[string]any{"textDocument": map[string]any{"uri": doc["uri"], "languageId": "tiltfile", "version": 1, "text": text}})
	if _, _, err := e.Await(ctx, 0, func(m editortest.Message) bool {
		return m.Method == "textDocument/publishDiagnostics" && bytes.Contains(m.Params, []byte("take care of"))
	}); err != nil {
		t.Fatalf("the warning of the evaluation does not come: %v", err)
	}
	everywhere := map[string]any{"start": map[string]int{"line": 0, "character": 0}, "end": map[string]int{"line": 99, "character": 0}}
	for _, method := range []string{"documentSymbol", "codeLens", "documentLink", "foldingRange", "semanticTokens/full", "formatting", "diagnostic"} {
		call("textDocument/"+method, map[string]any{"textDocument": doc, "options": map[string]any{"tabSize": 4, "insertSpaces": true}})
	}
	for _, method := range []string{"inlayHint", "codeAction"} {
		call("textDocument/"+method, map[string]any{"textDocument": doc, "range": everywhere, "context": map[string]any{"diagnostics": []any{}}})
	}
	call("workspace/symbol", map[string]any{"query": ""})
	for line, content := range strings.Split(text, "\n") {
		for at := 0; at < len(content); at += 5 {
			for _, method := range []string{"hover", "completion", "signatureHelp", "definition"} {
				call("textDocument/"+method, map[string]any{"textDocument": doc, "position": map[string]int{"line": line, "character": at}})
			}
		}
	}
	for _, command := range []string{"towline.status", "towline.context", "towline.eval"} {
		argument, _ := json.Marshal(map[string]any{"uri": doc["uri"]})
		call("workspace/executeCommand", map[string]any{"command": command, "arguments": []any{json.RawMessage(argument)}})
	}
}

// record keeps what is written to it.
type record struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (r *record) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.buf.Write(p)
}

func (r *record) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.buf.String()
}
