package eval

import (
	"context"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/towline-dev/towline/starlark/chart"
	"github.com/towline-dev/towline/starlark/config"
	"github.com/towline-dev/towline/starlark/process"
)

// busy notes what a run does.
type busy struct{ did []string }

func (b *busy) Run(_ context.Context, p process.Command) ([]byte, error) {
	b.did = append(b.did, strings.Join(p.Argv, " "))
	return []byte("out"), nil
}

func (b *busy) Fetch(_ context.Context, url, _ string) (string, error) {
	b.did = append(b.did, url)
	return "", errors.New("nothing there")
}

func (b *busy) Pull(_ context.Context, ref chart.Ref) ([]byte, error) {
	b.did = append(b.did, ref.Chart)
	return nil, errors.New("nothing there")
}

// declares returns what a project declares.
func declares(p *config.Project) []string {
	var out []string
	for _, r := range p.Resources {
		out = append(out, r.Name)
	}
	return out
}

// TestHeld evaluates what does more than read, with and without leave. Without,
// nothing is done, and what does not depend on it is known.
func TestHeld(t *testing.T) {
	const map1 = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\n"
	for name, c := range map[string]struct {
		tiltfile string
		files    map[string]string
		knows    []string // resources, although something is held back
		free     bool     // nothing is
	}{
		"reading":              {tiltfile: "local_resource('a', 'true')\nread_file('Tiltfile')\nos.putenv('x', 'y')", free: true},
		"a command":            {tiltfile: "local('touch x')\nlocal_resource('a', 'true')", knows: []string{"a"}},
		"its output as YAML":   {tiltfile: "k8s_yaml(local('render'))\nlocal_resource('a', 'true')", knows: []string{"a"}},
		"what depends on it":   {tiltfile: "local_resource('a', 'true')\nif str(local('uname')) == '': fail('what is this')"},
		"a command in a def":   {tiltfile: "def f():\n  return local('x')\nf()\nlocal_resource('a', 'true')", knows: []string{"a"}},
		"a shipped extension":  {tiltfile: "load('ext://namespace', 'namespace_create')\nnamespace_create('n')\nlocal('x')", knows: []string{"uncategorized"}},
		"a repository":         {tiltfile: "v1alpha1.extension_repo(name='r', url='https://example.com/r')\nv1alpha1.extension(name='e', repo_name='r', repo_path='e')\nload('ext://e', 'f')"},
		"a chart":              {tiltfile: "load('ext://helm_remote', 'helm_remote')\nhelm_remote('redis', repo_url='https://example.com')"},
		"a kustomization here": {tiltfile: "k8s_yaml(kustomize('k'))", files: map[string]string{"k/kustomization.yaml": "resources: [x.yaml]", "k/x.yaml": map1}, free: true},
		"a remote one":         {tiltfile: "k8s_yaml(kustomize('k'))", files: map[string]string{"k/kustomization.yaml": "resources: ['https://example.com/x.yaml']"}},
		"one in disguise":      {tiltfile: "k8s_yaml(kustomize('k'))", files: map[string]string{"k/kustomization.yaml": `resources: ["https:\x2f/example.com/x.yaml"]`}},
		"a repository below":   {tiltfile: "k8s_yaml(kustomize('k'))", files: map[string]string{"k/kustomization.yaml": "bases: [../l]", "l/kustomization.yaml": "resources: ['github.com/example/r']"}},
		"its binary":           {tiltfile: "k8s_yaml(kustomize('k', kustomize_bin='./evil'))", files: map[string]string{"k/kustomization.yaml": ""}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			files := maps.Clone(c.files)
			if files == nil {
				files = map[string]string{}
			}
			files["Tiltfile"] = c.tiltfile
			for name, text := range files {
				if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			run := func(allowed Allowed) (*config.Project, []string) {
				b := &busy{}
				return Eval(t.Context(), Options{
					Tiltfile: filepath.Join(dir, "Tiltfile"), Kube: &Kube{}, Commands: b, Remote: b, Charts: b, Allowed: allowed,
				}), b.did
			}
			var read map[string]config.Content
			p, did := run(func(r map[string]config.Content) bool { read = r; return false })
			if len(did) > 0 {
				t.Errorf("it did %q", did)
			}
			switch {
			case c.free && (p.Error != nil || read != nil):
				t.Errorf("held back: %v", p.Error)
			case !c.free && (p.Error == nil || p.Error.Cause != config.CauseHeld || p.Error.Pos.Line == 0):
				t.Errorf("it says %+v", p.Error)
			case !c.free && !read[filepath.Join(dir, "Tiltfile")].Exists:
				t.Errorf("asked with %v", read)
			}
			if got := declares(p); !c.free && !slices.Equal(got, c.knows) {
				t.Errorf("knows %q, want %q", got, c.knows)
			}
			if p, _ := run(func(map[string]config.Content) bool { return true }); p.Error != nil && p.Error.Cause == config.CauseHeld {
				t.Errorf("with leave it is held back: %v", p.Error)
			}
		})
	}
}
