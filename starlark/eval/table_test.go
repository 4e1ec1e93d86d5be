package eval

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/towline-dev/towline/starlark/decl"
)

// TestEveryBuiltinIsInTheTable compares the Go functions with the table.
func TestEveryBuiltinIsInTheTable(t *testing.T) {
	r := newRun(Options{Tiltfile: "/Tiltfile"})
	functions := r.builtins(context.Background())
	for _, e := range decl.All() {
		if e.Kind == decl.Function && !e.Universe && !e.Method && e.Name != "load" {
			if functions[e.Name] == nil {
				t.Errorf("%s: in the table, without a function", e.Name)
			}
		}
		delete(functions, e.Name)
	}
	for name := range functions {
		t.Errorf("%s: a function, and not in the table", name)
	}
}

// TestExamples evaluates the example of every entry.
func TestExamples(t *testing.T) {
	file := exampleDir(t)
	for _, e := range decl.All() {
		if e.Example == "" || strings.Contains(e.Example, "ext://") {
			continue
		}
		t.Run(e.Name, func(t *testing.T) {
			if err := os.WriteFile(file, []byte(e.Example), 0o644); err != nil {
				t.Fatal(err)
			}
			p := Eval(context.Background(), Options{
				Tiltfile: file, Kube: &Kube{}, Env: []string{"PATH=" + os.Getenv("PATH"), "HOME=/"},
			})
			if p.Error != nil && !strings.Contains(p.Error.Message, "created but not used") {
				t.Errorf("%s\n%s", p.Error.Error(), e.Example)
			}
		})
	}
}

// exampleDir makes a folder with what the examples read.
func exampleDir(t *testing.T) string {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"Dockerfile": "FROM scratch\n", "web/Dockerfile": "FROM scratch\n", "web/Tiltfile": "x = 1\n",
		"tools/Tiltfile": "x = 1\n", "settings.json": "{}", "settings.yaml": "a: 1\n", "deploy/web.yaml": pod("web"), "deploy/db.yaml": pod("db"),
		"overlays/dev/kustomization.yaml": "resources: [pod.yaml]\n", "overlays/dev/pod.yaml": pod("web"), ".git/HEAD": "ref: refs/heads/main\n",
		"charts/web/Chart.yaml": "apiVersion: v2\nname: web\nversion: 0.1.0\n", "charts/web/templates/pod.yaml": pod("web"), "dev-values.yaml": "a: 1\n",
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, "Tiltfile")
}

func pod(name string) string {
	return "apiVersion: v1\nkind: Pod\nmetadata: {name: " + name + "}\nspec: {containers: [{name: c, image: busybox}]}\n"
}
