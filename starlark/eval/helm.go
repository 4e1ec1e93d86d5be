package eval

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"go.starlark.net/starlark"
	"sigs.k8s.io/yaml"

	"github.com/towline-dev/towline/starlark/cache"
	"github.com/towline-dev/towline/starlark/chart"
	"github.com/towline-dev/towline/starlark/fault"
	"github.com/towline-dev/towline/starlark/process"
	"github.com/towline-dev/towline/starlark/unpack"
	"github.com/towline-dev/towline/starlark/value"
)

func (c *call) helm(ctx context.Context) (starlark.Value, error) {
	var in struct {
		Paths       unpack.Path    `arg:"paths"`
		Name        string         `arg:"name"`
		Namespace   string         `arg:"namespace"`
		Values      unpack.Paths   `arg:"values"`
		Set         unpack.Strings `arg:"set"`
		KubeVersion string         `arg:"kube_version"`
		SkipCRDs    bool           `arg:"skip_crds"`
	}
	if err := c.Into(&in); err != nil {
		return nil, err
	}
	h := chart.Rendering{
		Dir: in.Paths.Value, Name: in.Name, Namespace: in.Namespace, Values: in.Values.Value, Set: in.Set.NonEmpty(),
		KubeVersion: in.KubeVersion, SkipCRDs: in.SkipCRDs, ReadFile: c.run.files.Read,
	}
	if h.Name == "" {
		h.Name = "chart"
	}
	h.Release = c.run.kube.namespace()
	info, err := c.run.files.Stat(h.Dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fault.Tiltf("Could not read Helm chart directory %q: does not exist", h.Dir)
	}
	if err != nil {
		return nil, fault.Tiltf("Could not read Helm chart directory %q: %w", h.Dir, err)
	}
	if !info.IsDir() {
		return nil, fault.Tiltf("helm() may only be called on directories with Chart.yaml: %s", h.Dir)
	}
	key, err := c.run.chartKey(h)
	if err != nil {
		return nil, err
	}
	text, err := cache.Fill(c.run.opts.Cache, "helm", key, func() (string, error) { return c.run.render(ctx, h) })
	if err != nil {
		return nil, c.run.inChart(fmt.Errorf("helm: %w", err), &h)
	}
	return value.Blob{Text: text, Source: "helm: " + h.Dir}, nil
}

// renderWithin is how long a chart may take to render.
const renderWithin = time.Minute

// render renders a chart, in a process of its own if the run has a program for
// that: its templates may loop or grow without end.
func (r *run) render(ctx context.Context, h chart.Rendering) (string, error) {
	if len(r.opts.Renderer) == 0 {
		return h.Render(ctx)
	}
	request, err := chart.NewRequest(h, r.meter.Limit())
	if err != nil {
		return "", err
	}
	text, err := json.Marshal(request)
	if err != nil {
		return "", err
	}
	bounded, cancel := context.WithTimeoutCause(ctx, renderWithin, fmt.Errorf("%s takes longer than %v to render: does a template loop without end?", h.Dir, renderWithin))
	defer cancel()
	var said strings.Builder
	out, err := process.OS{}.Run(bounded, process.Command{Argv: r.opts.Renderer, Stdin: string(text), Log: func(s string) { said.WriteString(s) }})
	switch exit := (*exec.ExitError)(nil); {
	case err == nil:
		return chart.Answered(out)
	case errors.Is(err, fs.ErrNotExist): // this program was moved away
		return h.Render(ctx)
	case bounded.Err() != nil:
		return "", context.Cause(bounded)
	case errors.As(err, &exit) && exit.ExitCode() == chart.ExitMemory:
		return "", fmt.Errorf("rendering %s needs more than %d MB of memory: does a template repeat something without end? (towline.limits(memory_mb=…) allows more)", h.Dir, request.Memory>>20)
	}
	return "", fmt.Errorf("the process that renders %s: %w: %s", h.Dir, err, quoteEnd(said.String()))
}

// chartKey watches what a rendering reads and returns a key of its content.
func (r *run) chartKey(h chart.Rendering) (string, error) {
	r.files.Watch(h.Dir)
	files, err := r.files.List(h.Dir, true)
	if err != nil {
		return "", err
	}
	parts := []string{h.Dir, h.Name, h.Namespace, h.Release, h.KubeVersion, fmt.Sprint(h.SkipCRDs), strings.Join(h.Set, "\x00")}
	for _, dir := range r.subcharts(h.Dir) {
		r.files.Watch(dir)
		more, _ := r.files.List(dir, true) // a chart that is not there is for the rendering to refuse
		files = append(files, more...)
	}
	for _, f := range files {
		data, _ := r.files.Content(f) // a file that vanished is as one that was never there
		parts = append(parts, f, string(data))
	}
	for _, f := range h.Values {
		data, err := r.files.Read(f)
		if err != nil {
			return "", err
		}
		parts = append(parts, f, string(data))
	}
	return cache.Hash(parts...), nil
}

// subcharts returns the folders of charts elsewhere in the repository that a
// chart depends on by a file:// URL.
func (r *run) subcharts(dir string) []string {
	var dirs []string
	for _, name := range []string{"Chart.yaml", "requirements.yaml"} {
		var c struct {
			Dependencies []struct {
				Repository string `json:"repository"`
			} `json:"dependencies"`
		}
		data, err := r.files.Content(filepath.Join(dir, name))
		if err != nil || yaml.Unmarshal(data, &c) != nil {
			continue
		}
		for _, d := range c.Dependencies {
			if path, ok := strings.CutPrefix(d.Repository, "file://"); ok {
				dirs = append(dirs, value.JoinPath(dir, filepath.FromSlash(path)))
			}
		}
	}
	return dirs
}
