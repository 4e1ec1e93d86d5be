package lsp

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/server/protocol"
	"github.com/towline-dev/towline/starlark/config"
)

// TestDebugAFile: a source file alone says which resource is debugged: that of the
// nearest folder or file that an image is made of. Where it cannot, the answer
// says why.
func TestDebugAFile(t *testing.T) {
	fake, _ := watchedDaemon(1)
	h := open(t, tilt(&daemons{running: fake}))
	at := func(name string) string { return filepath.Join(h.dir, name) }
	h.write("web/main.go", "")
	h.write("web/sub/x.go", "")
	if err := os.Symlink(at("web"), at("link")); err != nil {
		t.Fatal(err)
	}
	debug := func(args map[string]any) (target protocol.DebugConfiguration, err error) {
		err = h.Call(h.ctx, "workspace/executeCommand", map[string]any{"command": protocol.CommandDebug, "arguments": []any{args}}, &target)
		return target, err
	}
	refused := func(uri, want string) {
		t.Helper()
		if target, err := debug(map[string]any{"uri": uri}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %+v, %v, want %q", uri, target, err, want)
		}
	}
	await(h, protocol.MethodStatus, func(s protocol.StatusParams) bool { return s.Connected && s.Status != nil })
	refused(h.uri("web/main.go"), "nothing is up")
	fake.set(func(s *api.Status) {
		s.Up = true
		s.Resources = []api.ResourceStatus{
			{Name: "all", Sources: []string{h.dir}},
			{Name: "web", Sources: []string{at("libs"), at("web")}},
			{Name: "worker", Sources: []string{at("libs"), at("worker.py")}},
			{Name: "off", Sources: []string{at("web/a")}, State: api.StateDisabled},
			{Name: "linked", Sources: []string{at("link/sub")}},
			{Name: "job", Sources: []string{at("job")}, NoDebug: &config.Problem{Message: "job is a Job"}},
		}
	})
	await(h, protocol.MethodStatus, func(s protocol.StatusParams) bool { return s.Status != nil && s.Status.Up })
	for file, want := range map[string]string{
		"web/main.go": "web", "web/a/b.go": "web", "worker.py": "worker", "webber/main.go": "all", "link/main.go": "web",
		"web/sub/x.go": "linked",
	} {
		target, err := debug(map[string]any{"uri": h.uri(file)})
		if err != nil || target.Resource != want || target.Workspace != h.dir {
			t.Errorf("%s: %+v, %v, want %s", file, target, err, want)
		}
	}
	refused(h.uri("libs/x.go"), "x.go is a source of web and worker")
	refused(h.uri("job/main.go"), "job is a Job")
	refused("file:///elsewhere/y.go", "no resource that is up is made of y.go")
	refused("untitled:1", "needs the name of a resource")
}
