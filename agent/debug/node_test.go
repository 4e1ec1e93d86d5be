//go:build linux

package debug

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/towline-dev/towline/dap/inspector"
	"github.com/towline-dev/towline/internal/podtest"
)

func TestHold(t *testing.T) {
	for _, test := range []struct {
		argv string
		held bool
	}{
		{"node app.js", true},
		{"/usr/local/bin/node --enable-source-maps dist/app.js --watch", true},
		{"docker-entrypoint.sh node app.js", true},
		{"/sbin/tini -- node -r ./preload.js app.js", true},
		{"node", true},
		{"node --watch app.js", false},
		{"node node_modules/.bin/nodemon app.js", false},
		{"node /usr/lib/node_modules/npm/bin/npm-cli.js start", false},
		{"node /app/node_modules/tsx/dist/cli.mjs app.ts", false},
		{"node --require /app/node_modules/tsx/dist/preflight.cjs --import file:///x app.ts", true},
		{"npm start", false},
		{"sh -c node", false},
		{"python node", false},
		{"app", false},
	} {
		argv := strings.Fields(test.argv)
		got := hold(argv)
		i := slices.Index(got, inspector.Hold)
		if (i >= 0) != test.held || i > 0 && filepath.Base(got[i-1]) != "node" {
			t.Errorf("%s is started as %s", test.argv, got)
		}
		if i > 0 && !slices.Equal(slices.Delete(got, i, i+1), argv) || i < 0 && !slices.Equal(got, argv) {
			t.Errorf("%s became %s", test.argv, got)
		}
	}
}

func TestLaunches(t *testing.T) {
	for cmdline, want := range map[string]bool{
		"npm run dev": true, "npm start": true, "/usr/bin/next-server (v14)": false,
	} {
		if got := launches([]string{cmdline}); got != want {
			t.Errorf("%q: %t", cmdline, got)
		}
	}
}

func TestListeners(t *testing.T) {
	byInode := map[string]int{}
	addListeners(byInode, []byte(`  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:2406 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 4711 1 0000000000000000 100 0 0 10 0
   1: 0100007F:2406 0100007F:C350 01 00000000:00000000 00:00000000 00000000  1000        0 4712 1 0000000000000000 20 4 30 10 -1
   2: nonsense
   3: 00000000:XYZ 00000000:0000 0A 0 0 0 1000 0 4713 1
`))
	if diff := cmp.Diff(map[string]int{"4711": 9222}, byInode); diff != "" {
		t.Error(diff)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	if port := ln.Addr().(*net.TCPAddr).Port; !slices.Contains(listening(os.Getpid()), port) {
		t.Errorf("this process does not listen on %d", port)
	}
}

func TestCatches(t *testing.T) {
	cmd := exec.Command("sleep", "60")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { cmd.Process.Kill(); cmd.Wait() }()
	if catches(cmd.Process.Pid, int(syscall.SIGUSR1)) || catches(0, int(syscall.SIGUSR1)) {
		t.Error("who does not handle the signal does")
	}
	if !catches(os.Getpid(), int(syscall.SIGURG)) { // Go's own
		t.Error("this process does not handle a signal that it does")
	}
}

// Behind npm, a shell, nodemon or a server that starts workers, what serves is
// meant; a program without children is itself.
func TestLookBelowNode(t *testing.T) {
	node := podtest.Need(t, "node")
	dir := t.TempDir()
	write := func(name, text string) string {
		t.Helper()
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return file
	}
	serve := write("serve.js", "require('net').createServer().listen(0, '127.0.0.1', () => console.log('serves', process.pid)); process.stdin.on('end', () => process.exit()).resume()")
	quiet := write("quiet.js", "console.log('serves', process.pid); process.stdin.on('end', () => process.exit()).resume()")
	runner := "const c = require('child_process').spawn(process.argv[2], process.argv.slice(3), { stdio: 'inherit' }); c.on('exit', () => process.exit())"
	npm := write("npm-cli.js", runner)
	own := write("own.js", runner)
	for name, argv := range map[string][]string{
		"itself":                    {node, serve},
		"npm":                       {node, npm, "sh", "-c", node + " " + serve + "; true"},
		"npm, nothing listens":      {node, npm, node, quiet},
		"nodemon below npm":         {node, npm, node, own, node, serve},
		"a script of the program's": {node, own, node, serve},
		"a shell":                   {"sh", "-c", node + " " + serve + "; true"},
	} {
		t.Run(name, func(t *testing.T) {
			top, line := runs(t, 1, argv...)
			var pid int
			if _, err := fmt.Sscanf(line, "serves %d", &pid); err != nil {
				t.Fatalf("it said %q", line)
			}
			got, err := Look(top)
			if err != nil || got.PID != pid || got.MayRun() || got.Language != "JavaScript" {
				t.Errorf("found %+v, %v, want pid %d", got, err, pid)
			}
		})
	}
	t.Run("npm before it has run anything", func(t *testing.T) {
		pid := run(t, 1, node, write("npx.js", "console.log('on its way'); process.stdin.resume()"))
		if got, err := Look(pid); err == nil || !got.MayRun() {
			t.Errorf("found %+v, want to wait", got)
		}
	})
}
