package bridge_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/towline-dev/towline/dap/daptest/play"
)

// greets is what a child of Python does with its lines. What a child is told to
// reload it ends for.
const greets = `
def greet(name):
    twice = 2 * len(name)
    if name == "reload":
        os._exit(3)
    return "hello %s, %d" % (name, twice)  # mark: greet

def serve(lines):
    print("ready", flush=True)
    while True:
        line = lines.readline()
        if not line:
            os._exit(0)
        print(greet(line.strip()), flush=True)
`

// What a watcher runs is debugged instead of it, and so is the next one, from
// its first line on.
const watched = `
break greet
attach
say one
stop greet twice=6
continue
answers hello one, 6
say reload
again
say three
stop greet twice=10
continue
answers hello three, 10
save
again
say seven
stop greet twice=10
continue
answers hello seven, 10
disconnect
say free
answers hello free, 8
`

// A master forks workers, and another one when one ends.
func TestPythonMaster(t *testing.T) {
	story(t, play.Program{Language: "Python", File: "gunicorn", Text: `import os, sys, time
` + greets + `
def fork(n):
    pid = os.fork()
    if pid == 0:
        time.sleep(0.1)  # it is not mistaken for one that is about to run another program
        if n == 1:
            serve(sys.stdin)
        time.sleep(1000)
    return pid

fork(0)
serving = fork(1)
while True:
    pid, status = os.wait()
    if pid == serving and status:
        serving = fork(1)
`}, watched, "$FILE")
}

// A reloader runs the same program in a process that knows so by a variable.
func TestPythonReloader(t *testing.T) {
	story(t, play.Program{Language: "Python", File: "app.py", Text: `import os, subprocess, sys
` + greets + `
if os.environ.get("WERKZEUG_RUN_MAIN") == "true":
    serve(sys.stdin)
while True:
    code = subprocess.run([sys.executable] + sys.argv, env={**os.environ, "WERKZEUG_RUN_MAIN": "true"}).returncode
    if code != 3:
        sys.exit(code)
`}, watched, "$FILE")
}

// A reloader spawns its program by multiprocessing, which starts helpers as well.
func TestPythonSpawned(t *testing.T) {
	story(t, play.Program{Language: "Python", File: "uvicorn", Text: `import multiprocessing, os, sys
` + greets + `
def child(parent):
    serve(open("/proc/%d/fd/0" % parent))

if __name__ == "__main__":
    spawn = multiprocessing.get_context("spawn")
    while True:
        p = spawn.Process(target=child, args=(os.getpid(),))
        p.start()
        p.join()
        if p.exitcode != 3:
            sys.exit(p.exitcode)
`}, watched, "$FILE", "--reload")
}

// A program that a debugged one runs or forks goes on by itself, over a
// breakpoint too, and so does a pool of processes.
func TestPythonOthersGoOn(t *testing.T) {
	story(t, play.Program{Language: "Python", File: "app.py", Text: `import multiprocessing, os, subprocess, sys

def greet(name):
    twice = 2 * len(name)
    return "hello %s, %d" % (name, twice)  # mark: greet

print("ready", flush=True)
for line in sys.stdin:
    name = line.strip()
    if name == "fork":
        pid = os.fork()
        if pid == 0:
            print(greet(name), flush=True)
            os._exit(0)
        os.waitpid(pid, 0)
    elif name == "run":
        subprocess.run([sys.executable, "-c", "print('runs')"])
    elif name == "pool":
        with multiprocessing.Pool(2) as pool:
            print(*pool.map(greet, [name]), flush=True)
    else:
        print(greet(name), flush=True)
`}, `
break greet
attach
say one
stop greet twice=6
continue
answers hello one, 6
say fork
answers hello fork, 8
say run
answers runs
say pool
answers hello pool, 8
say three
stop greet twice=10
continue
answers hello three, 10
`, "$FILE")
}

// What a watcher of Node.js runs is debugged, each time that it runs it anew.
func TestNodeBehindAWatcher(t *testing.T) {
	watcher := filepath.Join(t.TempDir(), "node_modules", "nodemon", "bin", "nodemon.js")
	must(t, os.MkdirAll(filepath.Dir(watcher), 0o755))
	must(t, os.WriteFile(watcher, []byte(`const run = () => require('child_process').spawn(process.execPath, [process.argv[2]], { stdio: 'inherit' }).on('exit', run);
run();
`), 0o644))
	story(t, play.Program{Language: "JavaScript", File: "app.js", Text: `const greet = (name) => {
  const twice = 2 * name.length;
  if (name === 'reload') process.kill(process.pid, 'SIGKILL');
  return 'hello ' + name + ', ' + twice; // mark: greet
};
require('readline').createInterface({ input: process.stdin }).on('line', (line) => console.log(greet(line)));
console.log('ready');
`}, strings.Replace(watched, "attach", "attach\noutput which the container's process", 1), watcher, "$FILE")
}
