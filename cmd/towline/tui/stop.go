package tui

import (
	"context"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	tea "charm.land/bubbletea/v2"
)

// signals hands the view those that tell it of its terminal, until ctx ends or one
// of them ends the view. SIGTSTP is not among them: a signal that was once asked
// for does not stop a Go program any more.
func signals(ctx context.Context, p *tea.Program) error {
	come := make(chan os.Signal, 8)
	signal.Notify(come, syscall.SIGCONT, syscall.SIGHUP, syscall.SIGQUIT)
	defer signal.Stop(come)
	for {
		select {
		case <-ctx.Done():
			return nil
		case s := <-come:
			if s == syscall.SIGCONT { // somebody else had the terminal meanwhile
				p.Send(resumes{})
				continue
			}
			p.Kill()
			return Signalled{s.(syscall.Signal)}
		}
	}
}

// orphaned is how long a stop is waited for: a program that no shell could let go
// on is not stopped at all.
const orphaned = 200 * time.Millisecond

// stop stops the program, and whoever waits for it, until it is to go on.
func stop() error {
	goesOn := make(chan os.Signal, 1)
	signal.Notify(goesOn, syscall.SIGCONT)
	defer signal.Stop(goesOn)
	if err := syscall.Kill(0, syscall.SIGTSTP); err != nil {
		return err
	}
	select {
	case <-goesOn:
	case <-time.After(orphaned):
	}
	return nil
}

// apart is done while the terminal is given back. It is a tea.ExecCommand.
type apart func() error

func (a apart) Run() error        { return a() }
func (apart) SetStdin(io.Reader)  {}
func (apart) SetStdout(io.Writer) {}
func (apart) SetStderr(io.Writer) {}

func nothing() error { return nil }
