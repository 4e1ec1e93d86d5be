//go:build !windows

package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// stuck are Tiltfiles whose evaluation does not end by itself. Each makes the
// file "begun" first.
var stuck = map[string]map[string]string{
	"a loop":                        {"Tiltfile": "local('touch begun')\nwhile True:\n    pass\n"},
	"a command":                     {"Tiltfile": "local('touch begun; trap \"\" TERM INT; echo $$ > pid; sleep 1000; sleep 1000')\n"},
	"a command that left its group": {"Tiltfile": "local('setsid sh -c \"echo \\\\$\\\\$ > left; touch begun; sleep 30\" & wait')\n"},
	"a chart": {
		"Tiltfile":             "local('touch begun')\nhelm('web')\n",
		"web/Chart.yaml":       "apiVersion: v2\nname: web\nversion: 1.0.0\n",
		"web/templates/a.yaml": "{{ range until 100000 }}{{ range until 100000 }}{{ range until 100000 }}{{ end }}{{ end }}{{ end }}",
	},
}

// TestSignalsEndAnEvaluation ends evaluations that are stuck, as a person and a
// supervisor do. What they started ends too.
func TestSignalsEndAnEvaluation(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for name, files := range stuck {
		for _, command := range []string{"eval", "check"} {
			for _, signal := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
				t.Run(strings.Join([]string{name, command, signal.String()}, "/"), func(t *testing.T) {
					t.Parallel()
					dir := t.TempDir()
					write(t, dir, files)
					var said bytes.Buffer
					cmd := exec.Command(self, command)
					cmd.Dir, cmd.Env = dir, append(os.Environ(), asTowline+"=1", "HOME="+dir)
					cmd.Stdout, cmd.Stderr = &said, &said
					if err := cmd.Start(); err != nil {
						t.Fatal(err)
					}
					ended := make(chan error, 1)
					go func() { ended <- cmd.Wait() }()
					for deadline := time.Now().Add(30 * time.Second); !exists(filepath.Join(dir, "begun")); time.Sleep(5 * time.Millisecond) {
						if time.Now().After(deadline) {
							_ = cmd.Process.Kill()
							t.Fatal("it did not begin")
						}
					}
					if err := cmd.Process.Signal(signal); err != nil {
						t.Fatal(err)
					}
					select {
					case err := <-ended:
						if err == nil {
							t.Errorf("it ended well: %s", said.String())
						}
					case <-time.After(time.Minute): // a second, on a machine that has time
						_ = cmd.Process.Kill()
						t.Fatal("it goes on")
					}
					for _, file := range []string{"pid", "left"} {
						pid := readPid(filepath.Join(dir, file))
						if pid > 0 && file == "left" {
							_ = syscall.Kill(-pid, syscall.SIGKILL) // whoever leaves the group stays
						} else if pid > 0 && syscall.Kill(pid, 0) == nil {
							t.Errorf("the command lives on as %d", pid)
						}
					}
				})
			}
		}
	}
}

func write(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func exists(path string) bool { _, err := os.Stat(path); return err == nil }

func readPid(path string) int {
	data, _ := os.ReadFile(path)
	pid, _ := strconv.Atoi(strings.TrimSpace(string(data)))
	return pid
}
