package main

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
	"strconv"
	"strings"
	"time"

	"github.com/towline-dev/towline/bench/report"
	"github.com/towline-dev/towline/server/protocol/editortest"
)

// client is an editor with the Tiltfile open, in front of the real program.
type client struct {
	*editortest.Editor
	ctx     context.Context
	cmd     *exec.Cmd
	uri     string
	text    string // as it is on disk; edits come and go at its end
	version int
	tokens  string // result id of the last semantic tokens
	mark    int
	typed   bool
	letters int           // that typing has typed
	line    int           // in which keys are pressed, see place
	pause   time.Duration // before each sample
}

// pipes is the program's input and output as one stream.
type pipes struct {
	io.ReadCloser
	in io.WriteCloser
}

func (p pipes) Write(b []byte) (int, error) { return p.in.Write(b) }
func (p pipes) Close() error                { return errors.Join(p.in.Close(), p.ReadCloser.Close()) }

// start starts the program and waits until the Tiltfile is understood and the
// daemon was found.
func start(ctx context.Context, program string, w *workspace) (*client, error) {
	c, err := open(ctx, program, w)
	if err != nil {
		return nil, err
	}
	var status struct{ Connected bool }
	for !status.Connected {
		if err := c.Call(ctx, "towline/getStatus", map[string]any{}, &status); err != nil {
			return nil, err
		}
	}
	return c, c.awaitDiagnostics()
}

// open starts the program and opens the Tiltfile.
func open(ctx context.Context, program string, w *workspace) (*client, error) {
	cmd := exec.CommandContext(ctx, program, "lsp")
	cmd.Dir = w.dir
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	c := &client{
		Editor: editortest.NewUnchecked(pipes{out, in}), ctx: ctx, cmd: cmd,
		uri: "file://" + filepath.Join(w.dir, "Tiltfile"), text: w.text, version: 1,
	}
	err = c.Call(ctx, "initialize", map[string]any{
		"processId": nil, "rootUri": "file://" + w.dir, "capabilities": json.RawMessage(capabilities),
	}, nil)
	return c, errors.Join(err, c.Notify("initialized", map[string]any{}), c.didOpen(c.uri, w.text))
}

func (c *client) didOpen(uri, text string) error {
	return c.Notify("textDocument/didOpen", map[string]any{
		"textDocument": map[string]any{"uri": uri, "languageId": "tiltfile", "version": 1, "text": text},
	})
}

// capabilities are those of VS Code, as far as they matter here.
const capabilities = `{"textDocument": {"publishDiagnostics": {"relatedInformation": true},
	"hover": {"contentFormat": ["markdown", "plaintext"]},
	"completion": {"completionList": {"itemDefaults": ["commitCharacters", "editRange", "insertTextFormat", "insertTextMode", "data"]}, "completionItem": {"snippetSupport": true, "documentationFormat": ["markdown", "plaintext"], "resolveSupport": {"properties": ["documentation"]}}}}}`

// stop ends the program as an editor does.
func (c *client) stop() error {
	if err := c.Call(c.ctx, "shutdown", nil, nil); err != nil {
		return err
	}
	if err := c.Notify("exit", nil); err != nil {
		return err
	}
	<-c.Done()
	return c.cmd.Wait()
}

// sample measures rounds of once, in ms, after a few that do not count.
func (c *client) sample(rounds int, once func() error) ([]float64, error) {
	var took []time.Duration
	for i := range rounds + rounds/10 {
		time.Sleep(c.pause)
		began := time.Now()
		if err := once(); err != nil {
			return nil, err
		}
		if i >= rounds/10 {
			took = append(took, time.Since(began))
		}
	}
	return report.Milliseconds(took), nil
}

// nothing is a request that the server refuses.
func (c *client) nothing() error {
	var refused *editortest.Failure
	if err := c.Call(c.ctx, "bench/nothing", nil, nil); !errors.As(err, &refused) {
		return fmt.Errorf("bench/nothing was answered: %w", err)
	}
	return nil
}

// about asks about the middle of the file, where the text first has the word.
func (c *client) about(method, word string, shift int, extra map[string]any, want string) error {
	middle := len(c.text) / 2
	at := middle + strings.Index(c.text[middle:], word) + shift
	line := strings.Count(c.text[:at], "\n")
	params := map[string]any{
		"textDocument": map[string]any{"uri": c.uri},
		"position":     map[string]any{"line": line, "character": at - strings.LastIndexByte(c.text[:at], '\n') - 1},
	}
	for k, v := range extra {
		params[k] = v
	}
	var raw json.RawMessage
	if err := c.Call(c.ctx, method, params, &raw); err != nil {
		return err
	}
	if !bytes.Contains(raw, []byte(want)) {
		return fmt.Errorf("%s: no %q in the answer %.200s", method, want, raw)
	}
	return nil
}

func (c *client) hover() error {
	return c.about("textDocument/hover", "docker_build", 3, nil, "docker_build")
}

func (c *client) definition() error {
	return c.about("textDocument/definition", "labels_of", 3, nil, "common.star")
}

func (c *client) references() error {
	return c.about("textDocument/references", "labels_of", 3, map[string]any{"context": map[string]any{"includeDeclaration": true}}, "Tiltfile")
}

func (c *client) rename() error {
	return c.about("textDocument/rename", "wanted", 3, map[string]any{"newName": "chosen"}, "chosen")
}

func (c *client) documentSymbol() error {
	return c.about("textDocument/documentSymbol", "wanted", 0, nil, "service-000")
}

func (c *client) inlayHint() error {
	screen := map[string]any{
		"start": map[string]any{"line": 60, "character": 0}, "end": map[string]any{"line": 140, "character": 0},
	}
	return c.about("textDocument/inlayHint", "wanted", 0, map[string]any{"range": screen}, "")
}

func (c *client) codeLens() error {
	return c.about("textDocument/codeLens", "wanted", 0, nil, "service-000")
}

func (c *client) signatureHelp() error {
	return c.about("textDocument/signatureHelp", "k8s_resource(", len("k8s_resource("), nil, "k8s_resource(")
}

// atStart makes what presses keys do so at the start of the file, so that all
// of it moves.
func (c *client) atStart(once func() error) func() error {
	return func() error {
		c.line = startLine
		defer func() { c.line = 0 }()
		return once()
	}
}

// place returns a position in the line in which keys are pressed: the file's
// last one but one, or where atStart says.
func (c *client) place(character int) map[string]any {
	line := c.line
	if line == 0 {
		line = strings.Count(c.text, "\n") - 1
	}
	return map[string]any{"line": line, "character": character}
}

// press inserts or removes a text at the start of an empty line, in turns, as
// typing does.
func (c *client) press(text string) error {
	end, change := 0, text
	if c.typed {
		end, change = len(text), ""
	}
	c.typed = !c.typed
	return c.replace(0, end, change)
}

// replace replaces a piece of the line in which keys are pressed.
func (c *client) replace(start, end int, text string) error {
	c.version++
	return c.Notify("textDocument/didChange", map[string]any{
		"textDocument": map[string]any{"uri": c.uri, "version": c.version},
		"contentChanges": []any{map[string]any{
			"range": map[string]any{"start": c.place(start), "end": c.place(end)}, "text": text,
		}},
	})
}

// keystrokeCompletion is a key and the completions that follow it.
func (c *client) keystrokeCompletion() error {
	if err := c.press("d"); err != nil {
		return err
	}
	character := 0
	if c.typed {
		character = 1
	}
	return c.complete(character)
}

// complete asks for the completions in the line in which keys are pressed.
func (c *client) complete(character int) error {
	var raw json.RawMessage
	err := c.Call(c.ctx, "textDocument/completion", map[string]any{
		"textDocument": map[string]any{"uri": c.uri}, "position": c.place(character),
	}, &raw)
	if err == nil && !bytes.Contains(raw, []byte(`"docker_build"`)) {
		err = fmt.Errorf("no docker_build among the completions %.200s", raw)
	}
	return err
}

// typing is a letter of a word of which each letter asks for completions while
// nobody waits for the diagnostics of the one before.
func (c *client) typing() error {
	const word = "docker"
	if c.letters == len(word) {
		if err := c.replace(0, c.letters, ""); err != nil {
			return err
		}
		c.letters = 0
	}
	if err := c.replace(c.letters, c.letters, word[c.letters:c.letters+1]); err != nil {
		return err
	}
	c.letters++
	return c.complete(c.letters)
}

// changeDiagnostics is a key and the diagnostics of the text after it.
func (c *client) changeDiagnostics() error {
	if err := c.press(")"); err != nil {
		return err
	}
	return c.awaitDiagnostics()
}

// awaitDiagnostics waits for the diagnostics of the current version.
func (c *client) awaitDiagnostics() error {
	want := []byte(fmt.Sprintf(`"version":%d,`, c.version))
	_, next, err := c.Await(c.ctx, c.mark, func(m editortest.Message) bool {
		return m.Method == "textDocument/publishDiagnostics" && bytes.Contains(m.Params, want)
	})
	c.mark = next
	return err
}

// tokensDelta is a key and the change of colours that follows it.
func (c *client) tokensDelta() error {
	method, params := "textDocument/semanticTokens/full/delta", map[string]any{
		"textDocument": map[string]any{"uri": c.uri}, "previousResultId": c.tokens,
	}
	if c.tokens == "" {
		method = "textDocument/semanticTokens/full"
	}
	if err := c.press("d"); err != nil {
		return err
	}
	var result struct{ ResultID string }
	if err := c.Call(c.ctx, method, params, &result); err != nil {
		return err
	}
	c.tokens = result.ResultID
	return nil
}

// saveHints measures from the editor's save to the daemon's hint.
func (c *client) saveHints(w *workspace, rounds int) ([]float64, error) {
	var took []time.Duration
	for range rounds {
		began := time.Now()
		err := c.Notify("textDocument/didSave", map[string]any{
			"textDocument": map[string]any{"uri": "file://" + filepath.Join(w.dir, "service-000", "main.py")},
		})
		if err != nil {
			return nil, err
		}
		select {
		case at := <-w.hints:
			took = append(took, at.Sub(began))
		case <-c.ctx.Done():
			return nil, fmt.Errorf("waiting for the hint of a save: %w", c.ctx.Err())
		}
	}
	return report.Milliseconds(took), nil
}

// resident returns the program's resident memory in MB.
func (c *client) resident() (float64, error) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", c.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	_, rest, _ := strings.Cut(string(data), "VmRSS:")
	kb, err := strconv.ParseFloat(strings.Fields(rest)[0], 64)
	return kb / 1024, err
}

// coldStarts measures from starting the program to the first answer about the
// Tiltfile, and beside it from starting to the end of a program that only
// prints its version.
func coldStarts(ctx context.Context, program string, w *workspace, rounds int) (cold, bare []float64, err error) {
	var took, floor []time.Duration
	for range rounds {
		began := time.Now()
		if err := exec.CommandContext(ctx, program, "--version").Run(); err != nil {
			return nil, nil, err
		}
		floor = append(floor, time.Since(began))
		began = time.Now()
		c, err := open(ctx, program, w)
		if err != nil {
			return nil, nil, err
		}
		if err := c.hover(); err != nil {
			return nil, nil, err
		}
		took = append(took, time.Since(began))
		if err := c.stop(); err != nil {
			return nil, nil, err
		}
	}
	return report.Milliseconds(took), report.Milliseconds(floor), nil
}
