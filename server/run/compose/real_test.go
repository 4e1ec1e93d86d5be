package compose

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/towline-dev/towline/server/engine"
	"github.com/towline-dev/towline/server/inject"
	"github.com/towline-dev/towline/server/run/command"
	"github.com/towline-dev/towline/server/run/output"
	"github.com/towline-dev/towline/starlark/config"
)

// bed is Services with the docker of the test bed and a real plugin.
type bed struct {
	*Services
	t       *testing.T
	project config.ComposeProject

	mu     sync.Mutex
	news   chan struct{}
	states map[string]engine.Observed
	failed map[string]*config.Problem
	done   map[string]int // applies
	lines  []string
	gone   []string
}

// newBed builds the plugin, which Go's cache keeps, into a docker configuration of
// the test's own.
func newBed(t *testing.T, services string) *bed {
	t.Helper()
	if os.Getenv("TOWLINE_TEST_KUBECONFIG") == "" || os.Getenv("DOCKER_HOST") == "" {
		t.Skip("no test bed: see make test")
	}
	plugins := filepath.Join(t.TempDir(), "cli-plugins")
	build := exec.Command("go", "build", "-C", "../../../hack/compose", "-trimpath", "-o", filepath.Join(plugins, "docker-compose"), "github.com/docker/compose/v5/cmd")
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building the plugin: %v\n%s", err, out)
	}
	t.Setenv("DOCKER_CONFIG", filepath.Dir(plugins))
	b := &bed{
		t: t, news: make(chan struct{}, 1), states: map[string]engine.Observed{}, failed: map[string]*config.Problem{}, done: map[string]int{},
		project: config.ComposeProject{Name: "towlinetest", Dir: t.TempDir(), Model: []byte(services)},
	}
	log := output.Log{Emit: func(l output.Line) {
		b.note(func() { b.lines = append(b.lines, l.Source+" "+l.Resource+": "+l.Text) })
	}}
	b.Services = Start(t.Context(), Options{
		Docker: CLI{Shell: command.Shell{Log: log}}, Log: log,
		Image: func(string) inject.Image { return inject.Image{} },
		Tell: func(e engine.Event) {
			b.note(func() {
				switch e := e.(type) {
				case engine.Observed:
					b.states[e.Resource] = e
				case engine.Applied:
					b.done[e.Resource]++
					b.failed[e.Resource] = e.Problem
				}
			})
		},
		Removed: func(c config.Compose) { b.note(func() { b.gone = append(b.gone, c.Service) }) },
	})
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		_ = CLI{Shell: command.Shell{Log: output.Log{Emit: func(output.Line) {}}}}.Down(ctx, b.project.Name)
	})
	t.Cleanup(b.Services.Close)
	b.configure(services)
	return b
}

func (b *bed) configure(services string) {
	b.project.Model = []byte(services)
	b.Configure(&config.Project{Compose: []config.ComposeProject{b.project}})
}

func (b *bed) note(what func()) {
	b.mu.Lock()
	what()
	b.mu.Unlock()
	select {
	case b.news <- struct{}{}:
	default:
	}
}

func (b *bed) resource(name string) config.Resource {
	return config.Resource{Name: name, Kind: config.KindCompose, Compose: &config.Compose{Project: b.project.Name, Service: name}}
}

// up brings a service up and waits until docker has done so.
func (b *bed) up(name string) {
	b.t.Helper()
	b.mu.Lock()
	before := b.done[name]
	delete(b.states, name)
	b.mu.Unlock()
	b.Apply(engine.Apply{Resource: b.resource(name)})
	b.until(name+" is up", func() bool { return b.done[name] > before })
	if p := b.failed[name]; p != nil {
		b.t.Fatalf("%s: %s\n%s", name, p.Message, strings.Join(b.lines, "\n"))
	}
}

// until waits for something that is told.
func (b *bed) until(what string, is func() bool) {
	b.t.Helper()
	deadline := time.After(2 * time.Minute)
	for {
		b.mu.Lock()
		ok := is()
		b.mu.Unlock()
		if ok {
			return
		}
		select {
		case <-b.news:
		case <-deadline:
			b.mu.Lock()
			defer b.mu.Unlock()
			b.t.Fatalf("%s: gave up at %+v\n%s", what, b.states, strings.Join(b.lines, "\n"))
		}
	}
}

// docker runs a command as a person would beside Towline.
func (b *bed) docker(args ...string) string {
	b.t.Helper()
	out, err := exec.CommandContext(b.t.Context(), "docker", args...).CombinedOutput()
	if err != nil {
		b.t.Fatalf("docker %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

// services is a project's document.
func services(t *testing.T, all map[string]any) string {
	t.Helper()
	data, err := json.Marshal(map[string]any{"name": "towlinetest", "services": all})
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func shell(script string, more map[string]any) map[string]any {
	s := map[string]any{"image": "127.0.0.1:5000/busybox:1", "command": []string{"sh", "-c", script}, "networks": map[string]any{"default": nil}}
	for k, v := range more {
		s[k] = v
	}
	return s
}

const serves = "trap 'exit 0' TERM; echo began $GREETING; while true; do sleep 0.1; done"

// TestRealDocker takes services through their lives by a real docker and plugin.
func TestRealDocker(t *testing.T) {
	all := map[string]any{
		"db":   shell(serves, map[string]any{"environment": map[string]string{"GREETING": "a$b"}, "healthcheck": map[string]any{"test": []string{"CMD", "true"}, "interval": "1s"}}),
		"job":  shell("echo did it", nil),
		"bad":  shell("echo about to die; exit 3", nil),
		"left": shell(serves, nil),
	}
	b := newBed(t, services(t, all))
	for name, is := range map[string]func(engine.Observed) bool{
		"db":   func(o engine.Observed) bool { return o.Ready && !o.Ended },
		"left": func(o engine.Observed) bool { return o.Ready && !o.Ended },
		"job":  func(o engine.Observed) bool { return o.Ready && o.Ended },
		"bad":  func(o engine.Observed) bool { return o.Broken && strings.Contains(o.Message, "code 3: about to die") },
	} {
		b.up(name)
		b.until(name, func() bool { return is(b.states[name]) })
	}
	said := func(line string) func() bool { return func() bool { return slices.Contains(b.lines, line) } }
	b.until("the log", said("runtime db: began a$b"))

	id := func(name string) string {
		return b.docker("ps", "-a", "-q", "--filter", "label="+labelProject+"=towlinetest", "--filter", "label="+labelService+"="+name)
	}
	before := id("db")
	b.up("db")
	b.until("up again", func() bool { return b.states["db"].Ready })
	if now := id("db"); now != before {
		t.Errorf("with nothing changed the container was replaced: %s, before %s", now, before)
	}

	before = b.docker("inspect", "--format", "{{.State.StartedAt}}", id("job"))
	b.up("job")
	b.until("done still", func() bool { return b.states["job"].Ended })
	if now := b.docker("inspect", "--format", "{{.State.StartedAt}}", id("job")); now != before {
		t.Errorf("what was done is done again: %s, before %s", now, before)
	}

	all["db"].(map[string]any)["environment"] = map[string]string{"GREETING": "anew"}
	b.configure(services(t, all))
	b.up("db")
	b.until("with another environment", said("runtime db: began anew"))
	b.until("ready again", func() bool { return b.states["db"].Ready })

	b.docker("rm", "-f", id("db"))
	b.until("removed by hand", func() bool { return b.states["db"].Gone })
	b.up("db")
	b.until("brought back", func() bool { return b.states["db"].Ready })

	b.Forget(engine.Forget{Dropped: []string{"left"}, Services: []config.Compose{*b.resource("left").Compose}})
	b.until("what left is removed", func() bool { return slices.Equal(b.gone, []string{"left"}) })
	if still := id("left"); still != "" {
		t.Errorf("it is still there: %s", still)
	}

	if err := b.Services.Down(t.Context(), []string{"towlinetest"}); err != nil {
		t.Fatal(err)
	}
	if left := b.docker("ps", "-a", "-q", "--filter", "label="+labelProject+"=towlinetest") + b.docker("network", "ls", "-q", "--filter", "label="+labelProject+"=towlinetest"); left != "" {
		t.Errorf("down left %s", left)
	}
	for _, line := range []string{"runtime db: began a$b", "runtime db: began anew", "runtime bad: about to die"} {
		if n := count(b.lines, line); line == "runtime db: began anew" && n != 2 || line != "runtime db: began anew" && n != 1 {
			t.Errorf("%q stands %d times in the log:\n%s", line, n, strings.Join(b.lines, "\n"))
		}
	}
}

func count(lines []string, line string) (n int) {
	for _, l := range lines {
		if l == line {
			n++
		}
	}
	return n
}
