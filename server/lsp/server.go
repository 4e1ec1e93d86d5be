// Package lsp is the language server: one file per method, named as the
// protocol names it.
//
// Language features are answered from a snapshot of the documents
// (server/workspace) and never wait for a cluster, a daemon or an evaluation.
// What those know comes in from the side: a link to each project's daemon
// (link.go) keeps the last status, and diagnostics, hover and lenses read it.
//
// # Goroutines
//
// The connection has a reader and one goroutine per running request. The
// session owns, and ends with: a diagnoser (diagnoser.go), and for each
// project a link and a reporter (project.go). They all end with the
// connection; Serve waits for them.
package lsp

import (
	"context"
	"io"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	lsp "go.lsp.dev/protocol"

	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/server/protocol"
	"github.com/towline-dev/towline/server/workspace"
)

// Options of a server. The zero value serves with the real daemons.
type Options struct {
	Log     *slog.Logger
	Version string
	Env     func() []string    // nil: this process's; what Up and Down are carried out with
	Connect Connector          // nil: Dial, with this program as the daemon
	Alive   func(pid int) bool // nil: asks the system; whether the client's process lives
	// Descends reports whether the server descends from a process; nil: asks
	// the system.
	Descends func(pid int) bool
	Tick     func() <-chan time.Time  // nil: every three seconds; when to ask Alive
	OnHint   func(took time.Duration) // nil: nothing; told how long each hint to a daemon took

	Extensions *workspace.Extensions // nil: those of the user
	Kube       *workspace.Kubeconfig // nil: that of the user
	Limit      int                   // longest message, in bytes; 0: the protocol's default
}

// Serve speaks LSP with one client until it leaves. The result is the exit
// code that the protocol wants: 0 after a shutdown request, 1 without.
func Serve(ctx context.Context, rwc io.ReadWriteCloser, o Options) (code int, err error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Connect == nil {
		o.Connect = Dial(api.Launcher{})
	}
	if o.Env == nil {
		o.Env = os.Environ
	}
	if o.Alive == nil {
		o.Alive = processLives
	}
	if o.Descends == nil {
		o.Descends = isAncestor
	}
	if o.Extensions == nil {
		o.Extensions = workspace.UserExtensions()
	}
	if o.Kube == nil {
		o.Kube = workspace.UserKubeconfig()
	}
	ctx, cancel := context.WithCancel(ctx)
	s := &session{
		options: o, log: o.Log, exit: cancel,
		conn: protocol.NewConn(rwc, protocol.Options{Log: o.Log, Limit: o.Limit}),
		docs: workspace.New(), typing: typing{at: map[string]time.Time{}},
		projects: map[string]*project{}, running: map[lsp.ProgressToken]func(){},
	}
	s.spawn = func(f func(context.Context)) context.CancelFunc {
		ctx, cancel := context.WithCancel(ctx)
		s.background.Go(func() { defer cancel(); f(ctx) })
		return cancel
	}
	s.methods = s.table()
	s.diagnoser = newDiagnoser(s)
	defer s.background.Wait()
	defer cancel()
	err = s.conn.Serve(ctx, s.route)
	if s.phase.get() != phaseShutdown {
		code = 1
	}
	return code, err
}

// session is the state of one connection.
type session struct {
	options Options
	log     *slog.Logger
	exit    func() // ends the connection, and the contexts of spawn
	// spawn runs what outlives a message until the session ends, or it is cancelled.
	spawn   func(func(ctx context.Context)) context.CancelFunc
	conn    *protocol.Conn
	docs    *workspace.Documents
	methods map[string]protocol.Method
	phase   phase
	client  client // written by initialize, before anything reads it

	asked      atomic.Int32 // features that are being answered
	diagnoser  *diagnoser
	tokenStore tokenStore
	typing     typing
	background sync.WaitGroup

	mu       sync.Mutex
	projects map[string]*project          // by folder
	folders  []string                     // of the workspace, in the client's order
	tokens   int                          // of progress, given out so far
	running  map[lsp.ProgressToken]func() // stops following, by token
}

// notify sends a notification: also the end of what was cancelled, so that it
// takes no context. That it cannot be sent shows in the reader.
func (s *session) notify(method string, params any) {
	if err := s.conn.Notify(context.Background(), method, params); err != nil {
		s.log.Debug("sending a notification", "method", method, "error", err)
	}
}
