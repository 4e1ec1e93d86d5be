// Package play plays stories of debugging: texts that say what a person does in
// an editor and what has to come of it. They are the same for each language, and
// wherever the program runs: on this machine under an agent, or in a pod.
//
// A story has one step on each line:
//
//	break MARK [if CONDITION | hit COUNT | log MESSAGE]   note a breakpoint
//	clear MARK           forget it
//	set, ask             send the breakpoints; ask is not told how it went, since no process may be there
//	catch                stop at exceptions too, from set or attach on
//	attach, launch       begin a session; the one before ends without a word
//	say LINE             send a line to the program
//	answers TEXT         what it answers
//	stop MARK [NAME=VALUE]   the program stops at a line, with a variable
//	at MARK              where it stands
//	evaluate EXPRESSION = VALUE
//	next, continue, restart, disconnect
//	output TEXT          the console shows it
//	save, edit OLD => NEW    the program's file is saved, and its process replaced
//	crash, delete        the process, or its pod, goes
//	again                the session goes on in the next process
//	only LANGUAGE…       other languages have no such thing
package play

import (
	"context"
	"embed"
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/towline-dev/towline/dap/daptest"
	"github.com/towline-dev/towline/dap/message"
)

//go:embed testdata
var files embed.FS

// Program is the program of the stories in one language. It answers one line on
// each connection; marks name its lines.
type Program struct {
	Language string
	File     string // its name
	Text     string
}

// Programs returns the program in each language.
func Programs() []Program {
	return []Program{
		{"Go", "main.go", read("programs/go/main.go")},
		{"Python", "app.py", read("programs/app.py")},
		{"JavaScript", "app.js", read("programs/app.js")},
	}
}

// Story is a text that is played.
type Story struct{ Name, Text string }

// Stories returns those that hold for each language, by their names.
func Stories() []Story {
	entries, err := files.ReadDir("testdata/stories")
	if err != nil {
		panic(err) // they are part of the binary
	}
	var all []Story
	for _, e := range entries {
		all = append(all, Story{strings.TrimSuffix(e.Name(), ".txt"), read("stories/" + e.Name())})
	}
	return all
}

func read(name string) string {
	data, err := files.ReadFile(path.Join("testdata", name))
	if err != nil {
		panic(err) // it is part of the binary
	}
	return string(data)
}

// Stage is where a program runs.
type Stage interface {
	// Edit begins a session of an editor's, which ends with the test.
	Edit(t testing.TB) *daptest.Client

	// Say sends the program a line, and Answer returns its answer to the last one.
	Say(ctx context.Context, line string) error
	Answer(ctx context.Context) (string, error)

	// Save has the program's file hold a text and its process be replaced, even
	// if the text is the one of before.
	Save(ctx context.Context, text string) error

	// Crash ends the process from within, and Delete takes its pod away; false
	// says that it has none.
	Crash(ctx context.Context) error
	Delete(ctx context.Context) (bool, error)
}

// Play is a program that is debugged.
type Play struct {
	Stage    Stage
	Program  Program
	Path     string // of the program's file
	Resource string

	Editor *daptest.Client // of the session that was begun last

	set     []map[string]any // breakpoints
	catches bool
	parted  bool // the session was ended
	stopped daptest.Stopped
}

// Ready waits until the program answers: a breakpoint in what it runs first would
// else be hit in the beginning of a story.
func (p *Play) Ready(ctx context.Context, t testing.TB) {
	t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		err, got := p.Stage.Say(ctx, "ready"), ""
		if err == nil {
			got, err = p.Stage.Answer(ctx)
		}
		switch {
		case err == nil && got == "hello ready, 10":
			return
		case err == nil:
			t.Fatalf("the program says %q", got)
		}
		select { // it was between two processes
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("the program does not answer: %v", err)
		}
	}
}

// Run plays a story to its end, or to what is not as it says.
func (p *Play) Run(ctx context.Context, t testing.TB, text string) {
	t.Helper()
	for n, line := range strings.Split(text, "\n") {
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		if err := p.Do(ctx, t, line); err != nil {
			late, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
			defer cancel()
			said, unsaid := p.Stage.Answer(late)
			t.Fatalf("line %d, %s: %v\nthe program says: %q, %v\nthe console says: %s", n+1, line, err, said, unsaid, p.console())
		}
	}
	if err := p.ended(); err != nil && !p.parted {
		t.Error(err)
	}
}

// ended says that the editor was told that the program has ended, which it does
// not as long as somebody debugs it.
func (p *Play) ended() error {
	if p.Editor == nil {
		return nil
	}
	for _, m := range p.Editor.Received() {
		if m.Event == "terminated" || m.Event == "exited" {
			return fmt.Errorf("the editor was told: %s", m.Bytes())
		}
	}
	return nil
}

// Do takes one step.
func (p *Play) Do(ctx context.Context, t testing.TB, line string) error {
	t.Helper()
	verb, rest, _ := strings.Cut(line, " ")
	if err, known := p.toProgram(ctx, t, verb, rest); known {
		return err
	}
	switch verb {
	case "break":
		b, err := p.breakpoint(rest)
		p.set = append(p.set, b)
		return err
	case "clear":
		p.set = slices.DeleteFunc(p.set, func(b map[string]any) bool { return b["line"] == p.line(rest) })
	case "catch":
		p.catches = true
	case "set", "ask":
		return p.setBreakpoints(ctx, verb == "set")
	case "attach", "launch":
		return p.begin(ctx, t, verb)
	case "stop":
		mark, variable, _ := strings.Cut(rest, " ")
		return p.stop(ctx, mark, variable)
	case "at":
		_, err := p.at(ctx, rest)
		return err
	case "evaluate":
		return p.evaluate(ctx, rest)
	case "continue":
		return p.Editor.Continue(ctx, p.stopped.ThreadID)
	case "next":
		if err := p.Editor.Next(ctx, p.stopped.ThreadID); err != nil {
			return err
		}
		return p.Editor.Event(ctx, "stopped", nil, &p.stopped)
	case "output":
		return p.Editor.Event(ctx, "output", func(m message.Message) bool {
			return strings.Contains(string(m.Payload()), rest)
		}, nil)
	case "restart":
		return p.Editor.Call(ctx, "restart", nil, nil)
	case "again":
		return p.Editor.Event(ctx, "invalidated", nil, nil)
	case "disconnect":
		p.parted = true
		return p.Editor.Disconnect(ctx)
	default:
		return fmt.Errorf("there is no such step")
	}
	return nil
}

// toProgram takes the steps that are not an editor's.
func (p *Play) toProgram(ctx context.Context, t testing.TB, verb, rest string) (err error, known bool) {
	t.Helper()
	switch verb {
	case "only":
		if !slices.Contains(strings.Fields(rest), p.Program.Language) {
			t.Skipf("only in %s", rest)
		}
	case "say":
		err = p.Stage.Say(ctx, rest)
	case "answers":
		var got string
		if got, err = p.Stage.Answer(ctx); err == nil && got != rest {
			err = fmt.Errorf("the program said %q", got)
		}
	case "save":
		err = p.Stage.Save(ctx, p.Program.Text)
	case "edit":
		before, after, _ := strings.Cut(rest, " => ")
		text := strings.Replace(p.Program.Text, before, after, 1)
		if text == p.Program.Text {
			return fmt.Errorf("the program has no %q", before), true
		}
		p.Program.Text = text
		err = p.Stage.Save(ctx, text)
	case "crash":
		err = p.Stage.Crash(ctx)
	case "delete":
		has := false
		if has, err = p.Stage.Delete(ctx); !has && err == nil {
			t.Skip("it has no pod")
		}
	default:
		return nil, false
	}
	return err, true
}

func (p *Play) begin(ctx context.Context, t testing.TB, verb string) error {
	t.Helper()
	if p.Editor != nil {
		p.Editor.Close()
	}
	p.Editor, p.parted = p.Stage.Edit(t), false
	if _, err := p.Editor.Initialize(ctx); err != nil {
		return err
	}
	begin := p.Editor.Attach
	if verb == "launch" {
		begin = p.Editor.Launch
	}
	if err := begin(ctx, map[string]any{"resource": p.Resource}); err != nil {
		return err
	}
	if err := p.setBreakpoints(ctx, verb == "attach"); err != nil { // what is launched may have loaded nothing yet
		return err
	}
	return p.Editor.ConfigurationDone(ctx)
}

// line returns the number of a marked line, 0 when there is none.
func (p *Play) line(mark string) int {
	for i, line := range strings.Split(p.Program.Text, "\n") {
		if _, name, ok := strings.Cut(line, "mark: "); ok && name == mark {
			return i + 1
		}
	}
	return 0
}

// breakpoint reads: MARK [if CONDITION | hit COUNT | log MESSAGE].
func (p *Play) breakpoint(text string) (map[string]any, error) {
	mark, rest, _ := strings.Cut(text, " ")
	b := map[string]any{"line": p.line(mark)}
	kind, value, _ := strings.Cut(rest, " ")
	if name := map[string]string{"if": "condition", "hit": "hitCondition", "log": "logMessage"}[kind]; name != "" {
		b[name] = value
	}
	if b["line"] == 0 {
		return b, fmt.Errorf("no line is marked %s", mark)
	}
	return b, nil
}

func (p *Play) setBreakpoints(ctx context.Context, verified bool) error {
	args := map[string]any{"source": daptest.Source{Path: p.Path}, "breakpoints": append([]map[string]any{}, p.set...)}
	var body struct{ Breakpoints []daptest.Breakpoint }
	if err := p.Editor.Call(ctx, "setBreakpoints", args, &body); err != nil {
		return err
	}
	for _, b := range body.Breakpoints {
		if verified && !b.Verified {
			return fmt.Errorf("breakpoint %+v", b)
		}
	}
	if !p.catches {
		return nil
	}
	return p.Editor.Call(ctx, "setExceptionBreakpoints", map[string]any{"filters": []string{"raised"}}, nil)
}

func (p *Play) stop(ctx context.Context, mark, variable string) error {
	if err := p.Editor.Event(ctx, "stopped", nil, &p.stopped); err != nil {
		return err
	}
	frame, err := p.at(ctx, mark)
	name, want, ok := strings.Cut(variable, "=")
	if err != nil || !ok {
		return err
	}
	if got, err := p.Editor.Local(ctx, frame, name); err != nil || got != want {
		return fmt.Errorf("%s = %s, %v", name, got, err)
	}
	return nil
}

// at checks where the program stands and returns its innermost frame.
func (p *Play) at(ctx context.Context, mark string) (frame int, err error) {
	frames, err := p.Editor.StackTrace(ctx, p.stopped.ThreadID)
	if err != nil {
		return 0, err
	}
	if f := frames[0]; f.Source.Path != p.Path || f.Line != p.line(mark) {
		return 0, fmt.Errorf("it stands at %s:%d and not in line %d (%+v)", f.Source.Path, f.Line, p.line(mark), p.stopped)
	}
	return frames[0].ID, nil
}

func (p *Play) evaluate(ctx context.Context, text string) error {
	expression, want, _ := strings.Cut(text, " = ")
	frames, err := p.Editor.StackTrace(ctx, p.stopped.ThreadID)
	if err != nil {
		return err
	}
	if got, err := p.Editor.Evaluate(ctx, frames[0].ID, expression); err != nil || got != want {
		return fmt.Errorf("it is %s, %v", got, err)
	}
	return nil
}

// console returns what the editor's console shows.
func (p *Play) console() string {
	if p.Editor == nil {
		return ""
	}
	var all strings.Builder
	for _, m := range p.Editor.Received() {
		var body struct{ Output string }
		if m.Event == "output" && json.Unmarshal(m.Payload(), &body) == nil {
			all.WriteString(body.Output)
		}
	}
	return all.String()
}
