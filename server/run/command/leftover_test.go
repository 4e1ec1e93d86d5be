package command

import (
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
// SIGTERM, of this start of a server, of no other one of the same name, and of no
// other resource.
func TestWhatLeftTheGroupIsEnded(t *testing.T) {
	if _, err := os.Stat("/proc/self/environ"); err != nil {
		t.Skip("no /proc here")
	}
	dir := t.TempDir()
	s := Shell{WorkspaceID: filepath.Base(dir) + strconv.Itoa(os.Getpid()), Log: output.Log{Emit: func(output.Line) {}}}
	const stubborn = "setsid sh -c 'trap \"\" TERM; echo $$ > $FILE; while :; do sleep 0.1; done' >/dev/null 2>&1 & while ! [ -s $FILE ]; do sleep 0.01; done"
	call := func(resource, file, then string) Call {
		file = filepath.Join(dir, file)
		return Call{Command: config.Command{Argv: []string{"sh", "-c", stubborn + then}, Dir: dir, Env: map[string]string{"FILE": file}}, Line: output.Line{Resource: resource}, Serves: true}
	}
	pidFrom := func(file string) int {
		t.Helper()
		deadline := time.Now().Add(time.Minute)
		for {
			data, err := os.ReadFile(filepath.Join(dir, file))
			if err == nil && strings.HasSuffix(string(data), "\n") {
				pid, err := strconv.Atoi(strings.TrimSpace(string(data)))
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { _ = syscall.Kill(pid, syscall.SIGKILL) })
				return pid
			}
			if time.Now().After(deadline) {
				t.Fatalf("waited in vain for a pid in %s", file)
			}
			time.Sleep(time.Millisecond)
		}
	}
	gone := func(pid int) bool {
		stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
		return err != nil || strings.Contains(string(stat), ") Z ")
	}
	left := func(resource, file string) int {
		t.Helper()
		if err := s.Run(t.Context(), call(resource, file, "")); err != nil {
			t.Fatal(err)
		}
		return pidFrom(file)
	}
	webber := left("webber", "webber")
	served := make(chan error, 1)
	go func() {
		_, err := s.Serve(t.Context(), call("web", "first", "; sleep 0.1"))
		served <- err
	}()
	first, second := pidFrom("first"), left("web", "second") // the second starts while the first one's child is there
	if err := <-served; err != nil {
		t.Fatal(err)
	}
	if !gone(first) || gone(second) || gone(webber) {
		t.Errorf("gone: of the first start %v, of the second %v, of another resource %v; want the first alone", gone(first), gone(second), gone(webber))
	}
	s.EndLeft()
	if !gone(second) || !gone(webber) {
		t.Errorf("gone: of the second start %v, of another resource %v; want both", gone(second), gone(webber))
	}
	(Shell{}).EndLeft()
}
