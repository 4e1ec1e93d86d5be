package story

import (
	"bufio"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/towline-dev/towline/server/api"
)

// cli runs a command of Towline in the stage's workspace.
func (s *stage) cli(ctx context.Context, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, s.options.Towline, args...)
	cmd.Dir, cmd.Env = s.options.Workspace, append(os.Environ(), s.options.Env...)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// forward runs `towline forward` until the test ends, and returns the URL of
// its one port.
func (s *stage) forward(ctx context.Context, resource, port string) string {
	s.t.Helper()
	cmd := exec.CommandContext(ctx, s.options.Towline, "forward", resource, port)
	cmd.Dir, cmd.Env, cmd.Stderr = s.options.Workspace, append(os.Environ(), s.options.Env...), s.t.Output()
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGINT) }
	cmd.WaitDelay = 10 * time.Second
	out, err := cmd.StdoutPipe()
	s.must(err)
	s.must(cmd.Start())
	s.t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGINT) // it may have ended with ctx
		_ = cmd.Wait()                         // what it printed is in the test's output
	})
	line, err := bufio.NewReader(out).ReadString('\n') // ctx bounds it
	s.must(err)
	addr, _, _ := strings.Cut(line, " ")
	return "http://" + addr
}

func (s *stage) write(name, text string) {
	s.t.Helper()
	path := s.Path(name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		s.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		s.t.Fatal(err)
	}
}

// fails expects a command to fail with a text that matches every pattern.
func (s *stage) fails(ctx context.Context, args []string, patterns ...string) {
	s.t.Helper()
	out, err := s.cli(ctx, args...)
	if err == nil {
		s.t.Errorf("towline %s succeeded:\n%s", strings.Join(args, " "), out)
	}
	for _, p := range patterns {
		if !regexp.MustCompile(p).MatchString(out) {
			s.t.Errorf("towline %s: no %q in:\n%s", strings.Join(args, " "), p, out)
		}
	}
}

const plainDeployment = `apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      terminationGracePeriodSeconds: 1
      securityContext: {runAsUser: 65532}
      containers: [{name: web, image: hello-web}]
`

const plainTiltfile = `docker_build('hello-web', 'web', build_args={'BASE': os.getenv('HELLO_WEB_BASE', 'busybox:1')},
    live_update=[sync('web/public', '/srv')])
k8s_yaml('web.yaml')
k8s_resource('web', port_forwards=port_forward(int(os.getenv('HELLO_WEB_PORT')), 8080))
`

// TestBadInputLosesNothing walks through what goes wrong in practice. Each
// time the message names the file, the line and the next step, and what runs
// goes on running.
func TestBadInputLosesNothing(t *testing.T) {
	s := newStage(t, "tl-e2e-faults")
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	up := []string{"up", "--detach", "--namespace", s.options.Namespace}

	s.write("Tiltfile", "docker_build('hello-web', 'nowhere')\nk8s_yaml('web.yaml')\n")
	s.write("web.yaml", plainDeployment)
	s.fails(ctx, up, `Tiltfile:1`, `Dockerfile`, `hint: `) // no Dockerfile there

	s.write("Tiltfile", plainTiltfile)
	out, err := s.cli(ctx, up...)
	if err != nil {
		t.Fatalf("up: %v\n%s", err, out)
	}
	st, err := s.Reach(ctx, "up", Ready)
	s.must(err)
	url := s.resource(st, "web").Forwards[0].URL
	first := s.resource(st, "web").Targets[0]
	serves := func(what string) {
		t.Helper()
		if _, err := Until(ctx, url, func(b string) bool { return strings.Contains(b, "Hello from the pod") }); err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	serves("at first")

	// A name that is no resource's stops nothing.
	s.fails(ctx, append(up, "nope"), `resources that could not be found: "nope"`, `"web"`)
	serves("after a wrong name")

	// A syntax error: the resources stay, the place is named.
	s.write("Tiltfile", plainTiltfile+"k8s_yaml('web.yaml'\n")
	st = s.reaches(ctx, "broken", func(st api.Status) bool { return st.Config.Error != nil })
	if p := st.Config.Error; p.Pos.File != s.Path("Tiltfile") || p.Pos.Line != 5 || p.Hint == "" {
		t.Errorf("the syntax error is told as %+v", p)
	}
	serves("with a broken Tiltfile")
	s.fails(ctx, up, `Tiltfile:5:20: `, `hint: `)

	// YAML of a wrong type: nothing of it reaches the cluster.
	s.write("Tiltfile", plainTiltfile)
	replicas := func(n string) {
		s.write("web.yaml", strings.Replace(plainDeployment, "spec:\n  selector", "spec:\n  replicas: "+n+"\n  selector", 1))
	}
	replicas("many")
	st = s.reaches(ctx, "mistaken", func(st api.Status) bool {
		return st.Config.Error != nil && strings.Contains(st.Config.Error.Message, "replicas")
	})
	if p := st.Config.Error; p.Pos.File != s.Path("web.yaml") || p.Pos.Line != 5 || !strings.Contains(p.Message, "Deployment") {
		t.Errorf("the mistake is told as %+v", p)
	}
	serves("with YAML of a wrong type")

	// YAML that the API server refuses.
	replicas("-3")
	st = s.reaches(ctx, "refused", func(st api.Status) bool { return len(st.Resources) > 0 && st.Resources[0].Problem != nil })
	if p := st.Resources[0].Problem; p.Pos.File != s.Path("web.yaml") || p.Pos.Line != 5 || !strings.Contains(p.Message, "replicas") || p.Hint == "" {
		t.Errorf("the refusal is told as %+v", p)
	}
	serves("with refused YAML")

	// A file that the container's user cannot write: the message has both
	// names, and the change arrives all the same, by a build.
	s.write("web.yaml", plainDeployment)
	s.reaches(ctx, "mended", Ready)
	began := time.Now()
	s.write("web/public/index.html", "<h1>Hello from the pod, again</h1>\n")
	if _, err := Until(ctx, url, func(b string) bool { return strings.Contains(b, "again") }); err != nil {
		t.Error(err)
	}
	logs, err := s.cli(ctx, "logs", "web")
	s.must(err)
	for _, p := range []string{`syncing .*/web/public/index.html to /srv/index.html`, `65532`, `hint`} {
		if !regexp.MustCompile(p).MatchString(logs) {
			t.Errorf("no %q in the log:\n%s", p, logs)
		}
	}
	t.Logf("a file that cannot be written arrived by a build in %s", time.Since(began))
	st = s.reaches(ctx, "ready", Ready)
	if now := s.resource(st, "web").Targets[0]; now.PodUID == first.PodUID {
		t.Errorf("nothing was built: %+v", now)
	}

	// A daemon that is killed: the next command brings it back.
	s.must(syscall.Kill(st.Daemon.Pid, syscall.SIGKILL))
	out, err = s.cli(ctx, up...)
	if err != nil {
		t.Errorf("up after a kill: %v\n%s", err, out)
	}
	before := s.resource(st, "web").Targets[0]
	st = s.reaches(ctx, "back", func(next api.Status) bool { return next.Daemon.Pid != st.Daemon.Pid && Ready(next) })
	if now := s.resource(st, "web").Targets[0]; now.PodUID != before.PodUID || now.Pid != before.Pid || now.Restarts != 0 {
		t.Errorf("the pod was touched: before %+v, now %+v", before, now)
	}
	serves("after the daemon was killed")
}

// reaches waits for a status, whatever errors it shows on the way.
func (s *stage) reaches(ctx context.Context, what string, is func(api.Status) bool) api.Status {
	s.t.Helper()
	for {
		st, err := s.Status(ctx)
		if err == nil && is(st) {
			return st
		}
		select {
		case <-ctx.Done():
			s.t.Fatalf("the project was never %s: %s %+v", what, brief(st), st.Config.Error)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

const elsewhere = `apiVersion: v1
kind: Config
current-context: production
contexts: [{name: production, context: {cluster: far, user: me}}]
clusters: [{name: far, cluster: {server: "https://127.0.0.1:9"}}]
users: [{name: me, user: {}}]
`

// TestClusterThatMustNotOrCannotBeUsed needs no cluster.
func TestClusterThatMustNotOrCannotBeUsed(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the binaries")
	}
	binary, err := binaries()
	if err != nil {
		t.Fatal(err)
	}
	s := &stage{t: t, options: Options{Towline: binary, Workspace: t.TempDir()}, Story: &Story{}}
	s.Story.o = s.options
	kubeconfig := filepath.Join(t.TempDir(), "config")
	s.options.Env = []string{"KUBECONFIG=" + kubeconfig, "XDG_RUNTIME_DIR=" + t.TempDir(), "XDG_STATE_HOME=" + t.TempDir()}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	t.Cleanup(func() {
		if _, err := s.cli(context.Background(), "daemon", "--stop"); err != nil {
			t.Error(err)
		}
	})

	s.fails(ctx, []string{"up"}, `no Tiltfile`, `hint: `)

	s.write("Tiltfile", "k8s_yaml(blob('''{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}'''))\n")
	s.fails(ctx, []string{"up"}, kubeconfig, `hint: `)

	if err := os.WriteFile(kubeconfig, []byte(elsewhere), 0o600); err != nil {
		t.Fatal(err)
	}
	s.fails(ctx, []string{"up"}, `Tiltfile:1`, `"production"`, `allow_k8s_contexts\('production'\)`)

	s.write("Tiltfile", "allow_k8s_contexts('production')\nk8s_yaml(blob('''{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}'''))\n")
	s.fails(ctx, []string{"up"}, kubeconfig, `127.0.0.1:9|refused|reach`, `hint: `)
}
