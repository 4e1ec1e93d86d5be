package lsp

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.lsp.dev/uri"

	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/server/workspace"
	"github.com/towline-dev/towline/starlark/config"
)

const extensionMain = `load('ext://restart_process', 'docker_build_with_restart', 'no_such_name')
load('ext://unheard_of', 'x')
docker_build_with_restart('img', '.', entrypoint=['x'], live_update=[])
namespace_crea
x()
no_such_name()
`

// TestExtensions works with extensions that are shipped, and with one that
// nobody has fetched yet.
func TestExtensions(t *testing.T) {
	h := open(t, setup{files: map[string]string{"Tiltfile": extensionMain}})
	h.didOpen("Tiltfile", "tiltfile", extensionMain)
	d := await(h, "textDocument/publishDiagnostics", func(d diagnostics) bool { return d.URI == h.uri("Tiltfile") })
	severities := map[string]int{}
	for _, one := range d.Diagnostics {
		severities[one.Code] = one.Severity
	}
	if severities["unknown-export"] != 2 || severities["extension-not-fetched"] != 4 || severities["missing-module"] != 0 {
		t.Errorf("diagnostics: %+v", d.Diagnostics)
	}
	call := place(extensionMain, "build_with_restart('img'", 0)
	for _, test := range []struct {
		method string
		at     map[string]any
		want   string
	}{
		{"textDocument/hover", call, "def docker_build_with_restart("},
		{"textDocument/hover", place(extensionMain, "restart_process", 0), "shipped with Towline"},
		{"textDocument/hover", place(extensionMain, "unheard_of", 0), "evaluating the Tiltfile fetches it"},
		{"textDocument/signatureHelp", place(extensionMain, "'.', entry", 0), "docker_build_with_restart(ref"},
		{"textDocument/completion", place(extensionMain, "_crea", 0), `"newText":"load('ext://namespace', 'namespace_create')\n"`},
		{"textDocument/completion", place(extensionMain, "estart_process", 0), `"label":"ext://helm_remote"`},
	} {
		if got := h.ask(test.method, test.at, nil); !strings.Contains(got, test.want) {
			t.Errorf("%s: no %s in %s", test.method, test.want, got)
		}
	}
	var at []struct {
		URI   uri.URI
		Range rng
	}
	if err := json.Unmarshal([]byte(h.ask("textDocument/definition", call, nil)), &at); err != nil || len(at) != 1 {
		t.Fatalf("definition: %+v, %v", at, err)
	}
	var links []struct{ Target uri.URI }
	if err := json.Unmarshal([]byte(h.ask("textDocument/documentLink", nil, nil)), &links); err != nil || len(links) != 1 || links[0].Target != at[0].URI {
		t.Errorf("the link leads to %+v, the definition to %s, %v", links, at[0].URI, err)
	}
	insideTheExtension(t, h, at[0].URI)
}

// TestLineEndsOfEdits completes a name that has to be loaded, and mends one, in a
// file of Windows: no line ends differ in the result.
func TestLineEndsOfEdits(t *testing.T) {
	const text = "x = 1\r\nnamespace_crea\r\nhelm_resource('a', 'b')\r\n"
	h := open(t, setup{files: map[string]string{"Tiltfile": text}})
	h.didOpen("Tiltfile", "tiltfile", text)
	const edit = `"newText":"load('ext://namespace', 'namespace_create')\r\n"`
	if got := h.ask("textDocument/completion", place(text, "_crea", 0), nil); !strings.Contains(got, edit) {
		t.Errorf("no %s in %s", edit, got)
	}
	got := h.ask("textDocument/codeAction", nil, map[string]any{"range": span(2, 1, 2, 1), "context": map[string]any{"diagnostics": []any{}}})
	if !strings.Contains(got, `"newText":"load('ext://helm_resource', 'helm_resource')\r\n"`) {
		t.Errorf("actions: %s", got)
	}
}

// insideTheExtension looks around in the file that a definition led to.
func insideTheExtension(t *testing.T, h *harness, file uri.URI) {
	t.Helper()
	text, err := os.ReadFile(file.FsPath())
	if err != nil {
		t.Fatal(err)
	}
	h.notify("textDocument/didOpen", map[string]any{"textDocument": map[string]any{
		"uri": string(file), "languageId": "tiltfile", "version": 1, "text": string(text),
	}})
	within := map[string]any{"textDocument": map[string]any{"uri": string(file)}, "context": map[string]any{"includeDeclaration": false}}
	at := place(string(text), "ocker_build_with_restart(\n", 0)
	references := h.ask("textDocument/references", at, within)
	if !strings.Contains(references, "W/Tiltfile") {
		t.Errorf("references of the extension's function: %s", references)
	}
	within["newName"] = "other"
	if got := h.ask("textDocument/rename", at, within); !strings.Contains(got, "not the project's own") {
		t.Errorf("rename in an extension answered %s", got)
	}
}

// TestProblemInAnExtension shows it where the project calls the extension.
func TestProblemInAnExtension(t *testing.T) {
	fake, _ := watchedDaemon(1)
	h := open(t, tilt(&daemons{running: fake}))
	h.didOpen("Tiltfile", "tiltfile", "load('ext://secret', 'secret_from_dict')\nsecret_from_dict('x')\n")
	fake.set(func(s *api.Status) {
		inside := config.Position{File: "ext://secret/Tiltfile", Line: 3, Col: 5}
		s.Config.Error = &config.Problem{Message: "no", Pos: inside, Stack: []config.Frame{
			{Name: "<toplevel>", Pos: config.Position{File: h.path("Tiltfile"), Line: 2, Col: 17}}, {Name: "secret_from_dict", Pos: inside},
		}}
	})
	got := await(h, "textDocument/publishDiagnostics", func(d diagnostics) bool { return has(d, "evaluation") })
	d := got.Diagnostics[len(got.Diagnostics)-1]
	if got.URI != h.uri("Tiltfile") || d.Range.Start.Line != 1 || d.Range.End.Character != 16 || len(d.Related) != 2 {
		t.Errorf("got %+v", d)
	}
	if file := d.Related[0].Location.URI; !strings.HasSuffix(file, "/secret/Tiltfile") || !strings.HasPrefix(file, "file://") {
		t.Errorf("related: %s", file)
	}
}

func TestContexts(t *testing.T) {
	file := filepath.Join(t.TempDir(), "config")
	if err := os.WriteFile(file, []byte("contexts:\n- name: gke_prod\n- name: kind-dev\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	h := open(t, setup{serve: Options{Kube: workspace.NewKubeconfig(file)}})
	const text = "allow_k8s_contexts('')\n"
	h.didOpen("Tiltfile", "tiltfile", text)
	got := h.ask("textDocument/completion", map[string]any{"line": 0, "character": 20}, nil)
	if !strings.Contains(got, `"gke_prod"`) || !strings.Contains(got, `"kind-dev"`) {
		t.Errorf("completed %s", got)
	}
}

// TestContextThatIsNotAllowed hears of it from the daemon, and of its being
// allowed as well.
func TestContextThatIsNotAllowed(t *testing.T) {
	fake, _ := watchedDaemon(1)
	h := open(t, tilt(&daemons{running: fake}))
	h.didOpen("Tiltfile", "tiltfile", "k8s_yaml('x.yaml')\n")
	fake.set(func(s *api.Status) {
		s.Config.EvaluatedAt = time.Now()
		s.Cluster = api.ClusterStatus{Context: "gke_prod"}
	})
	await(h, "textDocument/publishDiagnostics", func(d diagnostics) bool { return has(d, "context-not-allowed") })
	actions := h.ask("textDocument/codeAction", nil, map[string]any{"range": span(0, 0, 0, 3), "context": map[string]any{"diagnostics": []any{}}})
	if !strings.Contains(actions, `"newText":"allow_k8s_contexts('gke_prod')\n"`) {
		t.Errorf("actions: %s", actions)
	}
	fake.set(func(s *api.Status) { s.Cluster.Allowed = true })
	await(h, "textDocument/publishDiagnostics", func(d diagnostics) bool { return !has(d, "context-not-allowed") })
}

// TestFixInAnotherFile corrects a key of the settings from the Tiltfile.
func TestFixInAnotherFile(t *testing.T) {
	h := open(t, setup{files: map[string]string{"tilt_config.json": "{\"envv\": 1}\n"}})
	h.didOpen("Tiltfile", "tiltfile", "config.define_string('env')\ncfg = config.parse()\n")
	actions := h.ask("textDocument/codeAction", nil, map[string]any{"range": span(1, 8, 1, 8), "context": map[string]any{"diagnostics": []any{}}})
	if !strings.Contains(actions, `"W/tilt_config.json":[{"range":{"start":{"line":0,"character":1},"end":{"line":0,"character":7}},"newText":"\"env\""}]`) {
		t.Errorf("actions: %s", actions)
	}
}
