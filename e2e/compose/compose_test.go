package compose

import (
	"context"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/towline-dev/towline/e2e/story"
	"github.com/towline-dev/towline/server/api"
)

const tiltfile = `
docker_compose('compose.yaml', project_name='tl-e2e-live')
docker_build('tl-e2e-page', 'page', live_update=[
    fall_back_on('page/base.txt'),
    sync('page/public', '/srv'),
    run('cp /srv/index.html /srv/copy.html', trigger='page/public/index.html'),
])
docker_build('tl-e2e-app', 'app', only=['app'], live_update=[sync('app/app', '/app/app'), restart_container()])
`

const services = `
services:
  migrate:
    image: $BASE
    command: sh -c 'echo migrating; sleep 2; echo migrated'
  page:
    image: tl-e2e-page
    user: "1000:1000"
    cap_drop: [ALL]
    security_opt: [no-new-privileges:true]
    depends_on: {migrate: {condition: service_completed_successfully}}
    volumes: [data:/data]
    environment: {GREETING: "a$$b"}
  app:
    image: tl-e2e-app
    network_mode: none
    stop_grace_period: 1s
volumes: {data: {}}
`

// program counts, and says its number and how often it was asked to.
const program = `package main

import (
	"fmt"
	"time"
)

func turn(n int) {
	fmt.Println("version one, turn", n) // the breakpoint
}

func main() {
	for n := 0; ; n++ {
		turn(n)
		time.Sleep(100 * time.Millisecond)
	}
}
`

func (b *bed) buildApp(text string) {
	b.t.Helper()
	b.write("app/main.go", text)
	cmd := exec.CommandContext(b.t.Context(), "go", "build", "-gcflags=all=-N -l", "-o", "app.new", "main.go")
	cmd.Dir = filepath.Join(b.o.Workspace, "app")
	cmd.Env = append(cmd.Environ(), "CGO_ENABLED=0", "GOFLAGS=-buildvcs=false")
	if out, err := cmd.CombinedOutput(); err != nil {
		b.t.Fatalf("building the program: %v\n%s", err, out)
	}
	b.must("mv", "app/app.new", "app/app")
}

// TestSavesReachComposeServices plays a day with services: files are brought into
// their containers by the agent, as they are into pods, in the same containers.
func TestSavesReachComposeServices(t *testing.T) {
	b := newBed(t, "tl-e2e-live", map[string]string{
		"Tiltfile": tiltfile, "compose.yaml": services,
		"page/Dockerfile":        "FROM $BASE\nCOPY base.txt /base.txt\nCOPY --chown=1000:1000 public /srv\nENTRYPOINT [\"sh\", \"-c\"]\nCMD [\"echo serving $GREETING; exec sleep 100000\"]\n",
		"page/base.txt":          "base one",
		"page/public/index.html": "one",
		"app/Dockerfile":         "FROM $BASE\nCOPY app /app/app\nCMD [\"/app/app\"]\n",
		"app/go.mod":             "module app\n\ngo 1.24\n",
	})
	b.buildApp(program)
	b.towline("up", "--detach")
	page, app := b.synced("page"), b.synced("app")
	if out := b.towline("logs", "page"); !strings.Contains(out, "serving a$b") {
		t.Errorf("the program is not what it was: %s", out)
	}
	if user := b.must("docker", "exec", b.container("page"), "cat", "/proc/1/status"); !strings.Contains(user, "Uid:\t1000") || !strings.Contains(user, "NoNewPrivs:\t1") || !strings.Contains(user, "CapEff:\t0000000000000000") {
		t.Errorf("the container has other rights: %s", user)
	}
	migrated := b.moment("{{.State.FinishedAt}}", "migrate")
	if started := b.moment("{{.State.StartedAt}}", "page"); started.Before(migrated) {
		t.Errorf("page started at %s, before the end of what it waits for at %s", started, migrated)
	}
	containers := b.container("page") + b.container("app")

	b.write("page/public/index.html", "two")
	b.file("page", "/srv/copy.html", "two")
	if now := b.synced("page"); now.Pid != page.Pid {
		t.Errorf("the program was started anew: pid %d, before %d", now.Pid, page.Pid)
	}
	b.buildApp(strings.Replace(program, "version one", "version two", 1))
	b.until("the new program runs", func() bool { return strings.Contains(b.towline("logs", "app"), "version two") })
	if now := b.synced("app"); now.Pid == app.Pid {
		t.Errorf("it still has pid %d", now.Pid)
	}
	app = b.synced("app")
	b.towline("restart", "app")
	b.until("it was restarted", func() bool { now := b.synced("app"); return now.Pid != app.Pid })
	if now := b.container("page") + b.container("app"); now != containers {
		t.Errorf("containers were replaced: %s, before %s", now, containers)
	}

	b.debug()
	b.withoutDaemon(containers)

	b.must("docker", "restart", "-t", "1", b.container("page"))
	b.until("the agent of the restarted container answers", func() bool { return b.resource("page").Proof == api.ProofInSync })
	b.write("page/public/index.html", "four")
	b.file("page", "/srv/copy.html", "four")

	before := b.container("page")
	b.write("page/base.txt", "base two")
	b.until("what cannot be synced is built", func() bool { return b.container("page") != before && b.container("page") != "" })
	b.synced("page")
	b.file("page", "/base.txt", "base two")
	b.file("page", "/srv/index.html", "four")

	for line := range strings.Lines(b.towline("logs", "page", "app")) {
		if strings.Contains(line, ": wrote ") {
			t.Log(strings.TrimSpace(line)) // with the time that it took
		}
	}
	b.towline("down")
	if left := b.must("docker", "ps", "-a", "-q", "--filter", "label=com.docker.compose.project=tl-e2e-live"); left != "" {
		t.Errorf("down left %s", left)
	}
	if volumes := b.must("docker", "volume", "ls", "-q", "--filter", "label=com.docker.compose.project=tl-e2e-live"); volumes == "" {
		t.Error("down took the volume")
	}
}

// moment is a time that docker knows of a service's container.
func (b *bed) moment(format, service string) time.Time {
	b.t.Helper()
	at, err := time.Parse(time.RFC3339Nano, b.must("docker", "inspect", "--format", format, b.container(service)))
	if err != nil {
		b.t.Fatal(err)
	}
	return at
}

// debug stops the program at a line, across a save.
func (b *bed) debug() {
	t := b.t
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	s, err := story.Open(ctx, b.o)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	line, err := s.Line("app/main.go", "the breakpoint")
	if err != nil {
		t.Fatal(err)
	}
	d, err := s.Debug(ctx, "app", "app/main.go", line)
	if err != nil {
		t.Fatalf("%v\n%s", err, b.describe())
	}
	_, frame, err := d.Stopped(ctx)
	if err != nil || frame.Name != "main.turn" || frame.Line != line || frame.Source.Path != filepath.Join(b.o.Workspace, "app/main.go") {
		t.Errorf("stopped at %+v, %v; want line %s of %s\n%s", frame, err, strconv.Itoa(line), "app/main.go", b.describe())
	}
	if err := d.End(ctx); err != nil {
		t.Error(err)
	}
	b.synced("app")
}

// withoutDaemon changes a file while no daemon runs: the next one brings it.
func (b *bed) withoutDaemon(containers string) {
	b.t.Helper()
	b.towline("daemon", "--stop")
	b.write("page/public/index.html", "three")
	b.towline("up", "--detach")
	b.synced("page")
	b.file("page", "/srv/copy.html", "three")
	if now := b.container("page") + b.container("app"); now != containers {
		b.t.Errorf("another daemon replaced containers: %s, before %s", now, containers)
	}
}
