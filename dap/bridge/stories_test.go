package bridge_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/towline-dev/towline/dap/daptest"
	"github.com/towline-dev/towline/dap/daptest/local"
	"github.com/towline-dev/towline/dap/message"
)

// The same program in each language; marks name its lines.
var programs = map[string]struct{ name, text string }{
	"Go": {"main.go", `package main

import (
	"bufio"
	"fmt"
	"os"
)

func main() {
	lines := bufio.NewScanner(os.Stdin) // mark: first
	fmt.Println("ready")
	for lines.Scan() {
		fmt.Println(greet(lines.Text()))
	}
}

func greet(name string) string {
	twice := 2 * len(name)
	text := "hello " + name // mark: greet
	return fmt.Sprintf("%s, %d", text, twice)     // mark: answer
}
`},
	"Python": {"app.py", `import sys  # mark: first

def greet(name):
    twice = 2 * len(name)
    text = "hello " + name  # mark: greet
    return "%s, %d" % (text, twice)  # mark: answer

print("ready", flush=True)
for line in sys.stdin:
    print(greet(line.strip()), flush=True)
`},
}

// TestStories plays each text of testdata/stories with each language, under a
// real agent: what a person may rely on does not depend on the language.
func TestStories(t *testing.T) {
	files, err := filepath.Glob("testdata/stories/*.txt")
	must(t, err)
	if len(files) == 0 {
		t.Fatal("there are no stories")
	}
	for language, program := range programs {
		t.Run(language, func(t *testing.T) {
			dir, err := filepath.EvalSymlinks(t.TempDir())
			must(t, err)
			file := filepath.Join(dir, program.name)
			must(t, os.WriteFile(file, []byte(program.text), 0o644))
			argv := commandOf(t, language, dir, file)
			for _, story := range files {
				t.Run(strings.TrimSuffix(filepath.Base(story), ".txt"), func(t *testing.T) {
					text, err := os.ReadFile(story)
					must(t, err)
					p := inPod(t, argv...)
					s := &play{t: t, ctx: within(t), pod: p, file: file, marks: marksOf(program.text), editor: serve(t, p, dir)}
					s.answers("ready")
					s.all(string(text))
				})
			}
		})
	}
}

// commandOf returns how a program is run.
func commandOf(t *testing.T, language, dir, file string) []string {
	t.Helper()
	if language == "Python" {
		return []string{python(t), file}
	}
	must(t, os.WriteFile(filepath.Join(dir, "go.mod"), []byte("module example.com/story\n"), 0o644))
	binary := filepath.Join(t.TempDir(), "app")
	must(t, local.Build(dir, binary))
	return []string{binary}
}

// marksOf returns the numbers of marked lines.
func marksOf(text string) map[string]int {
	marks := map[string]int{}
	for i, line := range strings.Split(text, "\n") {
		if _, name, ok := strings.Cut(line, "mark: "); ok {
			marks[name] = i + 1
		}
	}
	return marks
}

// play is a story that is played.
type play struct {
	t      *testing.T
	ctx    context.Context
	pod    *pod
	file   string
	marks  map[string]int
	editor *daptest.Client

	set     []map[string]any // breakpoints
	stopped daptest.Stopped
}

func (s *play) all(text string) {
	at := ""
	defer func() {
		if s.t.Failed() {
			s.t.Logf("at %s; the console says: %s", at, consoleOf(s.editor))
		}
	}()
	for n, line := range strings.Split(text, "\n") {
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		verb, rest, _ := strings.Cut(line, " ")
		at = fmt.Sprintf("line %d, %s", n+1, line)
		s.do(verb, rest)
	}
}

func (s *play) do(verb, rest string) {
	t, ctx := s.t, s.ctx
	switch verb {
	case "break":
		s.set = append(s.set, s.breakpoint(rest))
	case "clear":
		var left []map[string]any
		for _, b := range s.set {
			if b["line"] != s.marks[rest] {
				left = append(left, b)
			}
		}
		s.set = left
	case "set", "ask": // ask is not told how it went, since no process may be there
		s.setBreakpoints(verb == "set")
	case "attach", "launch":
		_, err := s.editor.Initialize(ctx)
		must(t, err)
		begin := s.editor.Attach
		if verb == "launch" {
			begin = s.editor.Launch
		}
		must(t, begin(ctx, map[string]any{"resource": local.Resource}))
		s.setBreakpoints(true)
		must(t, s.editor.ConfigurationDone(ctx))
	case "say":
		s.pod.say(t, rest, "")
	case "answers":
		s.answers(rest)
	case "stop":
		mark, variable, _ := strings.Cut(rest, " ")
		s.stop(mark, variable)
	case "continue":
		must(t, s.editor.Continue(ctx, s.stopped.ThreadID))
	case "next":
		must(t, s.editor.Next(ctx, s.stopped.ThreadID))
		var err error
		s.stopped, err = s.editor.WaitStopped(ctx)
		must(t, err)
	case "output":
		must(t, s.editor.Event(ctx, "output", func(m message.Message) bool {
			return strings.Contains(string(m.Payload()), rest)
		}, nil))
	case "save":
		must(t, s.pod.save(ctx))
	case "restart":
		must(t, s.editor.Call(ctx, "restart", nil, nil))
	case "crash":
		_, err := s.pod.Signal(ctx, "SIGKILL")
		must(t, err)
	case "again":
		must(t, s.editor.Event(ctx, "invalidated", nil, nil))
	case "disconnect":
		must(t, s.editor.Disconnect(ctx))
	default:
		t.Fatalf("no such verb: %s", verb)
	}
}

// story plays a story with a program in Python.
func story(t *testing.T, name, program, text string, args ...string) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	must(t, err)
	file := filepath.Join(dir, name)
	must(t, os.WriteFile(file, []byte(program), 0o644))
	p := inPod(t, append([]string{python(t), file}, args...)...)
	s := &play{t: t, ctx: within(t), pod: p, file: file, marks: marksOf(program), editor: serve(t, p, dir)}
	s.answers("ready")
	s.all(text)
}

// consoleOf returns what the editor's console shows.
func consoleOf(editor *daptest.Client) string {
	var all strings.Builder
	for _, m := range editor.Received() {
		var body struct{ Output string }
		if m.Event == "output" && json.Unmarshal(m.Payload(), &body) == nil {
			all.WriteString(body.Output)
		}
	}
	return all.String()
}

// breakpoint reads: MARK [if CONDITION | hit COUNT | log MESSAGE].
func (s *play) breakpoint(text string) map[string]any {
	mark, rest, _ := strings.Cut(text, " ")
	line, ok := s.marks[mark]
	if !ok {
		s.t.Fatalf("no line is marked %s", mark)
	}
	b := map[string]any{"line": line}
	kind, value, _ := strings.Cut(rest, " ")
	if name := map[string]string{"if": "condition", "hit": "hitCondition", "log": "logMessage"}[kind]; name != "" {
		b[name] = value
	}
	return b
}

func (s *play) setBreakpoints(verified bool) {
	args := map[string]any{"source": daptest.Source{Path: s.file}, "breakpoints": s.set}
	if s.set == nil {
		args["breakpoints"] = []any{}
	}
	var body struct{ Breakpoints []daptest.Breakpoint }
	must(s.t, s.editor.Call(s.ctx, "setBreakpoints", args, &body))
	for _, b := range body.Breakpoints {
		if verified && !b.Verified {
			s.t.Errorf("breakpoint %+v", b)
		}
	}
}

func (s *play) stop(mark, variable string) {
	s.t.Helper()
	var err error
	s.stopped, err = s.editor.WaitStopped(s.ctx)
	must(s.t, err)
	frames, err := s.editor.StackTrace(s.ctx, s.stopped.ThreadID)
	must(s.t, err)
	if frames[0].Source.Path != s.file || frames[0].Line != s.marks[mark] {
		s.t.Fatalf("stopped at %s:%d, want line %d", frames[0].Source.Path, frames[0].Line, s.marks[mark])
	}
	name, want, ok := strings.Cut(variable, "=")
	if !ok {
		return
	}
	if got, err := s.editor.Local(s.ctx, frames[0].ID, name); err != nil || got != want {
		s.t.Errorf("%s = %s, %v, want %s", name, got, err, want)
	}
}

// answers reads the program's next line, but for those by which each process
// says that it is there.
func (s *play) answers(want string) {
	s.t.Helper()
	for {
		got, err := lineOf(s.ctx, s.pod.out)
		must(s.t, err)
		if got == "ready" && want != "ready" {
			continue
		}
		if got != want {
			s.t.Errorf("the program said %q, want %q", got, want)
		}
		return
	}
}

// lineOf reads a line, as long as ctx lasts.
func lineOf(ctx context.Context, r *bufio.Reader) (string, error) {
	type read struct {
		line string
		err  error
	}
	done := make(chan read, 1)
	go func() {
		line, err := r.ReadString('\n')
		done <- read{strings.TrimSuffix(line, "\n"), err}
	}()
	select {
	case got := <-done:
		return got.line, got.err
	case <-ctx.Done():
		return "", ctx.Err()
	}
}
