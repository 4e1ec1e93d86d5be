package eval

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/towline-dev/towline/starlark/chart"
	"github.com/towline-dev/towline/starlark/config"
	"github.com/towline-dev/towline/starlark/kustomize"
)

// asRenderer makes this program the one that renders charts.
const asRenderer = "TOWLINE_TEST_RENDERER"

func TestMain(m *testing.M) {
	switch os.Getenv(asRenderer) {
	case "":
		os.Exit(m.Run())
	case "kustomize":
		if err := kustomize.Serve(os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	if err := chart.Serve(context.Background(), os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// rendered evaluates a Tiltfile with a chart of one template, which a process of
// its own renders.
func rendered(t *testing.T, ctx context.Context, program, template string) (text, message string) {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"Tiltfile":             "towline.limits(memory_mb=256)\nprint(helm('web', values=['values.yaml'], set=['b=2']))\n",
		"values.yaml":          "a: one\n",
		"web/Chart.yaml":       "apiVersion: v2\nname: web\nversion: 1.0.0\n",
		"web/templates/a.yaml": template,
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	o := Options{Tiltfile: filepath.Join(dir, "Tiltfile"), Kube: &Kube{}, Log: func(line string) { text += line + "\n" }}
	if program != "" {
		o.Renderer = []string{program}
	}
	if p := Eval(ctx, o); p.Error != nil {
		return text, strings.ReplaceAll(p.Error.Message, dir, "DIR")
	}
	return text, ""
}

// TestRenderApart compares what a process of its own renders with what is
// rendered here.
func TestRenderApart(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv(asRenderer, "1")
	for name, template := range map[string]string{
		"values":          "kind: ConfigMap\nmetadata: {name: x}\ndata: {a: {{ .Values.a }}, b: '{{ .Values.b }}', r: {{ .Release.Name }}}\n",
		"its own failure": "{{ fail \"not so\" }}\n",
		"a wrong one":     "{{ .Values.a.b.c }}\n",
		"nothing":         "",
	} {
		t.Run(name, func(t *testing.T) {
			wantText, wantError := rendered(t, t.Context(), "", template)
			text, message := rendered(t, t.Context(), self, template)
			if text != wantText || message != wantError {
				t.Errorf("apart %q, %q; here %q, %q", text, message, wantText, wantError)
			}
			if text, message := rendered(t, t.Context(), filepath.Join(t.TempDir(), "gone"), template); text != wantText || message != wantError {
				t.Errorf("by a program that is gone %q, %q; here %q, %q", text, message, wantText, wantError)
			}
		})
	}
}

// TestTemplatesAreBounded renders charts that would not end, or take more memory
// than there is.
func TestTemplatesAreBounded(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv(asRenderer, "1")
	_, message := rendered(t, t.Context(), self, `{{ repeat 2000000000 "a" }}`)
	if want := "rendering DIR/web needs more than 256 MB of memory"; !strings.Contains(message, want) {
		t.Errorf("a text repeated: %q, want %q", message, want)
	}
	_, message = rendered(t, t.Context(), self, `{{ range until 100000000 }}{{ range until 100000000 }}a{{ end }}{{ end }}`)
	if want := "rendering DIR/web needs more than 256 MB of memory"; !strings.Contains(message, want) {
		t.Errorf("a long list: %q, want %q", message, want)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	ended := make(chan time.Time, 1)
	time.AfterFunc(time.Second, func() { ended <- time.Now(); cancel(errors.New("enough")) })
	_, message = rendered(t, ctx, self, `{{ range until 100000 }}{{ range until 100000 }}{{ range until 100000 }}{{ end }}{{ end }}{{ end }}`)
	select {
	case at := <-ended:
		if took := time.Since(at); took > 3*time.Second {
			t.Errorf("it went on for %v", took)
		}
	default:
		t.Error("a template with an endless loop ended by itself")
	}
	if !strings.Contains(message, "enough") {
		t.Errorf("an endless loop: %q", message)
	}
}

// kustomized evaluates a Tiltfile with a kustomization that names a resource, on
// its second line.
func kustomized(t *testing.T, ctx context.Context, resource string) (text string, p *config.Project) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv(asRenderer, "kustomize")
	dir := t.TempDir()
	for name, text := range map[string]string{
		"Tiltfile": "# first\nprint(kustomize('k'))\n", "k/kustomization.yaml": "namePrefix: p-\nresources: ['" + resource + "', own.yaml]\n",
		"k/own.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: own}\n",
	} {
		path := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	p = Eval(ctx, Options{Tiltfile: filepath.Join(dir, "Tiltfile"), Kube: &Kube{}, Kustomizer: []string{self}, Log: func(line string) { text += line + "\n" }})
	for i, f := range p.ConfigFiles {
		p.ConfigFiles[i] = strings.TrimPrefix(f, dir+"/")
	}
	return text, p
}

// TestKustomizeApart builds what is fetched, and watches what is here.
func TestKustomizeApart(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: there}\n")
	}))
	defer server.Close()
	text, p := kustomized(t, t.Context(), server.URL+"/x.yaml")
	if p.Error != nil || !strings.Contains(text, "name: p-there") || !strings.Contains(text, "name: p-own") || !slices.Contains(p.ConfigFiles, "k/own.yaml") {
		t.Errorf("%q, %v, watched %q", text, p.Error, p.ConfigFiles)
	}
}

// TestKustomizeIsEnded waits for what never answers: the evaluation ends when it
// is told to, names the call's line, and leaves no process.
func TestKustomizeIsEnded(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	ctx, cancel := context.WithCancelCause(t.Context())
	closed := make(chan error, 1)
	go func() {
		conn, err := silent.Accept()
		if err != nil {
			closed <- err
			return
		}
		defer conn.Close()
		cancel(errors.New("enough"))
		for buf := make([]byte, 1024); err == nil; {
			_, err = conn.Read(buf) // ends with the process
		}
		closed <- nil
	}()
	_, p := kustomized(t, ctx, "http://"+silent.Addr().String()+"/x.yaml")
	if p.Error == nil || !strings.Contains(p.Error.Message, "enough") || p.Error.Pos.Line != 2 {
		t.Errorf("the evaluation ended with %+v", p.Error)
	}
	select {
	case err := <-closed:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(10 * time.Second):
		t.Error("the process that fetches goes on")
	}
}
