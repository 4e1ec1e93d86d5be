package eval

import (
	"context"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/towline-dev/towline/starlark/cache"
	"github.com/towline-dev/towline/starlark/value"
)

// cacheFiles are the files of a project that uses every built-in whose work is
// kept, each with the contents that it may have; "-" is no file.
var cacheFiles = map[string][]string{
	"Tiltfile": {`
allow_k8s_contexts('x')
docker_build('app', 'src', live_update=[sync('src', '/app')])
docker_build('base', 'base-src', build_args={'V': '1'})
k8s_yaml('a.yaml')
k8s_yaml(kustomize('kust'))
k8s_yaml(helm('chart', values=['values.yaml'], set=['s=1']))
docker_compose('compose.yml')
if read_yaml('opts.yaml', default={}).get('more'):
    local_resource('more', 'true')
`},
	"opts.yaml": {"more: true\n", "more: false\n", "-", "{", "a: &x 1\nmore: *x\n"},
	"a.yaml": {
		"apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a}\nspec: {template: {metadata: {labels: {app: a}}, spec: {containers: [{name: c, image: app}]}}}\n---\napiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec: {selector: {app: a}}\n",
		"apiVersion: v1\nkind: Pod\nmetadata:\n  name: b\nspec:\n  containers:\n  - name: c\n    image: base:1\n", "-", "a: b: c\n",
	},
	"src/Dockerfile":              {"FROM base\n", "ARG X=base\nFROM $X\n", "FROM scratch\n", "-"},
	"src/.dockerignore":           {"a\n", "a\nb\n", "-"},
	"src/Dockerfile.dockerignore": {"-", "c\n"},
	"base-src/Dockerfile":         {"FROM scratch\n", "ARG V\nFROM app:$V\n"},
	"kust/kustomization.yaml": {
		"resources: [../kbase]\nnamePrefix: p-\n", "resources: [../kbase, more.yaml]\n", "resources: [../kbase]\nconfigMapGenerator:\n- name: g\n  files: [conf.txt]\n", "-", "resources: [../nowhere]\n",
	},
	"kust/kustomization.yml":   {"-", "-", "-", "resources: [../kbase]\n"},
	"kust/more.yaml":           {"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: more}\n", "-"},
	"kust/conf.txt":            {"one", "two", "-"},
	"kbase/kustomization.yaml": {"resources: [cm.yaml]\n", "resources: [cm.yaml]\ncommonLabels: {a: b}\n"},
	"kbase/cm.yaml":            {"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: k}\ndata: {u: \"http://x\"}\n", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: l}\n"},
	"chart/Chart.yaml":         {"apiVersion: v2\nname: chart\nversion: 1.0.0\n", "apiVersion: v2\nname: other\nversion: 1.0.0\n"},
	"chart/values.yaml":        {"v: 1\n", "v: 2\n", "-"},
	"chart/templates/cm.yaml":  {"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: {{ .Chart.Name }}-cm}\ndata: {v: \"{{ .Values.v }}\", s: \"{{ .Values.s }}\", f: {{ .Files.Get \"f.txt\" | quote }}}\n", "{{ .Broken\n"},
	"chart/f.txt":              {"x", "y", "-"},
	"chart/.helmignore":        {"-", "f.txt\n"},
	"values.yaml":              {"v: 3\n", "w: 4\n", "-"},
	"compose.yml":              {"services: {web: {image: \"nginx\", env_file: [db.env], ports: [\"${PORT:-80}:80\"]}}\n", "services:\n  db: {image: pg}\n", "services:\n  x: {extends: {file: other.yml, service: x}}\n", "services: [\n"},
	"other.yml":                {"services: {x: {image: one}}\n", "services: {x: {build: src}}\n"},
	"db.env":                   {"A=1\n", "-", "A='\n"},
	".env":                     {"PORT=82\n", "PORT=83\n", "-"},
}

// TestCacheIsCold changes files at random and holds each evaluation with a
// cache against one without.
func TestCacheIsCold(t *testing.T) {
	dir := t.TempDir()
	random := rand.New(rand.NewPCG(3, 4))
	paths := value.SortedKeys(cacheFiles)
	now := time.Now().Add(-24 * time.Hour) // old enough for a file's time to be trusted
	have := map[string]string{}
	set := func(path, text string) {
		if have[path] != text {
			now = now.Add(time.Second)
			writeOld(t, filepath.Join(dir, path), text, now)
			have[path] = text
		}
	}
	kept, good := cache.New(), 0
	for range 150 {
		for _, p := range paths {
			if have[p] == "" || random.IntN(3) == 0 {
				set(p, cacheFiles[p][0]) // which is right
			}
		}
		for range 1 + random.IntN(2) {
			p := paths[random.IntN(len(paths))]
			set(p, cacheFiles[p][random.IntN(len(cacheFiles[p]))])
		}
		want := evalIn(dir, cache.New())
		got := evalIn(dir, kept)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("(-cold +cached):\n%s", diff)
		}
		if strings.Contains(got, `"error": null`) {
			good++
		}
	}
	t.Logf("%d evaluations went through", good)
	if good < 50 {
		t.Errorf("only %d evaluations went through: the test says too little", good)
	}
}

// TestCacheReuses: what costs time is kept.
func TestCacheReuses(t *testing.T) {
	dir := t.TempDir()
	for p, variants := range cacheFiles {
		writeOld(t, filepath.Join(dir, p), variants[0], time.Now().Add(-time.Hour))
	}
	kept := cache.New()
	if first, again := evalIn(dir, kept), evalIn(dir, kept); first != again {
		t.Errorf("an unchanged project differs:\n%s", cmp.Diff(first, again))
	}
	kinds := kept.Kinds()
	for _, kind := range []string{"kustomize", "helm", "compose", "objects", "dockerfile", "image", "program", "file"} {
		if kinds[kind] == 0 {
			t.Errorf("nothing of kind %q is kept", kind)
		}
	}
}

func evalIn(dir string, kept *cache.Cache) string {
	p := Eval(context.Background(), Options{Tiltfile: filepath.Join(dir, "Tiltfile"), Kube: &Kube{Context: "x"}, Cache: kept, Env: []string{"HOME=" + dir}})
	return string(p.AppendJSON(nil))
}

// writeOld writes a file with a time; "-" removes it.
func writeOld(t *testing.T, path, text string, when time.Time) {
	t.Helper()
	if text == "-" {
		_ = os.Remove(path)
		return
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(path, when, when); err != nil {
		t.Fatal(err)
	}
}
