//go:build linux

package debug

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/towline-dev/towline/agent/wire"
	"github.com/towline-dev/towline/internal/podtest"
)

// TestMain lets the test binary play a Go program that runs until its input
// ends.
func TestMain(m *testing.M) {
	if os.Getenv("TOWLINE_TEST_PROGRAM") != "" {
		fmt.Println("runs")
		bufio.NewReader(os.Stdin).ReadByte()
		return
	}
	os.Exit(m.Run())
}

// run starts a command whose programs each say a line when they run, waits for
// so many lines and returns its pid.
func run(t *testing.T, lines int, argv ...string) int {
	t.Helper()
	pid, _ := runs(t, lines, argv...)
	return pid
}

// runs is run, and returns the last of the lines.
func runs(t *testing.T, lines int, argv ...string) (pid int, line string) {
	t.Helper()
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Env = append(os.Environ(), "TOWLINE_TEST_PROGRAM=1")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	end := time.AfterFunc(time.Minute, func() { cmd.Process.Kill(); out.Close() })
	t.Cleanup(func() {
		in.Close() // all that it started end as well
		cmd.Wait()
		end.Stop()
	})
	scan := bufio.NewScanner(out)
	for ; lines > 0; lines-- {
		if !scan.Scan() {
			t.Fatalf("%s said too little: %v", argv, scan.Err())
		}
	}
	return cmd.Process.Pid, scan.Text()
}

// wrapperProgram builds a program that runs its arguments, under the name of a
// tool that does so.
func wrapperProgram(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"go.mod": "module github.com/air-verse/air\n",
		"main.go": `package main

import (
	"os"
	"os/exec"
)

func main() {
	cmd := exec.Command(os.Args[1], os.Args[2:]...)
	cmd.Stdin, cmd.Stdout = os.Stdin, os.Stdout
	cmd.Run()
}
`} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command("go", "build", "-o", "air", ".")
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "GOFLAGS=", "GOWORK=off", "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return filepath.Join(dir, "air")
}

func TestLook(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	air := wrapperProgram(t)
	const perl = "$| = 1; print qq(runs\\n); <STDIN>"
	for _, test := range []struct {
		name  string
		lines int
		argv  []string
		child bool     // found below
		words []string // of the refusal
	}{
		{"a Go program", 1, []string{self}, false, nil},
		{"a shell runs it", 1, []string{"sh", "-c", self + "; true"}, true, nil},
		{"a shell becomes it", 1, []string{"sh", "-c", "exec " + self}, false, nil},
		{"a watcher runs it", 1, []string{air, self}, true, nil},
		{"a shell runs a watcher that runs a shell", 1, []string{"sh", "-c", air + " sh -c '" + self + "; true'; true"}, true, nil},
		{"two of them", 2, []string{"sh", "-c", "exec 3<&0; " + self + " <&3 & " + self + "; wait"}, false, []string{"several programs", filepath.Base(self)}},
		{"none yet", 1, []string{"sh", "-c", "echo runs; read line"}, false, []string{"runs no program"}},
		{"a watcher with none yet", 1, []string{air, "sh", "-c", "echo runs; read line"}, false, []string{"runs no program"}},
		{"Perl", 1, []string{"perl", "-e", perl}, false, []string{"Perl", "only Go, Python and JavaScript"}},
		{"a shell runs Perl", 1, []string{"sh", "-c", "perl -e '" + perl + "'; true"}, false, []string{"Perl", "only Go, Python and JavaScript"}},
		{"a program in C", 0, []string{"cat"}, false, []string{"cat", "Go, Python or JavaScript"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			podtest.Need(t, test.argv[0])
			pid := run(t, test.lines, test.argv...)
			got, err := Look(pid)
			if len(test.words) == 0 {
				if err != nil || !got.Go() || got.Exe != self || (got.PID != pid) != test.child {
					t.Errorf("Look(%d) = %+v, %v", pid, got, err)
				}
				return
			}
			var refused *wire.Error
			if !errors.As(err, &refused) || refused.Code != wire.CodeNotDebuggable || refused.Hint == "" {
				t.Fatalf("Look = %+v, %#v, want a refusal with a hint", got, err)
			}
			for _, w := range test.words {
				if text := refused.Message + " " + refused.Hint; !strings.Contains(text, w) {
					t.Errorf("refused with %q, want it to say %q", text, w)
				}
			}
		})
	}
}

// What cannot be read is left to the debugger, which says what is wrong.
func TestLookAtWhatCannotBeRead(t *testing.T) {
	if got, err := Look(1 << 30); err != nil || got.Exe != "" {
		t.Errorf("Look = %+v, %v", got, err)
	}
}

// A program in Python is found as one in Go is.
func TestLookAtPython(t *testing.T) {
	const python = "import sys; print('runs', flush=True); sys.stdin.read()"
	for _, argv := range [][]string{
		{"/usr/bin/python3", "-c", python},
		{"sh", "-c", "/usr/bin/python3 -c \"" + python + "\"; true"},
	} {
		pid := run(t, 1, argv...)
		got, err := Look(pid)
		if err != nil || got.Language != "Python" || (got.PID != pid) != (argv[0] == "sh") {
			t.Errorf("Look(%q) = %+v, %v", argv, got, err)
		}
		if l := Of(Languages("", ""), got); l == nil || l.Debugger() != "debugpy" || l.Name() != got.Language {
			t.Errorf("it is debugged by %v", l)
		}
	}
}
