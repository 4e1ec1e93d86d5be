package inspector

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/google/go-dap"

	"github.com/towline-dev/towline/dap/cdp"
)

// asyncDepth is how many calls back what began a callback is remembered.
const asyncDepth = 8

// attachArguments are those of attach that are known here.
type attachArguments struct {
	StopOnEntry bool     `json:"stopOnEntry"`
	SkipFiles   []string `json:"skipFiles"`
}

// Capabilities is what initialize answers.
func Capabilities() map[string]any {
	caps := map[string]any{
		"exceptionBreakpointFilters": []dap.ExceptionBreakpointsFilter{
			{Filter: "all", Label: "Caught Exceptions", Description: "Stop at every exception"},
			{Filter: "uncaught", Label: "Uncaught Exceptions", Description: "Stop at an exception that nothing catches"},
		},
	}
	for _, name := range []string{
		"supportsConfigurationDoneRequest", "supportsConditionalBreakpoints", "supportsHitConditionalBreakpoints", "supportsLogPoints",
		"supportsEvaluateForHovers", "supportsSetVariable", "supportsSetExpression", "supportsLoadedSourcesRequest",
		"supportsExceptionInfoRequest", "supportsDelayedStackTraceLoading", "supportsBreakpointLocationsRequest", "supportsClipboardContext",
	} {
		caps[name] = true
	}
	return caps
}

// attach opens the inspector's session and learns which scripts there are.
func (s *session) attach(ctx context.Context, args attachArguments) (any, error) {
	if s.conn != nil {
		return nil, errors.New("this session debugs a process already")
	}
	skip, err := skipped(args.SkipFiles)
	if err != nil {
		return nil, err
	}
	limited, cancel := context.WithTimeoutCause(ctx, callTime, fmt.Errorf("the inspector of Node.js does not answer within %s", callTime))
	defer cancel()
	conn, err := cdp.Dial(limited, s.inspector)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	defer func() {
		if s.conn == nil {
			letRun(ctx, conn)
		}
	}()
	s.args, s.args.SkipFiles = args, skip
	t := &thread{s: s, conn: conn, id: s.nextID(), session: cdp.Main, name: "main thread"}
	t.forget()
	// What was written to the console before is told again; it is old.
	if err := t.call(limited, "Runtime.enable", nil, nil); err != nil {
		return nil, err
	}
	conn.Drop()
	s.threads[t.session] = t
	s.conn = conn
	if err := s.begin(limited, t); err != nil {
		s.conn = nil
		return nil, err
	}
	s.cwd = t.text(limited, "process.cwd()")
	for e, ok := conn.Ready(); ok; e, ok = conn.Ready() {
		s.dispatch(limited, e)
	}
	s.work(func() { s.events(ctx) })
	return nil, nil
}

// letRun leaves a process that waits for a session, having none.
func letRun(ctx context.Context, conn *cdp.Conn) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), detachTime)
	defer cancel()
	_ = conn.Call(ctx, cdp.Main, "Runtime.runIfWaitingForDebugger", nil, nil) // else it is gone
	conn.Close()
}

// Hold is the argument with which a process is started that is to stand until a
// session lets it go. It has a stop of its own, which is not shown; older versions
// know none without.
const Hold = "--inspect-brk=127.0.0.1:0"

// adopt takes from a program that was held what would hold its child processes.
const adopt = `((i) => { if (i >= 0) process.execArgv.splice(i, 1); return "" })(process.execArgv.indexOf("` + Hold + `"))`

// begin prepares a thread. mu is held.
func (s *session) begin(ctx context.Context, t *thread) error {
	if err := t.call(ctx, "Debugger.enable", map[string]int{"maxScriptsCacheSize": 100 << 20}, nil); err != nil {
		return err
	}
	for _, c := range []struct {
		method string
		args   map[string]any
	}{
		{"Debugger.setBlackboxPatterns", map[string]any{"patterns": s.args.SkipFiles}},
		{"Debugger.setAsyncCallStackDepth", map[string]any{"maxDepth": asyncDepth}},
		{"NodeRuntime.notifyWhenWaitingForDisconnect", map[string]any{"enabled": true}},
		{"NodeWorker.enable", map[string]any{"waitForDebuggerOnStart": true}},
	} {
		if t.session != cdp.Main && strings.HasPrefix(c.method, "Node") {
			continue // a worker ends without waiting, and its own workers are told of by it alone
		}
		if err := t.call(ctx, c.method, c.args, nil); err != nil {
			s.log.Debug("the inspector lacks something", "error", err) // an older one, or a worker's
		}
	}
	return nil
}

// configurationDone lets the process run if it waits for that.
func (s *session) configurationDone(ctx context.Context, _ struct{}) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.live = true
	t := s.threads[cdp.Main]
	if t == nil {
		return nil, cdp.ErrClosed
	}
	if s.args.StopOnEntry {
		s.watchAddress(ctx, t, "", firstFile)
	}
	for _, t := range s.threads {
		if err := t.call(ctx, "Runtime.runIfWaitingForDebugger", nil, nil); err != nil && t.session == cdp.Main {
			return nil, err
		}
	}
	return nil, nil
}

// firstFile are the addresses of the files that are not of a package.
const firstFile = `^(?:file://)?/(?!.*/node_modules/)`

// detach lets the process run as if nobody had been there. The end of the connection
// would do the same, but Node 20 can crash when that comes while it has something
// to tell: it is made silent first.
func (s *session) detach() {
	if s.detached.Swap(true) {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), detachTime)
	defer cancel()
	if s.conn == nil { // the process may wait for a session all the same
		if conn, err := cdp.Dial(ctx, s.inspector); err == nil {
			letRun(ctx, conn)
		}
		return
	}
	// Whoever holds mu may wait for a process that reads nothing.
	defer time.AfterFunc(detachTime, s.conn.Abort).Stop()
	s.mu.Lock()
	defer s.mu.Unlock()
	silence := func(t *thread, methods ...string) {
		for _, m := range methods {
			if errors.Is(t.call(ctx, m, nil, nil), cdp.ErrClosed) {
				return
			}
		}
	}
	for _, t := range s.threads {
		silence(t, "Debugger.disable", "Runtime.runIfWaitingForDebugger", "Runtime.disable")
		_ = t.call(ctx, "Runtime.evaluate", map[string]any{"expression": "delete globalThis[" + symbol + "]", "silent": true}, nil) // it ends with the process
	}
	if t := s.threads[cdp.Main]; t != nil {
		silence(t, "NodeWorker.disable")
	}
}

// internals are Node's own scripts.
const internals = `^(node:|internal/|evalmachine\.)`

// skipped returns the patterns of the scripts that are stepped over: Node's own,
// and those that the person names by globs. A glob that begins with ! is not
// understood by V8.
func skipped(globs []string) ([]string, error) {
	patterns := []string{internals}
	for _, g := range globs {
		switch {
		case strings.HasPrefix(g, "<node_internals>"):
		case strings.HasPrefix(g, "!"):
			return nil, fmt.Errorf("\"skipFiles\" cannot take files out again: %q", g)
		default:
			patterns = append(patterns, glob(g))
		}
	}
	return patterns, nil
}

var globParts = regexp.MustCompile(`\*\*/|\*\*|\*|\?|[^*?]+`)

// glob returns a regular expression for a glob of paths or addresses.
func glob(g string) string {
	var b strings.Builder
	b.WriteString("(^|/)")
	for _, part := range globParts.FindAllString(strings.TrimPrefix(strings.TrimPrefix(g, "**/"), "/"), -1) {
		switch part {
		case "**/", "**":
			b.WriteString(".*")
		case "*":
			b.WriteString("[^/]*")
		case "?":
			b.WriteString("[^/]")
		default:
			b.WriteString(regexp.QuoteMeta(part))
		}
	}
	return b.String() + "$"
}
