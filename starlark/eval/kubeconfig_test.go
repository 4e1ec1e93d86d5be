package eval_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/towline-dev/towline/starlark/eval"
	"github.com/towline-dev/towline/starlark/inputs"
)

// TestReadKubeconfig: a cluster is local by its own name and marks, whatever its
// context is called.
func TestReadKubeconfig(t *testing.T) {
	home := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(home, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	const clusters = `
clusters:
- {name: kind-dev, cluster: {server: "https://127.0.0.1:1"}}
- {name: gke_a_b_c, cluster: {server: "https://10.0.0.1"}}
contexts:
- {name: kind-dev, context: {cluster: kind-dev, namespace: shop}}
- {name: renamed, context: {cluster: kind-dev}}
- {name: kind-of-prod, context: {cluster: gke_a_b_c}}
- {name: dangling, context: {cluster: gone}}
`
	write(".kube/config", "current-context: kind-dev\n"+clusters)
	rest := write("rest", clusters)
	env := func(current string) map[string]string {
		first := write("first-"+current, "current-context: "+current+"\n")
		return map[string]string{"HOME": home, "KUBECONFIG": first + string(os.PathListSeparator) + rest}
	}
	for name, test := range map[string]struct {
		env  map[string]string
		want eval.Kube
	}{
		"of the home":             {map[string]string{"HOME": home}, eval.Kube{Context: "kind-dev", Namespace: "shop", Local: true}},
		"renamed":                 {env("renamed"), eval.Kube{Context: "renamed", Local: true}},
		"another's name":          {env("kind-of-prod"), eval.Kube{Context: "kind-of-prod"}},
		"of a cluster that is no": {env("dangling"), eval.Kube{Context: "dangling"}},
		"that is not there":       {env("nope"), eval.Kube{}},
		"no files":                {map[string]string{}, eval.Kube{}},
		"a file that is not":      {map[string]string{"KUBECONFIG": filepath.Join(home, "gone")}, eval.Kube{}},
	} {
		got := eval.ReadKubeconfig(inputs.OS{}, test.env)
		got.CASHA256 = ""
		if got != test.want {
			t.Errorf("%s: got %+v, want %+v", name, got, test.want)
		}
	}
}
