// Command up measures what a project of many services costs, with the real
// binary on a real cluster: from nothing, again, again by a new daemon, at rest,
// and down, beside what kubectl does with the same YAML; how that grows with the
// number of services; and the example, until its pods are ready.
//
// A service is a Deployment of no pods, a Service and a ConfigMap: what is
// measured is Towline and the API server, and not how a node starts containers.
package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/towline-dev/towline/bench/report"
)

func main() {
	services := flag.Int("services", 300, "how many services there are")
	rounds := flag.Int("n", 3, "how often all is done")
	demo := flag.Int("demo", 10, "how often the example is brought up")
	growth := flag.String("growth", "10,2000", "further numbers of services, of which each is measured once; none: leave it out")
	idle := flag.Duration("idle", 20*time.Second, "for how long the daemon is watched at rest")
	kubectl := flag.String("kubectl", "testbed/bin/testbed kubectl", "the command for kubectl")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := measure(ctx, *kubectl, settings{services: *services, rounds: *rounds, demo: *demo, growth: *growth, idle: *idle}); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

// The namespaces: ours, and kubectl's.
const (
	namespace = "towline-bench-up"
	baseline  = "towline-bench-kubectl"
)

// samples are seconds, but for those of the daemon at rest.
type samples map[string][]float64

// settings say what is measured, and how often.
type settings struct {
	services, rounds, demo int
	growth                 string
	idle                   time.Duration
}

// bench is a project, and the programs that are compared.
type bench struct {
	dir      string   // of all that is written: projects, and what their daemons keep
	project  string   // its folder
	env      []string // of its commands
	towline  string
	kubectl  []string
	services int
	taken    samples
}

func measure(ctx context.Context, kubectl string, s settings) error {
	dir, err := os.MkdirTemp("", "towline-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	root, err := os.Getwd()
	if err != nil {
		return err
	}
	program := strings.Fields(kubectl)
	program[0] = inside(root, program[0])
	b := &bench{dir: dir, towline: filepath.Join(root, "bin", "towline"), kubectl: program}
	r := report.New("up")
	all, err := b.of(ctx, s.services, s.rounds, s.idle)
	if err != nil {
		return err
	}
	all.report(r)
	for _, n := range strings.FieldsFunc(s.growth, func(c rune) bool { return c == ',' }) {
		services, err := strconv.Atoi(n)
		if err != nil {
			return fmt.Errorf("a number of services: %w", err)
		}
		grown, err := b.of(ctx, services, 1, s.idle)
		if err != nil {
			return err
		}
		grown.report(r)
	}
	example := *b
	example.taken = samples{}
	if err := example.demo(ctx, root, s.demo); err != nil {
		return err
	}
	r.Add("demo-up", "s", example.taken["demo"], example.taken["demo apply"])
	return r.Write()
}

// of measures a project of as many services.
func (b *bench) of(ctx context.Context, services, rounds int, idle time.Duration) (*bench, error) {
	p := *b
	p.project, p.services, p.taken = filepath.Join(b.dir, fmt.Sprint("services-", services)), services, samples{}
	if err := p.write(); err != nil {
		return nil, err
	}
	for i := range rounds {
		fmt.Fprintf(os.Stderr, "%d services, round %d of %d\n", services, i+1, rounds)
		if err := p.round(ctx, idle); err != nil {
			p.clean(context.WithoutCancel(ctx))
			return nil, err
		}
	}
	return &p, nil
}

// inside is a program's path: one with a slash is the project's own.
func inside(root, program string) string {
	if strings.Contains(program, "/") && !filepath.IsAbs(program) {
		return filepath.Join(root, program)
	}
	return program
}

func (b *bench) report(r *report.Report) {
	name := fmt.Sprintf("-%d-services", b.services)
	r.Add("up"+name, "s", b.taken["up"], b.taken["apply"])
	r.Add("up-again"+name, "s", b.taken["again"], b.taken["apply again"])
	r.Add("up-again-new-daemon"+name, "s", b.taken["new daemon"], b.taken["apply again"])
	r.Add("down"+name, "s", b.taken["down"], b.taken["delete"])
	r.Add("idle-memory"+name, "MB", b.taken["memory"], nil)
	r.Add("idle-cpu"+name, "%", b.taken["cpu"], nil)
}

// step is something that is done, and measured where it has a name.
type step struct {
	name string
	do   func(context.Context) error
}

// round does all once, from nothing to nothing.
func (b *bench) round(ctx context.Context, idle time.Duration) error {
	err := b.steps(ctx, []step{
		{"", func(ctx context.Context) error { return b.kube(ctx, "create", "namespace", baseline) }},
		{"apply", func(ctx context.Context) error { return b.kube(ctx, "apply", "-n", baseline, "-f", b.path("all.yaml")) }},
		{"apply again", func(ctx context.Context) error { return b.kube(ctx, "apply", "-n", baseline, "-f", b.path("all.yaml")) }},
		{"delete", func(ctx context.Context) error { return b.kube(ctx, "delete", "namespace", baseline) }},
		{"up", b.up},
		{"again", b.up},
		{"", func(ctx context.Context) error { return b.rest(ctx, idle) }},
		{"", func(context.Context) error { return b.killDaemon() }},
		{"new daemon", b.unwritten},
		{"down", func(ctx context.Context) error { return b.run(ctx, b.towline, "down") }},
	})
	if err != nil {
		return err
	}
	_ = b.killDaemon() // it ends with down, sooner or later
	return nil
}

// steps does one thing after the other.
func (b *bench) steps(ctx context.Context, steps []step) error {
	for _, step := range steps {
		began := time.Now()
		if err := step.do(ctx); err != nil {
			return err
		}
		if took := time.Since(began); step.name != "" {
			b.taken[step.name] = append(b.taken[step.name], took.Seconds())
			fmt.Fprintf(os.Stderr, "  %-12s %.2f s\n", step.name, took.Seconds())
		}
	}
	return nil
}

func (b *bench) up(ctx context.Context) error {
	return b.run(ctx, b.towline, "up", "--detach", "--namespace", namespace)
}

// unwritten brings up what is up, and fails if anything was written for it.
func (b *bench) unwritten(ctx context.Context) error {
	before, err := b.versions(ctx)
	if err != nil {
		return err
	}
	if err := b.up(ctx); err != nil {
		return err
	}
	after, err := b.versions(ctx)
	if err == nil && before != after {
		err = fmt.Errorf("a second up wrote objects though nothing had changed")
	}
	return err
}

// versions are those of all objects.
func (b *bench) versions(ctx context.Context) (string, error) {
	return b.asked(ctx, "get", "-n", namespace, "deployments,services,configmaps", "-o",
		`jsonpath={range .items[*]}{.kind}/{.metadata.name}={.metadata.resourceVersion}{"\n"}{end}`)
}

// rest watches the daemon while nothing happens.
func (b *bench) rest(ctx context.Context, d time.Duration) error {
	pid, err := b.daemon()
	if err != nil {
		return err
	}
	before, _, err := usage(pid)
	if err != nil {
		return err
	}
	select {
	case <-time.After(d):
	case <-ctx.Done():
		return ctx.Err()
	}
	after, memory, err := usage(pid)
	if err != nil {
		return err
	}
	b.taken["cpu"] = append(b.taken["cpu"], 100*(after-before).Seconds()/d.Seconds())
	b.taken["memory"] = append(b.taken["memory"], memory)
	return nil
}

// usage reads the processor time and the resident megabytes of a process.
func usage(pid int) (busy time.Duration, megabytes float64, err error) {
	proc := "/proc/" + strconv.Itoa(pid)
	stat, err := os.ReadFile(proc + "/stat")
	if err != nil {
		return 0, 0, err
	}
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:])) // from the third on
	const tick = 10 * time.Millisecond
	for _, i := range []int{11, 12} {
		n, err := strconv.Atoi(fields[i])
		if err != nil {
			return 0, 0, err
		}
		busy += time.Duration(n) * tick
	}
	pages, err := strconv.Atoi(fields[21])
	return busy, float64(pages) * float64(os.Getpagesize()) / (1 << 20), err
}
