//go:build linux

package debug

import (
	"context"
	"errors"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/towline-dev/towline/agent/wire"
)

// called calls a program and waits until it has come.
func (p *python) called(ctx context.Context, door *door, pid int) (*caller, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, callTime, errSilent)
	defer cancel()
	refused, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := p.call(ctx, pid); err != nil {
			stop(err)
		}
	}()
	c, err := door.take(refused, pid)
	cancel()
	<-done
	return c, err
}

// Reasons why a program does not come to its debugger.
var (
	errSilent = errors.New("the program did not answer")
	errGone   = errors.New("the program ended")
)

// call sends the signal as soon as the program has its handler, and again: it
// may be busy with an import. It returns when ctx ends or the program cannot be
// called.
func (p *python) call(ctx context.Context, pid int) error {
	tick := time.NewTicker(lookTime)
	defer tick.Stop()
	began, again := time.Now(), time.Time{}
	for {
		switch {
		case dead(pid):
			return errGone
		case catches(pid, calling):
			if now := time.Now(); now.After(again) {
				again = now.Add(againTime)
				if err := unix.Tgkill(pid, pid, calling); err != nil {
					return err
				}
			}
		case time.Since(began) > youngTime || !p.hooked(pid):
			return ErrStart
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// hooked reports whether a process was started with the hook.
func (p *python) hooked(pid int) bool {
	return slices.ContainsFunc(environ(pid), func(v string) bool {
		return v == "PYTHONPATH="+p.dir || strings.HasPrefix(v, "PYTHONPATH="+p.dir+":")
	})
}

// catches reports whether a process has a handler for a signal: without one it
// would be ended by it.
func catches(pid, signal int) bool {
	data, _ := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status") // of no process nothing
	for line := range strings.Lines(string(data)) {
		if mask, ok := strings.CutPrefix(line, "SigCgt:"); ok {
			n, err := strconv.ParseUint(strings.TrimSpace(mask), 16, 64)
			return err == nil && n>>(signal-1)&1 == 1
		}
	}
	return false
}

// absent says why a program did not come.
func (p *python) absent(err error, program Program) error {
	switch {
	case errors.Is(err, errGone):
		return wire.Errorf(wire.CodeNoProcess, "the program ended")
	case errors.Is(err, errSilent):
		e := wire.Errorf(wire.CodeNotDebuggable, "%s did not answer its debugger within %s", program, callTime)
		e.Hint = "its main thread does something that is not Python, and cannot be interrupted; \"request\": \"launch\" starts it anew"
		return e
	}
	return err
}
