package daemon

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/server/kube"
	"github.com/towline-dev/towline/server/run"
	"github.com/towline-dev/towline/starlark/config"
)

// kubeconfig names a cluster of this machine that nobody has started.
const kubeconfig = `{apiVersion: v1, kind: Config, current-context: kind-none, contexts: [{name: kind-none, context: {cluster: kind-none}}],
  clusters: [{name: kind-none, cluster: {server: 'https://127.0.0.1:1'}}]}`

// servers is a project of local servers; those that args name, all without,
// are enabled. An argument that is none of them is an error.
func servers(args []string) *config.Project {
	p := &config.Project{Settings: config.Settings{MaxParallelUpdates: 3}}
	for _, name := range []string{"one", "two", "three"} {
		p.Resources = append(p.Resources, config.Resource{
			Name: name, Kind: config.KindLocal, AutoInit: true, Enabled: len(args) == 0 || slices.Contains(args, name),
			Local: &config.Local{ServeCmd: config.Command{Argv: []string{"sleep", "1000"}}, AllowParallel: true},
		})
	}
	for _, arg := range args {
		if !slices.ContainsFunc(p.Resources, func(r config.Resource) bool { return r.Name == arg }) {
			p.Error = &config.Problem{Message: "no resource " + arg}
			p.Resources = nil
		}
	}
	return p
}

// upServers brings the servers up, where there is no kubeconfig at all.
func upServers(t *testing.T, args ...string) *stand {
	t.Helper()
	return upProject(t, func(e Evaluation) *config.Project { return servers(e.Args) }, args...)
}

// upProject is upServers for another project.
func upProject(t *testing.T, project func(Evaluation) *config.Project, args ...string) *stand {
	t.Helper()
	t.Setenv("KUBECONFIG", filepath.Join(t.TempDir(), "none"))
	s := newStand(t)
	tiltfile := filepath.Join(s.o.Endpoint.Workspace, "Tiltfile")
	if err := os.WriteFile(tiltfile, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	s.evaluates(func(_ context.Context, e Evaluation) *config.Project {
		p := project(e)
		p.Tiltfile, p.ConfigFiles = e.Tiltfile, []string{e.Tiltfile}
		return p
	})
	_, err := in(bounded(t), s.Daemon, func(c *core, answer func(int, error)) {
		c.up(api.UpRequest{Args: args}, func(err error) { answer(0, err) })
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// await waits until the status is as wanted.
func (s *stand) await(what string, is func(*api.Status) bool) *api.Status {
	s.t.Helper()
	deadline := time.After(time.Minute)
	for {
		status, changed := s.published.now()
		if is(status) {
			return status
		}
		select {
		case <-changed:
		case <-deadline:
			s.t.Fatalf("%s: gave up at %+v", what, status)
		}
	}
}

// phases returns "one:ready two:disabled …".
func phases(s *api.Status) string {
	var out []string
	for _, r := range s.Resources {
		out = append(out, r.Name+":"+string(r.Phase))
	}
	return strings.Join(out, " ")
}

func (s *stand) reach(want string) *api.Status {
	s.t.Helper()
	return s.await(want, func(status *api.Status) bool { return phases(status) == want })
}

// began says when a server was started last.
func began(s *api.Status, name string) time.Time {
	for _, r := range s.Resources {
		if r.Name == name && r.LastUpdate != nil {
			return r.LastUpdate.Began
		}
	}
	return time.Time{}
}

func TestArgsEnableAndDisable(t *testing.T) {
	s := upServers(t)
	first := s.reach("one:ready two:ready three:ready")
	if code, p := s.post(api.RouteArgs, `{"args":["one","two"]}`); code != 200 {
		t.Fatalf("%d %+v", code, p)
	}
	now := s.reach("one:ready two:ready three:disabled")
	if !slices.Equal(now.Args, []string{"one", "two"}) {
		t.Errorf("the status shows the arguments %q", now.Args)
	}
	if began(now, "one") != began(first, "one") || began(now, "one").IsZero() {
		t.Error("what stays was started again")
	}
	// Arguments that the Tiltfile refuses change nothing.
	code, p := s.post(api.RouteArgs, `{"args":["four"]}`)
	if code == 200 || !strings.Contains(p.Message, "no resource four") {
		t.Errorf("a wrong argument: %d %+v", code, p)
	}
	now = s.await("the error is gone", func(s *api.Status) bool { return s.Config.Error == nil && !s.Config.Evaluating })
	if phases(now) != "one:ready two:ready three:disabled" || !slices.Equal(now.Args, []string{"one", "two"}) {
		t.Errorf("after refused arguments: %s %q", phases(now), now.Args)
	}
	// Up asks for what is up: the arguments are not its matter.
	if code, p := s.post(api.RouteUp, `{}`); code != 200 {
		t.Fatalf("%d %+v", code, p)
	}
	if now = s.reach("one:ready two:ready three:disabled"); !slices.Equal(now.Args, []string{"one", "two"}) {
		t.Errorf("after up without arguments: %q", now.Args)
	}
	if code, p := s.post(api.RouteArgs, `{}`); code != 200 {
		t.Fatalf("%d %+v", code, p)
	}
	if now = s.reach("one:ready two:ready three:ready"); len(now.Args) > 0 {
		t.Errorf("cleared arguments: %q", now.Args)
	}
}

// TestArgsReplaceNamedResources: what Up named is a choice like the arguments.
func TestArgsReplaceNamedResources(t *testing.T) {
	s := upServers(t)
	s.reach("one:ready two:ready three:ready")
	s.queue.put(func(c *core) { c.state.Requested = []string{"one"}; c.store.record.Up.Resources = []string{"one"} })
	if code, p := s.post(api.RouteArgs, `{"args":["two"]}`); code != 200 {
		t.Fatalf("%d %+v", code, p)
	}
	s.reach("one:disabled two:ready three:disabled")
}

func TestArgsOutliveTheDaemon(t *testing.T) {
	s := upServers(t)
	if code, p := s.post(api.RouteArgs, `{"args":["three"]}`); code != 200 {
		t.Fatalf("%d %+v", code, p)
	}
	next, err := openStore(s.o.Endpoint.State, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer next.close()
	if up := next.record.Up; up == nil || !slices.Equal(up.Args, []string{"three"}) || len(up.Resources) > 0 {
		t.Errorf("the next daemon resumes %+v", up)
	}
}

// TestSwitch turns a server off and on, as the next daemon would, too.
func TestSwitch(t *testing.T) {
	s := upServers(t)
	s.reach("one:ready two:ready three:ready")
	if code, p := s.post(api.RouteSwitch, `{"resources":["two","nope"]}`); code == 200 || !strings.Contains(p.Message, `no resource "nope"`) {
		t.Errorf("a wrong name: %d %+v", code, p)
	}
	if code, p := s.post(api.RouteSwitch, `{"resources":["two","three"]}`); code != 200 {
		t.Fatalf("%d %+v", code, p)
	}
	s.reach("one:ready two:disabled three:disabled")
	if code, p := s.post(api.RouteUp, `{}`); code != 200 { // somebody asks for up again
		t.Fatalf("%d %+v", code, p)
	}
	s.reach("one:ready two:disabled three:disabled")
	if code, p := s.post(api.RouteSwitch, `{"resources":["three"],"on":true}`); code != 200 {
		t.Fatalf("%d %+v", code, p)
	}
	s.reach("one:ready two:disabled three:ready")
	next, err := openStore(s.o.Endpoint.State, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer next.close()
	if got := next.record.Switched; len(got) != 2 || got["two"] || !got["three"] {
		t.Errorf("the next daemon is told %v", got)
	}
	next.record.forget()
	if len(next.record.Switched) > 0 {
		t.Error("a down does not forget it")
	}
}

// TestUpNames names resources of a project that is up: they come up beside what
// is, whatever the arguments or a person said of them before, and a next daemon
// goes on with all of it.
func TestUpNames(t *testing.T) {
	s := upServers(t, "one")
	s.reach("one:ready two:disabled three:disabled")
	for _, step := range []struct{ route, body, want string }{
		{api.RouteUp, `{"resources":["two"]}`, "one:ready two:ready three:disabled"},
		{api.RouteSwitch, `{"resources":["one"]}`, "one:disabled two:ready three:disabled"},
		{api.RouteUp, `{"resources":["one"]}`, "one:ready two:ready three:disabled"},
		{api.RouteDown, `{}`, "one:stopped two:disabled three:disabled"},
		{api.RouteUp, `{"resources":["one"]}`, "one:ready two:stopped three:stopped"},
		{api.RouteUp, `{"resources":["two"]}`, "one:ready two:ready three:stopped"},
	} {
		if code, p := s.post(step.route, step.body); code != 200 {
			t.Fatalf("%s: %d %+v", step.body, code, p)
		}
		s.reach(step.want)
	}
	next, err := openStore(s.o.Endpoint.State, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer next.close()
	if up := next.record.Up; up == nil || !slices.Equal(up.Resources, []string{"one", "two"}) {
		t.Errorf("the next daemon resumes %+v", up)
	}
}

// TestCIFollowsNoFiles: what commands write for a build server runs nothing again.
func TestCIFollowsNoFiles(t *testing.T) {
	s := upServers(t)
	s.reach("one:ready two:ready three:ready")
	s.do(func(c *core) { c.session.request.CI = true })
	if err := os.WriteFile(filepath.Join(s.o.Endpoint.Workspace, "Tiltfile"), []byte("# written by a command\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, ci := range []bool{true, false} {
		s.do(func(c *core) {
			c.session.request.CI = ci
			if c.rescan(); c.tiltfile.running == ci {
				t.Errorf("for a build server: %v, and the Tiltfile is evaluated: %v", ci, c.tiltfile.running)
			}
		})
	}
}

func TestArgsNeedAProjectThatIsUp(t *testing.T) {
	s := newStand(t)
	if code, p := s.post(api.RouteArgs, `{"args":["one"]}`); code != 422 || !strings.Contains(p.Message, "not up") || !strings.Contains(p.Hint, "towline up -- ") {
		t.Errorf("%d %+v", code, p)
	}
}

// TestContextsAreAllowedWithTheirCertificate is towline.contexts().
func TestContextsAreAllowedWithTheirCertificate(t *testing.T) {
	p := &config.Project{Settings: config.Settings{AllowedContexts: []string{"other"}, Towline: map[string]any{
		"contexts": []any{map[string]any{"context": "staging", "ca_sha256": "5f"}},
	}}}
	for ca, want := range map[string]bool{"5f": true, "60": false, "": false} {
		if ok, _ := kube.Allowed(kube.Identity{Context: "staging", CAHash: ca}, allowedBy(p)); ok != want {
			t.Errorf("authority %q: allowed %v, want %v", ca, ok, want)
		}
	}
	if ok, _ := kube.Allowed(kube.Identity{Context: "other"}, allowedBy(p)); !ok {
		t.Error("allow_k8s_contexts counts no longer")
	}
}

// TestDebugSessionHasTheTiltfilesPaths is towline.debug(path_map=…): before
// what the live update says.
func TestDebugSessionHasTheTiltfilesPaths(t *testing.T) {
	img := &config.Image{LiveUpdate: []config.Step{{Kind: config.StepSync, Local: "/w/web", Remote: "/app"}}}
	d := sessionOf("web", run.Session{Image: img, PathMap: map[string]string{"/w/lib": "/go/lib", "/w/a": "/go/a"}})
	want := []api.PathPair{{Local: "/w/a", Remote: "/go/a"}, {Local: "/w/lib", Remote: "/go/lib"}, {Local: "/w/web", Remote: "/app"}}
	if !slices.Equal(d.Paths, want) {
		t.Errorf("paths %v, want %v", d.Paths, want)
	}
}
