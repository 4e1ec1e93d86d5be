package bridge_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"net"
	"sync"
	"testing"

	"github.com/towline-dev/towline/dap/adapter"
	"github.com/towline-dev/towline/dap/bridge"
	"github.com/towline-dev/towline/dap/daptest"
	"github.com/towline-dev/towline/dap/message"
	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/starlark/config"
)

// fake is a Backend in memory: the status is what the test says, and each
// Open yields a fake debugger, if the test lets it.
type fake struct {
	mu       sync.Mutex
	status   api.Status
	changed  chan struct{}
	daemon   context.CancelFunc // ends the present Follow
	refusal  error              // of Open
	opened   []api.DebugRequest
	restarts int
	mute     []string                // what the next debuggers do not answer
	spoil    func(net.Conn) net.Conn // what becomes of the next debuggers' streams; nil: nothing
	speaks   string                  // who speaks on the next streams, as DebugSession.Debugger says
	debugger chan *debugger          // one for each Open
}

func newFake() *fake {
	return &fake{
		changed:  make(chan struct{}),
		debugger: make(chan *debugger, 100),
		status: api.Status{Up: true, Daemon: api.DaemonInfo{Pid: 1}, Resources: []api.ResourceStatus{
			{Name: "api", Kind: config.KindK8s, Phase: api.PhaseReady, Targets: []api.Target{
				{Pod: "api-1", Container: "api", Agent: true, Pid: 10},
			}},
			{Name: "tests", Kind: config.KindLocal, Phase: api.PhaseReady},
		}},
	}
}

// change changes the status and, if not nil, why Open refuses.
func (f *fake) change(do func(st *api.Status)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	data, _ := json.Marshal(f.status)
	var next api.Status
	if err := json.Unmarshal(data, &next); err != nil {
		panic(err)
	}
	do(&next)
	f.status = next
	close(f.changed)
	f.changed = make(chan struct{})
}

// pid says which process runs; 0 is none, and then Open refuses.
func (f *fake) pid(n int) {
	f.refuse(nil)
	if n == 0 {
		f.refuse(errors.New("the application does not run"))
	}
	f.change(func(st *api.Status) { st.Resources[0].Targets[0].Pid = n })
}

func (f *fake) refuse(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.refusal = err
}

func (f *fake) Follow(ctx context.Context, visit func(api.Status) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	f.mu.Lock()
	f.daemon = cancel
	f.mu.Unlock()
	for {
		f.mu.Lock()
		st, changed := f.status, f.changed
		f.mu.Unlock()
		if err := visit(st); err != nil {
			return err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return errors.New("the daemon ended")
		}
	}
}

func (f *fake) Restart(context.Context, string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.restarts++
	return nil
}

func (f *fake) Open(_ context.Context, req api.DebugRequest) (net.Conn, api.DebugSession, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.opened = append(f.opened, req)
	if f.refusal != nil {
		return nil, api.DebugSession{}, f.refusal
	}
	ours, its := net.Pipe()
	if f.spoil != nil {
		its = f.spoil(its)
	}
	d := &debugger{conn: its, base: 100 * len(f.opened), asked: make(chan message.Message, 100)}
	d.silent(f.mute...)
	t := f.status.Resources[0].Targets[0]
	for _, other := range f.status.Resources[0].Targets {
		if (req.Pod == "" || req.Pod == other.Pod) && (req.Container == "" || req.Container == other.Container) {
			t = other
			break
		}
	}
	pid := t.Pid
	if req.Launch {
		pid++
	}
	go d.serve()
	f.debugger <- d
	return ours, api.DebugSession{Resource: req.Resource, Pod: t.Pod, Container: t.Container, Pid: pid, Program: "/app", Debugger: f.speaks}, nil
}

func (f *fake) opens() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.opened)
}

// debugger is one fake debugger. It answers what every debugger answers and
// leaves silent what a test names in mute.
type debugger struct {
	conn  net.Conn
	base  int // of the first breakpoint's id
	asked chan message.Message

	mu   sync.Mutex
	seq  int
	set  int // breakpoints so far
	mute map[string]bool
}

func (d *debugger) serve() {
	defer close(d.asked)
	r := bufio.NewReader(d.conn)
	for {
		m, err := message.Read(r)
		if err != nil {
			return
		}
		d.asked <- m
		d.mu.Lock()
		mute := d.mute[m.Command]
		d.mu.Unlock()
		if m.Type == message.Request && !mute {
			d.answer(m)
		}
	}
}

func (d *debugger) silent(commands ...string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.mute = map[string]bool{}
	for _, c := range commands {
		d.mute[c] = true
	}
}

func (d *debugger) answer(m message.Message) {
	switch m.Command {
	case "attach":
		d.event("initialized", nil)
		d.send(message.NewResponse(m, nil))
	case "setBreakpoints", "setFunctionBreakpoints", "setInstructionBreakpoints":
		var args struct{ Breakpoints []struct{ Line int } }
		_ = json.Unmarshal(m.Payload(), &args)
		list := []any{}
		for _, b := range args.Breakpoints {
			list = append(list, map[string]any{"id": d.base + d.set, "verified": true, "line": b.Line})
			d.set++
		}
		d.send(message.NewResponse(m, map[string]any{"breakpoints": list}))
	case "evaluate":
		d.send(message.NewFailure(m, "no such variable", false))
	default:
		d.send(message.NewResponse(m, map[string]any{"of": m.Command}))
	}
}

func (d *debugger) event(name string, body any) { d.send(message.NewEvent(name, body)) }

func (d *debugger) send(m message.Message) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.seq++
	_ = message.Write(d.conn, m.Renumbered(d.seq, m.RequestSeq)) // the bridge may be gone
}

// wantAsked waits until the debugger is sent a message of that name and
// returns it.
func (d *debugger) wantAsked(t *testing.T, ctx context.Context, name string) message.Message {
	t.Helper()
	for {
		select {
		case m, ok := <-d.asked:
			if !ok {
				t.Fatalf("the debugger was left without %s", name)
			}
			if m.Command == name {
				return m
			}
		case <-ctx.Done():
			t.Fatalf("waiting for %s at the debugger: %v", name, ctx.Err())
		}
	}
}

// edit starts a session with an editor; stop ends it and waits for its end.
func edit(t *testing.T, backend bridge.Backend) (editor *daptest.Client, stop func()) {
	t.Helper()
	ours, its := net.Pipe()
	done := make(chan error, 1)
	go func() {
		done <- bridge.Serve(context.Background(), its, bridge.Options{
			Adapters: append(adapter.All(), late()),
			Connect:  func(context.Context, string) (bridge.Backend, error) { return backend, nil },
		})
	}()
	editor = daptest.NewClient(ours)
	return editor, sync.OnceFunc(func() {
		editor.Close()
		if err := <-done; err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
}
