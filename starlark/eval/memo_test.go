package eval

import (
	"context"
	"fmt"
	"math/rand"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/towline-dev/towline/starlark/cache"
	"github.com/towline-dev/towline/starlark/config"
)

// memoProject is a Tiltfile that asks the file system in all ways.
const memoProject = `
load('./lib/more.star', 'name')
load('ext://restart_process', 'docker_build_with_restart')
print('seen', name, os.getenv('MODE', 'none'), config.tilt_subcommand)
config.define_string_list('only', args=True)
cfg = config.parse()
docker_build('example/' + name, 'src', only=cfg.get('only', []), live_update=[sync('src', '/app')])
k8s_yaml(['a.yaml'] + [f for f in listdir('more') if f.endswith('.yaml')])
if os.path.exists('extra'):
    local_resource('extra', 'true', labels=['dir'] if towline.is_dir('extra') else ['file'])
local_resource('real-' + os.path.basename(os.path.realpath('link')), 'true')
local_resource('n-' + str(read_json('settings.json', {}).get('n', 0)), 'true')
if read_file('flag', 'none') != blob('none'):
    local_resource('flagged', 'true')
k8s_yaml(helm('chart'))
include('./inc.Tiltfile')
`

func memoFiles() map[string]string {
	return map[string]string{
		"Tiltfile": memoProject, "lib/more.star": "name = 'web'\n", "inc.Tiltfile": "local_resource('included', 'true')\n",
		"src/Dockerfile": "FROM scratch\n", "a.yaml": workloadYAML("a", "1"), "more/b.yaml": workloadYAML("b", "1"),
		"settings.json": `{"n": 1}`, "one": "", "two": "",
		"chart/Chart.yaml": "apiVersion: v2\nname: c\nversion: 1.0.0\n", "chart/values.yaml": "n: 1\n",
		"chart/templates/x.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata: {n: '{{ .Values.n }}'}\n",
	}
}

func workloadYAML(name, version string) string {
	return "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: " + name + ", annotations: {v: '" + version + "'}}\nspec:\n  selector: {matchLabels: {app: x}}\n" +
		"  template:\n    metadata: {labels: {app: x}}\n    spec: {containers: [{name: c, image: example/web}]}\n"
}

// memo evaluates a folder again and again.
type memo struct {
	t    *testing.T
	dir  string
	kept *cache.Cache
	o    Options
}

func newMemo(t *testing.T, files map[string]string) *memo {
	m := &memo{t: t, dir: t.TempDir(), kept: cache.New()}
	for name, text := range files {
		m.put(name, text)
	}
	m.o = Options{Kube: &Kube{Context: "kind", Local: true}, Env: []string{"PATH=" + os.Getenv("PATH")}, Tiltfile: filepath.Join(m.dir, "Tiltfile")}
	return m
}

func (m *memo) path(name string) string { return filepath.Join(m.dir, name) }

func (m *memo) put(name, text string) {
	m.t.Helper()
	if err := os.MkdirAll(filepath.Dir(m.path(name)), 0o755); err != nil {
		m.t.Fatal(err)
	}
	if err := os.WriteFile(m.path(name), []byte(text), 0o644); err != nil {
		m.t.Fatal(err)
	}
}

func (m *memo) must(err error) {
	m.t.Helper()
	if err != nil {
		m.t.Fatal(err)
	}
}

// outcome is a project with what was printed.
type outcome struct {
	*config.Project
	said []string
}

func (m *memo) eval(kept *cache.Cache) outcome {
	o, said := m.o, []string(nil)
	o.Cache, o.Log = kept, func(line string) { said = append(said, line) }
	return outcome{Eval(context.Background(), o), said}
}

// again evaluates with what is kept, and holds that against an evaluation with
// nothing kept. It returns whether an earlier outcome was taken again.
func (m *memo) again(before outcome) (outcome, bool) {
	m.t.Helper()
	got, want := m.eval(m.kept), m.eval(cache.New())
	same := cmp.Options{cmp.Exporter(func(reflect.Type) bool { return true })}
	if diff := cmp.Diff(want.Project, got.Project, same...); diff != "" {
		m.t.Fatalf("(-fresh +kept):\n%s", diff)
	}
	if !slices.Equal(got.said, want.said) {
		m.t.Fatalf("printed %q, want %q", got.said, want.said)
	}
	return got, got.shares(before) && (len(got.YAML) == 0 || &got.YAML[0] == &before.YAML[0])
}

// shares reports whether an outcome has the resources of another, not only the
// same ones.
func (o outcome) shares(before outcome) bool {
	return before.Project != nil && len(o.Resources) > 0 && len(before.Resources) > 0 && &o.Resources[0] == &before.Resources[0]
}

// memoChanges are what an evaluation may depend on.
func memoChanges(m *memo) map[string]func() {
	link := func(to string) {
		_ = os.Remove(m.path("link"))
		m.must(os.Symlink(to, m.path("link")))
	}
	return map[string]func(){
		"the Tiltfile":           func() { m.put("Tiltfile", memoProject+"local_resource('last', 'true')\n") },
		"a loaded file":          func() { m.put("lib/more.star", "name = 'other'\n") },
		"an included file":       func() { m.put("inc.Tiltfile", "local_resource('changed', 'true')\n") },
		"a manifest":             func() { m.put("a.yaml", workloadYAML("a", "2")) },
		"of the same length":     func() { m.put("a.yaml", workloadYAML("a", "9")) },
		"a Dockerfile":           func() { m.put("src/Dockerfile", "FROM example/web\n") },
		"an ignore file appears": func() { m.put("src/.dockerignore", "*.md\n") },
		"a tiltignore appears":   func() { m.put(".tiltignore", "*.md\n") },
		"a listed folder":        func() { m.put("more/c.yaml", workloadYAML("c", "1")) },
		"a file goes":            func() { m.must(os.RemoveAll(m.path("more/b.yaml"))) },
		"a file appears":         func() { m.put("extra", "") },
		"a folder appears":       func() { m.must(os.MkdirAll(m.path("extra/x"), 0o755)) },
		"a default goes":         func() { m.put("flag", "on") },
		"a link leads elsewhere": func() { link("two") },
		"JSON":                   func() { m.put("settings.json", `{"n": 2}`) },
		"a chart's values":       func() { m.put("chart/values.yaml", "n: 2\n") },
		"a template appears":     func() { m.put("chart/templates/y.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: d}\n") },
		"settings of arguments":  func() { m.put("tilt_config.json", `{"only": ["x"]}`) },
		"the environment":        func() { m.o.Env = append(slices.Clone(m.o.Env), "MODE=debug") },
		"the subcommand":         func() { m.o.Subcommand = "down" },
		"the context":            func() { m.o.Kube = &Kube{Context: "kind", Namespace: "other", Local: true} },
		"the arguments":          func() { m.o.Args = []string{"extra"} },
	}
}

// TestMemo: an evaluation is taken again while nothing of what it depends on
// changes, and no longer.
func TestMemo(t *testing.T) {
	for name := range memoChanges(&memo{}) {
		t.Run(name, func(t *testing.T) {
			m := newMemo(t, memoFiles())
			m.must(os.Symlink("one", m.path("link")))
			first, _ := m.again(outcome{})
			if first.Error != nil {
				t.Fatal(first.Error)
			}
			m.put("src/main.go", "package main\n") // which nobody asked for
			second, taken := m.again(first)
			if !taken {
				t.Error("nothing changed, and it was evaluated again")
			}
			memoChanges(m)[name]()
			third, taken := m.again(second)
			if taken {
				t.Error("it was taken again")
			}
			if third.Error == nil {
				if _, taken = m.again(third); !taken {
					t.Error("after the change it is not taken again")
				}
			}
		})
	}
}

// TestMemoNotKept: what does more than look at files is done each time.
func TestMemoNotKept(t *testing.T) {
	for name, text := range map[string]string{
		"a command":       "local_resource(str(local('cat out', quiet=True)).strip(), 'true')\n",
		"a repository":    "local_git_repo('.')\nlocal_resource('a', 'true')\n",
		"a kustomization": "k8s_yaml(kustomize('k'))\nlocal_resource('a', 'true')\n",
		"Compose":         "docker_compose('compose.yml')\n",
		"an error":        "local_resource('a', 'true')\nfail('no')\n",
	} {
		t.Run(name, func(t *testing.T) {
			m := newMemo(t, map[string]string{
				"Tiltfile": text, "out": "one", "k/kustomization.yaml": "resources: [a.yaml]\n", "k/a.yaml": workloadYAML("a", "1"),
				"compose.yml": "services: {a: {image: b}}\n", ".git/HEAD": "ref: refs/heads/main\n",
			})
			first, _ := m.again(outcome{})
			if _, taken := m.again(first); taken || m.kept.Kinds()[memoKind] > 0 {
				t.Error("it was kept")
			}
			m.put("out", "two")
			m.again(first)
		})
	}
}

// TestMemoRandom changes files at random and compares each evaluation with one
// that keeps nothing.
func TestMemoRandom(t *testing.T) {
	rng := rand.New(rand.NewSource(3))
	m := newMemo(t, memoFiles())
	m.must(os.Symlink("one", m.path("link")))
	names := []string{"a.yaml", "more/b.yaml", "more/c.yaml", "src/Dockerfile", "src/.dockerignore", "extra", "flag", "settings.json", "chart/values.yaml", ".tiltignore", "lib/more.star", "chart/templates/z.yaml"}
	var before outcome
	taken := 0
	for i := range 150 {
		name := names[rng.Intn(len(names))]
		switch rng.Intn(6) {
		case 0:
			m.must(os.RemoveAll(m.path(name)))
		case 1, 2:
			if info, err := os.Stat(m.path(name)); err == nil && info.IsDir() {
				m.must(os.RemoveAll(m.path(name)))
			}
			text := map[string]string{
				"settings.json": fmt.Sprintf(`{"n": %d}`, rng.Intn(3)), "chart/values.yaml": fmt.Sprintf("n: %d\n", rng.Intn(3)),
				"lib/more.star": fmt.Sprintf("name = 'w%d'\n", rng.Intn(3)), "src/Dockerfile": fmt.Sprintf("FROM s%d\n", rng.Intn(3)),
			}[name]
			if text == "" {
				text = workloadYAML(filepath.Base(name), fmt.Sprint(rng.Intn(3)))
			}
			m.put(name, text)
		case 3:
			if _, err := os.Stat(m.path(name)); err != nil {
				m.must(os.MkdirAll(m.path(name), 0o755))
			}
		case 4: // the same text with the time of another
			if text, err := os.ReadFile(m.path(name)); err == nil {
				m.put(name, string(text))
			}
		}
		var again bool
		if before, again = m.again(before); again {
			taken++
		}
		_ = i
	}
	if taken < 10 {
		t.Errorf("%d of 150 were taken again", taken)
	}
}

// TestMemoForgets: what was asked to see whether an evaluation may be taken again
// says nothing of a file that a command wrote since.
func TestMemoForgets(t *testing.T) {
	m := newMemo(t, map[string]string{"out": "before", "Tiltfile": `
if os.path.exists('go'):
    local('echo after > out', quiet=True)
local_resource(str(read_file('out')).strip(), 'true')
`})
	m.again(outcome{})
	m.put("go", "") // which is asked after the contents of files
	if got := m.eval(m.kept); got.Resources[0].Name != "after" {
		t.Errorf("read %q", got.Resources[0].Name)
	}
}
