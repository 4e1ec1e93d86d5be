package daemon

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fsnotify/fsnotify"

	"github.com/towline-dev/towline/agent/agenttest"
	"github.com/towline-dev/towline/server/build"
	"github.com/towline-dev/towline/server/engine"
	"github.com/towline-dev/towline/server/run/agents"
	"github.com/towline-dev/towline/server/run/output"
	"github.com/towline-dev/towline/starlark/config"
)

// world is a cluster of one pod, whose files are a folder, and the random hand
// that changes the sources.
type world struct {
	runner // nil: what the test does not use
	*hand
	pod    string
	agents *agents.Agents
	last   []string
	checks int
	images int

	project *config.Project
	deaf    bool // no notification comes
	daemons int
	full    int // so often was the disk of the daemon's state

	busy    sync.Mutex // held by the hand, and by whoever looks at all of its files
	running sync.Mutex // held by a transaction, and while the pod is replaced
	runs    string     // the image that the pod runs

	perform func(engine.Live) engine.Live // comes between what is known and what is read
	onAgent func()                        // comes before an agent is reached
	onApply func() int                    // comes after what is read, and returns the fault; nil: as it happens

	mu     sync.Mutex
	built  map[string]map[string]string // of the images, by what they were pushed as
	faults int
	faulty *rand.Rand
}

var podTarget = engine.TargetID{Namespace: "n", Pod: "web-1", Container: "app"}

func newWorld(t *testing.T, seed uint64, joint bool) *world {
	w := &world{pod: t.TempDir(), built: map[string]map[string]string{}, faulty: rand.New(rand.NewPCG(seed, 1))}
	w.hand = &hand{
		ground: &ground{root: t.TempDir(), limit: 1000},
		joint:  joint,
		rand:   rand.New(rand.NewPCG(seed, 0)), outside: filepath.Join(t.TempDir(), "outside"), tells: w.hear,
	}
	return w
}

// begin brings the project up.
func (w *world) begin() {
	w.hand.begin()
	w.project = &config.Project{
		Tiltfile:  "/none/Tiltfile",
		Resources: []config.Resource{{Name: "web", Kind: config.KindK8s, Enabled: true, AutoInit: true, Images: []string{"web"}}},
		Images: []config.Image{{Ref: "web", Deps: []string{w.at("src"), w.at("lib")}, LiveUpdate: []config.Step{
			{Kind: config.StepSync, Local: w.at("src"), Remote: w.pod + "/app"},
			{Kind: config.StepSync, Local: w.at("lib"), Remote: w.pod + "/app/" + w.second()},
		}}},
	}
	w.resume()
	time.Sleep(settleTime)
	synctest.Wait()
}

// resume has the daemon go on with what is up.
func (w *world) resume() {
	w.daemons++
	w.agents = agents.Start(w.t.Context(), agents.Options{
		Connect: func(context.Context, engine.TargetID) (agents.Agent, error) {
			if w.onAgent != nil {
				w.onAgent()
			}
			w.running.Lock()
			defer w.running.Unlock()
			return &podAgent{Fake: agenttest.NewFake(), w: w, runs: w.runs}, nil
		},
		Log:    output.Log{Emit: func(l output.Line) { w.note(l.Text) }},
		Tell:   w.tell,
		Status: func(agents.Status) {}, Gone: func(engine.TargetID) {},
	})
	w.core(func(c *core) {
		c.tiltfile.good, c.session.runner = w.project, w
		c.sources.follow(w.project, nil, nil)
		c.configure()
		c.restore()
		c.step(engine.Wanted{})
	})
}

// replace ends the daemon and begins another, with changes in between that
// nobody sees.
func (w *world) replace() {
	w.note("the daemon ends")
	w.stop()
	for range w.rand.IntN(6) {
		w.change(w.rand.IntN(changes))
	}
	w.start()
	w.note("a daemon begins")
	w.resume()
}

// fill has no room for the daemon's state, or has it again.
func (w *world) fill() {
	blocks := []string{filepath.Join(w.state, "touched.new"), filepath.Join(w.state, "state.json.new")}
	if _, err := os.Stat(blocks[0]); err == nil {
		w.note("there is room again")
		w.must(errors.Join(os.RemoveAll(blocks[0]), os.RemoveAll(blocks[1])))
		return
	}
	w.note("the disk is full")
	w.full++
	var err error
	w.core(func(c *core) { // which is not writing one of them now
		for _, b := range blocks {
			err = errors.Join(err, os.RemoveAll(b), os.Mkdir(b, 0o700))
		}
		c.store.close()
	})
	w.must(err)
}

// deafen makes changes that nobody is told of but that there were too many.
func (w *world) deafen() {
	w.note("too many changes:")
	w.deaf = true
	for range 10 + w.rand.IntN(20) {
		w.change(w.rand.IntN(changes))
	}
	w.deaf = false
	w.newest().send(fsnotify.Event{}, fsnotify.ErrEventOverflow)
}

func (w *world) note(text string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.last = append(w.last[max(0, len(w.last)-200):], text)
}

func (w *world) tell(e engine.Event) { w.d.queue.put(func(c *core) { c.event(e) }) }

func (w *world) Close() {
	if w.agents != nil {
		w.agents.Close()
	}
}

func (w *world) Built(string) build.Result { return build.Result{Ref: w.pushed()} }

func (w *world) Adopt(string, build.Result) {}

func (w *world) Configure(p *config.Project) { w.agents.Configure(p) }

// pushed is the last image.
func (w *world) pushed() string { return fmt.Sprint("image:", w.images) }

// Perform plays the cluster.
func (w *world) Perform(e engine.Effect) {
	switch e := e.(type) {
	case engine.Build:
		w.d.queue.put(w.build)
	case engine.Apply:
		w.running.Lock()
		defer w.running.Unlock()
		w.roll(e.Images["web"])
		w.tell(engine.Applied{Resource: "web"})
		w.tell(engine.Observed{Resource: "web", Ready: true, Targets: []engine.Seen{{
			ID: podTarget, Image: "web", Pushed: w.runs, Instance: w.runs, Running: true,
		}}})
	case engine.Attach:
		w.agents.Attach(e)
	case engine.Detach:
		w.agents.Detach(e.Target)
	case engine.Live:
		if w.perform != nil {
			e = w.perform(e)
		}
		w.agents.Live(e)
	case engine.StopBuild: // it comes too late
	default:
		w.t.Errorf("nobody plays %T", e)
	}
}

// build makes an image, which takes that all can be read.
func (w *world) build(c *core) {
	w.busy.Lock()
	defer w.busy.Unlock()
	c.rescan() // what nobody knows of is in no image
	if len(w.locks.held) > 0 {
		c.event(engine.Built{Ref: "web", Problem: &config.Problem{Message: "permission denied"}})
		return
	}
	w.images++
	w.built[w.pushed()] = w.want()
	c.event(engine.Built{Ref: "web", Pushed: w.pushed()})
}

// change makes a change beside whoever builds.
func (w *world) change(n int) {
	w.busy.Lock()
	defer w.busy.Unlock()
	w.hand.change(n)
}

// roll makes a new pod if it is to run another image.
func (w *world) roll(image string) {
	if w.runs == image {
		return
	}
	w.runs = image
	w.note("a new pod")
	w.must(errors.Join(os.RemoveAll(w.pod), os.Mkdir(w.pod, 0o755)))
	for name, what := range w.built[image] {
		w.must(os.MkdirAll(filepath.Dir(w.pod+"/app/"+name), 0o755))
		w.must(putFile(w.pod+"/app/"+name, what))
	}
}

// step changes something, and tells of it most of the time.
func (w *world) step() {
	w.tick()
	kinds := changes + 4
	if *randomAll {
		kinds += 2
	}
	switch n := w.rand.IntN(kinds); n {
	default:
		w.change(n)
	case changes:
		name := w.at(w.hand.path())
		w.d.queue.put(func(c *core) { c.hint([]string{name}, true) })
	case changes + 1:
		if w.rand.IntN(4) == 0 {
			w.newest().send(fsnotify.Event{}, fsnotify.ErrEventOverflow)
		}
	case changes + 2:
		w.allow([]int{0, 2, 5, 1000, 1000}[w.rand.IntN(5)], false)
	case changes + 3: // what is under way gets further
		time.Sleep(time.Duration(w.rand.Int64N(int64([]time.Duration{2 * quiet, savedPause, watchedPause}[w.rand.IntN(3)]))))
	case changes + 4:
		[]func(){w.replace, w.fill, w.fill}[w.rand.IntN(3)]()
	case changes + 5:
		if w.rand.IntN(3) == 0 {
			w.deafen()
		}
	}
}

// hear has the system tell of a path, or lose the notification.
func (w *world) hear(op fsnotify.Op, p string) {
	w.note(fmt.Sprintf("%s %q", op, p))
	if w.deaf || w.rand.IntN(10) == 0 {
		w.note("which is lost")
		if op.Has(fsnotify.Remove) || op.Has(fsnotify.Rename) {
			w.newest().gone(w.at(p))
		}
		return
	}
	w.ring(op, p)
}

// check compares the pod with the sources.
func (w *world) check(step int) {
	w.t.Helper()
	w.checks++
	got := map[string]string{}
	if _, err := os.Stat(w.pod + "/app"); err == nil {
		got = w.files(w.pod + "/app")
	}
	pretended := w.pretended(got)
	wrong := w.compare(got)
	var target engine.Target
	var image engine.Image
	w.core(func(c *core) { target, image = c.state.Target(podTarget), c.state.Image("web") })
	if image.Failed != nil && len(w.locks.held) > 0 {
		return // it is told, and goes on when all can be read
	}
	if image.Failed != nil {
		wrong = append(wrong, fmt.Sprintf("no image was built: %v", image.Failed.Problem.Message))
	}
	if target.Failed != nil && len(w.locks.held) == 0 {
		wrong = append(wrong, fmt.Sprintf("it failed: %v", target.Failed.Problem.Message))
	}
	if len(pretended) > 0 && target.Failed == nil {
		wrong = append(wrong, fmt.Sprintf("it does not say that it cannot read %q", pretended))
	}
	w.note(fmt.Sprintf("a comparison; unreadable are %q", slices.Sorted(maps.Keys(w.locks.held))))
	if len(wrong) > 0 {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.t.Errorf("after %d steps:\n%s\nwhat happened last:\n%s", step, strings.Join(wrong, "\n"), strings.Join(w.last, "\n"))
	}
}
