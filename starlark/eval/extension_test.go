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
			for _, w := range p.Warnings {
				if !strings.Contains(w.Message, "Image not used") && !strings.Contains(w.Message, "any deployment instructions") {
					t.Errorf("warning: %s", w.Message)
				}
			}
		})
	}
}
