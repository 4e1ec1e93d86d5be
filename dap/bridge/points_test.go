package bridge_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/towline-dev/towline/dap/daptest"
	"github.com/towline-dev/towline/dap/daptest/local"
	"github.com/towline-dev/towline/dap/message"
)

// crowdSource is a program that calls a function many times, one after the other
// ("tick 12") or in goroutines beside each other ("crowd 20").
const crowdSource = `package main

import (
	"bufio"
	"fmt"
	"os"
	"sync"
)

type order struct{ Name string }

func tick(n int, o order) int {
	double := 2 * n // in tick
	return double
}

func work(i int, sums []int) {
	a := 2 * i // in work
	b := a + 1 // second
	c := b + 1 // third
	sums[i] = c
}

func crowd(size int) string {
	var wg sync.WaitGroup
	sums := make([]int, size)
	for i := range size {
		wg.Go(func() { work(i, sums) })
	}
	wg.Wait() // waits
	text := fmt.Sprint(len(sums)) // prints
	return text // returns
}

func main() {
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		var what string
		var n int
		fmt.Sscan(in.Text(), &what, &n)
		if what == "crowd" {
			fmt.Println(crowd(n))
			continue
		}
		for i := range n {
			tick(i, order{"x"})
		}
		fmt.Println("ticked", n)
	}
}
`

// crowdLine returns the line of the crowd's source that a comment ends.
func crowdLine(comment string) int {
	before, _, _ := strings.Cut(crowdSource, "// "+comment+"\n")
	return strings.Count(before, "\n") + 1
}

// crowd is a session of a debugger with the crowd, and the source's path.
func crowd(t *testing.T, ctx context.Context) (editor *daptest.Client, host *local.Host, file string) {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	must(t, err)
	file = filepath.Join(dir, mainFile)
	must(t, os.WriteFile(file, []byte(crowdSource), 0o644))
	must(t, os.WriteFile(filepath.Join(dir, "go.mod"), []byte("module example.com/crowd\n\ngo 1.26\n"), 0o644))
	binary := filepath.Join(t.TempDir(), "crowd")
	must(t, local.Build(dir, binary))
	host = start(t, binary)
	editor = serve(t, host, dir)
	attach(t, ctx, editor, file)
	return editor, host, file
}

// point is a breakpoint with all that DAP gives it.
type point struct {
	Line         int    `json:"line"`
	Condition    string `json:"condition,omitempty"`
	HitCondition string `json:"hitCondition,omitempty"`
	LogMessage   string `json:"logMessage,omitempty"`
}

func setPoints(t *testing.T, ctx context.Context, editor *daptest.Client, file string, points ...point) []daptest.Breakpoint {
	t.Helper()
	var body struct{ Breakpoints []daptest.Breakpoint }
	must(t, editor.Call(ctx, "setBreakpoints", map[string]any{"source": daptest.Source{Path: file}, "breakpoints": append([]point{}, points...)}, &body))
	return body.Breakpoints
}

// say has the program do something, which must go through without a stop.
func say(t *testing.T, ctx context.Context, host *local.Host, line string) {
	t.Helper()
	must(t, host.Say(line))
	_, err := host.Answer(ctx)
	must(t, err)
}

// wantLogged waits for what log points print, in that order and nothing between
// that begins alike.
func wantLogged(t *testing.T, ctx context.Context, editor *daptest.Client, prefix string, want ...string) {
	t.Helper()
	var got []string
	for len(got) < len(want) {
		var said struct{ Output string }
		logs := func(m message.Message) bool { return strings.Contains(string(m.Payload()), prefix) }
		must(t, editor.Event(ctx, "output", logs, &said))
		_, text, _ := strings.Cut(said.Output, prefix)
		got = append(got, strings.TrimSpace(text))
	}
	if !slices.Equal(got, want) {
		t.Errorf("%s logged %q, want %q", prefix, got, want)
	}
}

func wantNoStop(t *testing.T, editor *daptest.Client) {
	t.Helper()
	for _, m := range editor.Received() {
		if m.Event == "stopped" {
			t.Errorf("stopped: %s", m.Payload())
		}
	}
}

// Log points print and never stop, whatever else they have; they outlive the
// process and begin to count anew with the next.
func TestLogPoints(t *testing.T) {
	ctx := within(t)
	editor, host, file := crowd(t, ctx)
	line := crowdLine("in tick")
	setPoints(t, ctx, editor, file, point{Line: line, Condition: "n % 5 == 0", LogMessage: "five {n} {n*2} {o.Name}"})
	say(t, ctx, host, "tick 12")
	wantLogged(t, ctx, editor, "five ", `0 0 "x"`, `5 10 "x"`, `10 20 "x"`)
	setPoints(t, ctx, editor, file) // a breakpoint that is changed goes on counting
	setPoints(t, ctx, editor, file, point{Line: line, HitCondition: "% 4", LogMessage: "fourth {n}"})
	say(t, ctx, host, "tick 12")
	wantLogged(t, ctx, editor, "fourth ", "3", "7", "11")
	setPoints(t, ctx, editor, file)
	setPoints(t, ctx, editor, file, point{Line: line, HitCondition: "> 3", Condition: "n > 1", LogMessage: "both {n}"})
	say(t, ctx, host, "tick 7")
	wantLogged(t, ctx, editor, "both ", "5", "6")
	setPoints(t, ctx, editor, file, point{Line: line, LogMessage: "odd {nope} {n"})
	say(t, ctx, host, "tick 2")
	wantNoStop(t, editor)
	setPoints(t, ctx, editor, file, point{Line: line, Condition: "n % 3 == 0", LogMessage: "again {n}"})
	for range 2 {
		must(t, host.Restart(ctx, local.Resource))
		must(t, editor.Event(ctx, "invalidated", nil, nil))
		say(t, ctx, host, "tick 5")
		wantLogged(t, ctx, editor, "again ", "0", "3")
	}
	wantNoStop(t, editor)
}

// A condition that cannot be evaluated, or is no question, is told: with the
// breakpoint, or by a stop that says it. One that holds stops, one that does not
// does not.
func TestConditions(t *testing.T) {
	ctx := within(t)
	editor, host, file := crowd(t, ctx)
	line := crowdLine("in tick")
	for _, test := range []struct {
		point point
		told  string // "": it stops for what it says
	}{
		{point{Condition: "n == 3"}, ""},
		{point{Condition: `o.Name == "x"`}, ""},
		{point{HitCondition: "== 2"}, ""},
		{point{Condition: "n"}, "not boolean"},
		{point{Condition: "nosuchname == 1"}, "nosuchname"},
		{point{Condition: "n =="}, "expected operand"},
		{point{Condition: `n == "a"`}, "breakpoint"},
		{point{HitCondition: "often"}, "hit condition"},
		{point{Condition: "n == 1", HitCondition: "% 0"}, "breakpoint"},
	} {
		name := test.point.Condition + test.point.HitCondition
		test.point.Line = line
		set := setPoints(t, ctx, editor, file, test.point)
		must(t, host.Say("tick 4"))
		if !set[0].Verified || set[0].Message != "" {
			if test.told == "" || !strings.Contains(set[0].Message, test.told) {
				t.Errorf("%s: the breakpoint is %+v, want a word of %q", name, set[0], test.told)
			}
		} else {
			stopped, err := editor.WaitStopped(ctx)
			must(t, err)
			said := stopped.Text + " " + stopped.Description
			if !strings.Contains(said, test.told) {
				t.Errorf("%s: stopped for %q, want a word of %q", name, said, test.told)
			}
			setPoints(t, ctx, editor, file)
			must(t, editor.Continue(ctx, stopped.ThreadID))
		}
		if _, err := host.Answer(ctx); err != nil {
			t.Fatal(err)
		}
	}
	setPoints(t, ctx, editor, file, point{Line: line, Condition: "n > 99"})
	before := len(editor.Received())
	say(t, ctx, host, "tick 4")
	for _, m := range editor.Received()[before:] {
		if m.Event == "stopped" {
			t.Errorf("a condition that never holds: %s", m.Payload())
		}
	}
}

// Twenty goroutines pass a breakpoint while one of them is stepped: a step ends
// in its own goroutine, or in another with a word of why, and goes on after that.
func TestStepsBesideOtherGoroutines(t *testing.T) {
	ctx := within(t)
	editor, host, file := crowd(t, ctx)
	setPoints(t, ctx, editor, file, point{Line: crowdLine("in work")})
	must(t, host.Say("crowd 20"))
	stopped, err := editor.WaitStopped(ctx)
	must(t, err)
	thread := stopped.ThreadID
	threads, err := editor.Threads(ctx)
	must(t, err)
	if !slices.ContainsFunc(threads, func(th daptest.Thread) bool { return th.ID == thread }) {
		t.Errorf("goroutine %d is not among the %d that are listed", thread, len(threads))
	}
	mine := local1(t, ctx, editor, thread)
	interrupted := false
	for range 3 {
		must(t, editor.Next(ctx, thread))
		now, err := editor.WaitStopped(ctx)
		must(t, err)
		if now.ThreadID == thread {
			continue
		}
		interrupted = true
		must(t, editor.Event(ctx, "output", func(m message.Message) bool { return strings.Contains(string(m.Payload()), "interrupted") }, nil))
		setPoints(t, ctx, editor, file)
		must(t, editor.Continue(ctx, thread))
		now, err = editor.WaitStopped(ctx)
		must(t, err)
		if now.ThreadID != thread || now.Reason != "step" {
			t.Errorf("after the interruption: %+v, want the end of the step in %d", now, thread)
		}
		break
	}
	t.Logf("a step was interrupted: %v", interrupted)
	setPoints(t, ctx, editor, file)
	frames, err := editor.StackTrace(ctx, thread)
	must(t, err)
	if frames[0].Line < crowdLine("third") { // it is within work still
		must(t, editor.Next(ctx, thread))
		now, err := editor.WaitStopped(ctx)
		must(t, err)
		if i := local1(t, ctx, editor, now.ThreadID); now.ThreadID != thread || i != mine {
			t.Errorf("without breakpoints a step ends in goroutine %d with i = %s, want %d with %s", now.ThreadID, i, thread, mine)
		}
	}
	must(t, editor.Continue(ctx, thread))
	if got, err := host.Answer(ctx); err != nil || got != "20\n" {
		t.Errorf("the program said %q, %v", got, err)
	}
}

// local1 is the number of the goroutine that works.
func local1(t *testing.T, ctx context.Context, editor *daptest.Client, thread int) string {
	t.Helper()
	frames, err := editor.StackTrace(ctx, thread)
	must(t, err)
	i, err := editor.Local(ctx, frames[0].ID, "i")
	must(t, err)
	return i
}

// A step over what waits for others ends behind it, one into the standard
// library shows its source, one out comes back.
func TestStepsOverInAndOut(t *testing.T) {
	ctx := within(t)
	editor, host, file := crowd(t, ctx)
	setPoints(t, ctx, editor, file, point{Line: crowdLine("waits")})
	must(t, host.Say("crowd 20"))
	stopped, err := editor.WaitStopped(ctx)
	must(t, err)
	thread := stopped.ThreadID
	step := func(command string) daptest.Frame {
		t.Helper()
		must(t, editor.Call(ctx, command, map[string]any{"threadId": thread}, nil))
		now, err := editor.WaitStopped(ctx)
		must(t, err)
		if now.ThreadID != thread {
			t.Fatalf("%s ended in goroutine %d, want %d", command, now.ThreadID, thread)
		}
		frames, err := editor.StackTrace(ctx, thread)
		must(t, err)
		return frames[0]
	}
	if at := step("next"); at.Source.Path != file || at.Line != crowdLine("prints") {
		t.Errorf("over the wait: %s:%d", at.Source.Path, at.Line)
	}
	if at := step("stepIn"); !strings.HasSuffix(at.Source.Path, filepath.FromSlash("fmt/print.go")) {
		t.Errorf("into fmt: %s:%d", at.Source.Path, at.Line)
	} else if _, err := os.Stat(at.Source.Path); err != nil {
		t.Errorf("into fmt: %v", err)
	}
	if at := step("stepOut"); at.Source.Path != file || at.Line != crowdLine("prints") {
		t.Errorf("out again: %s:%d", at.Source.Path, at.Line)
	}
	setPoints(t, ctx, editor, file)
	must(t, editor.Continue(ctx, thread))
	if got, err := host.Answer(ctx); err != nil || got != fmt.Sprintln(20) {
		t.Errorf("the program said %q, %v", got, err)
	}
}
