package story

import (
	"context"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/towline-dev/towline/server/api"
)

const argsTiltfile = `config.define_string_list('only', args=True)
config.define_string('title')
cfg = config.parse()
config.set_enabled_resources(cfg.get('only', []))
docker_build('hello-web', 'web', build_args={'BASE': os.getenv('HELLO_WEB_BASE', 'busybox:1')},
    live_update=[sync('web/public', '/srv')])
k8s_yaml(['web.yaml', 'two.yaml', 'secret.yaml'])
k8s_resource('web', objects=['login:secret'])
`

const argsSecret = `apiVersion: v1
kind: Secret
metadata: {name: login}
stringData: {password: "c0rrect-horse", pin: "q7z"}
`

// printsSecret has the container print what it must not.
const printsSecret = `apiVersion: apps/v1
kind: Deployment
metadata: {name: two}
spec:
  selector: {matchLabels: {app: two}}
  template:
    metadata: {labels: {app: two}}
    spec:
      terminationGracePeriodSeconds: 1
      containers:
      - name: two
        image: hello-web
        command: [sh, -c, "echo password $PASSWORD pin q7z; exec httpd -f -p 8080 -h /srv"]
        env: [{name: PASSWORD, value: c0rrect-horse}]
`

// TestArgsChangeWhatIsUp changes the Tiltfile's arguments by the command line
// while an editor has the project open: what they disable goes, what stays is
// not touched, and a daemon that is killed forgets nothing.
func TestArgsChangeWhatIsUp(t *testing.T) {
	s := newStage(t, "tl-e2e-args")
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	s.write("Tiltfile", argsTiltfile)
	s.write("web.yaml", plainDeployment)
	s.write("two.yaml", printsSecret)
	s.write("secret.yaml", argsSecret)
	s.must(s.Save("Tiltfile", argsTiltfile))
	_, err := s.Up(ctx)
	s.must(err)
	first := s.reaches(ctx, "up", Ready)
	two := s.resource(first, "two").Targets[0]

	run := func(args ...string) string {
		t.Helper()
		out, err := s.cli(ctx, args...)
		if err != nil {
			t.Fatalf("towline %s: %v\n%s", strings.Join(args, " "), err, out)
		}
		return out
	}
	phase := func(name string, want api.Phase) func(api.Status) bool {
		return func(st api.Status) bool {
			for _, r := range st.Resources {
				if r.Name == name {
					return r.Phase == want
				}
			}
			return false
		}
	}
	if out := run("args", "two"); !strings.Contains(out, "arguments: two (before: none)") || !strings.Contains(out, "enabled: 1 of 2: two") {
		t.Errorf("args says %q", out)
	}
	st := s.reaches(ctx, "without web", phase("web", api.PhaseDisabled))
	gone := func() bool {
		left, err := s.cluster.Current(ctx, []map[string]any{
			{"apiVersion": "apps/v1", "kind": "Deployment", "metadata": map[string]any{"name": "web", "namespace": s.options.Namespace}},
			{"apiVersion": "v1", "kind": "Secret", "metadata": map[string]any{"name": "login", "namespace": s.options.Namespace}},
		})
		s.must(err)
		return len(left) == 0
	}
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !gone() && ctx.Err() == nil {
		<-tick.C
	}
	if now := s.resource(st, "two").Targets[0]; now.PodUID != two.PodUID || now.Pid != two.Pid {
		t.Errorf("what stays was touched: %+v, now %+v", two, now)
	}
	if out := run("status"); !strings.Contains(out, "arguments: two\n") {
		t.Errorf("the status says\n%s", out)
	}
	if out := run("args"); out != "two\n" {
		t.Errorf("args prints %q", out)
	}
	s.fails(ctx, []string{"args", "--", "--nope"}, `unknown flag: --nope`)
	if out := run("args"); out != "two\n" {
		t.Errorf("after refused arguments args prints %q", out)
	}

	// The editor brings a killed daemon back, and with it the arguments.
	s.must(syscall.Kill(st.Daemon.Pid, syscall.SIGKILL))
	st = s.reaches(ctx, "back", func(next api.Status) bool {
		return next.Daemon.Pid != st.Daemon.Pid && phase("two", api.PhaseReady)(next) && phase("web", api.PhaseDisabled)(next)
	})
	if out := run("args"); out != "two\n" {
		t.Errorf("after the daemon was killed args prints %q", out)
	}

	// An evaluation that hangs gives way to the next one.
	s.must(s.Save("Tiltfile", argsTiltfile+"local('sleep 1000')\n"))
	s.reaches(ctx, "hanging", func(st api.Status) bool { return st.Config.Evaluating })
	s.must(s.Save("Tiltfile", argsTiltfile+"print('mended')\n"))
	s.reaches(ctx, "evaluated", func(st api.Status) bool { return !st.Config.Evaluating && st.Config.Error == nil })

	// Without arguments all comes back.
	run("args", "--clear")
	st = s.reaches(ctx, "all up", Ready)
	if got, want := s.resource(st, "web").Images, s.resource(first, "web").Images; len(got) != 1 || got[0] != want[0] {
		t.Errorf("the image was built again: %v, before %v", got, want)
	}
	if now := s.resource(st, "two").Targets[0]; now.PodUID != two.PodUID {
		t.Errorf("what stays was touched: %+v, now %+v", two, now)
	}

	logs := run("logs")
	if strings.Contains(logs, "c0rrect-horse") || strings.Contains(logs, "q7z") || !strings.Contains(logs, "password [redacted secret login:password] pin [redacted secret login:pin]") {
		t.Errorf("secrets in the log:\n%s", logs)
	}
	s.must(s.Down(ctx))
}
