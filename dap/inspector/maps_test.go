package inspector_test

import (
	"encoding/base64"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/towline-dev/towline/dap/inspector"
)

// lineMap returns a source map in which each line of the generated file came from
// a line of the source, counting from 1; 0 is none.
func lineMap(source, content string, lines ...int) string {
	var mappings strings.Builder
	last := 0
	for i, line := range lines {
		if i > 0 {
			mappings.WriteByte(';')
		}
		if line > 0 {
			mappings.WriteString("AA" + vlq(line-1-last) + "A")
			last = line - 1
		}
	}
	contents := ""
	if content != "" {
		contents = fmt.Sprintf(`"sourcesContent":[%q],`, content)
	}
	return fmt.Sprintf(`{"version":3,"sources":[%q],%s"mappings":%q}`, source, contents, mappings.String())
}

func vlq(n int) string {
	const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	n <<= 1
	if n < 0 {
		n = -n | 1
	}
	text := ""
	for {
		d := n & 31
		if n >>= 5; n > 0 {
			d |= 32
		}
		text += digits[d : d+1]
		if n == 0 {
			return text
		}
	}
}

// typed is a program in TypeScript and what a compiler makes of it.
const (
	typed = `import * as readline from 'readline';

interface Greeting { text: string; length: number }

function greet(name: string): Greeting {
  const text: string = 'hello ' + name;
  return { text, length: text.length };
}

readline.createInterface({ input: process.stdin })
  .on('line', (line: string) => {
    console.log(greet(line).text);
  });
console.log('ready');
`
	compiled = `"use strict";
const readline = require("readline");
function greet(name) {
  const text = "hello " + name;
  return { text, length: text.length };
}
readline.createInterface({ input: process.stdin })
  .on("line", (line) => {
    console.log(greet(line).text);
  });
console.log("ready");
`
)

var compiledFrom = []int{0, 1, 5, 6, 7, 8, 10, 11, 12, 13, 14}

// modular is the same as a module.
func modular() string {
	text := strings.Replace(compiled, `const readline = require("readline");`, `import readline from "readline";`, 1)
	return strings.Replace(text, `"use strict";`, "", 1)
}

// A breakpoint in a source is hit in the file that was made of it: in a program
// that runs, and in the first lines of one that is started, before they ran.
func TestSourceMaps(t *testing.T) {
	inline := "data:application/json;charset=utf-8;base64," + base64.StdEncoding.EncodeToString([]byte(lineMap("../src/app.ts", "", compiledFrom...)))
	files := map[string]string{
		"dist/app.js":     compiled + "//# sourceMappingURL=app.js.map\n",
		"dist/app.js.map": lineMap("../src/app.ts", "", compiledFrom...),
		"dist/app.mjs":    modular() + "//# sourceMappingURL=app.js.map\n",
		"dist/inline.js":  compiled + "//# sourceMappingURL=" + inline + "\n",
		"dist/inline.mjs": modular() + "//# sourceMappingURL=" + inline + "\n",
		"src/app.ts":      typed,
	}
	for _, script := range []string{"dist/app.js", "dist/app.mjs", "dist/inline.js", "dist/inline.mjs"} {
		t.Run("running/"+script, func(t *testing.T) {
			p := run(t, files, "--inspect=127.0.0.1:0", script)
			p.hear(t)
			c := debug(t, p, inspector.Options{})
			set := c.attach(p.file("src/app.ts"), object{"line": 6}, object{"line": 3})
			if !set[0].Verified || set[0].Line != 6 || !set[1].Verified || set[1].Line != 6 && set[1].Line != 5 {
				t.Errorf("set: %+v", set)
			}
			io.WriteString(p.in, "one\n")
			stop, frames := c.stopped("breakpoint", p.file("src/app.ts"), 6)
			c.local(frames[0], "name", "'one'")
			if frames[1].Line != 12 || frames[1].Source.Path != p.file("src/app.ts") {
				t.Errorf("called from %+v", frames[1])
			}
			must(t, c.Next(c.ctx, stop.ThreadID))
			c.stopped("step", p.file("src/app.ts"), 7)
			c.run(stop.ThreadID)
			p.hear(t)
		})
		if script == "dist/inline.js" {
			continue // nothing tells of it before it runs
		}
		t.Run("started/"+script, func(t *testing.T) {
			p := run(t, files, "--inspect-wait=127.0.0.1:0", script)
			c := debug(t, p, inspector.Options{})
			c.attach(p.file("src/app.ts"), object{"line": 14})
			stop, _ := c.stopped("breakpoint", p.file("src/app.ts"), 14)
			c.run(stop.ThreadID)
			p.hear(t)
			c.set(p.file("src/app.ts"), object{"line": 7})
			io.WriteString(p.in, "two\n")
			stop, frames := c.stopped("breakpoint", p.file("src/app.ts"), 7)
			c.local(frames[0], "text", "'hello two'")
			c.run(stop.ThreadID)
		})
	}
}

// hook has Node run TypeScript as tsx does: what is compiled has the source's own
// address and its map within.
func hook(bare string) map[string]string {
	inline := base64.StdEncoding.EncodeToString([]byte(lineMap("app.ts", typed, compiledFrom...)))
	return map[string]string{
		"hook.js": `require('module')._extensions['.ts'] = (module, file) =>
			module._compile(` + "`" + bare + "//# sourceMappingURL=data:application/json;base64," + inline + "`" + `, file);`,
		"app.ts": typed,
	}
}

func TestSourceMapAtTheSourcesAddress(t *testing.T) {
	for _, mode := range []string{"--inspect=127.0.0.1:0", "--inspect-wait=127.0.0.1:0"} {
		t.Run(mode, func(t *testing.T) {
			p := run(t, hook(compiled), mode, "--require=./hook.js", "app.ts")
			if mode == "--inspect=127.0.0.1:0" {
				p.hear(t)
			}
			c := debug(t, p, inspector.Options{})
			c.attach(p.file("app.ts"), object{"line": 7}, object{"line": 14})
			if mode != "--inspect=127.0.0.1:0" {
				stop, _ := c.stopped("breakpoint", p.file("app.ts"), 14)
				c.run(stop.ThreadID)
				p.hear(t)
			}
			io.WriteString(p.in, "one\n")
			stop, frames := c.stopped("breakpoint", p.file("app.ts"), 7)
			c.local(frames[0], "text", "'hello one'")
			c.run(stop.ThreadID)
			p.hear(t)
		})
	}
}

// A file that is not loaded yet has its breakpoints when it is.
func TestLoadedLater(t *testing.T) {
	p := run(t, map[string]string{
		"app.js":            "process.stdin.on('data', () => require('./lib/late.js').work());\nconsole.log('ready')\n",
		"lib/late.js":       "\"use strict\";\nexports.work = () => {\n  const x = 7;\n  console.log('worked', x);\n};\n//# sourceMappingURL=late.js.map",
		"lib/late.js.map":   lineMap("../late.ts", "", 0, 2, 4, 5, 6),
		"late.ts":           "\n\n",
		"node_modules/x.js": "",
	}, "--inspect=127.0.0.1:0", "app.js")
	p.hear(t)
	c := debug(t, p, inspector.Options{})
	set := c.attach(p.file("late.ts"), object{"line": 5})
	other := c.set(p.file("none.js"), object{"line": 1})
	if set[0].Verified || set[0].Message == "" || other[0].Verified {
		t.Errorf("set: %+v, %+v", set, other)
	}
	io.WriteString(p.in, "go\n")
	stop, frames := c.stopped("breakpoint", p.file("late.ts"), 5)
	c.local(frames[0], "x", "7")
	var changed struct {
		Breakpoint struct {
			ID, Line int
			Verified bool
		}
	}
	must(t, c.Event(c.ctx, "breakpoint", nil, &changed))
	if changed.Breakpoint.ID != set[0].ID || !changed.Breakpoint.Verified || changed.Breakpoint.Line != 5 {
		t.Errorf("changed: %+v", changed)
	}
	c.run(stop.ThreadID)
}

// What the client has no file of is read from the program.
func TestSource(t *testing.T) {
	p := run(t, hook(compiled), "--inspect=127.0.0.1:0", "--require=./hook.js", "app.ts")
	p.hear(t)
	c := debug(t, p, inspector.Options{HasFile: func(string) bool { return false }})
	c.attach(p.file("app.ts"), object{"line": 6})
	io.WriteString(p.in, "one\n")
	stop, _ := c.stopped("breakpoint", p.file("app.ts"), 6)
	var body struct {
		StackFrames []struct {
			Source struct {
				Name            string
				SourceReference int
			}
		}
	}
	c.call("stackTrace", object{"threadId": stop.ThreadID}, &body)
	read := func(i int) string {
		var text struct{ Content string }
		c.call("source", object{"sourceReference": body.StackFrames[i].Source.SourceReference}, &text)
		return text.Content
	}
	if got := read(0); got != typed {
		t.Errorf("the source is %q", got)
	}
	last := len(body.StackFrames) - 1
	if name := body.StackFrames[last].Source.Name; !strings.HasPrefix(name, "node:") {
		t.Errorf("the outermost call is in %q", name)
	}
	if got := read(last); !strings.Contains(got, "use strict") {
		t.Errorf("Node's own source is %.100q", got)
	}
	c.refused("source", object{"sourceReference": 99999}, "no text")
	var loaded struct{ Sources []struct{ Path string } }
	c.call("loadedSources", nil, &loaded)
	if !strings.Contains(fmt.Sprint(loaded.Sources), p.file("app.ts")) {
		t.Errorf("loaded: %v", loaded.Sources)
	}
	c.run(stop.ThreadID)
}
