package daemon

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fsnotify/fsnotify"

	"github.com/towline-dev/towline/agent/agenttest"
	"github.com/towline-dev/towline/agent/apply"
	"github.com/towline-dev/towline/agent/client"
	"github.com/towline-dev/towline/agent/wire"
	"github.com/towline-dev/towline/server/build"
	"github.com/towline-dev/towline/server/engine"
	"github.com/towline-dev/towline/server/run/agents"
	"github.com/towline-dev/towline/server/run/output"
	"github.com/towline-dev/towline/starlark/config"
)

var (
	randomSteps = flag.Int("steps", 3000, "steps of the random sync test")
	randomSeed  = flag.Uint64("seed", 0, "seed of the random sync test; 0: another one each time")
)

// settleTime is after how long a change that nothing told of is in the pod, an
// agent that was lost meanwhile included.
const settleTime = watchedPause + 20*time.Second

// TestRandomSync changes files in all ways that were ever missed, loses
// notifications and connections, and compares the pod with the folders whenever
// it was quiet for a while. `make test-sync` plays 100,000 steps.
func TestRandomSync(t *testing.T) {
	for what, joint := range map[string]bool{"targets apart": false, "targets that overlap": true} {
		t.Run(what, func(t *testing.T) { playRandomSync(t, joint) })
	}
}

func playRandomSync(t *testing.T, joint bool) {
	w := newWorld(t, seedOf(t), joint)
	inBubble(t, w.ground, clock{file: w.outside + ".clock"}, func(*ground) {
		w.begin()
		for step := 0; step < *randomSteps/2; step++ {
			w.step()
			if w.rand.IntN(20) > 0 {
				continue
			}
			time.Sleep(settleTime)
			synctest.Wait()
			w.check(step)
			if t.Failed() {
				return
			}
		}
	})
	t.Logf("%d comparisons, %d files at the end, %d faults of the agent, %d images", w.checks, len(w.want()), w.faults, w.images)
}

func seedOf(t *testing.T) uint64 {
	seed := *randomSeed
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("-seed=%d", seed)
	return seed
}

// TestChangedAndChangedBack has a file be something else just while it is sent,
// so that the tree never knows: the pod gets what the file is, all the same.
func TestChangedAndChangedBack(t *testing.T) {
	for what, meanwhile := range map[string]func(name string) error{
		"another content": func(name string) error { return os.WriteFile(name, []byte("other"), 0o644) },
		"a folder":        func(name string) error { return errors.Join(os.Remove(name), os.Mkdir(name, 0o755)) },
		"a link":          func(name string) error { return errors.Join(os.Remove(name), os.Symlink("kept", name)) },
		"nothing":         os.Remove,
	} {
		for _, fault := range []int{0, 3} {
			t.Run(fmt.Sprint(what, ", fault ", fault), func(t *testing.T) {
				w := newWorld(t, 1, false)
				inBubble(t, w.ground, clock{file: w.outside + ".clock"}, func(g *ground) {
					w.begin()
					file := w.at("src/file")
					w.perform = func(e engine.Live) engine.Live {
						w.perform = nil
						w.must(meanwhile(file))
						return e
					}
					w.onApply = func() int {
						w.onApply = nil
						w.must(errors.Join(os.RemoveAll(file), putFile(file, "-content")))
						return fault
					}
					w.must(putFile(file, "-content"))
					g.core(func(c *core) { c.hint([]string{file}, true) })
					time.Sleep(settleTime)
					synctest.Wait()
					w.check(1)
				})
			})
		}
	}
}

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

	running sync.Mutex // held by a transaction, and while the pod is replaced
	serial  int        // of the image that the pod runs

	perform func(engine.Live) engine.Live // comes between what is known and what is read
	onApply func() int                    // comes after what is read, and returns the fault; nil: as it happens

	mu     sync.Mutex
	image  map[string]string // the files of the last build
	faults int
	faulty *rand.Rand
}

var podTarget = engine.TargetID{Namespace: "n", Pod: "web-1", Container: "app"}

func newWorld(t *testing.T, seed uint64, joint bool) *world {
	w := &world{pod: t.TempDir(), faulty: rand.New(rand.NewPCG(seed, 1))}
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
	w.agents = agents.Start(w.t.Context(), agents.Options{
		Connect: func(context.Context, engine.TargetID) (agents.Agent, error) {
			w.running.Lock()
			defer w.running.Unlock()
			return &podAgent{Fake: agenttest.NewFake(), w: w, serial: w.serial}, nil
		},
		Log:    output.Log{Emit: func(l output.Line) { w.note(l.Text) }},
		Tell:   w.tell,
		Status: func(agents.Status) {}, Gone: func(engine.TargetID) {},
	})
	p := &config.Project{
		Tiltfile:  "/none/Tiltfile",
		Resources: []config.Resource{{Name: "web", Kind: config.KindK8s, Enabled: true, AutoInit: true, Images: []string{"web"}}},
		Images: []config.Image{{Ref: "web", Deps: []string{w.at("src"), w.at("lib")}, LiveUpdate: []config.Step{
			{Kind: config.StepSync, Local: w.at("src"), Remote: w.pod + "/app"},
			{Kind: config.StepSync, Local: w.at("lib"), Remote: w.pod + "/app/" + w.second()},
		}}},
	}
	w.agents.Configure(p)
	w.core(func(c *core) {
		c.tiltfile.good, c.session.runner = p, w
		c.sources.follow(p, nil, nil)
		c.step(engine.Configured{Project: p})
		c.step(engine.Wanted{})
	})
	time.Sleep(settleTime)
	synctest.Wait()
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

func (w *world) Built(string) build.Result { return build.Result{} }

// Perform plays the cluster.
func (w *world) Perform(e engine.Effect) {
	switch e := e.(type) {
	case engine.Build:
		w.images++
		w.d.queue.put(func(c *core) {
			c.rescan() // what nobody knows of is in no image
			w.image = w.want()
			c.event(engine.Built{Ref: "web", Pushed: fmt.Sprint("image:", w.images)})
		})
	case engine.Apply:
		w.running.Lock()
		defer w.running.Unlock()
		w.serial = w.images
		w.note("a new pod")
		w.must(os.RemoveAll(w.pod + "/app"))
		for name, what := range w.image {
			w.must(os.MkdirAll(filepath.Dir(w.pod+"/app/"+name), 0o755))
			w.must(putFile(w.pod+"/app/"+name, what))
		}
		w.tell(engine.Applied{Resource: "web"})
		w.tell(engine.Observed{Resource: "web", Ready: true, Targets: []engine.Seen{{
			ID: podTarget, Image: "web", Pushed: fmt.Sprint("image:", w.images), Instance: fmt.Sprint(w.images), Running: true,
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
	default:
		w.t.Errorf("nobody plays %T", e)
	}
}

// podAgent is the fake with the real transactions, and faults.
type podAgent struct {
	*agenttest.Fake
	w      *world
	serial int
}

func (a *podAgent) Verify(_ context.Context, want []wire.File) ([]wire.Entry, error) {
	return apply.Verify(want)
}

func (a *podAgent) Apply(_ context.Context, c client.Change) (wire.Result, error) {
	a.w.running.Lock()
	defer a.w.running.Unlock()
	fault := a.w.fault()
	if a.serial != a.w.serial {
		fault = 1 // the pod that it was in is gone
	}
	said := fmt.Sprintf("fault %d:", fault)
	for _, f := range c.Files {
		said += fmt.Sprintf(" %q", strings.TrimPrefix(f.Path.String(), a.w.pod+"/app/"))
	}
	for _, d := range c.Deletes {
		said += fmt.Sprintf(" -%q", strings.TrimPrefix(d.String(), a.w.pod+"/app/"))
	}
	a.w.note(said)
	if fault == 1 {
		a.Close()
		return wire.Result{}, net.ErrClosed
	}
	stage, err := apply.New("test", "", apply.MountTable).Begin(&c.Transaction)
	if err != nil {
		return wire.Result{}, err
	}
	defer stage.Close()
	for i, f := range c.Files {
		if f.Kind != wire.KindRegular {
			continue
		}
		content, err := readAll(c.Source, f)
		if err != nil {
			return wire.Result{}, fmt.Errorf("%w: %w", wire.ErrAborted, err)
		}
		if err := stage.Put(wire.Content{Index: i, Encoding: wire.EncodingRaw}, bytes.NewReader(content)); err != nil {
			return wire.Result{}, err
		}
	}
	if fault == 2 {
		a.Close()
		return wire.Result{}, net.ErrClosed
	}
	applied, deleted, err := stage.Commit()
	if fault == 3 { // it is done, but nobody hears of it
		a.Close()
		return wire.Result{}, net.ErrClosed
	}
	return wire.Result{Applied: applied, Deleted: deleted}, err
}

func readAll(source client.Source, f wire.File) ([]byte, error) {
	r, err := source.Open(f)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(r)
}

// fault says whether and when the agent is lost in a transaction.
func (w *world) fault() int {
	if w.onApply != nil {
		return w.onApply()
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.faulty.IntN(30) > 0 {
		return 0
	}
	w.faults++
	return 1 + w.faulty.IntN(3)
}

// clock reads the files with the clock of the file system, which is not the
// bubble's.
type clock struct {
	disk
	file string
}

func (c clock) Now() time.Time {
	if err := os.WriteFile(c.file, nil, 0o644); err != nil {
		panic(err)
	}
	info, err := os.Stat(c.file)
	if err != nil {
		panic(err)
	}
	return info.ModTime().Add(time.Hour)
}

// tick waits until the file system's clock has moved on.
func (w *world) tick() {
	now := clock{file: w.outside + ".clock"}.Now
	for began := now(); !now().After(began); {
	}
}

// step changes something, and tells of it most of the time.
func (w *world) step() {
	w.tick()
	switch n := w.rand.IntN(changes + 3); n {
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
	}
}

// hear has the system tell of a path, or lose the notification.
func (w *world) hear(op fsnotify.Op, p string) {
	w.note(fmt.Sprintf("%s %q", op, p))
	if w.rand.IntN(10) == 0 {
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
	wrong := w.compare(got)
	var target engine.Target
	w.core(func(c *core) { target = c.state.Target(podTarget) })
	if target.Failed != nil {
		wrong = append(wrong, fmt.Sprintf("it failed: %v", target.Failed.Problem.Message))
	}
	if len(wrong) > 0 {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.t.Errorf("after %d steps:\n%s\nwhat happened last:\n%s", step, strings.Join(wrong, "\n"), strings.Join(w.last[max(0, len(w.last)-90):], "\n"))
	}
}
