package agents

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/towline-dev/towline/agent/agenttest"
	"github.com/towline-dev/towline/agent/client"
	"github.com/towline-dev/towline/agent/wire"
	"github.com/towline-dev/towline/server/engine"
	"github.com/towline-dev/towline/server/kube"
	"github.com/towline-dev/towline/server/run/output"
	"github.com/towline-dev/towline/starlark/config"
)

var web = engine.TargetID{Namespace: "n", Pod: "web-1", Container: "app"}

// agent is the fake with what a test takes hold of.
type agent struct {
	*agenttest.Fake
	debugged bool
	forgets  bool // what it was brought
	policies []wire.Policy
	changes  []client.Change
	refuse   error                                  // of SetPolicy and Stop
	onApply  func(ctx context.Context, real func()) // nil: at once
}

func (a *agent) Apply(ctx context.Context, c client.Change) (r wire.Result, err error) {
	a.changes = append(a.changes, c)
	if a.onApply == nil {
		return a.Fake.Apply(ctx, c)
	}
	err = net.ErrClosed
	a.onApply(ctx, func() { r, err = a.Fake.Apply(ctx, c) })
	return r, err
}

func (a *agent) SetPolicy(ctx context.Context, p wire.Policy) (wire.Process, error) {
	a.policies = append(a.policies, p)
	return wire.Process{}, a.refuse
}

func (a *agent) Stop(ctx context.Context) (wire.Process, error) {
	if a.refuse != nil {
		return wire.Process{}, a.refuse
	}
	return a.Fake.Stop(ctx)
}

func (a *agent) Managed(ctx context.Context) ([]wire.Path, error) {
	if a.forgets {
		return nil, errors.New("the notes are gone")
	}
	return a.Fake.Managed(ctx)
}

func (a *agent) Events(ctx context.Context, handle func(wire.Event) error) error {
	return a.Fake.Events(ctx, func(e wire.Event) error {
		e.Process.Debug = a.debugged
		return handle(e)
	})
}

// connection is one connection to an agent: its end is not that of the next.
type connection struct {
	*agent
	done <-chan struct{}
}

func (c *connection) Done() <-chan struct{} { return c.done }

func (c *connection) Close() error {
	select {
	case <-c.done:
		return nil
	default:
		return c.agent.Close()
	}
}

// bench are Agents in a bubble of virtual time, and what they told.
type bench struct {
	*Agents
	t     *testing.T
	agent *agent
	dir   string // is synced to /srv

	mu       sync.Mutex
	dialErr  error
	dials    int
	events   []engine.Event
	statuses []Status
	gone     []engine.TargetID
	lines    []string
}

func inBubble(t *testing.T, test func(*testing.T, *bench)) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		b := &bench{t: t, agent: &agent{Fake: agenttest.NewFake()}, dir: dir}
		b.Agents = Start(t.Context(), Options{
			Connect: func(context.Context, engine.TargetID) (Agent, error) {
				b.mu.Lock()
				defer b.mu.Unlock()
				b.dials++
				if b.dialErr != nil {
					return nil, b.dialErr
				}
				return &connection{b.agent, b.agent.Done()}, nil
			},
			Log: output.Log{Emit: func(l output.Line) {
				b.with(func() { b.lines = append(b.lines, strings.TrimSpace(l.Level+" "+l.Resource+": "+l.Text)) })
			}},
			Tell:   func(e engine.Event) { b.with(func() { b.events = append(b.events, e) }) },
			Status: func(s Status) { b.with(func() { b.statuses = append(b.statuses, s) }) },
			Gone:   func(id engine.TargetID) { b.with(func() { b.gone = append(b.gone, id) }) },
		})
		defer b.Close()
		test(t, b)
	})
}

func (b *bench) with(f func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	f()
}

func (b *bench) project(restart ...any) *config.Project {
	return &config.Project{
		Images:   []config.Image{{Ref: "img", LiveUpdate: []config.Step{{Kind: config.StepSync, Local: b.dir, Remote: "/srv"}}}},
		Settings: config.Settings{Towline: map[string]any{"restart": restart}},
	}
}

// connect attaches to the agent.
func (b *bench) connect() {
	b.t.Helper()
	b.Configure(b.project())
	b.Attach(engine.Attach{Target: web, Resource: "web", Image: "img", Instance: "1"})
	b.told(engine.Attached{Target: web, Instance: "1"})
}

// told checks the events since the last look.
func (b *bench) told(want ...engine.Event) {
	b.t.Helper()
	synctest.Wait()
	b.mu.Lock()
	defer b.mu.Unlock()
	if diff := cmp.Diff(want, b.events); diff != "" {
		b.t.Errorf("events (-want +got):\n%s", diff)
	}
	b.events = nil
}

// done takes the answer to the last Live.
func (b *bench) done() engine.LiveDone {
	b.t.Helper()
	synctest.Wait()
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.events) != 1 {
		b.t.Fatalf("events %+v, want one LiveDone", b.events)
	}
	done := b.events[0].(engine.LiveDone)
	b.events = nil
	return done
}

func (b *bench) status() Status {
	synctest.Wait()
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.statuses[len(b.statuses)-1]
}

// said reports whether a line of the log has a text.
func (b *bench) said(text string) bool {
	synctest.Wait()
	b.mu.Lock()
	defer b.mu.Unlock()
	return strings.Contains(strings.Join(b.lines, "\n"), text)
}

// live sends files of the synced folder; those without content are not there.
func (b *bench) live(l engine.Live, files ...string) {
	b.t.Helper()
	for i := 0; i < len(files); i += 2 {
		local := filepath.Join(b.dir, files[i])
		if files[i+1] != "" {
			if err := os.WriteFile(local, []byte(files[i+1]), 0o644); err != nil {
				b.t.Fatal(err)
			}
		}
		l.Files = append(l.Files, engine.File{Local: local, Remote: "/srv/" + files[i]})
	}
	l.Target, l.Batch = web, 7
	b.Live(l)
}

func (b *bench) holds(want map[string]string) {
	b.t.Helper()
	synctest.Wait()
	if diff := cmp.Diff(want, b.agent.Files()); diff != "" {
		b.t.Errorf("the container has (-want +got):\n%s", diff)
	}
}

func TestLiveBringsFiles(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bench) {
		b.connect()
		b.live(engine.Live{Restart: true}, "a.py", "one", "b.py", "two")
		if done := b.done(); done.Problem != nil || done.Batch != 7 || done.Target != web {
			t.Errorf("answer %+v", done)
		}
		b.holds(map[string]string{"/srv/a.py": "one", "/srv/b.py": "two"})
		if s := b.status(); s.Process.State != wire.StateRunning {
			t.Errorf("process %+v", s.Process)
		}
		if !b.said("web-1: wrote /srv/a.py, /srv/b.py, restarted as pid 101 in") {
			t.Errorf("log %q", b.lines)
		}
		if err := os.Remove(filepath.Join(b.dir, "b.py")); err != nil {
			t.Fatal(err)
		}
		b.agent.OnRun = func(_ wire.Command, out, _ io.Writer) wire.Exit {
			_, _ = out.Write([]byte("compiled"))
			return wire.Exit{}
		}
		b.live(engine.Live{Runs: []config.Step{{Argv: []string{"make"}}}}, "b.py", "")
		if done := b.done(); done.Problem != nil {
			t.Errorf("answer %+v", done)
		}
		b.holds(map[string]string{"/srv/a.py": "one"})
		if !b.said("deleted /srv/b.py, ran make in") || !b.said("web: compiled") {
			t.Errorf("log %q", b.lines)
		}
	})
}

// TestStagesOfALiveUpdate: each is said once it was seen, by this machine's clock.
func TestStagesOfALiveUpdate(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bench) {
		b.connect()
		wait := func() { time.Sleep(10 * time.Millisecond) }
		make, exit := []config.Step{{Argv: []string{"make"}}}, wire.Exit{}
		b.agent.OnCommit = wait
		b.agent.OnRun = func(wire.Command, io.Writer, io.Writer) wire.Exit { wait(); return exit }
		took := func(l engine.Live, files ...string) string {
			t.Helper()
			began := time.Now()
			b.live(l, files...)
			time.Sleep(time.Minute)
			synctest.Wait()
			b.mu.Lock()
			defer b.mu.Unlock()
			for _, e := range b.events {
				if done, is := e.(engine.LiveDone); is {
					b.events = nil
					text := ""
					for _, at := range []time.Time{done.Stages.Staged, done.Stages.Applied, done.Stages.Restarted} {
						if at.IsZero() {
							text += " -"
						} else {
							text += " " + at.Sub(began).Round(time.Millisecond).String()
						}
					}
					return text[1:]
				}
			}
			t.Fatalf("no answer in %+v", b.events)
			return ""
		}
		check := func(what, got, want string) {
			t.Helper()
			if got != want {
				t.Errorf("%s: staged, applied, restarted after %q, want %q", what, got, want)
			}
		}
		check("all", took(engine.Live{Restart: true, Runs: make}, "x", "1"), "10ms 10ms 20ms")
		check("no restart", took(engine.Live{}, "x", "2"), "10ms 10ms -")
		check("nothing differs", took(engine.Live{Check: true}, "x", "2"), "- - -")
		check("a restart alone", took(engine.Live{Restart: true}), "- - 10ms")
		exit = wire.Exit{Code: 1}
		check("a command fails", took(engine.Live{Restart: true, Runs: make}, "x", "3"), "10ms 10ms -")
		b.agent.Mount("/srv/conf", "theirs")
		check("all is mounted over", took(engine.Live{Restart: true}, "conf", "ours"), "- - -")
		b.agent.FailNext(wire.Errorf(wire.CodeUnwritable, "no room"))
		check("it is refused", took(engine.Live{Restart: true}, "x", "4"), "- - -")
		b.agent.OnCommit = func() { wait(); _ = b.agent.Close() }
		check("the agent goes between staged and applied", took(engine.Live{Restart: true}, "x", "5"), "- - -")
	})
}

// TestStagesThatCannotBe: what an agent says of its own time fits in the time that
// it took to answer, and an older one does not tell staging and commit apart.
func TestStagesThatCannotBe(t *testing.T) {
	asked := time.Unix(1000, 0)
	answered := asked.Add(time.Second)
	change := client.Change{Transaction: wire.Transaction{Files: []wire.File{{}}, Restart: true}}
	for name, test := range map[string]struct {
		result wire.Result
		want   engine.LiveStages
	}{
		"an older agent":  {wire.Result{}, engine.LiveStages{Applied: answered}},
		"too long":        {wire.Result{RunMicros: math.MaxInt64, RestartMicros: math.MaxInt64, CommitMicros: math.MaxInt64}, engine.LiveStages{Staged: asked, Applied: asked}},
		"less than none":  {wire.Result{RunMicros: -1e9, RestartMicros: math.MinInt64, CommitMicros: 1}, engine.LiveStages{Staged: answered.Add(-time.Microsecond), Applied: answered}},
		"nothing runs":    {wire.Result{Process: wire.Process{State: wire.StateExited}}, engine.LiveStages{Applied: answered}},
		"it runs by then": {wire.Result{RestartMicros: 1e5, Process: wire.Process{State: wire.StateRunning}}, engine.LiveStages{Applied: answered.Add(-100 * time.Millisecond), Restarted: answered}},
	} {
		if diff := cmp.Diff(test.want, stages(&change, &test.result, asked, answered)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// TestMountedOver: what is mounted over in the container costs no build and no
// restart, is remembered by its name here, and the rest arrives.
func TestMountedOver(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bench) {
		b.agent.Mount("/srv/settings", "of the cluster")
		b.connect()
		at := filepath.Join(b.dir, "settings")
		want := map[string]wire.Covered{at: {Path: "/srv/settings", Mount: "/srv/settings", Type: "fake"}}
		for _, l := range []engine.Live{{Restart: true}, {Restart: true, Check: true}} {
			b.live(l, "settings", "mine", "a.py", "one")
			if done := b.done(); done.Problem != nil || done.Rebuild {
				t.Errorf("answer %+v", done)
			}
			b.holds(map[string]string{"/srv/settings": "of the cluster", "/srv/a.py": "one"})
			if diff := cmp.Diff(want, b.status().Covered); diff != "" {
				t.Errorf("covered (-want +got):\n%s", diff)
			}
		}
		if starts := b.status().Process.Starts; starts != 1 {
			t.Errorf("%d starts, want 1: the second time nothing but the covered file differed", starts)
		}
		b.live(engine.Live{Restart: true}, "a.py", "two")
		b.done()
		if diff := cmp.Diff(want, b.status().Covered); diff != "" {
			t.Errorf("another file's update forgot it (-want +got):\n%s", diff)
		}
		b.live(engine.Live{}, "settings", "of the cluster")
		b.done()
		if got := b.status().Covered; len(got) > 0 {
			t.Errorf("it is the same by now, and still covered: %v", got)
		}
		if b.said("wrote /srv/settings,") || !b.said("wrote /srv/a.py") {
			t.Errorf("log %q", b.lines)
		}
	})
}

// TestRecallNamesWhatWasBrought: by whatever daemon, here still or not.
func TestRecallNamesWhatWasBrought(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bench) {
		b.connect()
		b.live(engine.Live{}, "kept", "1", "gone", "1", "became-folder", "1")
		b.done()
		for _, name := range []string{"gone", "became-folder"} {
			if err := os.Remove(filepath.Join(b.dir, name)); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.Mkdir(filepath.Join(b.dir, "became-folder"), 0o755); err != nil {
			t.Fatal(err)
		}
		b.live(engine.Live{Check: true, Recall: true}, "kept", "1")
		want := []string{filepath.Join(b.dir, "became-folder"), filepath.Join(b.dir, "gone"), filepath.Join(b.dir, "kept")}
		if done := b.done(); done.Problem != nil || !slices.Equal(done.Brought, want) {
			t.Errorf("answer %+v, want that %q were brought", done, want)
		}
	})
}

// TestUnknownFilesAreNotInSync: who cannot say what was brought may hold what is
// gone here, and no update of it counts as done.
func TestUnknownFilesAreNotInSync(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bench) {
		b.agent.forgets = true
		b.connect()
		b.live(engine.Live{Check: true, Recall: true}, "kept", "1")
		if done := b.done(); done.Problem == nil || !strings.Contains(done.Problem.Error(), "the notes are gone") || done.Rebuild {
			t.Errorf("answer %+v, want a problem", done)
		}
		b.holds(map[string]string{"/srv/kept": "1"})
	})
}

// TestCheckSendsWhatDiffers: nothing differs, nothing runs, unless it must.
func TestCheckSendsWhatDiffers(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bench) {
		b.connect()
		b.live(engine.Live{}, "same", "1", "gone", "2")
		b.done()
		if err := os.Remove(filepath.Join(b.dir, "gone")); err != nil {
			t.Fatal(err)
		}
		runs := 0
		b.agent.OnRun = func(wire.Command, io.Writer, io.Writer) wire.Exit { runs++; return wire.Exit{} }
		run := []config.Step{{Argv: []string{"make"}}}
		for _, test := range []struct {
			what  string
			live  engine.Live
			files []string
			runs  int
			sent  int
		}{
			{"a new file and one that is gone", engine.Live{Check: true, Runs: run}, []string{"same", "1", "gone", "", "new", "3"}, 1, 2},
			{"nothing differs", engine.Live{Check: true, Runs: run}, []string{"same", "1", "gone", "", "new", "3"}, 0, 0},
			{"nothing differs and it must", engine.Live{Check: true, Must: true, Runs: run}, []string{"same", "1"}, 1, 0},
			{"no file at all", engine.Live{Check: true, Runs: run}, nil, 0, 0},
			{"no file and it must", engine.Live{Check: true, Must: true, Runs: run}, nil, 1, 0},
		} {
			runs = 0
			b.live(test.live, test.files...)
			if done := b.done(); done.Problem != nil {
				t.Errorf("%s: %v", test.what, done.Problem)
			}
			all := b.agent.Transactions()
			last := all[len(all)-1]
			if sent := len(last.Files) + len(last.Deletes); runs != test.runs || sent != test.sent || !last.Start {
				t.Errorf("%s: %d commands, %d files, start %v, want %d and %d", test.what, runs, sent, last.Start, test.runs, test.sent)
			}
		}
	})
}

// TestFailures: what a full build can help is said to need one.
func TestFailures(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bench) {
		b.connect()
		b.agent.ReadOnly("/srv/sealed")
		if err := os.Mkdir(filepath.Join(b.dir, "sealed"), 0o755); err != nil {
			t.Fatal(err)
		}
		b.live(engine.Live{}, "sealed/x", "1")
		if done := b.done(); !done.Rebuild || !strings.Contains(done.Problem.Message, filepath.Join(b.dir, "sealed/x")) || done.Problem.Pos.File == "" {
			t.Errorf("not writable: %+v", done)
		}
		if !b.said("error web: ") || !b.said("the image is built instead") {
			t.Errorf("log %q", b.lines)
		}
		b.agent.FailNext(wire.Errorf(wire.CodeHashMismatch, "other bytes"))
		b.live(engine.Live{}, "x", "1")
		if done := b.done(); done.Rebuild || done.Problem == nil || len(done.Unlike) != 1 {
			t.Errorf("a file that changed meanwhile: %+v", done)
		}
		b.agent.OnRun = func(wire.Command, io.Writer, io.Writer) wire.Exit { return wire.Exit{Code: 2} }
		b.live(engine.Live{Runs: []config.Step{{Argv: []string{"make", "all"}, Pos: config.Position{Line: 9}}}}, "x", "2")
		if done := b.done(); done.Rebuild || !strings.Contains(done.Problem.Message, `run "make all" in container app of pod web-1`) || done.Problem.Pos.Line != 9 {
			t.Errorf("a command: %+v", done)
		}
		b.live(engine.Live{}, "folder\x00", "")
		if done := b.done(); done.Problem == nil {
			t.Errorf("a name that cannot be: %+v", done)
		}
	})
}

// TestAgentGoneInMidApply: it is not known what was done, and no build can
// help; the next connection finds out.
func TestAgentGoneInMidApply(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bench) {
		b.connect()
		b.agent.onApply = func(context.Context, func()) { b.agent.Reboot("two", nil) }
		time.Sleep(time.Minute)
		b.live(engine.Live{}, "x", "1")
		synctest.Wait()
		b.mu.Lock()
		got := append([]engine.Event{}, b.events...)
		b.events = nil
		b.mu.Unlock()
		lost, answered := false, false
		for _, e := range got {
			if done, ok := e.(engine.LiveDone); ok {
				answered = done.Problem != nil
			}
			lost = lost || e == engine.Event(engine.Detached{Target: web, Instance: "1"})
		}
		if !answered || !lost {
			t.Errorf("events %+v", got)
		}
		b.agent.onApply = nil
		time.Sleep(time.Minute)
		b.told(engine.Attached{Target: web, Instance: "1"})
		b.live(engine.Live{Check: true}, "x", "1")
		if done := b.done(); done.Problem != nil {
			t.Errorf("after it came back: %+v", done)
		}
	})
}

// TestPodReplacedInMidApply: what the old container's agent answers late
// changes nothing of the new one.
func TestPodReplacedInMidApply(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bench) {
		b.connect()
		old := b.agent
		late := make(chan struct{})
		old.onApply = func(_ context.Context, real func()) { <-late; real() }
		b.live(engine.Live{Restart: true}, "x", "1")
		synctest.Wait()
		b.Detach(web)
		b.with(func() { b.agent = &agent{Fake: agenttest.NewFake()} })
		b.Attach(engine.Attach{Target: web, Resource: "web", Image: "img", Instance: "2"})
		time.Sleep(time.Minute)
		b.told(engine.Detached{Target: web, Instance: "1"}, engine.Attached{Target: web, Instance: "2"})
		close(late)
		if done := b.done(); done.Problem == nil {
			t.Errorf("an answer after the connection was closed: %+v", done)
		}
		if s := b.status(); s.Process.State != wire.StateHeld {
			t.Errorf("the new container's process is %+v", s.Process)
		}
		if len(b.gone) != 1 {
			t.Errorf("gone: %v", b.gone)
		}
	})
}

// TestNobodyThere: a live update without an agent is answered.
func TestNobodyThere(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bench) {
		b.live(engine.Live{})
		if done := b.done(); done.Rebuild || !strings.Contains(done.Problem.Message, "no agent is connected") {
			t.Errorf("answer %+v", done)
		}
		if b.Connected(t.Context(), web) != nil {
			t.Error("an agent that nobody attached")
		}
		if _, _, err := b.Debug(t.Context(), web, false); err == nil {
			t.Error("a debugger without an agent")
		}
	})
}

// TestItIsTriedAgain, ever more seldom, and said why until it answers.
func TestItIsTriedAgain(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bench) {
		b.dialErr = errors.New("connection refused")
		b.Attach(engine.Attach{Target: web, Resource: "web", Image: "img", Instance: "1"})
		time.Sleep(time.Minute)
		b.told()
		if s := b.status(); s.Problem == nil || !strings.Contains(s.Problem.Message, "connection refused") || s.Resource != "web" {
			t.Errorf("status %+v", s)
		}
		if b.dials < 15 || b.dials > 25 {
			t.Errorf("%d attempts in a minute", b.dials)
		}
		b.with(func() { b.dialErr = nil })
		time.Sleep(lastRetry)
		b.told(engine.Attached{Target: web, Instance: "1"})
		if s := b.status(); s.Problem != nil || b.Connected(t.Context(), web) == nil {
			t.Errorf("status %+v", s)
		}
		b.agent.Crash(wire.Exit{Code: 3})
		if !b.said("error web: web-1: the process ended: exit code 3") || b.status().Process.State != wire.StateExited {
			t.Errorf("a crash: %q", b.lines)
		}
	})
}

// TestMissingRightIsNamed.
func TestMissingRightIsNamed(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bench) {
		b.dialErr = fmt.Errorf("enrolling by exec: %w", &kube.Error{Kind: kube.Forbidden, Op: "running a command in", Object: "it", Err: errors.New("no")})
		b.Attach(engine.Attach{Target: web, Resource: "web", Image: "img", Instance: "1"})
		if s := b.status(); !s.Refused || !strings.Contains(s.Problem.Hint, "pods/exec") {
			t.Errorf("status %+v, %+v", s, s.Problem)
		}
		b.with(func() { b.dialErr = nil })
		time.Sleep(lastRetry)
		if s := b.status(); s.Refused || s.Problem != nil {
			t.Errorf("status %+v", s)
		}
	})
}

// TestOldNewsOfAProcess: an answer that is older than an event that was seen.
func TestOldNewsOfAProcess(t *testing.T) {
	running, ended := wire.Process{State: wire.StateRunning, Starts: 2}, wire.Process{State: wire.StateExited, Starts: 2}
	for _, test := range []struct {
		known, told wire.Process
		want        bool
	}{
		{ended, running, true}, {running, ended, false}, {running, running, false}, {wire.Process{}, running, false},
		{running, wire.Process{State: wire.StateExited, Starts: 1}, true}, {ended, wire.Process{State: wire.StateRunning, Starts: 3}, false},
		{wire.Process{State: wire.StateBackoff, Starts: 2}, running, true},
	} {
		if got := outdated(test.known, test.told); got != test.want {
			t.Errorf("%+v after %+v: %v", test.told, test.known, got)
		}
	}
}

// TestAgentIsToldOnce: a policy that is in force costs no request.
func TestAgentIsToldOnce(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bench) {
		b.connect()
		never := map[string]any{"ref": "img", "policy": "never"}
		for _, p := range []*config.Project{b.project(), b.project(never), b.project(never), b.project()} {
			b.Configure(p)
			synctest.Wait()
		}
		if n := len(b.agent.policies); n != 2 || b.agent.policies[0].Restart != wire.RestartNever {
			t.Errorf("told %+v", b.agent.policies)
		}
		b.agent.refuse = errors.New("too old")
		b.Configure(b.project(never))
		if !b.said("towline.restart() is not in force: too old") {
			t.Errorf("log %q", b.lines)
		}
	})
	inBubble(t, func(t *testing.T, b *bench) { // before the connection is made
		b.Configure(b.project(map[string]any{"ref": "img", "policy": "never"}))
		b.Attach(engine.Attach{Target: web, Resource: "web", Image: "img", Instance: "1"})
		synctest.Wait()
		if len(b.agent.policies) != 1 {
			t.Errorf("told %+v", b.agent.policies)
		}
	})
}

// TestRestartWaitsForItsDebugger, and not for ever.
func TestRestartWaitsForItsDebugger(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bench) {
		b.agent.debugged = true
		b.connect()
		b.live(engine.Live{Restart: true}, "x", "1")
		if done := b.done(); done.Problem != nil || b.status().Process.State != wire.StateHeld && b.status().Process.State != wire.StateStopped {
			t.Errorf("answer %+v, process %+v", done, b.status().Process)
		}
		if !b.said("stopped, and starts again under the debugger") {
			t.Errorf("log %q", b.lines)
		}
		time.Sleep(debuggerTimeout)
		if s := b.status(); s.Process.State != wire.StateRunning {
			t.Errorf("nobody came, and the process is %+v", s.Process)
		}
		var modes []wire.DebugMode
		here, there := net.Pipe()
		defer there.Close()
		b.agent.OnDebug = func(d wire.DebugRequest) (net.Conn, error) { modes = append(modes, d.Mode); return here, nil }
		b.live(engine.Live{Restart: true}, "x", "2")
		b.done()
		for range 2 {
			if _, s, err := b.Debug(t.Context(), web, false); err != nil || s.Image.Ref != "img" || s.Program != "/app/server" {
				t.Errorf("session %+v, %v", s, err)
			}
		}
		if diff := cmp.Diff([]wire.DebugMode{wire.DebugRestart, wire.DebugAttach}, modes); diff != "" {
			t.Errorf("modes (-want +got):\n%s", diff)
		}
		starts := b.status().Process.Starts
		time.Sleep(debuggerTimeout)
		if got := b.status().Process.Starts; got != starts {
			t.Errorf("%d starts, after the debugger came %d", got, starts)
		}
		b.agent.refuse = errors.New("no")
		b.live(engine.Live{Restart: true}, "x", "3")
		if done := b.done(); done.Problem == nil || done.Rebuild {
			t.Errorf("a stop that fails: %+v", done)
		}
	})
}

// pods are Pods that answer as told.
type pods struct {
	code        int
	execErr     error
	out, errs   string
	dial        error
	asked       kube.ExecOptions
	dialledPort int
}

func (p *pods) Exec(_ context.Context, o kube.ExecOptions) (int, error) {
	p.asked = o
	_, _ = io.WriteString(o.Stdout, p.out)
	_, _ = io.WriteString(o.Stderr, p.errs)
	return p.code, p.execErr
}

func (p *pods) Dial(_ context.Context, _, _ string, port int) (net.Conn, error) {
	p.dialledPort = port
	here, there := net.Pipe()
	there.Close()
	return here, p.dial
}

// TestConnectSaysWhatFailed, step by step.
func TestConnectSaysWhatFailed(t *testing.T) {
	const enrolled = `{"port":4711,"protocol":1}`
	for want, p := range map[string]*pods{
		"enrolling by exec: forbidden":                {execErr: errors.New("forbidden")},
		"enrolling by exec: exit code 3: not for you": {code: 3, errs: "not for you\n"},
		"":                            {out: "rubble"},
		"forwarding the agent's port": {out: enrolled, dial: errors.New("cut")},
		"greeting the agent":          {out: enrolled},
	} {
		c, err := Connect(t.Context(), p, "ws", web)
		if err == nil || c != nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, %v, want %q", c, err, want)
		}
		if p.asked.Pod != "web-1" || p.asked.Container != "app" || len(p.asked.Argv) == 0 {
			t.Errorf("asked %+v", p.asked)
		}
	}
}

func TestNamed(t *testing.T) {
	id := func(s string) string { return s }
	for want, list := range map[string][]string{"": nil, "a": {"a"}, "a, b, c": {"a", "b", "c"}, "a, b, c and 2 more": {"a", "b", "c", "d", "e"}} {
		if got := named(list, id); got != want {
			t.Errorf("named(%q) = %q, want %q", list, got, want)
		}
	}
}
