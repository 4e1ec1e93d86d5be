package eval

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// TestErrorsOfFilesStandInThem: what is wrong in a file that a call read is told at
// its line there; of what is no file's content, at the call.
func TestErrorsOfFilesStandInThem(t *testing.T) {
	files := map[string]string{
		"bad.yaml":                 "a: 1\nb: [1, 2\nc: 3\n",
		"bad.json":                 "{\"a\": 1,\n \"b\": }\n",
		"chart/Chart.yaml":         "apiVersion: v2\nname: other\nversion: 0.1.0\n",
		"chart/values.yaml":        "x: 1\n",
		"chart/templates/a.yaml":   "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\ndata: {a: {{ .Values.none.y }}}\n",
		"broken/Chart.yaml":        "apiVersion: v2\nname: c\nversion: 0.1.0\n",
		"broken/values.yaml":       "x:\n  y: [\nz: 1\n",
		"kust/kustomization.yaml":  "resources:\n- a.yaml\n- none.yaml\n",
		"kust/a.yaml":              "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\n",
		"wrong/kustomization.yml":  "resources:\n- a.yaml\n",
		"wrong/a.yaml":             "apiVersion: v1\nkind: ConfigMap\nmetadata:\n name: x\n  b: 1\n",
		"syntax/kustomization.yml": "resources:\n- a.yaml\nfoo: [\n",
	}
	for text, want := range map[string]string{
		"read_yaml('bad.yaml')":                               "bad.yaml:2:0",
		"read_yaml_stream('bad.yaml')":                        "bad.yaml:2:0",
		"decode_yaml(read_file('bad.yaml'))":                  "bad.yaml:2:0",
		"decode_yaml_stream(read_file('bad.yaml'))":           "bad.yaml:2:0",
		"read_json('bad.json')":                               "bad.json:2:7",
		"decode_json(read_file('bad.json'))":                  "bad.json:2:7",
		"decode_json(read_file('none', default='{'))":         "Tiltfile:1:12",
		"decode_yaml(str(read_file('bad.yaml')))":             "Tiltfile:1:12",
		"decode_yaml('a: [')":                                 "Tiltfile:1:12",
		"k8s_yaml(helm('chart', values=['bad.yaml']))":        "bad.yaml:2:0",
		"k8s_yaml(helm('chart'))":                             "chart/templates/a.yaml:4:20",
		"k8s_yaml(helm('broken'))":                            "broken/values.yaml:3:0",
		"k8s_yaml(kustomize('kust'))":                         "kust/kustomization.yaml:3:0",
		"k8s_yaml(kustomize('wrong'))":                        "wrong/a.yaml:5:0",
		"k8s_yaml(kustomize('syntax'))":                       "syntax/kustomization.yml:3:0",
		"k8s_yaml(kustomize('kust', flags=['--nonsense-x']))": "Tiltfile:1:19",
	} {
		t.Run(text, func(t *testing.T) {
			dir := t.TempDir()
			for name, content := range files {
				name = filepath.Join(dir, name)
				if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(name, []byte(content), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			file := filepath.Join(dir, "Tiltfile")
			if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
			p := Eval(t.Context(), Options{Tiltfile: file, Kube: &Kube{}})
			if p.Error == nil {
				t.Fatal("no error")
			}
			rel, err := filepath.Rel(dir, p.Error.Pos.File)
			if got := fmt.Sprintf("%s:%d:%d", rel, p.Error.Pos.Line, p.Error.Pos.Col); err != nil || got != want {
				t.Errorf("at %s, want %s: %s", got, want, p.Error.Message)
			}
		})
	}
}
