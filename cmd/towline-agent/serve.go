//go:build linux

package main

import (
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/towline-dev/towline/agent/proc"
	"github.com/towline-dev/towline/agent/serve"
	"github.com/towline-dev/towline/agent/wire"
)

// executable is the path by which we start ourselves again.
func executable() string {
	if path, err := os.Executable(); err == nil {
		return path
	}
	return "/proc/self/exe"
}

// serveFlags are the flags that init and serve share: init hands them on.
type serveFlags struct {
	runDir     string
	init       int // the init process that started serve
	hold       time.Duration
	noStart    bool
	stopSignal string
	restart    string
	argv       []string
}

func parseServeFlags(name string, args []string) (serveFlags, error) {
	var f serveFlags
	set := flag.NewFlagSet(name, flag.ContinueOnError)
	set.StringVar(&f.runDir, "run-dir", "", "the agent's `folder`, writable for the container's user")
	set.IntVar(&f.init, "init", 0, "the `pid` of the init process that started this one")
	set.DurationVar(&f.hold, "hold", 3*time.Second, "how long a new application waits for a daemon")
	set.BoolVar(&f.noStart, "no-start", false, "do not start the application until asked to")
	set.StringVar(&f.stopSignal, "stop-signal", "SIGTERM", "the `signal` that asks the application to end")
	set.StringVar(&f.restart, "restart", string(wire.RestartAlways), "`when` an application that ended is started again: always, on-failure or never")
	if err := set.Parse(args); err != nil {
		return f, err
	}
	f.argv = set.Args()
	if len(f.argv) == 0 {
		return f, fmt.Errorf("%s: no command of the application after --", name)
	}
	if f.signal() == 0 {
		return f, fmt.Errorf("%s: unknown signal %q", name, f.stopSignal)
	}
	switch wire.RestartMode(f.restart) {
	case wire.RestartAlways, wire.RestartOnFailure, wire.RestartNever:
		return f, nil
	}
	return f, fmt.Errorf("%s: unknown restart mode %q", name, f.restart)
}

// reaper returns the init process, if it is still our parent.
func (f serveFlags) reaper() int {
	if f.init != os.Getppid() {
		return 0
	}
	return f.init
}

// signal returns the stop signal. Images name it with or without SIG.
func (f serveFlags) signal() syscall.Signal {
	name := strings.ToUpper(f.stopSignal)
	if !strings.HasPrefix(name, "SIG") {
		name = "SIG" + name
	}
	return unix.SignalNum(name)
}

// initCommand is the container's first process.
func initCommand(args []string) (int, error) {
	if _, err := parseServeFlags("init", args); err != nil {
		return 2, err
	}
	argv := []string{"towline-agent", "serve", "--init=" + strconv.Itoa(os.Getpid())}
	return proc.RunAsInit(executable(), append(argv, args...))
}

// serveCommand runs the application and serves the protocol until it is told
// to end.
func serveCommand(args []string) (int, error) {
	f, err := parseServeFlags("serve", args)
	if err != nil {
		return 2, err
	}
	signals := make(chan os.Signal, 64)
	signal.Notify(signals)
	s, err := serve.New(serve.Config{
		RunDir: f.runDir, Self: executable(), Version: version, Argv: f.argv, Reaper: f.reaper(),
		Files: [3]*os.File{os.Stdin, os.Stdout, os.Stderr},
		Hold:  f.hold, NoStart: f.noStart, StopSignal: f.signal(), Restart: wire.RestartMode(f.restart),
		Log: slog.New(slog.NewTextHandler(os.Stderr, nil)).With("from", "towline-agent"),
	})
	if err != nil {
		return 1, err
	}
	code := s.Signals(signals)
	s.Close()
	return code, nil
}
