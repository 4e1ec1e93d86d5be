// Command debug measures a debugging session through the bridge beside one
// that speaks with the debugger directly, in the same run: a real program
// under the agent's debugger, on this machine.
package main

import (
	"context"
	"flag"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/towline-dev/towline/bench/report"
	"github.com/towline-dev/towline/dap/adapter"
	"github.com/towline-dev/towline/dap/bridge"
	"github.com/towline-dev/towline/dap/daptest"
	"github.com/towline-dev/towline/dap/daptest/local"
	"github.com/towline-dev/towline/dap/rewrite"
)

func main() {
	local.Main() // this binary is also the debugging process
	sessions := flag.Int("sessions", 15, "how many sessions of each kind are begun and restarted")
	steps := flag.Int("steps", 300, "how many steps are taken in each kind of session")
	flag.Parse()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	if err := run(ctx, *sessions, *steps); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, sessions, steps int) error {
	b, err := prepare()
	if err != nil {
		return err
	}
	defer os.RemoveAll(b.dir)
	r := report.New("debug")
	attach, err := b.compare(sessions, func(s begin) ([]time.Duration, error) { return b.attach(ctx, s) })
	if err != nil {
		return fmt.Errorf("attaching: %w", err)
	}
	attach.add(r, "attach-to-first-stop")

	step, err := b.compare(1, func(s begin) ([]time.Duration, error) { return b.step(ctx, s, steps, false) })
	if err != nil {
		return fmt.Errorf("stepping: %w", err)
	}
	step.add(r, "step")
	look, err := b.compare(1, func(s begin) ([]time.Duration, error) { return b.step(ctx, s, steps, true) })
	if err != nil {
		return fmt.Errorf("stepping and looking: %w", err)
	}
	look.add(r, "step-stack-and-variables")

	restart, err := b.restarts(ctx, sessions)
	if err != nil {
		return fmt.Errorf("restarting: %w", err)
	}
	restart.add(r, "restart-to-hit")
	return r.Write()
}

// bench is what all cases share.
type bench struct {
	dir, file, binary string
}

func prepare() (bench, error) {
	dir, err := os.MkdirTemp("", "towline-bench-debug-")
	if err != nil {
		return bench{}, err
	}
	if dir, err = filepath.EvalSymlinks(dir); err != nil {
		return bench{}, err
	}
	b := bench{dir: dir, file: filepath.Join(dir, local.GreeterFile), binary: filepath.Join(dir, "greeter")}
	if err := local.WriteGreeter(dir); err != nil {
		return b, err
	}
	return b, local.Build(dir, b.binary)
}

// samples are those of one case, through the bridge and without.
type samples struct{ ours, baseline []time.Duration }

func (s samples) add(r *report.Report, name string) {
	r.Add(name, "ms", report.Milliseconds(s.ours), report.Milliseconds(s.baseline))
}

// begin opens a session on a host; how is the difference that is measured.
type begin func(context.Context, *local.Host) (*daptest.Client, map[string]any, error)

// compare measures n times each way, in turns, so that both see the machine in
// the same moods.
func (b bench) compare(n int, measure func(begin) ([]time.Duration, error)) (samples, error) {
	var s samples
	for range n {
		ours, err := measure(b.bridged)
		if err != nil {
			return s, err
		}
		baseline, err := measure(direct)
		if err != nil {
			return s, err
		}
		s.ours, s.baseline = append(s.ours, ours...), append(s.baseline, baseline...)
	}
	return s, nil
}

// direct connects to the debugger.
func direct(ctx context.Context, h *local.Host) (*daptest.Client, map[string]any, error) {
	conn, err := h.Debug(ctx, h.Pid())
	if err != nil {
		return nil, nil, err
	}
	return daptest.NewClient(conn), map[string]any{"mode": "remote"}, nil
}

// bridged connects to a bridge over TCP, as an editor does.
func (b bench) bridged(ctx context.Context, h *local.Host) (*daptest.Client, map[string]any, error) {
	ours, its, err := loopback(ctx)
	if err != nil {
		return nil, nil, err
	}
	go bridge.Serve(ctx, its, bridge.Options{
		Adapters: adapter.All(),
		Connect:  func(context.Context, string) (bridge.Backend, error) { return h, nil },
		Describe: func(ctx context.Context, _ string) rewrite.Workspace {
			return bridge.DescribeDisk(ctx, b.dir)
		},
	})
	return daptest.NewClient(ours), map[string]any{"resource": local.Resource}, nil
}

// loopback returns the two ends of a TCP connection.
func loopback(ctx context.Context) (ours, its net.Conn, err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, nil, err
	}
	defer l.Close()
	var d net.Dialer
	if ours, err = d.DialContext(ctx, "tcp", l.Addr().String()); err != nil {
		return nil, nil, err
	}
	its, err = l.Accept()
	return ours, its, err
}
