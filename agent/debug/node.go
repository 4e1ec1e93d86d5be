//go:build linux

package debug

import (
	"context"
	"errors"
	"io"
	"net"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/towline-dev/towline/agent/wire"
	"github.com/towline-dev/towline/dap/inspector"
)

// Node.js has its debugger's half in itself, the inspector, which a signal opens
// on a port of the loopback in a program that runs, and an argument holds the
// program with in one that starts. The other half, which speaks the Debug Adapter
// Protocol, is ours: dap/inspector, in a process of its own.

// The times that Node.js may take: to be able to take the signal, after its start;
// to listen after it; and to listen when it is started for it.
const (
	readyTime  = 2 * time.Second
	signalTime = 2 * time.Second
	holdTime   = 30 * time.Second
	portLook   = 5 * time.Millisecond
)

// node debugs programs in Node.js.
type node struct {
	self string

	mu    sync.Mutex
	ports map[instance]int // where programs listen whose inspectors were opened before
}

// instance is a process that is not mistaken for a later one of its number.
type instance struct {
	pid   int
	start string
}

func newNode(self string) *node { return &node{self: self, ports: map[instance]int{}} }

func (*node) Name() string                       { return "JavaScript" }
func (*node) Debugger() string                   { return "inspector" }
func (*node) Can(context.Context, Program) error { return nil }
func (*node) Env([]string, []string) []string    { return nil }
func (*node) Close()                             {}

// Attach opens the program's inspector.
func (n *node) Attach(ctx context.Context, p Program) (io.ReadWriteCloser, error) {
	port, err := n.open(ctx, p)
	if err != nil {
		return nil, err
	}
	return n.session(ctx, p, port)
}

// session starts the debugging process on an inspector.
func (n *node) session(ctx context.Context, p Program, port int) (io.ReadWriteCloser, error) {
	n.mu.Lock()
	for known := range n.ports {
		if dead(known.pid) {
			delete(n.ports, known)
		}
	}
	n.ports[p.instance()] = port
	n.mu.Unlock()
	session, err := spawn(ctx, n.self, "--inspector="+net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		return nil, err // not a session that is nil
	}
	return session, nil
}

func (p Program) instance() instance {
	start := ""
	if fields := stat(p.PID); len(fields) > 19 {
		start = fields[19]
	}
	return instance{p.PID, start}
}

// open returns the port of a program's inspector, which it opens by a signal if
// need be. ErrStart says that this is not possible.
func (n *node) open(ctx context.Context, p Program) (int, error) {
	before := listening(p.PID)
	n.mu.Lock()
	port := n.ports[p.instance()]
	n.mu.Unlock()
	if slices.Contains(before, port) {
		return port, nil
	}
	if asked := strings.Join(append(cmdline(p.PID), environ(p.PID)...), " "); strings.Contains(asked, "--inspect") {
		for _, port := range before {
			if inspects(ctx, port) {
				return port, nil
			}
		}
	}
	if slices.Contains(before, defaultPort) && inspects(ctx, defaultPort) {
		return defaultPort, nil
	}
	if err := until(ctx, readyTime, func() bool { return catches(p.PID, int(syscall.SIGUSR1)) }); err != nil {
		return 0, cmpErr(err, ErrStart)
	}
	if err := syscall.Kill(p.PID, syscall.SIGUSR1); err != nil {
		return 0, wire.Errorf(wire.CodeNoProcess, "opening the inspector of %s: %v", p, err)
	}
	err := until(ctx, signalTime, func() bool {
		for _, now := range listening(p.PID) {
			if !slices.Contains(before, now) && inspects(ctx, now) {
				port = now
				return true
			}
		}
		return false
	})
	if err != nil { // its port is taken, or it does something else at the signal
		return 0, cmpErr(err, ErrStart)
	}
	return port, nil
}

// defaultPort is that of an inspector that was not told another one.
const defaultPort = 9229

// errLate says that something did not come in its time.
var errLate = errors.New("it takes too long")

// cmpErr returns late in the place of errLate.
func cmpErr(err, late error) error {
	if errors.Is(err, errLate) {
		return late
	}
	return err
}

// until looks again and again for a time.
func until(ctx context.Context, limit time.Duration, look func() bool) error {
	late := time.NewTimer(limit)
	defer late.Stop()
	tick := time.NewTicker(portLook)
	defer tick.Stop()
	for !look() {
		select {
		case <-tick.C:
		case <-late.C:
			return errLate
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

// Begin has a new process of Node.js held until a session lets it go.
func (n *node) Begin() (Start, error) { return nodeStart{n}, nil }

// nodeStart is a start of a program for its debugger.
type nodeStart struct{ *node }

// Launch puts the argument behind a command that is Node.js itself. One that only
// starts another one, such as npm, would be held itself: what it starts is joined
// as soon as it is there.
func (nodeStart) Launch() Launch { return Launch{Argv: hold} }

// Attach waits for the inspector of a program that is held.
func (s nodeStart) Attach(ctx context.Context, p Program) (io.ReadWriteCloser, error) {
	if !slices.Contains(cmdline(p.PID), inspector.Hold) {
		stream, err := s.node.Attach(ctx, p)
		if errors.Is(err, ErrStart) {
			e := wire.Errorf(wire.CodeNotDebuggable, "the inspector of %s could not be opened", p)
			e.Hint = "it takes the signal SIGUSR1, which the program must leave to Node.js; or let the container run `node` itself and not what starts it"
			err = e
		}
		return stream, err
	}
	port := 0
	err := until(ctx, holdTime, func() bool {
		ports := listening(p.PID)
		if len(ports) > 0 {
			port = ports[0] // it has run nothing yet that could listen
		}
		return port != 0
	})
	if err != nil {
		return nil, cmpErr(err, wire.Errorf(wire.CodeNotDebuggable, "the inspector of %s did not listen within %s", p, holdTime))
	}
	return s.session(ctx, p, port)
}

// hold returns a command with the argument that holds Node.js, if it runs that
// itself.
func hold(argv []string) []string {
	i := slices.IndexFunc(argv, func(arg string) bool { return path.Base(arg) == "node" || path.Base(arg) == "nodejs" })
	if i < 0 || launches(argv[i:]) {
		return argv
	}
	for _, before := range argv[:i] {
		if !strings.HasPrefix(before, "-") && !slices.Contains(entryPoints, path.Base(before)) {
			return argv
		}
	}
	return slices.Insert(slices.Clone(argv), i+1, inspector.Hold)
}

// entryPoints are programs that run a command in their own place, and know its
// arguments from their own.
var entryPoints = []string{"docker-entrypoint.sh", "tini", "tini-static", "dumb-init", "catatonit", "env", "exec"}

// launchers are scripts of Node.js that are there to run another one.
var launchers = []string{
	"npm", "npx", "yarn", "pnpm", "corepack", "nodemon", "tsx", "ts-node-dev", "tsnd", "nest", "next", "concurrently", "dotenv", "cross-env",
	"env-cmd", "npm-run-all", "run-p", "run-s", "turbo", "nx", "lerna", "wait-on", "forever", "pm2", "pm2-runtime",
}

// valued are arguments of Node.js whose value is the next one.
var valued = []string{"-r", "--require", "--import", "--loader", "--experimental-loader", "-C", "--conditions", "--env-file", "--title", "-e", "--eval", "-p", "--print"}

// launches reports whether a command of Node.js is there to run another one.
func launches(argv []string) bool {
	if len(argv) > 0 && strings.Contains(argv[0], " ") { // npm names itself so: "npm run dev"
		argv = append([]string{"node"}, strings.Fields(argv[0])...)
	}
	for i := 1; i < len(argv); i++ {
		arg := argv[i]
		switch {
		case strings.HasPrefix(arg, "--watch"):
			return true
		case slices.Contains(valued, arg):
			i++
			continue
		case strings.HasPrefix(arg, "-") || arg == "":
			continue
		}
		return launcher(arg) // the script
	}
	return false
}

// launcher reports whether a script is one of the launchers, by its own name or by
// that of the package that it is part of.
func launcher(script string) bool {
	name := strings.TrimSuffix(path.Base(script), path.Ext(script))
	if slices.Contains(launchers, strings.TrimSuffix(name, "-cli")) {
		return true
	}
	_, in, ok := cutLast(script, "/node_modules/")
	pkg, _, _ := strings.Cut(in, "/")
	return ok && slices.Contains(launchers, pkg)
}

// cutLast is strings.Cut at the last separator.
func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}

// served returns the program that is meant by one of Node.js, which may run it by
// way of others: the deepest one that listens, or else the deepest one that does
// not itself only run others.
func (p Program) served(children map[int][]int) Program {
	if p.Language != "JavaScript" {
		return p
	}
	found, best := p, 0
	var walk func(q Program, depth int)
	walk = func(q Program, depth int) {
		if q.Language == "JavaScript" {
			rank := 0
			switch {
			case len(listening(q.PID)) > 0:
				rank = 1_000_000 + depth
			case !q.wrapper && p.wrapper:
				rank = 1 + depth
			}
			if rank > best {
				found, best = q, rank
			}
		}
		for _, pid := range children[q.PID] {
			if depth < maxTree {
				walk(examine(pid), depth+1)
			}
		}
	}
	walk(p, 0)
	if best > 0 {
		found.wrapper = false
	}
	return found
}

// maxTree bounds how deep below a program others are looked for.
const maxTree = 50
