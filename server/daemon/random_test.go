package daemon

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"net"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/fsnotify/fsnotify"

	"github.com/towline-dev/towline/agent/agenttest"
	"github.com/towline-dev/towline/agent/apply"
	"github.com/towline-dev/towline/agent/client"
	"github.com/towline-dev/towline/agent/wire"
	"github.com/towline-dev/towline/internal/file"
	"github.com/towline-dev/towline/server/build"
	"github.com/towline-dev/towline/server/engine"
	"github.com/towline-dev/towline/server/run/agents"
	"github.com/towline-dev/towline/server/run/output"
	"github.com/towline-dev/towline/server/tree"
	"github.com/towline-dev/towline/starlark/config"
)

var (
	randomSteps = flag.Int("steps", 200, "steps of the random sync test")
	randomJoint = flag.Bool("overlap", false, "let the targets of its sync steps overlap")
	randomSeed  = flag.Uint64("seed", 0, "seed of the random sync test; 0: another one each time")
)

// settleTime is after how long a change that nothing told of is in the pod, an
// agent that was lost meanwhile included.
const settleTime = watchedPause + 20*time.Second

// TestRandomSync changes files in all ways that were ever missed, loses
// notifications and connections, and compares the pod with the folders whenever
// it was quiet for a while. `make test-sync` plays 100,000 steps.
func TestRandomSync(t *testing.T) {
	seed := *randomSeed
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("-seed=%d", seed)
	w := &world{rand: rand.New(rand.NewPCG(seed, 0)), pod: t.TempDir(), outside: filepath.Join(t.TempDir(), "outside")}
	g := &ground{root: t.TempDir(), limit: 1000}
	inBubble(t, g, clock{file: w.outside + ".clock"}, func(g *ground) {
		w.begin(g)
		for step := 0; step < *randomSteps; step++ {
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
				w := &world{rand: rand.New(rand.NewPCG(1, 1)), pod: t.TempDir(), outside: filepath.Join(t.TempDir(), "outside")}
				g := &ground{root: t.TempDir(), limit: 1000}
				inBubble(t, g, clock{file: w.outside + ".clock"}, func(g *ground) {
					w.begin(g)
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
	*ground
	rand         *rand.Rand
	pod, outside string
	agents       *agents.Agents
	last         []string
	checks       int
	images       int

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

// begin brings the project up.
func (w *world) begin(g *ground) {
	w.ground, w.faulty = g, rand.New(rand.NewPCG(w.rand.Uint64(), 0))
	g.must(os.MkdirAll(w.at("src"), 0o755))
	g.must(os.MkdirAll(w.at("lib"), 0o755))
	for _, dir := range []string{"src", "lib"} { // one that is emptied is held back
		g.must(putFile(w.at(dir+"/kept"), "-kept"))
	}
	w.agents = agents.Start(g.t.Context(), agents.Options{
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
			{Kind: config.StepSync, Local: w.at("lib"), Remote: w.pod + "/app/" + second()},
		}}},
	}
	w.agents.Configure(p)
	g.core(func(c *core) {
		c.good, c.session.runner = p, w
		c.sources.follow(p, nil, nil)
		c.step(engine.Configured{Project: p})
		c.step(engine.Wanted{})
	})
	time.Sleep(settleTime)
	synctest.Wait()
}

// second is where the second sync step leads, below the first's target.
func second() string {
	if *randomJoint {
		return "lib"
	}
	return "other"
}

func (w *world) at(name string) string { return filepath.Join(w.root, name) }

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
	stage, err := apply.New("test", "").Begin(&c.Transaction)
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

// path returns a random place.
func (w *world) path() string {
	names := []string{"a", "b", "lib", "a", "b", "c", "two\nlines", strings.Repeat("l", 255), "\xff"}
	p := []string{"src", "lib", "src/lib"}[w.rand.IntN(3)]
	for range 1 + w.rand.IntN(3) {
		p = filepath.Join(p, names[w.rand.IntN(len(names))])
	}
	return p
}

// step changes something, and tells of it most of the time.
func (w *world) step() {
	w.tick()
	p, q := w.path(), w.path()
	switch w.rand.IntN(24) {
	case 0, 1, 2, 3, 4, 5, 6, 7:
		w.put(p, fmt.Sprint("-", "content ", w.rand.IntN(10)))
	case 8:
		w.put(p, fmt.Sprint("x", "content ", w.rand.IntN(10)))
	case 9, 10:
		w.put(p, "l"+[]string{"a", "b/c", "nowhere", "\xff"}[w.rand.IntN(4)])
	case 11, 12, 13:
		w.rename(p, q)
	case 14, 15, 16:
		w.swap(p, q)
	case 17, 18:
		w.remove(p)
	case 19:
		if info, err := os.Lstat(w.at(p)); err == nil && info.Mode().IsRegular() {
			w.must(os.Chmod(w.at(p), info.Mode().Perm()^0o111))
			w.tells(fsnotify.Chmod, p)
		}
	case 20: // through another name; nothing tells of it
		if info, err := os.Lstat(w.at(p)); err == nil && info.Mode().IsRegular() {
			w.must(os.Link(w.at(p), w.outside))
			w.must(os.WriteFile(w.outside, []byte(fmt.Sprint("content ", w.rand.IntN(10))), 0o644))
			w.must(os.Remove(w.outside))
		}
	case 21:
		w.d.queue.put(func(c *core) { c.hint([]string{w.at(p)}, true) })
	case 22:
		if w.rand.IntN(4) == 0 {
			w.bells[len(w.bells)-1].send(fsnotify.Event{}, fsnotify.ErrEventOverflow)
		}
	case 23:
		w.limit = []int{0, 2, 5, 1000, 1000}[w.rand.IntN(5)]
	}
}

// tells has the system tell of a path, or lose the notification.
func (w *world) tells(op fsnotify.Op, p string) {
	w.note(fmt.Sprintf("%s %q", op, p))
	if w.rand.IntN(10) == 0 {
		w.note("which is lost")
		if op.Has(fsnotify.Remove) || op.Has(fsnotify.Rename) {
			w.bells[len(w.bells)-1].gone(w.at(p))
		}
		return
	}
	w.ring(op, p)
}

// make makes a folder, in the place of files if need be.
func (w *world) make(dir string) {
	if info, err := os.Lstat(w.at(dir)); err == nil && info.IsDir() {
		return
	}
	w.make(filepath.Dir(dir))
	w.remove(dir)
	w.must(os.Mkdir(w.at(dir), 0o755))
	w.tells(fsnotify.Create, dir)
}

func (w *world) remove(p string) {
	if _, err := file.Lstat(w.at(p)); err != nil {
		return
	}
	w.must(os.RemoveAll(w.at(p)))
	w.tells(fsnotify.Remove, p)
}

// put writes a file, or a link, mostly with the time that all have.
func (w *world) put(p, what string) {
	w.make(filepath.Dir(p))
	op := fsnotify.Write
	if info, err := os.Lstat(w.at(p)); err != nil || !info.Mode().IsRegular() || what[0] == 'l' || w.rand.IntN(2) == 0 {
		w.remove(p)
		op = fsnotify.Create
	}
	w.must(putFile(w.at(p), what))
	if what[0] != 'l' && w.rand.IntN(4) > 0 {
		w.must(os.Chtimes(w.at(p), time.Time{}, time.Unix(499162500, 0)))
	}
	w.tells(op, p)
}

// putFile makes a file of its description.
func putFile(name, what string) error {
	if what[0] == 'l' {
		return os.Symlink(what[1:], name)
	}
	mode := fs.FileMode(0o644)
	if what[0] == 'x' {
		mode = 0o755
	}
	return errors.Join(os.WriteFile(name, []byte(what[1:]), mode), os.Chmod(name, mode))
}

func (w *world) rename(p, q string) {
	if _, err := file.Lstat(w.at(p)); err != nil || within(p, q) || within(q, p) {
		return
	}
	w.make(filepath.Dir(q))
	if _, err := file.Lstat(w.at(p)); err != nil { // it stood in the way
		return
	}
	w.remove(q)
	if os.Rename(w.at(p), w.at(q)) != nil {
		return // the way to one led over the other, by a link
	}
	w.tells(fsnotify.Rename, p)
	w.tells(fsnotify.Create, q)
}

// swap has two files or folders change places.
func (w *world) swap(p, q string) {
	_, perr := file.Lstat(w.at(p))
	_, qerr := file.Lstat(w.at(q))
	if perr != nil || qerr != nil || within(p, q) || within(q, p) || w.aliased(p) || w.aliased(q) {
		return
	}
	w.must(os.Rename(w.at(p), w.outside))
	w.must(os.Rename(w.at(q), w.at(p)))
	w.must(os.Rename(w.outside, w.at(q)))
	w.tells(fsnotify.Rename, p)
	w.tells(fsnotify.Rename, q)
	w.tells(fsnotify.Create, p)
	w.tells(fsnotify.Create, q)
}

// aliased reports whether the way to a path leads through a link.
func (w *world) aliased(p string) bool {
	dir, err := filepath.EvalSymlinks(filepath.Dir(w.at(p)))
	return err != nil || dir != filepath.Dir(w.at(p))
}

func within(p, q string) bool { return tree.Within(p, q) }

// files describes the files below a folder that count.
func (w *world) files(root string) map[string]string {
	found := map[string]string{}
	w.must(filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		what := ""
		if info.Mode()&fs.ModeSymlink != 0 {
			target, err := os.Readlink(name)
			if err != nil {
				return err
			}
			what = "l" + target
		} else {
			f, err := os.Open(name)
			if err != nil {
				return err
			}
			defer f.Close()
			content, err := io.ReadAll(f)
			if err != nil {
				return err
			}
			what = "-" + string(content)
			if info.Mode()&0o111 != 0 {
				what = "x" + string(content)
			}
		}
		if rel, err := filepath.Rel(root, name); err != nil {
			return err
		} else if utf8.ValidString(rel) && utf8.ValidString(what) {
			found[rel] = what
		}
		return nil
	}))
	return found
}

// want is what the pod is to hold: the last step wins.
func (w *world) want() map[string]string {
	all := w.files(w.at("src"))
	for name, what := range w.files(w.at("lib")) {
		name = path.Join(second(), name)
		for other := range all {
			if within(other, name) || within(name, other) {
				delete(all, other)
			}
		}
		all[name] = what
	}
	return all
}

// check compares the pod with the sources.
func (w *world) check(step int) {
	w.t.Helper()
	w.checks++
	var wrong []string
	want, got := w.want(), map[string]string{}
	if _, err := os.Stat(w.pod + "/app"); err == nil {
		got = w.files(w.pod + "/app")
	}
	for name := range want {
		if got[name] != want[name] {
			wrong = append(wrong, fmt.Sprintf("%q: want %q, got %q", name, want[name], got[name]))
		}
	}
	for name := range got {
		if _, is := want[name]; !is {
			wrong = append(wrong, fmt.Sprintf("%q: should not be there", name))
		}
	}
	var target engine.Target
	w.core(func(c *core) { target = c.state.Targets[podTarget] })
	if target.Failed != nil {
		wrong = append(wrong, fmt.Sprintf("it failed: %v", target.Failed.Problem.Message))
	}
	if len(wrong) > 0 {
		slices.Sort(wrong)
		w.mu.Lock()
		defer w.mu.Unlock()
		w.t.Errorf("after %d steps:\n%s\nwhat happened last:\n%s", step, strings.Join(wrong, "\n"), strings.Join(w.last[max(0, len(w.last)-90):], "\n"))
	}
}
