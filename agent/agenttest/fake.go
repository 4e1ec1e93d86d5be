package agenttest

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/zeebo/blake3"

	"github.com/towline-dev/towline/agent/client"
	"github.com/towline-dev/towline/agent/wire"
)

// Fake is an agent in memory: files are a map, processes a counter. Its
// methods may be called concurrently. The hooks are set before the first call.
type Fake struct {
	// OnRun performs commands; nil succeeds without output.
	OnRun func(cmd wire.Command, stdout, stderr io.Writer) wire.Exit
	// OnCommit is called when a transaction is staged and nothing is in place yet;
	// nil does nothing. It may call Close: nothing is put in place then.
	OnCommit func()
	// OnDial connects to ports; nil refuses all.
	OnDial func(port int) (net.Conn, error)
	// OnDebug begins debugging sessions; nil refuses.
	OnDebug func(d wire.DebugRequest) (net.Conn, error)

	mu       sync.Mutex // guards what follows
	facts    wire.Facts
	files    map[string]FakeFile
	readonly []string          // directories that refuse
	mounts   map[string]string // what is mounted over single files, by their paths
	process  wire.Process
	subs     []chan wire.Event
	applied  []wire.Transaction
	managed  map[string]wire.Path // files and links that were applied
	failNext error
	done     chan struct{}
	closed   bool
}

// FakeFile is a file of a Fake.
type FakeFile struct {
	wire.File
	Content []byte
}

// NewFake returns an agent whose application is held, with the given entry point.
func NewFake(argv ...string) *Fake {
	if len(argv) == 0 {
		argv = []string{"/app/server"}
	}
	p := wire.Process{State: wire.StateHeld, Argv: argv}
	return &Fake{
		files: map[string]FakeFile{}, managed: map[string]wire.Path{}, process: p, done: make(chan struct{}),
		facts: wire.Facts{
			Agent: "fake", Protocol: wire.Version, Boot: "fake-boot-1", OS: "linux", Arch: "amd64",
			UID: 65532, GID: 65532, Entrypoint: argv, Dir: "/", Started: time.Now().UnixNano(),
		},
	}
}

// Files returns the regular files, by their path in the container.
func (f *Fake) Files() map[string]string {
	f.mu.Lock()
	defer f.mu.Unlock()
	out := map[string]string{}
	for name, file := range f.files {
		if file.Kind == wire.KindRegular {
			out[name] = string(file.Content)
		}
	}
	return out
}

// Transactions returns all transactions that were performed.
func (f *Fake) Transactions() []wire.Transaction {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.applied)
}

// ReadOnly makes a directory, with what is below it, refuse all writes.
func (f *Fake) ReadOnly(dir string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.readonly = append(f.readonly, dir)
}

// Mount mounts a file, as of a ConfigMap, over a path.
func (f *Fake) Mount(name, content string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.mounts == nil {
		f.mounts = map[string]string{}
	}
	f.mounts[name] = content
	f.put(name, content)
}

// put makes a file. f.mu is held.
func (f *Fake) put(name, content string) {
	p := wire.Path{Root: path.Dir(name), Path: path.Base(name)}
	f.files[name] = FakeFile{File: wire.File{Path: p, Size: int64(len(content)), Hash: blake3.Sum256([]byte(content))}, Content: []byte(content)}
}

// FailNext makes the next Apply fail with err, having changed nothing.
func (f *Fake) FailNext(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.failNext = err
}

// Reboot is what a recreated container looks like: no files but those given by
// path, a held application, a new boot id, and a connection that is lost. The
// Fake can be used again at once, as by a new connection.
func (f *Fake) Reboot(boot string, files map[string]string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.files, f.managed = map[string]FakeFile{}, map[string]wire.Path{}
	for name, content := range files {
		f.put(name, content)
	}
	f.facts.Boot = boot
	f.process = wire.Process{State: wire.StateHeld, Argv: f.facts.Entrypoint}
	f.disconnect()
	f.done, f.closed = make(chan struct{}), false
}

// Crash ends the application as if by itself.
func (f *Fake) Crash(e wire.Exit) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.process.State, f.process.PID, f.process.Exit = wire.StateExited, 0, &e
	f.send(wire.EventExited)
}

// disconnect ends the connection. f.mu is held.
func (f *Fake) disconnect() {
	if f.closed {
		return
	}
	f.closed = true
	close(f.done)
	for _, s := range f.subs {
		close(s)
	}
	f.subs = nil
}

// Done is closed when the connection is lost or closed.
func (f *Fake) Done() <-chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.done
}

// Close ends the connection.
func (f *Fake) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.disconnect()
	return nil
}

// enter locks the fake for a request.
func (f *Fake) enter(ctx context.Context) error {
	f.mu.Lock()
	err := ctx.Err()
	if err == nil && f.closed {
		err = fmt.Errorf("asking the agent: %w", net.ErrClosed)
	}
	if err != nil {
		f.mu.Unlock()
	}
	return err
}

// Facts returns the facts.
func (f *Fake) Facts() wire.Facts {
	f.mu.Lock()
	defer f.mu.Unlock()
	facts := f.facts
	facts.Process = f.process
	return facts
}

// Hello returns the facts.
func (f *Fake) Hello(ctx context.Context) (wire.Facts, error) {
	if err := f.enter(ctx); err != nil {
		return wire.Facts{}, err
	}
	f.mu.Unlock()
	return f.Facts(), nil
}

// Dial calls OnDial.
func (f *Fake) Dial(ctx context.Context, port int) (net.Conn, error) {
	if err := f.enter(ctx); err != nil {
		return nil, err
	}
	f.mu.Unlock()
	if f.OnDial == nil {
		return nil, wire.Errorf(wire.CodeRefused, "connecting to port %d in the pod: connection refused", port)
	}
	return f.OnDial(port)
}

// Debug calls OnDebug.
func (f *Fake) Debug(ctx context.Context, d wire.DebugRequest) (net.Conn, wire.DebugReady, error) {
	if err := f.enter(ctx); err != nil {
		return nil, wire.DebugReady{}, err
	}
	pid := f.process.PID
	f.mu.Unlock()
	if d.Mode == wire.DebugRestart {
		p, err := f.Restart(ctx, wire.StartOptions{})
		if err != nil {
			return nil, wire.DebugReady{}, err
		}
		pid = p.PID
	}
	if pid == 0 {
		return nil, wire.DebugReady{}, wire.Errorf(wire.CodeNoProcess, "the application does not run")
	}
	if f.OnDebug == nil {
		return nil, wire.DebugReady{}, wire.Errorf(wire.CodeNotDebuggable, "the fake has no debugger")
	}
	conn, err := f.OnDebug(d)
	return conn, wire.DebugReady{PID: pid}, err
}

// Verify compares the map of files.
func (f *Fake) Verify(ctx context.Context, want []wire.File) ([]wire.Entry, error) {
	if err := f.enter(ctx); err != nil {
		return nil, err
	}
	defer f.mu.Unlock()
	var differ []wire.Entry
	for _, w := range want {
		got, ok := f.files[w.Path.String()]
		if ok && got.Kind == w.Kind && got.Hash == w.Hash && got.Target == w.Target {
			continue
		}
		differ = append(differ, entry(w.Path, got, ok, true))
	}
	return differ, nil
}

func entry(p wire.Path, f FakeFile, ok, hash bool) wire.Entry {
	if !ok {
		return wire.Entry{Path: p, Kind: wire.KindMissing}
	}
	e := wire.Entry{Path: p, Kind: f.Kind, Mode: f.Mode, ModTime: f.ModTime, Size: int64(len(f.Content)), Target: f.Target}
	if hash {
		e.Hash = f.Hash
	}
	return e
}

// Manifest lists the map of files.
func (f *Fake) Manifest(ctx context.Context, q wire.ManifestQuery) ([]wire.Entry, error) {
	if err := f.enter(ctx); err != nil {
		return nil, err
	}
	defer f.mu.Unlock()
	var out []wire.Entry
	for _, root := range q.Roots {
		var names []string
		for name := range f.files {
			if strings.HasPrefix(name, strings.TrimSuffix(root, "/")+"/") {
				names = append(names, name)
			}
		}
		slices.Sort(names)
		for _, name := range names {
			p := wire.Path{Root: root, Path: strings.TrimPrefix(strings.TrimPrefix(name, root), "/")}
			out = append(out, entry(p, f.files[name], true, q.Hash))
		}
	}
	return out, nil
}

// Managed lists what was applied and is still there.
func (f *Fake) Managed(ctx context.Context) ([]wire.Path, error) {
	if err := f.enter(ctx); err != nil {
		return nil, err
	}
	defer f.mu.Unlock()
	var paths []wire.Path
	for _, name := range slices.Sorted(maps.Keys(f.managed)) {
		if _, there := f.files[name]; there {
			paths = append(paths, f.managed[name])
		}
	}
	return paths, nil
}

// CanWrite answers by ReadOnly.
func (f *Fake) CanWrite(ctx context.Context, paths []wire.Path) ([]wire.Writable, error) {
	if err := f.enter(ctx); err != nil {
		return nil, err
	}
	defer f.mu.Unlock()
	out := make([]wire.Writable, len(paths))
	for i, p := range paths {
		out[i] = wire.Writable{Path: p, OK: true, UID: f.facts.UID}
		if dir := f.blocker(p); dir != "" {
			out[i] = wire.Writable{Path: p, Reason: dir + " is not writable (permission denied)", Blocker: dir, UID: f.facts.UID, Mode: 0o755}
		}
	}
	return out, nil
}

func (f *Fake) blocker(p wire.Path) string {
	for _, dir := range f.readonly {
		if strings.HasPrefix(p.String(), dir+"/") {
			return dir
		}
	}
	return ""
}

// Run calls OnRun.
func (f *Fake) Run(ctx context.Context, cmd wire.Command, stdout, stderr io.Writer) (wire.Exit, error) {
	if err := f.enter(ctx); err != nil {
		return wire.Exit{}, err
	}
	f.mu.Unlock()
	if f.OnRun == nil {
		return wire.Exit{}, nil
	}
	orDiscard := func(w io.Writer) io.Writer {
		if w == nil {
			return io.Discard
		}
		return w
	}
	return f.OnRun(cmd, orDiscard(stdout), orDiscard(stderr)), nil
}

// Apply changes the map of files, runs the commands and counts the restart.
func (f *Fake) Apply(ctx context.Context, change client.Change) (wire.Result, error) {
	began := time.Now()
	contents, err := readAll(change)
	if err != nil {
		return wire.Result{}, err
	}
	if f.OnCommit != nil {
		f.OnCommit()
	}
	if err := f.enter(ctx); err != nil {
		return wire.Result{}, err
	}
	defer f.mu.Unlock()
	result := wire.Result{StageMicros: micros(&began)}
	if err := f.commit(change, contents, &result); err != nil {
		return wire.Result{}, err
	}
	result.CommitMicros = max(micros(&began), 1)
	f.run(&change, &result)
	result.RunMicros = micros(&began)
	if result.Failed() == nil && (change.Restart || change.Start && f.process.State != wire.StateRunning) {
		f.start(wire.StartOptions{})
	}
	result.RestartMicros = micros(&began)
	result.Process = f.process
	return result, nil
}

// micros returns how long ago a moment is, and sets it to now.
func micros(since *time.Time) int64 {
	now := time.Now()
	took := now.Sub(*since).Microseconds()
	*since = now
	return took
}

// commit changes the map of files, or nothing. f.mu is held.
func (f *Fake) commit(change client.Change, contents [][]byte, result *wire.Result) error {
	if err := f.failNext; err != nil {
		f.failNext = nil
		return err
	}
	for _, file := range change.Files {
		if dir := f.blocker(file.Path); dir != "" {
			e := wire.Errorf(wire.CodeUnwritable, "writing %s: %s is not writable (permission denied)", file.Path, dir)
			e.Path, e.UID = file.Path.String(), f.facts.UID
			return e
		}
	}
	for _, d := range change.Deletes {
		if _, mounted := f.mounts[d.String()]; mounted {
			result.Covered = append(result.Covered, wire.Covered{Path: d.String(), Mount: d.String(), Type: "fake"})
			continue
		}
		if f.remove(d.String()) {
			result.Deleted++
		}
	}
	for i, file := range change.Files {
		name := file.Path.String()
		if there, mounted := f.mounts[name]; !mounted {
			f.write(file, contents[i])
		} else if there != string(contents[i]) {
			result.Covered = append(result.Covered, wire.Covered{Path: name, Mount: name, Type: "fake"})
		}
		result.Applied = append(result.Applied, entry(file.Path, f.files[name], true, true))
	}
	f.applied = append(f.applied, change.Transaction)
	return nil
}

// write puts a file, link or folder in place of what is there. f.mu is held.
func (f *Fake) write(file wire.File, content []byte) {
	name := file.Path.String()
	if file.Kind != wire.KindDir {
		f.remove(name)
		f.managed[name] = file.Path
	}
	for dir := path.Dir(name); dir != "/"; dir = path.Dir(dir) {
		if have, ok := f.files[dir]; ok && have.Kind != wire.KindDir {
			delete(f.files, dir)
		}
	}
	f.files[name] = FakeFile{File: file, Content: content}
}

// run performs what follows from a change, up to the first that fails. f.mu is held.
func (f *Fake) run(change *client.Change, result *wire.Result) {
	if !change.Follows(len(result.Covered)) {
		change.Runs, change.Restart = nil, false
	}
	for _, cmd := range change.Runs {
		exit := wire.Exit{}
		if f.OnRun != nil {
			exit = f.OnRun(cmd, outputTo(*change, false), outputTo(*change, true))
		}
		result.Runs = append(result.Runs, exit)
		if !exit.OK() {
			return
		}
	}
}

func outputTo(change client.Change, stderr bool) io.Writer {
	return writerFunc(func(p []byte) (int, error) {
		if change.Output != nil {
			change.Output(stderr, p)
		}
		return len(p), nil
	})
}

type writerFunc func([]byte) (int, error)

// Write calls the function.
func (w writerFunc) Write(p []byte) (int, error) { return w(p) }

// readAll reads and checks the contents of a change.
func readAll(change client.Change) ([][]byte, error) {
	out := make([][]byte, len(change.Files))
	for i, file := range change.Files {
		if file.Kind != wire.KindRegular {
			continue
		}
		if file.Size > 0 {
			r, err := change.Source.Open(file)
			if err != nil {
				return nil, fmt.Errorf("%w: reading %s: %w", wire.ErrAborted, file.Path, err)
			}
			out[i], err = io.ReadAll(r)
			r.Close()
			if err != nil {
				return nil, fmt.Errorf("%w: reading %s: %w", wire.ErrAborted, file.Path, err)
			}
		}
		if int64(len(out[i])) != file.Size || blake3.Sum256(out[i]) != file.Hash {
			return nil, wire.Errorf(wire.CodeHashMismatch, "%s: what came is not what was announced", file.Path)
		}
	}
	return out, nil
}

// remove removes a file or whatever is below a directory. f.mu is held.
func (f *Fake) remove(name string) bool {
	existed := false
	for have := range f.files {
		if have == name || strings.HasPrefix(have, name+"/") {
			delete(f.files, have)
			existed = true
		}
	}
	return existed
}
