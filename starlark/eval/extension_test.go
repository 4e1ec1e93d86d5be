package eval

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/towline-dev/towline/extensions"
)

// TestExtensionExamples evaluates the example that each extension's documentation
// shows, in a workspace that has what the examples speak of.
func TestExtensionExamples(t *testing.T) {
	const workload = "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec: {containers: [{name: web, image: example/web}]}\n"
	files := map[string]string{
		"Dockerfile": "FROM scratch\n", "src/Dockerfile": "FROM scratch\n", "conf/app.conf": "a=b\n", "conf/password": "x\n",
		".env": "A=b\n", "web.yaml": workload, "k8s/web.yaml": workload, "values.yaml": "a: b\n", "Procfile": "web: ./web\n",
		"web/package.json": "{}\n", "PROJECT": "", "cmd/main.go": "",
		"config/default/kustomization.yaml": "resources: [web.yaml]\n", "config/default/web.yaml": workload,
		".helm/web/web/1.0.0/web/Chart.yaml":         "apiVersion: v2\nname: web\nversion: 1.0.0\n",
		".helm/web/web/1.0.0/web/templates/web.yaml": workload,
		"bin/controller-gen":                         "#!/bin/sh\n",
		"bin/curl":                                   "#!/bin/sh\n",
		"bin/kubectl": `#!/bin/sh
case "$*" in version*) echo '{"serverVersion": {"gitVersion": "v1.34.4"}}';; esac
`,
	}
	for _, name := range extensions.Names() {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			files["Tiltfile"] = extensions.Example(name)
			for file, text := range files {
				file = filepath.Join(dir, file)
				if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(file, []byte(text), 0o755); err != nil {
					t.Fatal(err)
				}
			}
			p := Eval(context.Background(), Options{
				Tiltfile: filepath.Join(dir, "Tiltfile"), Kube: &Kube{Context: "kind-test", Local: true}, Log: func(string) {},
				Env: []string{"PATH=" + filepath.Join(dir, "bin") + ":/usr/bin:/bin", "HOME=" + dir},
			})
			if p.Error != nil {
				t.Errorf("%v\n%s", p.Error, files["Tiltfile"])
			}
			atTheCaller(t, p)
			for _, w := range p.Warnings {
				if !strings.Contains(w.Message, "Image not used") && !strings.Contains(w.Message, "any deployment instructions") && !strings.Contains(w.Message, "no effect yet") {
					t.Errorf("warning: %s", w.Message)
				}
			}
		})
	}
}

// oneFolder is a Remote that has one folder for every repository.
type oneFolder struct {
	dir   string
	asked []string
}

func (r *oneFolder) Fetch(_ context.Context, url, _ string) (string, error) {
	r.asked = append(r.asked, url)
	return r.dir, nil
}

// TestPublicExtension takes the public extension where a name is loaded that
// the shipped one lacks, and only there.
func TestPublicExtension(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("public/color/Tiltfile", "purple = 'the public purple'\nred = 'the public red'\n")
	write("public/deployment/Tiltfile", "def workload_yaml(args):\n    return 'public'\n")
	for tiltfile, want := range map[string]struct {
		log, problem string
		fetches      int
	}{
		"load('ext://color', 'red')\nprint(type(red))":                                         {"function", "", 0},
		"load('ext://color', 'red', 'purple')\nprint(purple, red)":                             {"the public purple the public red", "", 1},
		"load('ext://color', p='purple')\nprint(p)":                                            {"the public purple", "", 1},
		"load('ext://deployment', 'workload_yaml')\nprint(workload_yaml({}))":                  {"public", "", 1},
		"load('ext://color', 'gren')":                                                          {"", "did you mean GREEN?), nor has the public one", 1},
		"load('ext://secret', 'secret_tls')":                                                   {"", "ext://secret as it is shipped has no secret_tls", 1},
		"def f():\n    s = load_dynamic('ext://color')\n    return s['red']\nprint(type(f()))": {"function", "", 0},
	} {
		write("Tiltfile", tiltfile+"\n")
		var log []string
		public := &oneFolder{dir: filepath.Join(dir, "public")}
		p := Eval(context.Background(), Options{
			Tiltfile: filepath.Join(dir, "Tiltfile"), Remote: public, Log: func(s string) { log = append(log, s) },
		})
		problem := ""
		if p.Error != nil {
			problem = p.Error.Message
		}
		if got := strings.Join(log, "\n"); got != want.log || !strings.Contains(problem, want.problem) || (problem == "") != (want.problem == "") {
			t.Errorf("%s: log %q, problem %q; want %q and %q", tiltfile, got, problem, want.log, want.problem)
		}
		if len(public.asked) != want.fetches {
			t.Errorf("%s: fetched %v, want %d", tiltfile, public.asked, want.fetches)
		}
	}
}

func TestExtensionOfARepository(t *testing.T) {
	repo := t.TempDir()
	if err := os.Mkdir(filepath.Join(repo, "tool"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(repo, "tool", "Tiltfile"), []byte("x = 1\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	remote := fetchFunc(func(url, ref string) (string, error) {
		if url != "https://example.com/ext" || ref != "v1" {
			t.Errorf("fetch of %s at %s", url, ref)
		}
		return repo, nil
	})
	file := filepath.Join(t.TempDir(), "Tiltfile")
	text := "v1alpha1.extension_repo(name='default', url='https://example.com/ext', ref='v1')\nload('ext://tool', 'x')\nprint(x)\n"
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	var log string
	p := Eval(context.Background(), Options{Tiltfile: file, Kube: &Kube{}, Remote: remote, Log: func(s string) { log += s }})
	if p.Error != nil || log != "1" {
		t.Errorf("error %v, log %q", p.Error, log)
	}
}

type fetchFunc func(url, ref string) (string, error)

func (f fetchFunc) Fetch(_ context.Context, url, ref string) (string, error) { return f(url, ref) }
