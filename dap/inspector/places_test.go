package inspector_test

import (
	"strings"
	"testing"

	"github.com/towline-dev/towline/dap/inspector"
)

// A log point in a worker writes to the client, not to the program's output.
func TestWorkerLogs(t *testing.T) {
	p := run(t, map[string]string{
		"app.js": `const { Worker } = require('worker_threads');
require('readline').createInterface({ input: process.stdin }).on('line', (line) => {
  new Worker('./w.js', { workerData: line }).on('exit', () => console.log('done ' + line));
});
console.log('ready');
`,
		"w.js": "const { workerData } = require('worker_threads');\nlet n = workerData;\nn += '!';\n",
	}, "--inspect=127.0.0.1:0", "app.js")
	p.hear(t)
	c := debug(t, p, inspector.Options{})
	c.attach(p.file("w.js"), object{"line": 3, "logMessage": "n is {n}"})
	if got := p.say(t, "x"); got != "done x" {
		t.Errorf("the program said %q", got)
	}
	if out := c.output("n is"); out.Output != "n is x\n" {
		t.Errorf("logged %+v", out)
	}
}

// What was in the way of a breakpoint may be gone when it is asked for again.
func TestSamePlace(t *testing.T) {
	p, c := looping(t, "  const n = line;\n  return n;")
	file := p.file("app.js")
	c.attach(file, object{"line": 6}, object{"line": 6, "column": 1})
	set := c.set(file, object{"line": 6}, object{"line": 6, "column": 1})
	if !set[0].Verified || set[1].Verified || !strings.Contains(set[1].Message, "another breakpoint") {
		t.Fatalf("set: %+v", set)
	}
	if set := c.set(file, object{"line": 6, "column": 1}); !set[0].Verified {
		t.Errorf("set: %+v", set)
	}
}
