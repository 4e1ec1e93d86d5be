// Command eval measures the evaluation of a Tiltfile of 300 services, each with
// YAML, an image, a port and dependencies, beside the bare cost in the same
// run: executing the Starlark with built-ins that do nothing, and parsing the
// YAML once.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"go.starlark.net/starlark"
	"go.starlark.net/starlarkstruct"
	"go.starlark.net/syntax"
	"go.yaml.in/yaml/v2"

	"github.com/towline-dev/towline/bench/report"
	"github.com/towline-dev/towline/starlark/decl"
	"github.com/towline-dev/towline/starlark/eval"
)

const (
	services = 300
	rounds   = 50
)

func main() {
	if len(os.Args) == 3 && os.Args[1] == "--one" {
		if err := one(os.Args[2]); err != nil {
			fmt.Fprintln(os.Stderr, "error:", err)
			os.Exit(1)
		}
		return
	}
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

// one evaluates a Tiltfile and prints its project, as `towline eval --json`.
func one(file string) error {
	p := eval.Eval(context.Background(), options(file, nil))
	if p.Error != nil {
		return p.Error
	}
	return json.NewEncoder(os.Stdout).Encode(p)
}

func options(file string, cache *eval.Cache) eval.Options {
	return eval.Options{Tiltfile: file, Kube: &eval.Kube{Context: "kind-bench", Local: true}, Cache: cache}
}

func run() error {
	dir, err := os.MkdirTemp("", "bench-eval-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	file, err := write(dir)
	if err != nil {
		return err
	}
	cache := eval.NewCache()
	evaluate := func(c *eval.Cache) error {
		p := eval.Eval(context.Background(), options(file, c))
		if p.Error != nil {
			return p.Error
		}
		if len(p.Resources) != services {
			return fmt.Errorf("%d resources, want %d", len(p.Resources), services)
		}
		return nil
	}
	n := 0
	cases := []struct {
		name string
		f    func() error
		time []time.Duration
	}{
		{name: "bare", f: func() error { return bare(file) }},
		{name: "cold", f: func() error { return evaluate(eval.NewCache()) }},
		{name: "unchanged", f: func() error { return evaluate(cache) }},
		{name: "one-file-changed", f: func() error {
			n++
			if err := writeYAML(dir, n%services, n); err != nil {
				return err
			}
			return evaluate(cache)
		}},
		{name: "process", f: func() error { return exec.Command(os.Args[0], "--one", file).Run() }},
	}
	for range rounds { // interleaved, so that all see the same machine
		for i := range cases {
			start := time.Now()
			if err := cases[i].f(); err != nil {
				return fmt.Errorf("%s: %w", cases[i].name, err)
			}
			cases[i].time = append(cases[i].time, time.Since(start))
		}
	}
	r := report.New("eval")
	baseline := report.Milliseconds(cases[0].time)
	for _, c := range cases[1:] {
		r.Add("eval/"+c.name, "ms", report.Milliseconds(c.time), baseline)
	}
	return r.Write()
}

// write makes a project of 300 services.
func write(dir string) (string, error) {
	text := `
def service(i):
    name = 'svc-%d' % i
    docker_build('example/' + name, 'src/' + name, live_update=[
        sync('src/' + name, '/app'),
        run('make', trigger=['src/' + name + '/go.mod']),
    ])
    k8s_yaml('k8s/' + name + '.yaml')
    k8s_resource(name, port_forwards=[str(10000 + i) + ':8080'], labels=['team-%d' % (i % 7)],
        resource_deps=['svc-%d' % (i - 1)] if i % 10 else [])

for i in range(300):
    service(i)
`
	for i := range services {
		src := filepath.Join(dir, "src", fmt.Sprintf("svc-%d", i))
		if err := os.MkdirAll(src, 0o755); err != nil {
			return "", err
		}
		if err := os.WriteFile(filepath.Join(src, "Dockerfile"), []byte("FROM golang:1 AS build\nCOPY . .\nRUN make\nFROM scratch\nCOPY --from=build /out /out\n"), 0o644); err != nil {
			return "", err
		}
		if err := writeYAML(dir, i, 0); err != nil {
			return "", err
		}
	}
	file := filepath.Join(dir, "Tiltfile")
	return file, os.WriteFile(file, []byte(text), 0o644)
}

func writeYAML(dir string, i, version int) error {
	path := filepath.Join(dir, "k8s", fmt.Sprintf("svc-%d.yaml", i))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, []byte(fmt.Sprintf(`apiVersion: apps/v1
kind: Deployment
metadata:
  name: svc-%[1]d
  labels: {app: svc-%[1]d}
  annotations: {version: "%[2]d"}
spec:
  replicas: 1
  selector:
    matchLabels: {app: svc-%[1]d}
  template:
    metadata:
      labels: {app: svc-%[1]d}
    spec:
      containers:
      - name: main
        image: example/svc-%[1]d
        ports:
        - containerPort: 8080
        env:
        - name: PORT
          value: "8080"
        resources:
          requests: {cpu: 10m, memory: 32Mi}
---
apiVersion: v1
kind: Service
metadata:
  name: svc-%[1]d
spec:
  selector: {app: svc-%[1]d}
  ports:
  - port: 80
    targetPort: 8080
`, i, version)), 0o644)
}

// bare executes the Starlark with built-ins that do nothing, and parses the
// YAML that they name once.
func bare(file string) error {
	dir := filepath.Dir(file)
	names := starlark.StringDict{}
	for _, e := range decl.Globals() {
		if e.Universe {
			continue
		}
		var v starlark.Value = starlark.NewBuiltin(e.Name, func(_ *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
			if b.Name() != "k8s_yaml" {
				return starlark.None, nil
			}
			data, err := os.ReadFile(filepath.Join(dir, string(args[0].(starlark.String))))
			if err != nil {
				return nil, err
			}
			return starlark.None, parse(data)
		})
		if e.Kind == decl.Module {
			v = &starlarkstruct.Module{Name: e.Name}
		}
		names[e.Name] = v
	}
	options := &syntax.FileOptions{Set: true, While: true, TopLevelControl: true, GlobalReassign: true, Recursion: true}
	_, err := starlark.ExecFileOptions(options, &starlark.Thread{}, file, nil, names)
	return err
}

// parse decodes the documents of a stream.
func parse(data []byte) error {
	for i := 0; i < len(data); {
		end := len(data)
		for j := i; j+4 < len(data); j++ {
			if string(data[j:j+4]) == "\n---" {
				end = j + 1
				break
			}
		}
		var v any
		if err := yaml.Unmarshal(data[i:end], &v); err != nil {
			return err
		}
		i = end + 3
	}
	return nil
}
