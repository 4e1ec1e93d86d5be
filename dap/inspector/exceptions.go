package inspector

import (
	"context"
	"fmt"

	"github.com/google/go-dap"

	"github.com/towline-dev/towline/dap/cdp"
)

// setExceptionBreakpoints says at which exceptions the program stops.
func (s *session) setExceptionBreakpoints(ctx context.Context, args dap.SetExceptionBreakpointsArguments) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	state := "none"
	list := []dap.Breakpoint{}
	for _, f := range args.Filters {
		told := dap.Breakpoint{Verified: true}
		switch {
		case f == "all":
			state = "all"
		case f == "uncaught" && state == "none":
			state = "uncaught"
		case f != "uncaught": // an editor may ask before it knows which there are
			told = dap.Breakpoint{Message: fmt.Sprintf("Node.js has no exceptions of the kind %q", f)}
		}
		list = append(list, told)
	}
	main := s.threads[cdp.Main]
	if main == nil {
		return nil, cdp.ErrClosed
	}
	if err := main.stopAtExceptions(ctx, state); err != nil {
		return nil, err
	}
	s.exceptions = state
	for _, t := range s.threads {
		if t != main {
			_ = t.stopAtExceptions(ctx, state) // else it is gone
		}
	}
	return dap.SetExceptionBreakpointsResponseBody{Breakpoints: list}, nil
}

// stopAtExceptions says at which exceptions a thread stops.
func (t *thread) stopAtExceptions(ctx context.Context, state string) error {
	return t.call(ctx, "Debugger.setPauseOnExceptions", map[string]string{"state": state}, nil)
}
