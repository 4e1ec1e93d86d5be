package command

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/towline-dev/towline/server/run/output"
	"github.com/towline-dev/towline/starlark/config"
)

// TestWhatLeftTheGroupIsEnded: a child in a session of its own that ignores
// SIGTERM, of this resource and of no other.
func TestWhatLeftTheGroupIsEnded(t *testing.T) {
	if _, err := os.Stat("/proc/self/environ"); err != nil {
		t.Skip("no /proc here")
	}
	dir := t.TempDir()
	s := Shell{Workspace: filepath.Base(dir) + strconv.Itoa(os.Getpid()), Log: output.Log{Emit: func(output.Line) {}}}
	start := func(resource string) int {
		t.Helper()
		file := filepath.Join(dir, resource)
		script := "setsid sh -c 'trap \"\" TERM; echo $$ > " + file + "; while :; do sleep 0.1; done' >/dev/null 2>&1 & while ! [ -s " + file + " ]; do sleep 0.01; done"
		err := s.Run(context.Background(), Call{Command: config.Command{Argv: []string{"sh", "-c", script}, Dir: dir}, Line: output.Line{Resource: resource}, Serves: true})
		if err != nil {
			t.Fatal(err)
		}
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		pid, err := strconv.Atoi(strings.TrimSpace(string(data)))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = syscall.Kill(pid, syscall.SIGKILL) })
		return pid
	}
	gone := func(pid int) bool {
		stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
		return err != nil || strings.Contains(string(stat), ") Z ")
	}
	web, webber := start("web"), start("webber")
	s.EndLeft("web")
	if !gone(web) || gone(webber) {
		t.Errorf("web gone %v, webber gone %v, want the first alone", gone(web), gone(webber))
	}
	began := time.Now()
	s.EndLeft("")
	if !gone(webber) {
		t.Errorf("webber runs after %v", time.Since(began))
	}
	s.EndLeft("web")
	(Shell{}).EndLeft("")
}
