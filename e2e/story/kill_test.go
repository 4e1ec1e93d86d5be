package story

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/towline-dev/towline/server/api"
)

var (
	killRounds = flag.Int("rounds", 4, "rounds of the test that kills the daemon")
	killSeed   = flag.Uint64("seed", 0, "seed of the test that kills the daemon; 0: another one each time")
)

// Each program holds a lock while it runs: a second one beside it says so.
const killTiltfile = `custom_build('hello-web', 'exec ./once image ./image', deps=['web'], live_update=[sync('web/public', '/srv')])
k8s_yaml('web.yaml')
k8s_resource('web', port_forwards=port_forward(int(os.getenv('HELLO_WEB_PORT')), 8080))
local_resource('server', serve_cmd='exec ./once server sleep 100000')
local_resource('flees', serve_cmd='setsid ./once fled sleep 100000 & exec ./once flees sleep 100000')
local_resource('build', cmd='exec ./once build sleep 0.4', serve_cmd='exec ./once built sleep 100000', deps=['work'])
`

const image = `#!/bin/sh
sleep 0.4
docker build -q -t "$EXPECTED_REF" --build-arg BASE="$HELLO_WEB_BASE" web && docker push -q "$EXPECTED_REF"
`

const once = `#!/bin/sh
name=$1; shift
exec 9> "locks/$name"
flock -n 9 || { echo "$name" >> doubled; exit; }
echo $$ > "pids/$name"
exec "$@"
`

// TestKilledDaemons kills the daemon again and again, with local servers, a
// forward, a command, an image build and a start of its own in mid-way. The next
// one runs each once, and `down` leaves nothing. `make test-kill` plays 300
// rounds.
func TestKilledDaemons(t *testing.T) {
	k := newKiller(t)
	k.up()
	began := time.Now()
	for k.round = 1; k.round <= *killRounds && !t.Failed(); k.round++ {
		k.disturb()
		k.kill(700 * time.Millisecond)
		for k.rand.IntN(3) == 0 { // one that has only begun
			k.connect()
			k.kill(300 * time.Millisecond)
		}
		k.connect()
		k.checks(k.settled())
	}
	t.Logf("%d rounds and %d kills, %d of them in an image build, in %s", *killRounds, k.kills, k.builds, time.Since(began).Round(time.Millisecond))
	k.down()
}

// killer is a stage whose daemon it kills.
type killer struct {
	*stage
	ctx      context.Context
	rand     *rand.Rand
	endpoint api.Endpoint
	client   *api.Client
	port     string
	round    int
	kills    int
	builds   int // that were killed in mid-way
}

func newKiller(t *testing.T) *killer {
	s := newEmptyStage(t, "tl-e2e-kill")
	for _, e := range s.options.Env { // the daemon is this process's child
		name, value, _ := strings.Cut(e, "=")
		t.Setenv(name, value)
	}
	seed := *killSeed
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("-seed=%d", seed)
	k := &killer{stage: s, ctx: t.Context(), rand: rand.New(rand.NewPCG(seed, 0)), port: os.Getenv("HELLO_WEB_PORT")}
	var err error
	k.endpoint, err = api.EndpointOf(s.options.Workspace)
	s.must(err)
	for name, text := range map[string]string{"Tiltfile": killTiltfile, "web.yaml": strings.ReplaceAll(plainDeployment, "65532", "0"), "once": once, "image": image, "work/in": "0", "locks/.keep": "", "pids/.keep": ""} {
		k.put(name, text)
	}
	s.must(errors.Join(os.Chmod(k.at("once"), 0o755), os.Chmod(k.at("image"), 0o755)))
	return k
}

func (k *killer) at(name string) string { return filepath.Join(k.endpoint.Workspace, name) }

func (k *killer) put(name, text string) {
	k.t.Helper()
	k.must(os.MkdirAll(filepath.Dir(k.at(name)), 0o755))
	k.must(os.WriteFile(k.at(name), []byte(text), 0o644))
}

func (k *killer) connect() {
	k.t.Helper()
	var err error
	k.client, err = api.Connect(k.ctx, k.endpoint, api.Launcher{Program: k.options.Towline})
	k.must(err)
}

func (k *killer) up() {
	k.t.Helper()
	k.connect()
	_, err := k.client.Up(k.ctx, api.UpRequest{Namespace: k.options.Namespace, Tiltfile: k.at("Tiltfile"), Keep: true})
	k.must(err)
	k.checks(k.settled())
}

// disturb gives the daemon something to be killed in.
func (k *killer) disturb() {
	k.t.Helper()
	k.put("web/public/index.html", fmt.Sprint("round ", k.round))
	if k.rand.IntN(3) > 0 {
		k.put("work/in", strconv.Itoa(k.round))
	}
	if k.round%8 == 4 {
		dockerfile, err := os.ReadFile(k.at("web/Dockerfile"))
		k.must(err)
		k.put("web/Dockerfile", fmt.Sprintf("%s\n# %d\n", dockerfile, k.round))
	}
}

// kill kills the daemon at a random moment.
func (k *killer) kill(within time.Duration) {
	k.t.Helper()
	<-time.After(time.Duration(k.rand.Int64N(int64(within))))
	data, err := os.ReadFile(k.endpoint.Lock)
	k.must(err)
	pid, err := strconv.Atoi(strings.TrimSpace(string(data)))
	k.must(err)
	for _, what := range k.processes() {
		if strings.HasSuffix(what, "./image ") {
			k.builds++
		}
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
		k.t.Fatal(err)
	}
	for syscall.Kill(pid, 0) == nil {
		runtime.Gosched() // it takes a moment to die
	}
	k.kills++
}

// settled waits until all is ready, and the last change is served.
func (k *killer) settled() api.Status {
	k.t.Helper()
	ctx, cancel := context.WithTimeout(k.ctx, time.Minute)
	defer cancel()
	settled := errors.New("settled")
	var last api.Status
	err := k.client.Watch(ctx, func(s *api.Status) error {
		if last = *s; Ready(last) {
			return settled
		}
		return nil
	})
	if !errors.Is(err, settled) {
		logs, _ := k.cli(k.ctx, "logs")
		own, _ := os.ReadFile(k.endpoint.LogFile())
		k.t.Fatalf("round %d: %v: %s\n%s\nthe daemon says:\n%s", k.round, err, brief(last), logs, own[max(0, len(own)-4000):])
	}
	url := k.resource(last, "web").Forwards[0].URL
	want := "from the pod"
	if k.round > 0 {
		want = fmt.Sprint("round ", k.round)
	}
	if _, err := Until(ctx, url, func(body string) bool { return strings.Contains(body, want) }); err != nil {
		k.t.Errorf("round %d: %v", k.round, err)
	}
	return last
}

// checks counts what runs, when what has just started has become its program.
func (k *killer) checks(st api.Status) {
	k.t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	wrong := k.wrong(st)
	for deadline := time.Now().Add(5 * time.Second); len(wrong) > 0 && time.Now().Before(deadline); <-tick.C {
		wrong = k.wrong(st)
	}
	for _, w := range wrong {
		k.t.Errorf("round %d: %s", k.round, w)
	}
}

// wrong is what runs and is not to, and the other way.
func (k *killer) wrong(st api.Status) (wrong []string) {
	k.t.Helper()
	if doubled, err := os.ReadFile(k.at("doubled")); err == nil {
		wrong = append(wrong, fmt.Sprintf("doubled: %q", doubled))
	}
	running := k.processes()
	expect := func(what, pid string) {
		if _, runs := running[pid]; !runs {
			wrong = append(wrong, fmt.Sprintf("%s, pid %s, does not run", what, pid))
		}
		delete(running, pid)
	}
	// Of each server one runs, and it is the one that says so.
	for _, name := range []string{"server", "flees", "fled", "built"} {
		pid, err := os.ReadFile(k.at("pids/" + name))
		k.must(err)
		expect(name, strings.TrimSpace(string(pid)))
	}
	expect("the daemon", strconv.Itoa(st.Daemon.Pid))
	for pid, what := range running {
		wrong = append(wrong, fmt.Sprintf("there is also %s: %q", pid, what))
	}
	return wrong
}

// processes are what runs in the workspace on this machine, with its command.
func (k *killer) processes() map[string]string {
	k.t.Helper()
	folders, err := filepath.Glob("/proc/[0-9]*")
	k.must(err)
	found := map[string]string{}
	for _, folder := range folders {
		dir, err := os.Readlink(folder + "/cwd")
		if err != nil || dir != k.endpoint.Workspace && !strings.HasPrefix(dir, k.endpoint.Workspace+"/") {
			continue // it has just ended, or is not ours
		}
		if what, err := os.ReadFile(folder + "/cmdline"); err == nil && len(what) > 0 {
			found[filepath.Base(folder)] = strings.ReplaceAll(string(what), "\x00", " ")
		}
	}
	return found
}

// down takes all down, of which nothing may be left.
func (k *killer) down() {
	k.t.Helper()
	k.must(k.client.Down(k.ctx, api.DownRequest{}))
	k.must(k.client.Stop(k.ctx))
	left := k.processes()
	for deadline := time.Now().Add(5 * time.Second); len(left) > 0 && time.Now().Before(deadline); left = k.processes() {
		<-time.After(10 * time.Millisecond) // a daemon gives its lock back before it is gone
	}
	for pid, what := range left {
		k.t.Errorf("down left %s: %q", pid, what)
	}
	if conn, err := net.Dial("tcp", "127.0.0.1:"+k.port); err == nil {
		conn.Close()
		k.t.Errorf("somebody listens on port %s", k.port)
	}
	k.leavesNothing(k.ctx)
}
