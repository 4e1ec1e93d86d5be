package eval

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestManifestsMeanWhatKubectlReads evaluates YAML in the forms that people have
// written it in, as a file of Windows with a byte order mark too, and through the
// values of Starlark.
func TestManifestsMeanWhatKubectlReads(t *testing.T) {
	manifest := `# nothing but a comment
---
# and another
---
apiVersion: v1
kind: List
items:
- apiVersion: v1
  kind: ConfigMap
  metadata: {name: settings, annotations: {hour: "12:30:00", day: "2024-01-01", e: "1e3", y: "yes", mode: "0755", tilde: "~"}}
  data:
    kept: |
      one
        two # is text

    folded: >-
      a
      b

      c
    escaped: "tab\there \x41 \u00fc"
    quoted: 'it''s'
---
apiVersion: v1
kind: Pod
metadata: {name: p}
spec:
  automountServiceAccountToken: no
  hostNetwork: on
  terminationGracePeriodSeconds: 1e1
  nodeName: ~
  containers:
  - &first
    name: one
    image: busybox
    resources: &some {limits: {cpu: .5, memory: 1_000_000}}
  - <<: *first
    name: two
    resources: {<<: *some, requests: {cpu: 1e-1}}
  volumes:
  - name: v
    configMap: {name: settings, defaultMode: 0744, items: [{key: quoted, path: q, mode: 0400}]}
  - {name: w, emptyDir: {sizeLimit: 0x100000}}
...
`
	var want []map[string]any
	if err := json.Unmarshal([]byte(`[
{"apiVersion": "v1", "kind": "ConfigMap",
 "metadata": {"name": "settings", "annotations": {"hour": "12:30:00", "day": "2024-01-01", "e": "1e3", "true": "yes", "mode": "0755", "tilde": "~"}},
 "data": {"kept": "one\n  two # is text\n", "folded": "a b\nc", "escaped": "tab\there A ü", "quoted": "it's"}},
{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": {
 "automountServiceAccountToken": false, "hostNetwork": true, "terminationGracePeriodSeconds": 10, "nodeName": null,
 "containers": [
  {"name": "one", "image": "busybox", "resources": {"limits": {"cpu": 0.5, "memory": 1000000}}},
  {"name": "two", "image": "busybox", "resources": {"limits": {"cpu": 0.5, "memory": 1000000}, "requests": {"cpu": 0.1}}}],
 "volumes": [
  {"name": "v", "configMap": {"name": "settings", "defaultMode": 484, "items": [{"key": "quoted", "path": "q", "mode": 256}]}},
  {"name": "w", "emptyDir": {"sizeLimit": 1048576}}]}}]`), &want); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct{ tiltfile, manifest string }{
		"as it is":                        {"k8s_yaml('m.yaml')", manifest},
		"from Windows":                    {"k8s_yaml('m.yaml')", "\ufeff" + strings.ReplaceAll(manifest, "\n", "\r\n")},
		"read and written":                {"k8s_yaml(encode_yaml_stream(read_yaml_stream('m.yaml')))", manifest},
		"decoded, of Windows, and a Blob": {"k8s_yaml(encode_yaml_stream(decode_yaml_stream(read_file('m.yaml'))))", "\ufeff" + strings.ReplaceAll(manifest, "\n", "\r\n")},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			for file, text := range map[string]string{"Tiltfile": test.tiltfile, "m.yaml": test.manifest} {
				if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			p := Eval(t.Context(), Options{Tiltfile: filepath.Join(dir, "Tiltfile"), Kube: &Kube{}})
			if p.Error != nil {
				t.Fatal(p.Error)
			}
			got := map[string]any{}
			for _, o := range p.YAML {
				content, err := json.Marshal(o.Content)
				var plain map[string]any
				if err != nil || json.Unmarshal(content, &plain) != nil {
					t.Fatal(err)
				}
				got[plain["kind"].(string)] = plain
			}
			if diff := cmp.Diff(map[string]any{"ConfigMap": want[0], "Pod": want[1]}, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
