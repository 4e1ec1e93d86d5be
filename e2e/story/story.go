// Package story plays what a developer does in a day, on a real cluster and
// with the real binaries: open a repository in an editor, bring it up, save,
// restart, stop at a breakpoint, take it down. The demo shows it, the
// end-to-end tests assert it, the benchmarks measure its steps.
//
// The editor is a language client over stdio and a debug client over stdio, as
// any editor would be; nothing here reaches past them but the HTTP requests of
// the application's users.
package story

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/server/protocol"
	"github.com/towline-dev/towline/server/protocol/editortest"
)

// Options say where a story plays.
type Options struct {
	Towline   string   // path of the binary
	Workspace string   // folder with the hello example, see CopyExample
	Env       []string // of the binaries: KUBECONFIG, DOCKER_HOST, …
	Namespace string   // "": the context's
	Stderr    io.Writer
	Progress  func(string) // told what up waits for; nil: nobody
}

// Story is an editor that has a workspace open.
type Story struct {
	o      Options
	editor *editortest.Editor
	server *exec.Cmd
	opened map[string]int // files by name, with their version
}

// Open starts `towline lsp` and opens the Tiltfile.
func Open(ctx context.Context, o Options) (*Story, error) {
	s := &Story{o: o, opened: map[string]int{}}
	cmd, pipe, err := start(o, "lsp")
	if err != nil {
		return nil, err
	}
	s.server = cmd
	if s.editor, err = editortest.New(pipe); err != nil {
		return nil, err
	}
	params := map[string]any{
		"processId": os.Getpid(), "rootUri": fileURI(o.Workspace),
		"workspaceFolders": []any{map[string]any{"uri": fileURI(o.Workspace), "name": "hello"}},
		"capabilities": map[string]any{
			"window":       map[string]any{"workDoneProgress": true},
			"textDocument": map[string]any{"synchronization": map[string]any{"didSave": true}},
		},
		"initializationOptions": map[string]any{"status": true},
	}
	if err := s.editor.Call(ctx, "initialize", params, nil); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	if err := s.editor.Notify("initialized", map[string]any{}); err != nil {
		return nil, err
	}
	return s, s.open("Tiltfile", "tiltfile")
}

// start runs the binary with its standard streams as one connection.
func start(o Options, args ...string) (*exec.Cmd, io.ReadWriteCloser, error) {
	cmd := exec.Command(o.Towline, args...)
	cmd.Dir, cmd.Env, cmd.Stderr = o.Workspace, append(os.Environ(), o.Env...), o.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, nil, fmt.Errorf("starting %s: %w", o.Towline, err)
	}
	return cmd, stdio{out, in}, nil
}

// stdio is a process's output and input as one stream.
type stdio struct {
	io.Reader
	io.WriteCloser
}

func fileURI(path string) string { return "file://" + path }

// Path is the absolute path of a file of the workspace.
func (s *Story) Path(name string) string { return filepath.Join(s.o.Workspace, name) }

func (s *Story) open(name, language string) error {
	text, err := os.ReadFile(s.Path(name))
	if err != nil {
		return err
	}
	s.opened[name] = 1
	return s.editor.Notify("textDocument/didOpen", map[string]any{"textDocument": map[string]any{
		"uri": fileURI(s.Path(name)), "languageId": language, "version": 1, "text": string(text),
	}})
}

// Save writes a file and tells the language server, as an editor does.
func (s *Story) Save(name, text string) error {
	if s.opened[name] == 0 {
		if err := s.open(name, "plaintext"); err != nil {
			return err
		}
	}
	s.opened[name]++
	uri := fileURI(s.Path(name))
	err := s.editor.Notify("textDocument/didChange", map[string]any{
		"textDocument":   map[string]any{"uri": uri, "version": s.opened[name]},
		"contentChanges": []any{map[string]any{"text": text}},
	})
	if err != nil {
		return err
	}
	if err := os.WriteFile(s.Path(name), []byte(text), 0o644); err != nil {
		return err
	}
	return s.editor.Notify("textDocument/didSave", map[string]any{"textDocument": map[string]any{"uri": uri}})
}

// command asks the language server for one of Towline's commands.
func (s *Story) command(ctx context.Context, name string, args, result any) error {
	params := map[string]any{"command": name}
	if args != nil {
		params["arguments"] = []any{args}
	}
	return s.editor.Call(ctx, "workspace/executeCommand", params, result)
}

// Up brings the project up and waits until all of it is ready.
func (s *Story) Up(ctx context.Context) (api.Status, error) {
	args := map[string]any{}
	if s.o.Namespace != "" {
		args["namespace"] = s.o.Namespace
	}
	if err := s.command(ctx, protocol.CommandUp, args, nil); err != nil {
		return api.Status{}, err
	}
	return s.Reach(ctx, "ready", Ready)
}

// Ready reports whether every resource is ready and in sync.
func Ready(st api.Status) bool {
	if !st.Up || len(st.Resources) == 0 {
		return false
	}
	for _, r := range st.Resources {
		if r.Phase != api.PhaseReady {
			return false
		}
		for _, t := range r.Targets {
			if t.Sync != api.SyncInSync {
				return false
			}
		}
	}
	return true
}

// Reach follows towline/status until a status is as wanted. An error of a
// resource ends it.
func (s *Story) Reach(ctx context.Context, what string, is func(api.Status) bool) (api.Status, error) {
	last, said := api.Status{}, ""
	for from := 0; ; {
		m, next, err := s.editor.Await(ctx, from, func(m editortest.Message) bool { return m.Method == protocol.MethodStatus })
		if err != nil {
			return last, fmt.Errorf("waiting until the project is %s: %w; the last status: %s", what, err, brief(last))
		}
		from = next
		var params protocol.StatusParams
		if err := json.Unmarshal(m.Params, &params); err != nil {
			return last, err
		}
		if params.Status == nil {
			continue
		}
		last = *params.Status
		if is(last) {
			return last, nil
		}
		for _, r := range last.Resources {
			if r.Phase == api.PhaseError {
				return last, fmt.Errorf("waiting until the project is %s: %s", what, brief(last))
			}
		}
		if text := brief(last); s.o.Progress != nil && text != said {
			s.o.Progress(text)
			said = text
		}
	}
}

// brief tells in a line what a status says.
func brief(st api.Status) string {
	var parts []string
	for _, r := range st.Resources {
		part := r.Name + " " + string(r.Phase)
		if r.Problem != nil {
			part += " (" + r.Problem.Error() + ")"
		} else if r.Message != "" {
			part += " (" + r.Message + ")"
		}
		parts = append(parts, part)
	}
	return strings.Join(parts, ", ")
}

// Status asks for the project's state now.
func (s *Story) Status(ctx context.Context) (api.Status, error) {
	var params protocol.StatusParams
	if err := s.command(ctx, protocol.CommandStatus, nil, &params); err != nil {
		return api.Status{}, err
	}
	if params.Status == nil {
		return api.Status{}, fmt.Errorf("no status: %s", params.Problem)
	}
	return *params.Status, nil
}

// Restart asks for a restart of a resource.
func (s *Story) Restart(ctx context.Context, resource string) error {
	return s.command(ctx, protocol.CommandRestart, map[string]any{"resource": resource}, nil)
}

// Down takes the project down and waits until it is gone.
func (s *Story) Down(ctx context.Context) error {
	return s.command(ctx, protocol.CommandDown, map[string]any{"wait": true, "namespace": s.o.Namespace}, nil)
}

// Problems are what the server's messages violate of the protocol.
func (s *Story) Problems() error { return errors.Join(s.editor.Problems()...) }

// Close ends the editor. What is up stays up.
func (s *Story) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if s.editor != nil && s.editor.Call(ctx, "shutdown", nil, nil) == nil {
		_ = s.editor.Notify("exit", nil)
	}
	if s.editor != nil {
		s.editor.Close()
	}
	return s.server.Wait()
}

// Until asks a URL again and again, at once after each answer, until one is as
// wanted, and returns it.
func Until(ctx context.Context, url string, is func(body string) bool) (string, error) {
	client := http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	last := "nothing"
	for {
		body, err := fetch(ctx, &client, url)
		if err == nil && is(body) {
			return body, nil
		}
		last = fmt.Sprintf("%q %v", body, err)
		select {
		case <-ctx.Done():
			return "", fmt.Errorf("%s never answered as wanted, last: %s: %w", url, last, ctx.Err())
		case <-time.After(time.Millisecond / 2):
		}
	}
}

// Ask asks a URL again and again, whatever it answers, until stop is called:
// the traffic that a breakpoint waits for.
func Ask(ctx context.Context, url string) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = Until(ctx, url, func(string) bool { return false })
	}()
	return func() { cancel(); <-done }
}

func fetch(ctx context.Context, client *http.Client, url string) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", err
	}
	resp, err := client.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	return string(data), err
}

var pidIn = regexp.MustCompile(`\(pid (\d+)\)`)

// Pid reads the process id that the api service puts into its answers.
func Pid(body string) int {
	m := pidIn.FindStringSubmatch(body)
	if m == nil {
		return 0
	}
	pid, err := strconv.Atoi(m[1])
	if err != nil {
		return 0
	}
	return pid
}

// FreePort returns a port of the loopback that nobody listens on now.
func FreePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// CopyExample copies the example, as it is in the repository, over a folder.
func CopyExample(from, to string) error {
	return filepath.WalkDir(from, func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		if d.IsDir() {
			if rel == "build" {
				return filepath.SkipDir
			}
			return os.MkdirAll(filepath.Join(to, rel), 0o755)
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if old, err := os.ReadFile(filepath.Join(to, rel)); err == nil && bytes.Equal(old, data) {
			return nil
		}
		return os.WriteFile(filepath.Join(to, rel), data, 0o644)
	})
}
