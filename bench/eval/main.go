// Command eval measures the evaluation of a Tiltfile of 300 services, each with
// YAML, an image, a port and dependencies, beside the bare cost in the same
// run: executing the Starlark with built-ins that do nothing, and parsing the
// YAML once with the usual library.
//
// The cases:
//
//   - cold: an evaluation with nothing kept, as a daemon's first
//   - unchanged, one-file-changed: the same again, as a daemon does after a save
//   - process: `towline eval --json` as a whole, when bin/towline was built
//
// and the first three for a chart, a kustomization and a Compose project, which
// have no bare cost.
package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"time"

	"github.com/towline-dev/towline/bench/report"
	"github.com/towline-dev/towline/starlark/cache"
	"github.com/towline-dev/towline/starlark/eval"
	"github.com/towline-dev/towline/starlark/gitrepo"
)

const rounds = 50

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run() error {
	dir, err := os.MkdirTemp("", "bench-eval-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	r := report.New("eval")
	for _, p := range projects() {
		folder := filepath.Join(dir, p.name+"project")
		if err := p.write(folder); err != nil {
			return err
		}
		if err := measure(r, p, folder); err != nil {
			return err
		}
	}
	return r.Write()
}

// sample is one case and its times.
type sample struct {
	name string
	f    func() error
	time []time.Duration
}

// measure runs the cases of a project in turns, so that all see the same
// machine, and each with a collected heap.
func measure(r *report.Report, p project, dir string) error {
	cases := casesOf(p, dir)
	for range rounds {
		for i := range cases {
			runtime.GC()
			start := time.Now()
			if err := cases[i].f(); err != nil {
				return fmt.Errorf("%s: %w", cases[i].name, err)
			}
			cases[i].time = append(cases[i].time, time.Since(start))
		}
	}
	var baseline []float64
	for _, c := range cases {
		if c.name == "bare" {
			baseline = report.Milliseconds(c.time)
			continue
		}
		r.Add("eval/"+p.name+c.name, "ms", report.Milliseconds(c.time), baseline)
	}
	return nil
}

func casesOf(p project, dir string) []sample {
	file := filepath.Join(dir, "Tiltfile")
	kept, n := cache.New(), 0
	cases := []sample{
		{name: "cold", f: func() error { return evaluate(p, file, cache.New()) }},
		{name: "unchanged", f: func() error { return evaluate(p, file, kept) }},
		{name: "one-file-changed", f: func() error {
			n++
			if err := p.change(dir, n); err != nil {
				return err
			}
			return evaluate(p, file, kept)
		}},
	}
	if p.name != "" {
		return cases
	}
	cases = append([]sample{{name: "bare", f: func() error { return bare(file) }}}, cases...)
	if program, err := filepath.Abs(filepath.Join("bin", "towline")); err == nil {
		if _, err := os.Stat(program); err == nil {
			cases = append(cases, sample{name: "process", f: func() error { return process(program, file) }})
		}
	}
	return cases
}

// evaluate evaluates as the daemon does.
func evaluate(p project, file string, kept *cache.Cache) error {
	got := eval.Eval(context.Background(), eval.Options{
		Tiltfile: file, Subcommand: "up", Env: os.Environ(), Log: func(string) {}, Cache: kept, Version: "bench",
		Kube: &eval.Kube{Context: "kind-bench", Local: true}, AnyContext: true,
		Remote: &gitrepo.Remote{Dir: filepath.Join(filepath.Dir(file), "extensions"), Env: os.Environ()},
	})
	if got.Error != nil {
		return got.Error
	}
	if len(got.Resources) < p.resources {
		return fmt.Errorf("%d resources, want %d", len(got.Resources), p.resources)
	}
	return nil
}

// process runs the program as somebody at a shell does, without a cluster.
func process(program, file string) error {
	cmd := exec.Command(program, "eval", "--json", "-f", file)
	cmd.Env = append(os.Environ(), "KUBECONFIG="+os.DevNull)
	out, err := cmd.Output()
	if err == nil && len(out) < 1<<20 {
		return fmt.Errorf("printed %d bytes only", len(out))
	}
	return err
}
