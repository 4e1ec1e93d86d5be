package inspector_test

import (
	"io"
	"testing"

	"github.com/towline-dev/towline/dap/inspector"
)

// loading is a program that loads files of which maps must be read first.
func loading(t *testing.T) (*program, *client) {
	t.Helper()
	lib := "\"use strict\";\nconst more = require('./more.js');\nexports.work = () => {\n  return more.x;\n};\n//# sourceMappingURL="
	p := run(t, map[string]string{
		"app.js": `process.stdin.on('data', () => {
  const late = load();
  console.log('worked', late.work());
});
function load() {
  const late = require('./lib/late.js');
  return late;
}
console.log('ready')
`,
		"lib/late.js":     lib + "late.js.map",
		"lib/late.js.map": lineMap("../late.ts", "", 0, 2, 4, 5, 6),
		"late.ts":         "\n\n",
		"lib/more.js":     "exports.x = 7;\n//# sourceMappingURL=more.js.map",
		"lib/more.js.map": lineMap("../more.ts", "", 3),
		"more.ts":         "\n\n",
	}, "--inspect=127.0.0.1:0", "app.js")
	p.hear(t)
	return p, debug(t, p, inspector.Options{})
}

// A step over a call that loads files ends in the next line, although the program
// stands in each of them for a moment, for its map to be read.
func TestStepOverRequire(t *testing.T) {
	p, c := loading(t)
	c.attach(p.file("app.js"), object{"line": 6})
	c.set(p.file("late.ts"), object{"line": 5})
	c.set(p.file("more.ts"), object{"line": 99})
	io.WriteString(p.in, "go\n")
	stop, _ := c.stopped("breakpoint", p.file("app.js"), 6)
	must(t, c.Next(c.ctx, stop.ThreadID))
	c.stopped("step", p.file("app.js"), 7)
	c.call("stepOut", object{"threadId": stop.ThreadID}, nil)
	c.stopped("step", p.file("app.js"), 2)
	must(t, c.Next(c.ctx, stop.ThreadID))
	c.stopped("step", p.file("app.js"), 3)
	must(t, c.Next(c.ctx, stop.ThreadID))
	c.stopped("breakpoint", p.file("late.ts"), 5)
	c.run(stop.ThreadID)
	p.hear(t)
}

// So does a step out of the function that does; a step in ends in the first file,
// and a breakpoint in what runs there is hit.
func TestStepOutOfRequire(t *testing.T) {
	p, c := loading(t)
	c.attach(p.file("app.js"), object{"line": 6})
	c.set(p.file("late.ts"), object{"line": 5})
	io.WriteString(p.in, "go\n")
	stop, _ := c.stopped("breakpoint", p.file("app.js"), 6)
	c.call("stepOut", object{"threadId": stop.ThreadID}, nil)
	c.stopped("step", p.file("app.js"), 2)
}

func TestStepIntoRequire(t *testing.T) {
	p, c := loading(t)
	c.attach(p.file("app.js"), object{"line": 6})
	c.set(p.file("more.ts"), object{"line": 3})
	io.WriteString(p.in, "go\n")
	stop, _ := c.stopped("breakpoint", p.file("app.js"), 6)
	c.call("stepIn", object{"threadId": stop.ThreadID}, nil)
	c.stopped("step", p.file("late.ts"), 2)
	must(t, c.Next(c.ctx, stop.ThreadID))
	c.stopped("breakpoint", p.file("more.ts"), 3)
	c.call("stepOut", object{"threadId": stop.ThreadID}, nil)
	c.stopped("step", p.file("late.ts"), 2)
}
