package chart

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

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
	"github.com/towline-dev/towline/starlark/yamldoc"
)

// Rendering says how a chart is rendered.
type Rendering struct {
	Dir         string // the chart's folder
	Name        string // the release's name
	Namespace   string // that objects get which name none; "" leaves them as they are
	Release     string // the release's namespace where Namespace is empty; "" is "default"
	Values      []string
	Set         []string // each "key=value"
	SetString   []string // each "key=value", the values being texts; helm() has none
	KubeVersion string   // "": a recent one
	SkipCRDs    bool
	ReadFile    func(path string) ([]byte, error) `json:"-"` // reads files of values; nil: os.ReadFile
}

// Render renders a chart as "helm template --include-crds" does, without the
// hooks that are tests.
func (h Rendering) Render(ctx context.Context) (string, error) {
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
	values, err := h.values()
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
	files, err := engine.Engine{}.RenderWithContext(ctx, loaded, top)
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

// values merges the files of values, later over earlier, and the single
// values over those.
func (h Rendering) values() (map[string]any, error) {
	read := h.ReadFile
	if read == nil {
		read = os.ReadFile
	}
	values := map[string]any{}
	for _, f := range h.Values {
		data, err := read(f)
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
