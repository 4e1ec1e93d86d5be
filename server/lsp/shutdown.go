package lsp

import (
	"context"
	"time"
)

// none are the parameters of a message that has none.
type none struct{}

// shutdown ends the session's answers; exit ends the process.
func (s *session) shutdown(context.Context, *none) (any, error) {
	s.phase.set(phaseShutdown)
	return nil, nil
}

// exitNow ends the connection.
func (s *session) exitNow(context.Context, *none) (any, error) {
	s.exit()
	return nil, nil
}

// parentInterval is how often the client's process is looked for.
const parentInterval = 3 * time.Second

// watchParent ends the session when the client's process is gone: a client
// that was killed cannot say so, and its pipe may be held open by others. It
// looks only at a process that this one descends from: any other number is of
// another system, and says nothing here.
func (s *session) watchParent(ctx context.Context, pid int) {
	tick := s.options.Tick
	if tick == nil {
		ticker := time.NewTicker(parentInterval)
		defer ticker.Stop()
		tick = func() <-chan time.Time { return ticker.C }
	}
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick():
			if !s.options.Alive(pid) {
				s.log.Info("the client is gone", "pid", pid)
				s.exit()
				return
			}
		}
	}
}
