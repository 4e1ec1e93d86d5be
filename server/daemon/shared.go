package daemon

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/server/kube"
	"github.com/towline-dev/towline/server/logs"
	"github.com/towline-dev/towline/server/tree"
	"github.com/towline-dev/towline/starlark/config"
)

// Options are what a daemon is made from.
type Options struct {
	Endpoint api.Endpoint
	Version  string
	Linger   time.Duration     // how long it stays without faces; 0: 10 minutes
	DownWait time.Duration     // how long `down` waits for the Tiltfile; 0: a minute
	Agent    map[string][]byte // the agent's binaries for linux by architecture
	Evaluate Evaluate
	Log      *slog.Logger

	notify func() (notifier, error) // a test's; nil: the operating system's
	reader tree.Reader              // a test's; nil: the disk
}

// Evaluate runs a Tiltfile. The project is never nil. It is called by one
// goroutine at a time, unless a cancelled call does not end.
type Evaluate func(context.Context, Evaluation) *config.Project

// Evaluation says what to evaluate.
type Evaluation struct {
	Tiltfile   string // absolute
	Args       []string
	Subcommand string
	Cluster    kube.Identity // zero when there is no kubeconfig
	Kubeconfig string
	Log        func(line string)
	Allowed    func(read map[string]config.Content) bool // see eval.Options
	Within     time.Duration                             // after which it is ended; 0: never
}

// shared is what the core and those who answer faces have in common. Each part of
// it is safe for all goroutines.
type shared struct {
	o         Options
	logs      *logs.Store
	faces     *faces
	secrets   atomic.Pointer[config.Secrets] // that nobody shall see
	published *publisher
	waiting   pendingRequests
	crashed   atomic.Pointer[map[string]bool] // resources whose last words belong to the status
	hears     atomic.Bool                     // there are more of them, and the status is about to be made anew
	work      sync.WaitGroup                  // what the core began beside its loop
}

// newShared returns what a daemon shares whose end is begun by end.
func newShared(o Options, end func()) *shared {
	return &shared{o: o, logs: openLogs(o), published: newPublisher(), faces: newFaces(o.Linger, end)}
}

// kubeconfig is the file that the developer's own commands get: it knows the
// cluster in use alone.
func (s *shared) kubeconfig() string { return filepath.Join(s.o.Endpoint.State, "kubeconfig") }

// tell writes a line of the daemon's own into the log.
func (s *shared) tell(level, text string) {
	s.logs.Add(api.LogLine{Time: time.Now(), Source: api.LogTowline, Level: level, Text: text})
}

// warn tells the resources that something is about, or else the project.
func (s *shared) warn(resources []string, err error) {
	if len(resources) == 0 {
		s.tell("warn", err.Error())
	}
	for _, name := range resources {
		s.logs.Add(api.LogLine{Time: time.Now(), Resource: name, Source: api.LogTowline, Level: "warn", Text: err.Error()})
	}
}

// runTiltfile is o.Evaluate whose defects are problems of the project.
func (s *shared) runTiltfile(ctx context.Context, e Evaluation) (p *config.Project) {
	defer func() {
		if v := recover(); v != nil {
			s.o.Log.Error("defect", "panic", v, "stack", stack())
			p = &config.Project{Tiltfile: e.Tiltfile, ConfigFiles: []string{e.Tiltfile}, Error: s.defect(v)}
		}
	}()
	return s.o.Evaluate(ctx, e)
}

// defect is the problem that a panic is told as.
func (s *shared) defect(v any) *config.Problem {
	return &config.Problem{
		Message: fmt.Sprintf("internal error: %v", v),
		Hint:    "please report it with " + s.o.Endpoint.LogFile(),
	}
}

// protect keeps a defect of f from ending the daemon, and whoever waits from
// waiting for an answer that never comes. It reports whether f came to its end.
func (s *shared) protect(f func()) (ended bool) {
	err := s.try(func() error { f(); return nil })
	if err != nil {
		s.waiting.end(err)
	}
	return err == nil
}

// try returns f's error, or its defect, which is told.
func (s *shared) try(f func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			s.o.Log.Error("defect", "panic", v, "stack", stack())
			s.tell("error", fmt.Sprintf("internal error: %v; please report it with %s", v, s.o.Endpoint.LogFile()))
			err = s.defect(v)
		}
	}()
	return f()
}

// started is when this process began.
var started = time.Now()

func stack() string { return string(debug.Stack()) }
