//go:build linux

package serve

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"

	"golang.org/x/sys/unix"

	"github.com/towline-dev/towline/agent/apply"
	"github.com/towline-dev/towline/agent/proc"
	"github.com/towline-dev/towline/agent/wire"
)

func (s *Server) hello(context.Context, wire.Empty) (wire.Facts, error) {
	dir, _ := os.Getwd()
	return wire.Facts{
		Agent: s.cfg.Version, Protocol: wire.Version, Boot: s.boot,
		OS: runtime.GOOS, Arch: runtime.GOARCH, UID: os.Getuid(), GID: os.Getgid(),
		ReadOnlyRoot: readOnlyRoot(), Entrypoint: s.cfg.Argv, Dir: dir,
		Started: s.started.UnixNano(), Process: s.process(),
	}, nil
}

func readOnlyRoot() bool {
	var st unix.Statfs_t
	return unix.Statfs("/", &st) == nil && st.Flags&unix.ST_RDONLY != 0
}

func (s *Server) verify(_ context.Context, q wire.VerifyQuery) (wire.EntryList, error) {
	entries, err := apply.Verify(q.Files)
	return wire.EntryList{Entries: entries}, err
}

func (s *Server) manifest(_ context.Context, q wire.ManifestQuery) (wire.EntryList, error) {
	entries, err := apply.Manifest(q)
	return wire.EntryList{Entries: entries}, err
}

func (s *Server) canWrite(_ context.Context, q wire.WriteQuery) (wire.WriteList, error) {
	return wire.WriteList{Paths: apply.CanWrite(q.Paths)}, nil
}

func (s *Server) managed(ctx context.Context, _ wire.Empty) (wire.PathList, error) {
	select {
	case s.change <- struct{}{}:
		defer func() { <-s.change }()
	case <-ctx.Done():
		return wire.PathList{}, context.Cause(ctx)
	}
	return wire.PathList{Paths: s.applier.Managed()}, nil
}

// start, stop and restart go on when the daemon gives up waiting: half a
// restart is worse than a whole one.

func (s *Server) start(ctx context.Context, o wire.StartOptions) (wire.Process, error) {
	s.hold.release()
	st, err := s.app.Start(context.WithoutCancel(ctx), launchFromWire(o))
	return s.processOf(st), procError(err)
}

func (s *Server) stop(ctx context.Context, _ wire.Empty) (wire.Process, error) {
	s.hold.release()
	st, err := s.app.Stop(context.WithoutCancel(ctx))
	return s.processOf(st), procError(err)
}

func (s *Server) restart(ctx context.Context, o wire.StartOptions) (wire.Process, error) {
	s.hold.release()
	st, err := s.app.Restart(context.WithoutCancel(ctx), launchFromWire(o))
	return s.processOf(st), procError(err)
}

func (s *Server) signal(ctx context.Context, r wire.SignalRequest) (wire.Process, error) {
	sig := unix.SignalNum(r.Signal)
	if sig == 0 {
		return wire.Process{}, wire.Errorf(wire.CodeBadRequest, "unknown signal %q, want a name such as SIGHUP", r.Signal)
	}
	st, err := s.app.Signal(ctx, sig)
	return s.processOf(st), procError(err)
}

func (s *Server) policy(ctx context.Context, p wire.Policy) (wire.Process, error) {
	switch p.Restart {
	case "", wire.RestartAlways, wire.RestartNever, wire.RestartOnFailure:
	default:
		return wire.Process{}, wire.Errorf(wire.CodeBadRequest, "unknown restart policy %q", p.Restart)
	}
	if p.StopSignal != "" && unix.SignalNum(p.StopSignal) == 0 {
		return wire.Process{}, wire.Errorf(wire.CodeBadRequest, "unknown signal %q", p.StopSignal)
	}
	st, err := s.app.SetPolicy(ctx, func(old *proc.Policy) { *old = policyFromWire(p, *old) })
	return s.processOf(st), procError(err)
}

// follow sends events until the daemon has had enough.
func (s *Server) follow(ctx context.Context, q *request) error {
	if err := q.r.Message(&wire.Empty{}); err != nil {
		return err
	}
	ctx = q.watch(ctx)
	events, cancel := s.events.subscribe(s.process)
	defer cancel()
	for {
		select {
		case <-ctx.Done():
			return nil
		case e, ok := <-events:
			if !ok {
				return errors.New("this reader of events is too far behind")
			}
			if err := q.w.Message(e); err != nil {
				return fmt.Errorf("sending an event: %w", err)
			}
			if err := q.w.Flush(); err != nil {
				return err
			}
		}
	}
}
