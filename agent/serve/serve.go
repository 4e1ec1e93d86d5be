//go:build linux

// Package serve is the agent's half of the agent protocol: it listens on the
// pod's loopback, lets in who proves an enrolled key, and performs requests
// with apply, proc and debug.
//
// A [Server] owns the application. While it starts it holds the application
// back for a short time, so that a daemon can bring a new container up to date
// before its application runs; see hold.go.
package serve

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/towline-dev/towline/agent/apply"
	"github.com/towline-dev/towline/agent/debug"
	"github.com/towline-dev/towline/agent/proc"
	"github.com/towline-dev/towline/agent/wire"
)

// Limits of connections that have not proved a key yet.
const (
	maxGreeting     = 64
	greetingTimeout = 5 * time.Second
)

// Config says what to serve.
type Config struct {
	RunDir     string         // our own folder; "" does without enrolment by socket
	Self       string         // path of the agent's binary, which is started as debugger and shim
	Version    string         // of the agent
	Argv       []string       // the application
	Files      [3]*os.File    // its stdin, stdout and stderr
	Hold       time.Duration  // how long a new application waits for a daemon
	NoStart    bool           // the application waits until somebody starts it
	Reaper     int            // the init process that we are a child of; 0: none
	StopSignal syscall.Signal // asks the application to end; 0 is SIGTERM
	Restart    wire.RestartMode
	Mounts     string // the table of what is mounted; "" is the kernel's
	Log        *slog.Logger
}

// Server serves one application.
//
// Goroutines: one accepts connections and one enrolments, until Close; one for
// each connection and each stream of it, which end with the connection; the
// hold; one looks at new processes, and one at a process that is debugged; and
// those of proc.App. Close waits for all but the application.
type Server struct {
	cfg     Config
	boot    string
	started time.Time
	app     *proc.App
	applier *apply.Applier
	events  hub
	hold    *hold
	debug   debugging
	insight *insight
	// languages are those that can be debugged.
	languages []debug.Language
	change    chan struct{} // one token: transactions happen one after the other
	ln        net.Listener
	enrol     net.Listener
	wg        sync.WaitGroup
	quit      context.CancelFunc // ends learn
	closing   atomic.Bool

	mu    sync.Mutex // guards what follows
	keys  map[wire.KeyID]*owner
	conns map[net.Conn]struct{}
}

// owner is a workspace that enrolled a key.
type owner struct {
	name  string
	key   []byte
	ended chan struct{} // closed when the key is replaced
	end   func()
}

// New starts a server. The application starts by the rules of the hold.
func New(cfg Config) (*Server, error) {
	if cfg.StopSignal == 0 {
		cfg.StopSignal = syscall.SIGTERM
	}
	s := &Server{
		cfg: cfg, boot: rand.Text(), started: time.Now(),
		change: make(chan struct{}, 1),
		keys:   map[wire.KeyID]*owner{}, conns: map[net.Conn]struct{}{}, insight: newInsight(),
		languages: debug.Languages(cfg.Self, cfg.RunDir),
	}
	ctx, cancel := context.WithCancel(context.Background())
	s.quit = cancel
	journal := ""
	if cfg.RunDir != "" {
		journal = filepath.Join(cfg.RunDir, "staged")
		if n, err := apply.Sweep(journal); err != nil || n > 0 {
			cfg.Log.Info("removed files that an earlier agent left", "count", n, "error", err)
		}
	}
	s.applier = apply.New(s.boot[:8], journal, cmp.Or(cfg.Mounts, apply.MountTable))
	s.startApp()
	var err error
	if s.ln, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		err = fmt.Errorf("listening on the pod's loopback: %w", err)
	} else if cfg.RunDir != "" {
		s.enrol, err = listenEnrol(cfg.RunDir)
	}
	if err != nil {
		// Broken is normal: the application runs as it would without us.
		cfg.Log.Error("nobody will be able to reach this agent", "error", err)
	}
	if s.ln != nil {
		s.wg.Go(s.accept)
	}
	if s.enrol != nil {
		s.wg.Go(s.acceptEnrol)
	}
	s.wg.Go(func() { s.hold.run(s.app) })
	s.wg.Go(func() { s.learn(ctx) })
	return s, nil
}

// startApp makes the application, which does not start yet.
func (s *Server) startApp() {
	env := os.Environ()
	for _, l := range s.languages {
		env = append(env, l.Env(s.cfg.Argv, env)...)
	}
	spec := proc.Spec{Argv: s.cfg.Argv, Env: env, Files: s.cfg.Files, Reaper: s.cfg.Reaper}
	if proc.PtraceScope() == 1 {
		spec.Shim = []string{s.cfg.Self, "exec"}
	}
	policy := policyFromWire(wire.DefaultPolicy(), proc.Policy{})
	policy = policyFromWire(wire.Policy{Restart: s.cfg.Restart}, policy)
	policy.StopSignal = s.cfg.StopSignal
	s.app = proc.New(spec, policy, s.changed)
	s.hold = newHold(s.cfg.Hold, s.cfg.NoStart)
}

// App returns the application.
func (s *Server) App() *proc.App { return s.app }

// Addr returns where the server listens, nil if nowhere.
func (s *Server) Addr() net.Addr {
	if s.ln == nil {
		return nil
	}
	return s.ln.Addr()
}

// Close ends all connections and waits for their goroutines. The application
// is left to App().Terminate.
func (s *Server) Close() {
	s.closing.Store(true)
	s.quit()
	s.hold.release()
	if s.ln != nil {
		s.ln.Close()
	}
	if s.enrol != nil {
		s.enrol.Close()
	}
	s.mu.Lock()
	for c := range s.conns {
		c.Close()
	}
	for _, o := range s.keys {
		o.end()
	}
	s.mu.Unlock()
	s.wg.Wait()
	for _, l := range s.languages {
		l.Close()
	}
}

// accept accepts connections.
func (s *Server) accept() {
	slots := make(chan struct{}, maxGreeting)
	for {
		conn, err := s.ln.Accept()
		if err != nil {
			if errors.Is(err, net.ErrClosed) {
				return
			}
			time.Sleep(50 * time.Millisecond) // out of descriptors: wait for some
			continue
		}
		select {
		case slots <- struct{}{}:
		default:
			conn.Close()
			continue
		}
		s.wg.Go(func() {
			o := s.greet(conn)
			<-slots
			if o != nil {
				s.session(conn, o)
			}
			s.forget(conn)
		})
	}
}

// greet performs the handshake and returns who is there, nil when nobody that
// we know.
func (s *Server) greet(conn net.Conn) *owner {
	s.mu.Lock()
	s.conns[conn] = struct{}{}
	s.mu.Unlock()
	if s.closing.Load() {
		return nil
	}
	conn.SetDeadline(time.Now().Add(greetingTimeout))
	id, err := wire.Accept(conn, func(id wire.KeyID) []byte {
		if o := s.owner(id); o != nil {
			return o.key
		}
		return nil
	})
	if err != nil {
		return nil
	}
	conn.SetDeadline(time.Time{})
	return s.owner(id)
}

func (s *Server) owner(id wire.KeyID) *owner {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.keys[id]
}

func (s *Server) forget(conn net.Conn) {
	conn.Close()
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, conn)
}

// Enrol lets in who knows the key. An older key of the same owner is dropped,
// and its connections are closed.
func (s *Server) Enrol(name string, key []byte) (wire.Enrolled, error) {
	if len(key) != wire.KeySize {
		return wire.Enrolled{}, fmt.Errorf("a key has %d bytes, got %d", wire.KeySize, len(key))
	}
	if s.ln == nil {
		return wire.Enrolled{}, errors.New("the agent could not listen on the pod's loopback")
	}
	ended := make(chan struct{})
	o := &owner{name: name, key: append([]byte(nil), key...), ended: ended, end: sync.OnceFunc(func() { close(ended) })}
	s.mu.Lock()
	for id, old := range s.keys {
		if old.name == name {
			delete(s.keys, id)
			old.end()
		}
	}
	s.keys[wire.KeyIDOf(key)] = o
	s.mu.Unlock()
	return wire.Enrolled{
		Port: s.ln.Addr().(*net.TCPAddr).Port, Agent: s.cfg.Version,
		Protocol: wire.Version, Boot: s.boot,
	}, nil
}
