package eval

import (
	"context"
	"path/filepath"
	"strings"

	"go.starlark.net/starlark"

	"github.com/towline-dev/towline/starlark/chart"
	"github.com/towline-dev/towline/starlark/unpack"
)

// ourChart is towline.chart.
func (c *call) ourChart(ctx context.Context) (starlark.Value, error) {
	var in struct {
		Chart    string      `arg:"chart"`
		Dir      unpack.Path `arg:"dir"`
		RepoURL  string      `arg:"repo_url"`
		RepoName string      `arg:"repo_name"`
		Version  string      `arg:"version"`
		Username string      `arg:"username"`
		Password string      `arg:"password"`
	}
	if err := c.Into(&in); err != nil {
		return nil, err
	}
	name := strings.TrimSuffix(in.Chart[strings.LastIndexByte(in.Chart, '/')+1:], ".tgz")
	if name == "" || strings.Contains(name, "..") || strings.ContainsRune(name, filepath.Separator) {
		return nil, c.Errorf("%q is not a chart's name", in.Chart)
	}
	c.run.outside()
	dir := filepath.Join(in.Dir.Value, name)
	if c.run.files.Exists(filepath.Join(dir, "Chart.yaml")) {
		return starlark.String(dir), nil
	}
	if c.run.held("fetching the chart " + in.Chart) {
		return nil, errHeld
	}
	charts := c.run.opts.Charts
	if charts == nil {
		charts = chart.Source{Env: c.run.env.List(nil)}
	}
	c.run.log("fetching the chart " + in.Chart)
	archive, err := charts.Pull(ctx, chart.Ref{
		Chart: in.Chart, Repo: in.RepoURL, RepoName: in.RepoName, Version: in.Version, Username: in.Username, Password: in.Password,
	})
	if err != nil {
		return nil, err
	}
	return starlark.String(dir), chart.Expand(archive, dir)
}
