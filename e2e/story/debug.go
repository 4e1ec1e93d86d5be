package story

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"

	"github.com/towline-dev/towline/dap/daptest"
)

// Debugger is an editor's debugging session.
type Debugger struct {
	*daptest.Client
	adapter *exec.Cmd
}

// Debug starts `towline dap` and attaches to a resource, with breakpoints on
// lines of one file of the workspace.
func (s *Story) Debug(ctx context.Context, resource, file string, lines ...int) (*Debugger, error) {
	cmd, pipe, err := start(s.o, "dap", "--workspace", s.o.Workspace)
	if err != nil {
		return nil, err
	}
	d := &Debugger{Client: daptest.NewClient(pipe), adapter: cmd}
	if _, err := d.Initialize(ctx); err != nil {
		return nil, err
	}
	if err := d.Attach(ctx, map[string]any{"resource": resource}); err != nil {
		return nil, err
	}
	if _, err := d.SetBreakpoints(ctx, s.Path(file), lines...); err != nil {
		return nil, err
	}
	return d, d.ConfigurationDone(ctx)
}

// Stopped waits for a breakpoint and returns the thread and its innermost
// frame.
func (d *Debugger) Stopped(ctx context.Context) (thread int, frame daptest.Frame, err error) {
	stop, err := d.WaitStopped(ctx)
	if err != nil {
		return 0, frame, err
	}
	frames, err := d.StackTrace(ctx, stop.ThreadID)
	if err != nil {
		return 0, frame, err
	}
	if len(frames) == 0 {
		return 0, frame, fmt.Errorf("stopped (%s) without a stack", stop.Reason)
	}
	return stop.ThreadID, frames[0], nil
}

// End disconnects; the program runs on.
func (d *Debugger) End(ctx context.Context) error {
	err := d.Disconnect(ctx)
	d.Close()
	if waitErr := d.adapter.Wait(); err == nil {
		err = waitErr
	}
	return err
}

// Line returns the number, from 1, of the first line of a file of the
// workspace that contains a text.
func (s *Story) Line(file, text string) (int, error) {
	data, err := os.ReadFile(s.Path(file))
	if err != nil {
		return 0, err
	}
	for i, line := range strings.Split(string(data), "\n") {
		if strings.Contains(line, text) {
			return i + 1, nil
		}
	}
	return 0, fmt.Errorf("%s has no line with %q", file, text)
}
