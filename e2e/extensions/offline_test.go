package extensions

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"sigs.k8s.io/yaml"

	"github.com/towline-dev/towline/server/api"
)

// away is how long the cluster is out of reach.
const away = time.Minute

// offline is a bed whose way to the cluster breaks, with a program that is saved
// again and again and notes each start.
type offline struct {
	*bed
	wire    *wire
	version int      // that was saved last
	saves   []string // that the container is to have started with
	first   api.Target
	ran     string // what the local command is to have seen
}

// TestWayToTheClusterBreaks: the API server is gone for a minute, the laptop sleeps,
// connections go dead without an end, the kubeconfig is rewritten, and the clock jumps. What is saved
// meanwhile arrives, once, nothing is started twice, no line of a log is lost, and
// status, log and exit codes say what goes on.
func TestWayToTheClusterBreaks(t *testing.T) {
	t.Parallel()
	o := &offline{bed: newBed(t, "offline", map[string]string{
		"Tiltfile": `
default_registry('127.0.0.1:5000')
docker_build('tl-ext-offline', 'app', live_update=[sync('app', '/app'), restart_container()])
k8s_yaml(['web.yaml', 'ticks.yaml'])
local_resource('counted', 'cat work/in >> ran', deps=['work'])
`,
		"web.yaml":       flow("web", "{name: c, image: tl-ext-offline}", 0),
		"ticks.yaml":     flow("ticks", `{name: c, image: "$BASE", command: [sh, -c, "n=0; while :; do echo tick $n; n=$((n+1)); sleep 0.2; done"]}`, 0),
		"app/Dockerfile": "FROM $BASE\nCOPY . /app/\nCMD [\"sh\", \"/app/run.sh\"]\n",
		"app/run.sh":     noting("0"), "work/in": "0\n",
	}), saves: []string{"0"}, ran: "0\n"}
	o.wire = o.cuttable()
	o.up()
	o.first = o.target("web")

	o.serverGone()
	o.asleep()
	o.silent()
	o.rewritten()
	o.clockJumps()
	o.down()
	for _, name := range []string{"web", "ticks"} {
		o.wantGone("apps/v1", "Deployment", name)
	}
}

// save saves the next version of the program, and of what the local command reads.
func (o *offline) save() {
	o.t.Helper()
	o.version++
	version := fmt.Sprint(o.version)
	o.saves, o.ran = append(o.saves, version), o.ran+version+"\n"
	o.write("app/run.sh", noting(version))
	o.write("work/in", version+"\n")
}

// arrives waits until the container has started each version once, and checks that
// nothing else was done.
func (o *offline) arrives() {
	o.t.Helper()
	o.until(fmt.Sprintf("the program was started with %q", o.saves), func() bool { return slices.Equal(o.said(), o.saves) })
	o.ready()
	now := o.target("web")
	if now.PodUID != o.first.PodUID || now.Restarts != 0 {
		o.t.Errorf("the container is another one: %+v, before %+v", now, o.first)
	}
	if pods := len(o.pods("web")) + len(o.pods("ticks")); pods != 2 {
		o.t.Errorf("%d pods, want one for each", pods)
	}
	if ran, err := os.ReadFile(filepath.Join(o.dir, "ran")); err != nil || string(ran) != o.ran {
		o.t.Errorf("the local command ran for %q, want %q (%v)", ran, o.ran, err)
	}
	o.ticksOn()
}

// said is what the container noted.
func (o *offline) said() []string {
	o.t.Helper()
	for _, pod := range o.running("web") {
		return o.noted(pod)
	}
	return nil
}

// ticksOn: the log of what nobody touched goes on, each line once.
func (o *offline) ticksOn() {
	o.t.Helper()
	var last int
	for line := range strings.Lines(o.kubectlHere("logs", "deployment/ticks", "--tail=1")) {
		_, err := fmt.Sscanf(line, "tick %d", &last)
		o.must(err)
	}
	var seen []int
	o.until(fmt.Sprintf("the log has tick %d", last), func() bool {
		seen = ticksIn(o.towline("logs", "ticks"))
		return len(seen) > last
	})
	for i, n := range seen {
		if n != i {
			o.t.Fatalf("tick %d is line %d of the log", n, i)
		}
	}
}

// ticksIn are the numbers of the ticks in a log.
func ticksIn(log string) (found []int) {
	for line := range strings.Lines(log) {
		var n int
		if _, tick, is := strings.Cut(strings.TrimSpace(line), "tick "); is {
			if _, err := fmt.Sscan(tick, &n); err == nil {
				found = append(found, n)
			}
		}
	}
	return found
}

// serverGone: nobody answers for a minute.
func (o *offline) serverGone() {
	o.t.Helper()
	began := time.Now()
	o.wire.cut()
	o.says([]string{"status", "web"}, "web", "unknown", "the cluster does not answer")
	o.save()
	o.until("the local command has run", func() bool {
		ran, err := os.ReadFile(filepath.Join(o.dir, "ran"))
		return err == nil && string(ran) == o.ran
	})
	if out, err := o.run(o.t.Context(), "wait", "--timeout", "2s"); err == nil || !contains(out, "web", "the cluster does not answer") {
		o.t.Errorf("wait without a cluster: %v\n%s", err, out)
	}
	if out, err := o.run(o.t.Context(), "up", "--detach", "--namespace", o.namespace, "--timeout", "2s"); err == nil || !contains(out, "the cluster does not answer") {
		o.t.Errorf("up without a cluster: %v\n%s", err, out)
	}
	<-time.After(time.Until(began.Add(away))) // it is what is tested
	if out := o.towline("logs"); strings.Count(out, "the cluster does not answer") != 1 || strings.Count(out, "refused") > 5 {
		o.t.Errorf("the log of a minute without a cluster:\n%s", out)
	}
	o.wire.mend()
	o.says([]string{"logs"}, "the cluster answers again")
	mended := time.Now()
	o.arrives()
	o.t.Logf("all is right %s after the cluster is back", time.Since(mended).Round(100*time.Millisecond))
}

// asleep: the daemon stands still, its connections end, and the pod is another one
// when it wakes.
func (o *offline) asleep() {
	o.t.Helper()
	pid := o.daemon()
	o.must(syscall.Kill(pid, syscall.SIGSTOP))
	o.wire.cut()
	o.save()
	o.deletePod("web")
	<-time.After(pause) // it is what is tested
	o.wire.mend()
	o.must(syscall.Kill(pid, syscall.SIGCONT))
	woken := time.Now()
	newest := o.saves[len(o.saves)-1]
	o.until("another pod has started with what was saved", func() bool {
		o.saves = o.said() // first with what its image has, if it did not wait for the daemon for long enough
		return slices.Contains(o.saves, newest)
	})
	o.ready()
	o.first = o.target("web")
	o.arrives()
	o.t.Logf("all is right %s after waking", time.Since(woken).Round(100*time.Millisecond))
}

// silent: the connections that there are lead nowhere any more, and do not end.
func (o *offline) silent() {
	o.t.Helper()
	o.wire.silence()
	o.save()
	began := time.Now()
	o.arrives()
	o.t.Logf("all is right %s after the way has changed", time.Since(began).Round(100*time.Millisecond))
}

// clockJumps: what is saved is of another day. (Go asks the kernel for the time without a
// call that could be caught, and a namespace has no wall clock of its own; what else goes
// by that clock has tests in virtual time.)
func (o *offline) clockJumps() {
	o.t.Helper()
	for _, off := range []time.Duration{-24 * time.Hour, 24 * time.Hour} {
		o.version++
		version := fmt.Sprint(o.version)
		o.saves = append(o.saves, version)
		next, at := filepath.Join(o.dir, "next"), time.Now().Add(off)
		o.write("next", noting(version))
		o.must(errors.Join(os.Chtimes(next, at, at), os.Rename(next, filepath.Join(o.dir, "app/run.sh"))))
		o.arrives()
	}
}

// rewritten: the kubeconfig names another context, is half written, and then leads
// elsewhere under the same name.
func (o *offline) rewritten() {
	o.t.Helper()
	name, _ := strings.CutPrefix(o.env[len(o.env)-1], "KUBECONFIG=")
	good, err := os.ReadFile(name)
	o.must(err)
	rewrite := func(text []byte) { o.t.Helper(); o.must(os.WriteFile(name, text, 0o600)) }
	var config map[string]any
	change := func(to func()) []byte {
		config = nil
		o.must(yaml.Unmarshal(good, &config))
		to()
		text, err := yaml.Marshal(config)
		o.must(err)
		return text
	}

	rewrite(change(func() {
		config["current-context"] = "production"
		config["contexts"] = append(config["contexts"].([]any), map[string]any{"name": "production", "context": map[string]any{"cluster": "production", "user": "me"}})
		config["clusters"] = append(config["clusters"].([]any), map[string]any{"name": "production", "cluster": map[string]any{"server": "https://127.0.0.1:9"}})
		config["users"] = append(config["users"].([]any), map[string]any{"name": "me", "user": map[string]any{}})
	}))
	o.save()
	o.arrives()
	o.up() // where it is up

	rewrite(good[:len(good)/2])
	o.save()
	o.arrives()
	o.up() // by what is known of the cluster

	rewrite(change(func() {
		for _, cluster := range config["clusters"].([]any) {
			cluster.(map[string]any)["cluster"].(map[string]any)["certificate-authority-data"] = ""
		}
	}))
	o.must(syscall.Kill(o.daemon(), syscall.SIGKILL))
	o.save()
	if out, err := o.run(o.t.Context(), "up", "--detach"); err == nil || !contains(out, "leads to another cluster", "hint: ") {
		o.t.Errorf("up with the name of another cluster: %v\n%s", err, out)
	}
	o.says([]string{"logs"}, "cannot go on yet: ", "leads to another cluster")
	rewrite(good)
	o.arrives() // by itself
}

// kubectlHere runs kubectl as the cluster's administrator, whatever the bed's own
// commands have.
func (b *bed) kubectlHere(args ...string) string {
	b.t.Helper()
	admin := *b
	admin.env = administrator()
	return admin.kubectl(args...)
}
