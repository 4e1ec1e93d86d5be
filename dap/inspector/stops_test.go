package inspector_test

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/towline-dev/towline/dap/daptest"
	"github.com/towline-dev/towline/dap/inspector"
	"github.com/towline-dev/towline/dap/message"
)

// loop calls work with each line that it reads.
func loop(body string) map[string]string {
	return map[string]string{"app.js": `require('readline').createInterface({ input: process.stdin }).on('line', (line) => {
  try { console.log(String(work(line))); } catch (e) { console.log('threw ' + e.message); }
});
function work(line) {
` + body + `
}
console.log('ready');
`}
}

// looping runs such a program and begins a session.
func looping(t *testing.T, body string) (*program, *client) {
	t.Helper()
	p := run(t, loop(body), "--inspect=127.0.0.1:0", "app.js")
	p.hear(t)
	return p, debug(t, p, inspector.Options{})
}

func TestConditions(t *testing.T) {
	p, c := looping(t, `  const n = Number(line);
  return n * 2;`)
	file := p.file("app.js")
	hits := func(want ...int) {
		t.Helper()
		for i := 1; i <= 6; i++ {
			if !strings.Contains(fmt.Sprint(want), fmt.Sprint(i)) {
				if got := p.say(t, fmt.Sprint(i)); got != fmt.Sprint(2*i) {
					t.Errorf("%d: the program said %q", i, got)
				}
				continue
			}
			fmt.Fprintln(p.in, i)
			stop, frames := c.stopped("breakpoint", file, 6)
			c.local(frames[0], "n", fmt.Sprint(i))
			c.run(stop.ThreadID)
			p.hear(t)
		}
	}
	c.attach(file, object{"line": 6, "condition": "n === 2 || n > 5"})
	hits(2, 6)
	for condition, want := range map[string][]int{"3": {3}, "== 2": {2}, ">= 5": {5, 6}, "> 5": {6}, "% 2": {2, 4, 6}, "<= 1": {1}} {
		c.set(file) // the count begins anew
		c.set(file, object{"line": 6, "hitCondition": condition})
		hits(want...)
	}
	c.set(file, object{"line": 6, "condition": "n % 2 === 0", "hitCondition": "2"})
	hits(4)
	for _, b := range []object{{"condition": "n ==="}, {"hitCondition": "often"}, {"hitCondition": "% 0"}, {"logMessage": "{"}, {"logMessage": "{n +}"}} {
		b["line"] = 6
		if set := c.set(file, b); set[0].Verified || set[0].Message == "" {
			t.Errorf("%v: %+v", b, set)
		}
	}
	c.set(file, object{"line": 6, "condition": "missing > 1"})
	hits()
	c.output("missing is not defined")
}

// A log point says what it is asked to, to the client alone, and stops nothing.
func TestLogPoint(t *testing.T) {
	p, c := looping(t, `  const o = { n: Number(line) };
  return o.n;`)
	c.attach(p.file("app.js"), object{"line": 6, "logMessage": `n is {o.n}, {line + "}"} in {o} \{}`, "condition": "o.n > 1"})
	for i := 1; i <= 3; i++ {
		if got := p.say(t, fmt.Sprint(i)); got != fmt.Sprint(i) {
			t.Errorf("the program said %q", got)
		}
	}
	out := c.output("n is")
	if out.Output != "n is 2, 2} in {n: 2} {}\n" || out.Line != 6 || out.Source.Path != p.file("app.js") {
		t.Errorf("logged %+v", out)
	}
	if out := c.output("n is"); !strings.HasPrefix(out.Output, "n is 3,") {
		t.Errorf("logged %+v", out)
	}
}

func TestExceptions(t *testing.T) {
	p, c := looping(t, `  if (line === 'late') return setTimeout(() => { throw new TypeError('nobody catches') }, 1), 'soon';
  throw new RangeError('too far');`)
	c.attach(p.file("app.js"))
	var caps map[string]any
	c.call("initialize", object{}, &caps)
	if filters, _ := caps["exceptionBreakpointFilters"].([]any); len(filters) != 2 {
		t.Errorf("capabilities: %v", caps)
	}
	if got := p.say(t, "x"); got != "threw too far" {
		t.Errorf("the program said %q", got)
	}
	c.call("setExceptionBreakpoints", object{"filters": []string{"uncaught"}}, nil)
	p.say(t, "x")
	c.call("setExceptionBreakpoints", object{"filters": []string{"all"}}, nil)
	io.WriteString(p.in, "x\n")
	stop, _ := c.stopped("exception", p.file("app.js"), 6)
	if !strings.Contains(stop.Text, "RangeError: too far") {
		t.Errorf("stopped: %+v", stop)
	}
	var info struct {
		ExceptionID, Description, BreakMode string
		Details                             struct{ StackTrace string }
	}
	c.call("exceptionInfo", object{"threadId": stop.ThreadID}, &info)
	if info.ExceptionID != "RangeError" || info.BreakMode != "always" || !strings.Contains(info.Details.StackTrace, p.file("app.js")+":6") {
		t.Errorf("info: %+v", info)
	}
	c.run(stop.ThreadID)
	p.hear(t)
	c.call("setExceptionBreakpoints", object{"filters": []string{"uncaught"}}, nil)
	p.say(t, "late")
	stop, _ = c.stopped("exception", p.file("app.js"), 5)
	c.call("exceptionInfo", object{"threadId": stop.ThreadID}, &info)
	if info.ExceptionID != "TypeError" || info.BreakMode != "unhandled" {
		t.Errorf("info: %+v", info)
	}
	var body struct{ Breakpoints []daptest.Breakpoint }
	c.call("setExceptionBreakpoints", object{"filters": []string{"raised", "uncaught"}}, &body)
	if len(body.Breakpoints) != 2 || body.Breakpoints[0].Verified || !body.Breakpoints[1].Verified {
		t.Errorf("filters: %+v", body)
	}
	c.run(stop.ThreadID)
	if out := c.output("nobody catches"); out.Category != "stderr" || out.Line != 5 {
		t.Errorf("said %+v", out)
	}
	must(t, c.Event(c.ctx, "terminated", nil, nil))
}

// A program that waits for something stops as well as one that never does.
func TestPause(t *testing.T) {
	p, c := looping(t, "return line")
	c.attach(p.file("app.js"))
	threads, err := c.Threads(c.ctx)
	must(t, err)
	id := threads[0].ID
	c.refused("stackTrace", object{"threadId": id}, "runs")
	c.refused("next", object{"threadId": id}, "runs")
	c.call("pause", object{"threadId": id}, nil)
	if stop, err := c.WaitStopped(c.ctx); err != nil || stop.Reason != "pause" {
		t.Fatalf("stopped: %+v, %v", stop, err)
	}
	c.run(id)
	if got := p.say(t, "x"); got != "x" {
		t.Errorf("the program said %q", got)
	}
}

func TestPauseABusyProgram(t *testing.T) {
	p, c := looping(t, `  process.stdout.write('busy\n');
  while (!globalThis.enough);
  return 'done';`)
	c.attach(p.file("app.js"))
	threads, err := c.Threads(c.ctx)
	must(t, err)
	p.say(t, "x")
	c.call("pause", object{"threadId": threads[0].ID}, nil)
	_, frames := c.stopped("pause", p.file("app.js"), 6)
	if _, err := c.Evaluate(c.ctx, frames[0].ID, "globalThis.enough = true"); err != nil {
		t.Fatal(err)
	}
	c.run(threads[0].ID)
	if got := p.hear(t); got != "done" {
		t.Errorf("the program said %q", got)
	}
}

// What was shown of a stop is refused when the program has run on.
func TestStaleNumbers(t *testing.T) {
	p, c := looping(t, "  const o = { line };\n  return o.line;")
	c.attach(p.file("app.js"), object{"line": 6})
	io.WriteString(p.in, "x\n")
	stop, frames := c.stopped("breakpoint", p.file("app.js"), 6)
	scopes, err := c.Scopes(c.ctx, frames[0].ID)
	must(t, err)
	c.run(stop.ThreadID)
	c.refused("scopes", object{"frameId": frames[0].ID}, "has run on")
	c.refused("variables", object{"variablesReference": scopes[0].Variables}, "has run on")
	c.refused("evaluate", object{"frameId": frames[0].ID, "expression": "o"}, "has run on")
	c.refused("stackTrace", object{"threadId": 77}, "no thread 77")
}

func TestWorker(t *testing.T) {
	p := run(t, map[string]string{
		"app.js": `const { Worker } = require('worker_threads');
process.stdin.on('data', () => new Worker('./work.js').on('message', (m) => console.log(m)));
console.log('ready');
`,
		"work.js": `const { parentPort } = require('worker_threads');
const x = 6 * 7;
parentPort.postMessage('x is ' + x);
`,
	}, "--inspect=127.0.0.1:0", "app.js")
	p.hear(t)
	c := debug(t, p, inspector.Options{})
	c.attach(p.file("work.js"), object{"line": 3})
	io.WriteString(p.in, "x\n")
	stop, frames := c.stopped("breakpoint", p.file("work.js"), 3)
	c.local(frames[0], "x", "42")
	threads, err := c.Threads(c.ctx)
	if err != nil || len(threads) != 2 || stop.ThreadID == threads[0].ID {
		t.Errorf("threads: %v, %v; stopped in %d", threads, err, stop.ThreadID)
	}
	c.run(stop.ThreadID)
	if got := p.hear(t); got != "x is 42" {
		t.Errorf("the program said %q", got)
	}
	must(t, c.Event(c.ctx, "thread", func(m message.Message) bool { return strings.Contains(string(m.Payload()), "exited") }, nil))
	if threads, err := c.Threads(c.ctx); err != nil || len(threads) != 1 {
		t.Errorf("threads: %v, %v", threads, err)
	}
}

// The calls that began a callback are shown behind its own.
func TestAsyncCalls(t *testing.T) {
	p, c := looping(t, `  outer(); return '';
}
async function outer() {
  await null;
  console.log('inner');`)
	c.attach(p.file("app.js"), object{"line": 9})
	io.WriteString(p.in, "x\n")
	p.hear(t)
	_, frames := c.stopped("breakpoint", p.file("app.js"), 9)
	names := []string{}
	for _, f := range frames {
		names = append(names, f.Name)
	}
	if got := strings.Join(names, " "); !strings.HasPrefix(got, "outer ") || !strings.Contains(got, " await ") || !strings.Contains(got, " work ") {
		t.Errorf("calls: %s", got)
	}
	last := frames[len(frames)-1].ID
	c.refused("evaluate", object{"frameId": last, "expression": "1"}, "past")
	if scopes, err := c.Scopes(c.ctx, last); err != nil || len(scopes) != 0 {
		t.Errorf("scopes of a call that is past: %v, %v", scopes, err)
	}
}

// What a program says at its end, and that it ended, is told.
func TestEnd(t *testing.T) {
	p := run(t, map[string]string{"app.js": "console.log('a %s', 'b', {c: 1}, [1, 'd']); console.error('bad')\n"}, "--inspect-wait=127.0.0.1:0", "app.js")
	c := debug(t, p, inspector.Options{})
	c.attach(p.file("app.js"))
	if out := c.output("a b"); out.Output != "a b {c: 1} (2) [1, 'd']\n" && out.Output != "a b {c: 1} Array(2) [1, 'd']\n" || out.Category != "stdout" {
		t.Errorf("said %+v", out)
	} else if list, err := c.Variables(c.ctx, out.VariablesReference); err != nil || len(list) != 2 {
		t.Errorf("its values: %v, %v", list, err)
	}
	if out := c.output("bad"); out.Category != "stderr" || out.Source.Path != p.file("app.js") {
		t.Errorf("said %+v", out)
	}
	must(t, c.Event(c.ctx, "terminated", nil, nil))
	if err := <-p.ends; err != nil {
		t.Errorf("the program ended by %v", err)
	}
	p.ends <- nil
}

// stopOnEntry stops before the first line.
func TestStopOnEntry(t *testing.T) {
	p := run(t, loop("return line"), "--inspect-wait=127.0.0.1:0", "app.js")
	c := debug(t, p, inspector.Options{})
	must(t, c.Attach(c.ctx, object{"stopOnEntry": true}))
	must(t, c.ConfigurationDone(c.ctx))
	stop, _ := c.stopped("entry", p.file("app.js"), 1)
	c.run(stop.ThreadID)
	p.hear(t)
}

func TestBreakpointLocations(t *testing.T) {
	p, c := looping(t, "  const f = () => line.length; return f();")
	c.attach(p.file("app.js"))
	var body struct{ Breakpoints []struct{ Line, Column int } }
	c.call("breakpointLocations", object{"source": object{"path": p.file("app.js")}, "line": 5}, &body)
	if len(body.Breakpoints) < 3 || body.Breakpoints[0].Line != 5 {
		t.Fatalf("locations: %+v", body)
	}
	c.set(p.file("app.js"), object{"line": 5, "column": body.Breakpoints[1].Column})
	io.WriteString(p.in, "xyz\n")
	_, err := c.WaitStopped(c.ctx)
	must(t, err)
}

// skipFiles are stepped over.
func TestSkipFiles(t *testing.T) {
	p := run(t, map[string]string{
		"app.js":   "const { twice } = require('./lib/a.js');\nprocess.stdin.on('data', () => {\n  const x = twice(2);\n  console.log(x);\n});\nconsole.log('ready');\n",
		"lib/a.js": "exports.twice = (n) => {\n  return 2 * n;\n};\n",
	}, "--inspect=127.0.0.1:0", "app.js")
	p.hear(t)
	c := debug(t, p, inspector.Options{})
	must(t, c.Attach(c.ctx, object{"skipFiles": []string{"<node_internals>/**", "**/lib/*.js"}}))
	c.set(p.file("app.js"), object{"line": 3})
	must(t, c.ConfigurationDone(c.ctx))
	io.WriteString(p.in, "x\n")
	stop, _ := c.stopped("breakpoint", p.file("app.js"), 3)
	for range 2 {
		c.call("stepIn", object{"threadId": stop.ThreadID}, nil)
		if _, err := c.WaitStopped(c.ctx); err != nil {
			t.Fatal(err)
		}
	}
	frames, err := c.StackTrace(c.ctx, stop.ThreadID)
	must(t, err)
	if frames[0].Source.Path == p.file("lib/a.js") {
		t.Errorf("stepped into %+v", frames[0])
	}
}

// values are looked at and changed.
func TestValues(t *testing.T) {
	p, c := looping(t, `  class Point { #hidden = 5; constructor() { this.x = 1 } get sum() { return this.x + 1 } }
  const point = new Point(), map = new Map([['k', { v: 1 }]]), set = new Set([1, 'two']);
  const big = Array.from({ length: 250 }, (_, i) => i * i), bytes = new Uint8Array(300), few = ['a', , 'c'];
  const text = "it's\n\"x\"", none = null, fn = (a) => a, err = new Error('bad'), own = { get g() { return 42 } }, date = new Date(0);
  let sum = 10n;
  debugger;
  return sum + String(point.x);`)
	c.attach(p.file("app.js"))
	io.WriteString(p.in, "x\n")
	stop, frames := c.stopped("pause", p.file("app.js"), 10)
	frame := frames[0]
	for name, want := range map[string]string{
		"point": "Point {x: 1, #hidden: 5}", "map": "Map(1) {'k' => {v: 1}}", "set": "Set(2) {1, 'two'}", "few": "Array(3) ['a', 'c']",
		"text": `'it\'s\n"x"'`, "none": "null", "fn": "ƒ (a)", "sum": "10n", "own": "{g: (...)}", "line": "'x'",
	} {
		got, err := c.Local(c.ctx, frame.ID, name)
		if name == "point" {
			want = got // previews differ by version in private fields
		}
		if err != nil || got != want {
			t.Errorf("%s = %q, %v, want %q", name, got, err, want)
		}
	}
	scopes, err := c.Scopes(c.ctx, frame.ID)
	must(t, err)
	locals, err := c.Variables(c.ctx, scopes[0].Variables)
	must(t, err)
	find := func(list []daptest.Variable, name string) daptest.Variable {
		t.Helper()
		for _, v := range list {
			if v.Name == name {
				return v
			}
		}
		t.Fatalf("no %s in %+v", name, list)
		return daptest.Variable{}
	}
	below := func(v daptest.Variable, args ...any) []daptest.Variable {
		t.Helper()
		request := object{"variablesReference": v.Children}
		for i := 0; i+1 < len(args); i += 2 {
			request[args[i].(string)] = args[i+1]
		}
		var body struct{ Variables []daptest.Variable }
		c.call("variables", request, &body)
		return body.Variables
	}
	if got := find(below(find(locals, "point")), "#hidden").Value; got != "5" {
		t.Errorf("#hidden = %s", got)
	}
	entries := below(find(below(find(locals, "map")), "[[Entries]]"))
	if got := find(entries, "0").Value; !strings.Contains(got, "'k' => {v: 1}") && !strings.Contains(got, "'k' => {…}") {
		t.Errorf("the map's entry: %s", got)
	}
	if got := below(find(below(find(locals, "own")), "g")); len(got) != 1 || got[0].Value != "42" {
		t.Errorf("the getter: %+v", got)
	}
	big := find(locals, "big")
	if got := below(big, "filter", "indexed", "start", 100, "count", 3); len(got) != 3 || got[0].Name != "100" || got[0].Value != "10000" {
		t.Errorf("a part: %+v", got)
	}
	parts := below(big)
	if got := below(find(parts, "[200…249]")); len(got) != 50 || got[49].Value != "62001" {
		t.Errorf("the last part: %d, %+v", len(got), got)
	}
	if got := find(parts, "length").Value; got != "250" {
		t.Errorf("length = %s", got)
	}
	if got := below(find(locals, "bytes"), "filter", "indexed", "start", 290, "count", 100); len(got) != 10 {
		t.Errorf("bytes: %+v", got)
	}
	set := func(reference int, name, value, want string) {
		t.Helper()
		var body struct{ Value string }
		c.call("setVariable", object{"variablesReference": reference, "name": name, "value": value}, &body)
		if body.Value != want {
			t.Errorf("%s is set to %q, want %q", name, body.Value, want)
		}
	}
	set(scopes[0].Variables, "sum", "'s' + line", "'sx'")
	set(find(locals, "point").Children, "x", "40 + 2", "42")
	c.refused("setVariable", object{"variablesReference": scopes[0].Variables, "name": "sum", "value": "nothing.at.all"}, "not defined")
	c.call("setExpression", object{"frameId": frame.ID, "expression": "few[0]", "value": "1"}, nil)
	evaluate := func(context, expression, want string) {
		t.Helper()
		var body struct{ Result string }
		c.call("evaluate", object{"frameId": frame.ID, "expression": expression, "context": context}, &body)
		if body.Result != want {
			t.Errorf("%s: %s is %q, want %q", context, expression, body.Result, want)
		}
	}
	evaluate("watch", "few[0]", "1")
	evaluate("hover", "point.x", "42")
	evaluate("clipboard", "few", "[\n  1,\n  null,\n  \"c\"\n]")
	evaluate("repl", "point.sum", "43")
	c.refused("evaluate", object{"frameId": frame.ID, "expression": "point.x = 1", "context": "hover"}, "side-effect")
	c.refused("evaluate", object{"frameId": frame.ID, "expression": "nope", "context": "watch"}, "not defined")
	c.run(stop.ThreadID)
	if got := p.hear(t); got != "sx42" {
		t.Errorf("the program said %q", got)
	}
	var body struct{ Result string }
	c.call("evaluate", object{"expression": "await Promise.resolve(6 * 7)", "context": "repl"}, &body)
	if body.Result != "42" {
		t.Errorf("a promise is %q", body.Result)
	}
}

// Nothing that the client can send ends the session or goes unanswered.
func TestOddRequests(t *testing.T) {
	p, c := looping(t, "return line")
	c.refused("threads", nil, "send attach first")
	c.attach(p.file("app.js"))
	c.refused("attach", object{}, "already")
	c.refused("setBreakpoints", object{"source": object{}}, "files only")
	c.refused("setBreakpoints", "what", "arguments")
	c.refused("frobnicate", nil, "frobnicate")
	c.refused("setVariable", object{"variablesReference": 5}, "has run on")
	if b, err := json.Marshal(inspector.Capabilities()); err != nil || len(b) < 100 {
		t.Errorf("capabilities: %s, %v", b, err)
	}
	if got := p.say(t, "on"); got != "on" {
		t.Errorf("the program said %q", got)
	}
}

// A process that was started for a session stands until that lets it go, and
// runs when there is none after all.
func TestHold(t *testing.T) {
	for name, leave := range map[string]func(*client){
		"nothing asked": func(*client) {},
		"not attached":  func(c *client) { c.call("initialize", object{}, nil) },
		"attached":      func(c *client) { must(t, c.Attach(c.ctx, object{})) },
		"disconnected":  func(c *client) { must(t, c.Attach(c.ctx, object{})); must(t, c.Disconnect(c.ctx)) },
	} {
		t.Run(name, func(t *testing.T) {
			p := run(t, loop("  return process.execArgv.length;"), inspector.Hold, "app.js")
			c := debug(t, p, inspector.Options{})
			leave(c)
			c.Close()
			if got := p.hear(t); got != "ready" {
				t.Errorf("the program said %q", got)
			}
		})
	}
	p := run(t, loop("  return process.execArgv.length;"), inspector.Hold, "app.js")
	c := debug(t, p, inspector.Options{})
	c.attach(p.file("app.js"), object{"line": 1})
	stop, _ := c.stopped("breakpoint", p.file("app.js"), 1)
	c.run(stop.ThreadID)
	p.hear(t)
	if got := p.say(t, "x"); got != "0" {
		t.Errorf("its child processes would have %s arguments", got)
	}
}
