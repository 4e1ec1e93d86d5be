package inspector_test

import (
	"io"
	"os"
	"testing"

	"github.com/towline-dev/towline/dap/inspector"
)

// loading is a program that loads sources as tsx does: each has its own address,
// and in it the map that must be read before it runs. late.ts loads more.ts, which
// begins with a text. It stands before it loads the first.
func loading(t *testing.T, begins string) (p *program, c *client, thread int) {
	t.Helper()
	p = run(t, map[string]string{
		"app.js": `require('module')._extensions['.ts'] = (module, file) => {
  const map = Buffer.from(JSON.stringify({ version: 3, sources: [file], mappings: 'AAAA;AACA;AACA;AACA;AACA' })).toString('base64');
  module._compile(require('fs').readFileSync(file, 'utf8') + '//# sourceMappingURL=data:application/json;base64,' + map, file);
};
process.stdin.on('data', () => {
  const late = load();
  console.log('worked', late.work());
});
function load() {
  const late = require('./late.ts');
  return late;
}
console.log('ready')
`,
		"late.ts": "'use strict';\nconst more = require('./more.ts');\nexports.work = () => {\n  return more.work();\n};\n",
		"more.ts": begins + "\nexports.x = 7;\nexports.work = () => {\n  return 8;\n};\n",
	}, "--inspect=127.0.0.1:0", "app.js")
	p.hear(t)
	c = debug(t, p, inspector.Options{})
	c.attach(p.file("app.js"), object{"line": 10})
	c.set(p.file("late.ts"), object{"line": 4})
	c.set(p.file("more.ts"), object{"line": 4})
	io.WriteString(p.in, "go\n")
	stop, _ := c.stopped("breakpoint", p.file("app.js"), 10)
	return p, c, stop.ThreadID
}

// A step over a call that loads files ends in the next line, although the program
// stands in each of them for a moment, for its map to be read; breakpoints in them
// are hit.
func TestStepOverRequire(t *testing.T) {
	p, c, thread := loading(t, "")
	must(t, c.Next(c.ctx, thread))
	c.stopped("step", p.file("app.js"), 11)
	must(t, c.Next(c.ctx, thread))
	c.stopped("step", p.file("app.js"), 7)
	must(t, c.Next(c.ctx, thread))
	c.stopped("breakpoint", p.file("late.ts"), 4)
	must(t, c.Next(c.ctx, thread))
	c.stopped("breakpoint", p.file("more.ts"), 4)
	c.run(thread)
	if got := p.hear(t); got != "worked 8" {
		t.Errorf("the program said %q", got)
	}
}

// A step out of the function that does ends where it was called.
func TestStepOutOverRequire(t *testing.T) {
	p, c, thread := loading(t, "")
	c.call("stepOut", object{"threadId": thread}, nil)
	c.stopped("step", p.file("app.js"), 7)
}

// What would have caught the step is gone after it: a function that is called again
// runs through.
func TestStepLeavesNothing(t *testing.T) {
	p, c, thread := loading(t, "")
	must(t, c.Next(c.ctx, thread))
	c.stopped("step", p.file("app.js"), 11)
	c.set(p.file("app.js"))
	c.set(p.file("late.ts"))
	c.set(p.file("more.ts"))
	c.run(thread)
	p.hear(t)
	if got := p.say(t, "go"); got != "worked 8" {
		t.Errorf("the program said %q", got)
	}
}

// A breakpoint can be set where a step is to be caught.
func TestBreakpointBesideAStep(t *testing.T) {
	p, c, thread := loading(t, "console.log('loads'); for (const end = Date.now() + 60000; Date.now() < end && !require('fs').existsSync(__dirname + '/go'););")
	c.set(p.file("late.ts"), object{"line": 2})
	c.run(thread)
	c.stopped("breakpoint", p.file("late.ts"), 2)
	must(t, c.Next(c.ctx, thread))
	if got := p.hear(t); got != "loads" {
		t.Fatalf("the program said %q", got)
	}
	if set := c.set(p.file("late.ts"), object{"line": 2}, object{"line": 3}); !set[1].Verified {
		t.Errorf("set: %+v", set)
	}
	must(t, os.WriteFile(p.file("go"), nil, 0o600)) // not before: the step would have ended
	c.stopped("breakpoint", p.file("late.ts"), 3)
}
