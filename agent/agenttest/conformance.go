package agenttest

import (
	"bytes"
	"context"
	"errors"
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/zeebo/blake3"

	"github.com/towline-dev/towline/agent/client"
	"github.com/towline-dev/towline/agent/wire"
)

// Subject is an agent for one test of the suite. Its application is held.
type Subject struct {
	Agent Agent
	Root  string // an empty directory in which the agent may write
	// Sealed is a directory in which it may not write.
	Sealed string
	// Mount mounts a file that holds "from there" below Root and returns its path;
	// "": none can be.
	Mount func() string
	// Crash makes the running application end with exit code 3.
	Crash func()
	// Shell runs a script; the fake has no shell and plays its effect.
	Shell func(script string) wire.Command
}

// suiteTimeout ends a test of the suite that hangs.
const suiteTimeout = 30 * time.Second

// Conformance holds an agent to what its users rely on. The function fresh
// makes a new subject for each test.
func Conformance(t *testing.T, fresh func(t *testing.T) Subject) {
	tests := map[string]func(*testing.T, context.Context, Subject){
		"facts":             testFacts,
		"apply":             testApply,
		"apply whole":       testApplyWhole,
		"apply wrong hash":  testApplyWrongHash,
		"apply sealed":      testApplySealed,
		"apply no content":  testApplyNoContent,
		"covered":           testCovered,
		"deletes":           testDeletes,
		"links and folders": testLinks,
		"verify":            testVerify,
		"manifest":          testManifest,
		"can write":         testCanWrite,
		"managed":           testManaged,
		"run":               testRun,
		"runs in order":     testRuns,
		"process":           testProcess,
		"restart with save": testRestartWithSave,
		"events":            testEvents,
		"dial refused":      testDialRefused,
		"close":             testClose,
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := fresh(t)
			ctx, cancel := context.WithTimeout(t.Context(), suiteTimeout)
			defer cancel()
			t.Cleanup(func() { s.Agent.Close() })
			test(t, ctx, s)
		})
	}
}

// change makes a change of regular files below root from pairs of path and
// content.
func change(root string, pairs ...string) client.Change {
	var c client.Change
	contents := client.Bytes{}
	for pair := range slices.Chunk(pairs, 2) {
		f := wire.File{
			Path: wire.Path{Root: root, Path: pair[0]}, Mode: 0o644,
			Size: int64(len(pair[1])), Hash: blake3.Sum256([]byte(pair[1])),
		}
		c.Files = append(c.Files, f)
		contents[f.Path.String()] = []byte(pair[1])
	}
	c.Source = contents
	return c
}

func mustApply(t *testing.T, ctx context.Context, s Subject, c client.Change) wire.Result {
	t.Helper()
	result, err := s.Agent.Apply(ctx, c)
	if err != nil {
		t.Fatalf("Apply: %v", err)
	}
	return result
}

// holds checks that what is below the root are exactly the files.
func holds(t *testing.T, ctx context.Context, s Subject, pairs ...string) {
	t.Helper()
	entries, err := s.Agent.Manifest(ctx, wire.ManifestQuery{Roots: []string{s.Root}, Hash: true})
	if err != nil {
		t.Fatalf("Manifest: %v", err)
	}
	got, want := map[string]string{}, map[string]string{}
	for _, e := range entries {
		if e.Kind == wire.KindRegular {
			got[e.Path.Path] = e.Hash.String()
		}
	}
	for pair := range slices.Chunk(pairs, 2) {
		want[pair[0]] = wire.Digest(blake3.Sum256([]byte(pair[1]))).String()
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
}

func wantCode(t *testing.T, err error, want wire.Code) *wire.Error {
	t.Helper()
	var e *wire.Error
	if !errors.As(err, &e) {
		t.Fatalf("got error %v, want one with code %q", err, want)
	}
	if e.Code != want {
		t.Fatalf("got code %q (%v), want %q", e.Code, e, want)
	}
	return e
}

func testFacts(t *testing.T, ctx context.Context, s Subject) {
	facts, err := s.Agent.Hello(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if facts.Boot == "" || facts.Protocol != wire.Version || len(facts.Entrypoint) == 0 || facts.Process.State != wire.StateHeld {
		t.Errorf("facts are incomplete: %+v", facts)
	}
	if diff := cmp.Diff(facts, s.Agent.Facts()); diff != "" {
		t.Errorf("Facts differs from Hello:\n%s", diff)
	}
}

func testApply(t *testing.T, ctx context.Context, s Subject) {
	c := change(s.Root, "a.txt", "one", "deep/er/b.txt", "two", "empty", "", "big", strings.Repeat("0123456789abcdef", 1<<17))
	result := mustApply(t, ctx, s, c)
	var want []wire.Entry
	for _, f := range c.Files {
		want = append(want, wire.Entry{Path: f.Path, Mode: f.Mode, Size: f.Size, Hash: f.Hash})
	}
	if diff := cmp.Diff(want, result.Applied, cmpopts.IgnoreFields(wire.Entry{}, "ModTime")); diff != "" {
		t.Errorf("acknowledged (-want +got):\n%s", diff)
	}
	if result.StageMicros < 0 || result.CommitMicros < 1 {
		t.Errorf("staging took %d µs and the commit %d, want 0 or more and 1 or more", result.StageMicros, result.CommitMicros)
	}
	if result.Process.State != wire.StateHeld {
		t.Errorf("the application is %q after a change without a start, want it held", result.Process.State)
	}
	mustApply(t, ctx, s, change(s.Root, "a.txt", "uno"))
	holds(t, ctx, s, "a.txt", "uno", "deep/er/b.txt", "two", "empty", "", "big", strings.Repeat("0123456789abcdef", 1<<17))
}

func testApplyWhole(t *testing.T, ctx context.Context, s Subject) {
	mustApply(t, ctx, s, change(s.Root, "a", "old a", "gone", "old gone"))
	c := change(s.Root, "a", "new a", "b", "new b")
	c.Deletes = []wire.Path{{Root: s.Root, Path: "gone"}}
	sealed := change(s.Sealed, "c", "new c")
	c.Files = append(c.Files, sealed.Files...)
	for name, content := range sealed.Source.(client.Bytes) {
		c.Source.(client.Bytes)[name] = content
	}
	if _, err := s.Agent.Apply(ctx, c); err == nil {
		t.Fatal("a change with a file that cannot be written succeeded")
	}
	holds(t, ctx, s, "a", "old a", "gone", "old gone")
}

func testApplyWrongHash(t *testing.T, ctx context.Context, s Subject) {
	mustApply(t, ctx, s, change(s.Root, "a", "old"))
	for name, content := range map[string]string{"same length": "NEW", "longer": "new and more", "shorter": "n"} {
		c := change(s.Root, "b", "bbb", "a", "new")
		c.Source.(client.Bytes)[s.Root+"/a"] = []byte(content)
		_, err := s.Agent.Apply(ctx, c)
		if err == nil {
			t.Fatalf("%s: a content that is not as announced was taken", name)
		}
		wantCode(t, err, wire.CodeHashMismatch)
	}
	holds(t, ctx, s, "a", "old")
}

func testApplySealed(t *testing.T, ctx context.Context, s Subject) {
	_, err := s.Agent.Apply(ctx, change(s.Sealed, "x", "content"))
	e := wantCode(t, err, wire.CodeUnwritable)
	if e.Path != s.Sealed+"/x" || !strings.Contains(e.Message, s.Sealed) {
		t.Errorf("the error does not name the path %s/x: %+v", s.Sealed, e)
	}
}

func testApplyNoContent(t *testing.T, ctx context.Context, s Subject) {
	c := change(s.Root, "a", "content", "b", "content")
	delete(c.Source.(client.Bytes), s.Root+"/b")
	if _, err := s.Agent.Apply(ctx, c); err == nil || !strings.Contains(err.Error(), "b") {
		t.Errorf("got error %v, want one that names the file without content", err)
	}
	holds(t, ctx, s)
	mustApply(t, ctx, s, change(s.Root, "a", "content")) // the connection lives on
}

// testCovered: what lies under a mount is left out and said, and the rest goes
// on; commands and restarts follow only if something changed.
func testCovered(t *testing.T, ctx context.Context, s Subject) {
	mounted := s.Mount()
	if mounted == "" {
		t.Skip("nothing can be mounted here: this test needs root")
	}
	name := path.Base(mounted)
	want := []wire.Covered{{Path: mounted, Mount: mounted}}
	check := func(c client.Change, runs int) {
		t.Helper()
		result := mustApply(t, ctx, s, c)
		if diff := cmp.Diff(want, result.Covered, cmpopts.IgnoreFields(wire.Covered{}, "Type")); diff != "" {
			t.Errorf("covered (-want +got):\n%s", diff)
		}
		if len(result.Runs) != runs {
			t.Errorf("%d commands ran, want %d", len(result.Runs), runs)
		}
	}
	both := change(s.Root, name, "from here", "beside", "new")
	both.Runs = []wire.Command{s.Shell("echo one")}
	check(both, 1)
	holds(t, ctx, s, name, "from there", "beside", "new")
	alone := change(s.Root, name, "from here")
	alone.Runs = []wire.Command{s.Shell("echo one")}
	check(alone, 0)
	alone.Due = true
	check(alone, 1)
	check(client.Change{Transaction: wire.Transaction{Deletes: []wire.Path{{Root: s.Root, Path: name}}}}, 0)
	want = nil
	check(change(s.Root, name, "from there"), 0)
	holds(t, ctx, s, name, "from there", "beside", "new")
}

func testDeletes(t *testing.T, ctx context.Context, s Subject) {
	mustApply(t, ctx, s, change(s.Root, "a", "1", "dir/b", "2", "dir/sub/c", "3", "keep", "4"))
	c := change(s.Root, "dir/new", "5")
	c.Deletes = []wire.Path{{Root: s.Root, Path: "a"}, {Root: s.Root, Path: "dir"}, {Root: s.Root, Path: "never/there"}}
	if got := mustApply(t, ctx, s, c).Deleted; got != 2 {
		t.Errorf("deleted %d, want 2", got)
	}
	holds(t, ctx, s, "keep", "4", "dir/new", "5")
}

func testLinks(t *testing.T, ctx context.Context, s Subject) {
	c := change(s.Root, "real", "content")
	c.Files = append(c.Files,
		wire.File{Path: wire.Path{Root: s.Root, Path: "link"}, Kind: wire.KindSymlink, Target: "real"},
		wire.File{Path: wire.Path{Root: s.Root, Path: "folder"}, Kind: wire.KindDir, Mode: 0o755})
	mustApply(t, ctx, s, c)
	differ, err := s.Agent.Verify(ctx, c.Files)
	if err != nil || len(differ) > 0 {
		t.Errorf("after Apply these differ: %v, error %v", differ, err)
	}
	// A link becomes a file, a folder becomes a file, a file becomes a folder.
	mustApply(t, ctx, s, change(s.Root, "link", "own", "folder", "file", "real/below", "x"))
	holds(t, ctx, s, "link", "own", "folder", "file", "real/below", "x")
}

func testVerify(t *testing.T, ctx context.Context, s Subject) {
	c := change(s.Root, "same", "1", "changed", "2", "missing", "3")
	mustApply(t, ctx, s, change(s.Root, "same", "1", "changed", "two"))
	got, err := s.Agent.Verify(ctx, c.Files)
	if err != nil {
		t.Fatal(err)
	}
	kinds := map[string]wire.FileKind{}
	for _, e := range got {
		kinds[e.Path.Path] = e.Kind
	}
	want := map[string]wire.FileKind{"changed": wire.KindRegular, "missing": wire.KindMissing}
	if diff := cmp.Diff(want, kinds); diff != "" {
		t.Errorf("differing files (-want +got):\n%s", diff)
	}
}

func testManifest(t *testing.T, ctx context.Context, s Subject) {
	c := change(s.Root, "a", "1", "z", "26")
	mustApply(t, ctx, s, c)
	got, err := s.Agent.Manifest(ctx, wire.ManifestQuery{Roots: []string{s.Root, path.Join(s.Root, "nowhere")}})
	if err != nil {
		t.Fatal(err)
	}
	want := []wire.Entry{{Path: c.Files[0].Path, Mode: 0o644, Size: 1}, {Path: c.Files[1].Path, Mode: 0o644, Size: 2}}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(wire.Entry{}, "ModTime")); diff != "" {
		t.Errorf("manifest (-want +got):\n%s", diff)
	}
}

func testManaged(t *testing.T, ctx context.Context, s Subject) {
	mustApply(t, ctx, s, change(s.Root, "b", "1", "dir/a", "2", "gone", "3", "dir/gone", "4"))
	c := client.Change{Transaction: wire.Transaction{
		Files:   []wire.File{{Path: wire.Path{Root: s.Root, Path: "link"}, Kind: wire.KindSymlink, Target: "nowhere"}, {Path: wire.Path{Root: s.Root, Path: "made"}, Kind: wire.KindDir}},
		Deletes: []wire.Path{{Root: s.Root, Path: "gone"}, {Root: s.Root, Path: "dir/gone"}},
	}}
	mustApply(t, ctx, s, c)
	if _, err := s.Agent.Apply(ctx, change(s.Sealed, "x", "content")); err == nil {
		t.Error("a change that cannot be written succeeded")
	}
	got, err := s.Agent.Managed(ctx)
	want := []wire.Path{{Root: s.Root, Path: "b"}, {Root: s.Root, Path: "dir/a"}, {Root: s.Root, Path: "link"}}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("(-want +got):\n%s%v", diff, err)
	}
}

func testCanWrite(t *testing.T, ctx context.Context, s Subject) {
	paths := []wire.Path{{Root: s.Root, Path: "new/deep"}, {Root: s.Sealed, Path: "x"}}
	got, err := s.Agent.CanWrite(ctx, paths)
	if err != nil || len(got) != 2 {
		t.Fatalf("got %v, %v", got, err)
	}
	if !got[0].OK {
		t.Errorf("%s: %s, want it writable", got[0].Path, got[0].Reason)
	}
	if got[1].OK || got[1].Reason == "" || got[1].Blocker == "" {
		t.Errorf("%s: want it not writable, with a reason and what blocks it, got %+v", got[1].Path, got[1])
	}
}

func testRun(t *testing.T, ctx context.Context, s Subject) {
	var stdout, stderr bytes.Buffer
	exit, err := s.Agent.Run(ctx, s.Shell("echo out; echo err >&2; exit 3"), &stdout, &stderr)
	if err != nil {
		t.Fatal(err)
	}
	if exit.Code != 3 || stdout.String() != "out\n" || stderr.String() != "err\n" {
		t.Errorf("got exit %+v, stdout %q, stderr %q", exit, &stdout, &stderr)
	}
}

func testRuns(t *testing.T, ctx context.Context, s Subject) {
	c := change(s.Root, "a", "1")
	var out bytes.Buffer
	c.Output = func(_ bool, p []byte) { out.Write(p) }
	c.Runs = []wire.Command{s.Shell("echo one"), s.Shell("echo two; exit 4"), s.Shell("echo three")}
	c.Restart = true
	result := mustApply(t, ctx, s, c)
	if failed := result.Failed(); failed == nil || failed.Code != 4 || len(result.Runs) != 2 {
		t.Errorf("want the second command to fail with 4 and the third not to run, got %+v", result.Runs)
	}
	if out.String() != "one\ntwo\n" {
		t.Errorf("output is %q", &out)
	}
	if result.Process.State != wire.StateHeld {
		t.Errorf("the application was started after a command that failed: %+v", result.Process)
	}
	holds(t, ctx, s, "a", "1")
}

func testProcess(t *testing.T, ctx context.Context, s Subject) {
	step := func(name string, do func(context.Context, wire.StartOptions) (wire.Process, error), state wire.State, starts int) wire.Process {
		t.Helper()
		p, err := do(ctx, wire.StartOptions{})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if p.State != state || p.Starts != starts || (p.PID != 0) != (state == wire.StateRunning) {
			t.Fatalf("%s: got %+v, want state %s and %d starts", name, p, state, starts)
		}
		return p
	}
	stop := func(ctx context.Context, _ wire.StartOptions) (wire.Process, error) { return s.Agent.Stop(ctx) }
	if _, err := s.Agent.Signal(ctx, "SIGHUP"); err == nil {
		t.Error("a held application was sent a signal")
	}
	first := step("start", s.Agent.Start, wire.StateRunning, 1)
	step("start again", s.Agent.Start, wire.StateRunning, 1)
	second := step("restart", s.Agent.Restart, wire.StateRunning, 2)
	if first.PID == second.PID {
		t.Errorf("both processes have pid %d", first.PID)
	}
	stopped := step("stop", stop, wire.StateStopped, 2)
	if stopped.Exit == nil || !stopped.Exit.Asked {
		t.Errorf("after stop the exit is %+v, want one that was asked for", stopped.Exit)
	}
	step("stop again", stop, wire.StateStopped, 2)
	step("start after stop", s.Agent.Start, wire.StateRunning, 3)
}

func testRestartWithSave(t *testing.T, ctx context.Context, s Subject) {
	c := change(s.Root, "a", "1")
	c.Start = true
	first := mustApply(t, ctx, s, c).Process
	again := mustApply(t, ctx, s, c).Process
	if first.State != wire.StateRunning || again.PID != first.PID {
		t.Errorf("want Start to start once, got %+v, then %+v", first, again)
	}
	c = change(s.Root, "a", "2")
	c.Restart = true
	if p := mustApply(t, ctx, s, c).Process; p.State != wire.StateRunning || p.PID == first.PID || p.Starts != 2 {
		t.Errorf("want a new process after Restart, got %+v after %+v", p, first)
	}
}

func testEvents(t *testing.T, ctx context.Context, s Subject) {
	if _, err := s.Agent.SetPolicy(ctx, wire.Policy{Restart: wire.RestartNever}); err != nil {
		t.Fatal(err)
	}
	events := make(chan wire.Event, 16)
	enough := errors.New("enough")
	ended := make(chan error, 1)
	go func() {
		ended <- s.Agent.Events(ctx, func(e wire.Event) error {
			if e.Kind != wire.EventDebug { // which may come at any time
				events <- e
			}
			if e.Kind == wire.EventExited && !e.Process.Exit.Asked {
				return enough
			}
			return nil
		})
	}()
	next := func(kind wire.EventKind) wire.Event {
		t.Helper()
		select {
		case e := <-events:
			if e.Kind != kind {
				t.Fatalf("got event %+v, want kind %s", e, kind)
			}
			return e
		case <-ctx.Done():
			t.Fatalf("no event of kind %s", kind)
			panic("unreachable")
		}
	}
	if e := next(wire.EventState); e.Process.State != wire.StateHeld {
		t.Errorf("first event: %+v, want the state held", e)
	}
	started, err := s.Agent.Start(ctx, wire.StartOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if e := next(wire.EventStarted); e.Process.PID != started.PID {
		t.Errorf("started event: %+v, want pid %d", e, started.PID)
	}
	if _, err := s.Agent.Restart(ctx, wire.StartOptions{}); err != nil {
		t.Fatal(err)
	}
	next(wire.EventExited)
	next(wire.EventStarted)
	s.Crash()
	if e := next(wire.EventExited); e.Process.State != wire.StateExited || e.Process.Exit.Code != 3 {
		t.Errorf("after the crash: %+v, exit %+v", e.Process, e.Process.Exit)
	}
	if err := <-ended; err != enough {
		t.Errorf("Events returned %v, want the handler's error", err)
	}
}

func testDialRefused(t *testing.T, ctx context.Context, s Subject) {
	_, err := s.Agent.Dial(ctx, 1) // tcpmux: nobody
	wantCode(t, err, wire.CodeRefused)
	if _, err := s.Agent.Hello(ctx); err != nil {
		t.Errorf("after a refused port the agent answers %v", err)
	}
}

func testClose(t *testing.T, ctx context.Context, s Subject) {
	s.Agent.Close()
	select {
	case <-s.Agent.Done():
	case <-ctx.Done():
		t.Fatal("Done is not closed after Close")
	}
	if _, err := s.Agent.Hello(ctx); err == nil {
		t.Error("a closed agent answers")
	}
}
