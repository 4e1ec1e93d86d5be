package eval

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"go.starlark.net/starlark"
	"helm.sh/helm/v4/pkg/chart/common"
	"helm.sh/helm/v4/pkg/chart/common/util"
	chart "helm.sh/helm/v4/pkg/chart/v2"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
	chartutil "helm.sh/helm/v4/pkg/chart/v2/util"
	"helm.sh/helm/v4/pkg/engine"
	release "helm.sh/helm/v4/pkg/release/v1"
	releaseutil "helm.sh/helm/v4/pkg/release/v1/util"
	"helm.sh/helm/v4/pkg/strvals"
	"sigs.k8s.io/yaml"

	"github.com/towline-dev/towline/starlark/fault"
	"github.com/towline-dev/towline/starlark/manifest"
	"github.com/towline-dev/towline/starlark/unpack"
	"github.com/towline-dev/towline/starlark/value"
	"github.com/towline-dev/towline/starlark/yamldoc"
)

func (c *call) helm() (starlark.Value, error) {
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
	h := ChartRender{
		Dir: in.Paths.Value, Name: in.Name, Namespace: in.Namespace, Values: in.Values.Value, Set: in.Set.NonEmpty(),
		KubeVersion: in.KubeVersion, SkipCRDs: in.SkipCRDs,
	}
	if h.Name == "" {
		h.Name = "chart"
	}
	h.Release = c.run.kube.namespace()
	info, err := c.run.opts.FS.Stat(h.Dir)
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
	text, err := cached(c.run.opts.Cache, "helm", key, func() (string, error) { return c.run.render(h) })
	if err != nil {
		return nil, fmt.Errorf("helm: %w", err)
	}
	return value.Blob{Text: text, Source: "helm: " + h.Dir}, nil
}

// chartKey watches what a rendering reads and returns a key of its content.
func (r *run) chartKey(h ChartRender) (string, error) {
	r.files.watch(h.Dir)
	files, err := r.files.list(h.Dir, true)
	if err != nil {
		return "", err
	}
	parts := []string{h.Dir, h.Name, h.Namespace, h.Release, h.KubeVersion, fmt.Sprint(h.SkipCRDs), strings.Join(h.Set, "\x00")}
	for _, dir := range r.subcharts(h.Dir) {
		r.files.watch(dir)
		more, _ := r.files.list(dir, true) // a chart that is not there is for the rendering to refuse
		files = append(files, more...)
	}
	for _, f := range files {
		data, _ := r.files.content(f) // a file that vanished is as one that was never there
		parts = append(parts, f, string(data))
	}
	for _, f := range h.Values {
		data, err := r.files.read(f)
		if err != nil {
			return "", err
		}
		parts = append(parts, f, string(data))
	}
	return contentHash(parts...), nil
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
		data, err := r.files.content(filepath.Join(dir, name))
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

// render renders a chart as "helm template --include-crds" does, without the
// hooks that are tests.
func (r *run) render(h ChartRender) (string, error) {
	loaded, err := loader.LoadDir(h.Dir)
	if err != nil {
		return "", err
	}
	if err := checkChart(loaded); err != nil {
		return "", err
	}
	if err := chartutil.ValidateReleaseName(h.Name); err != nil {
		return "", fmt.Errorf("release name check failed: release name %q: %w", h.Name, err)
	}
	values, err := r.chartValues(h)
	if err != nil {
		return "", err
	}
	if err := chartutil.ProcessDependencies(loaded, values); err != nil {
		return "", err
	}
	caps := common.DefaultCapabilities.Copy()
	if h.KubeVersion != "" {
		version, err := common.ParseKubeVersion(h.KubeVersion)
		if err != nil {
			return "", fmt.Errorf("invalid kube version %q: %w", h.KubeVersion, err)
		}
		caps.KubeVersion = *version
	}
	if want := loaded.Metadata.KubeVersion; want != "" && !chartutil.IsCompatibleRange(want, caps.KubeVersion.String()) {
		return "", fmt.Errorf("chart requires kubeVersion: %s which is incompatible with Kubernetes %s", want, caps.KubeVersion.Version)
	}
	options := common.ReleaseOptions{Name: h.Name, Namespace: cmp.Or(h.Namespace, h.Release, "default"), Revision: 1, IsInstall: true}
	top, err := util.ToRenderValues(loaded, values, options, caps)
	if err != nil {
		return "", err
	}
	files, err := engine.Engine{}.RenderWithContext(r.ctx, loaded, top)
	if err != nil {
		return "", err
	}
	text, err := chartText(loaded, files, h.SkipCRDs)
	if err != nil || h.Namespace == "" {
		return text, err
	}
	return withNamespace(text, h.Namespace)
}

func checkChart(c *chart.Chart) error {
	if t := c.Metadata.Type; t != "" && t != "application" {
		return fmt.Errorf("%s charts are not installable", t)
	}
	var missing []string
	for _, want := range c.Metadata.Dependencies {
		if !slices.ContainsFunc(c.Dependencies(), func(d *chart.Chart) bool { return d.Name() == want.Name }) {
			missing = append(missing, want.Name)
		}
	}
	if len(missing) > 0 {
		return fault.Environment(fault.Tiltf("An error occurred while checking for chart dependencies. You may need to run `helm dependency build` to fetch missing dependencies: found in Chart.yaml, but missing in charts/ directory: %s", strings.Join(missing, ", ")))
	}
	return nil
}

// chartValues merges the files of values, later over earlier, and the single
// values over those.
func (r *run) chartValues(h ChartRender) (map[string]any, error) {
	values := map[string]any{}
	for _, f := range h.Values {
		data, err := r.files.read(f)
		if err != nil {
			return nil, err
		}
		more := map[string]any{}
		if err := yaml.Unmarshal(data, &more); err != nil {
			return nil, fmt.Errorf("failed to parse %s: %w", f, err)
		}
		values = loader.MergeMaps(values, more)
	}
	for _, s := range h.Set {
		if err := strvals.ParseInto(s, values); err != nil {
			return nil, fmt.Errorf("failed parsing --set data: %w", err)
		}
	}
	for _, s := range h.SetString {
		if err := strvals.ParseIntoString(s, values); err != nil {
			return nil, fmt.Errorf("failed parsing --set-string data: %w", err)
		}
	}
	return values, nil
}

// chartText puts the rendered files in the order of installation: definitions,
// objects, then hooks that are no tests.
func chartText(c *chart.Chart, files map[string]string, skipCRDs bool) (string, error) {
	maps.DeleteFunc(files, func(name, _ string) bool { return strings.HasSuffix(name, "NOTES.txt") })
	hooks, manifests, err := releaseutil.SortManifests(files, nil, releaseutil.InstallOrder)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	add := func(source, content string) {
		fmt.Fprintf(&b, "---\n# Source: %s\n%s\n", filepath.ToSlash(source), strings.TrimSuffix(content, "\n"))
	}
	if !skipCRDs {
		for _, crd := range c.CRDObjects() {
			add(crd.Filename, string(crd.File.Data))
		}
	}
	for _, m := range manifests {
		add(m.Name, m.Content)
	}
	for _, h := range hooks {
		if !slices.Contains(h.Events, release.HookTest) {
			add(h.Path, h.Manifest)
		}
	}
	return b.String(), nil
}

// withNamespace gives the namespace to objects that have none: a release's
// namespace is not in what a chart renders.
func withNamespace(text, namespace string) (string, error) {
	docs, err := yamldoc.Parse(text)
	if err != nil {
		return "", err
	}
	var objects []map[string]any
	for _, d := range docs {
		o, ok := d.Value.(map[string]any)
		if !ok {
			return "", fmt.Errorf("a Kubernetes object is a map, found %s", manifest.Shorten(d.Value))
		}
		meta, _ := o["metadata"].(map[string]any)
		if meta == nil {
			meta = map[string]any{}
			o["metadata"] = meta
		}
		if ns, _ := meta["namespace"].(string); ns == "" {
			meta["namespace"] = namespace
		}
		objects = append(objects, o)
	}
	return manifest.Write(objects)
}
