package extensions

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// shop is two StatefulSets and a DaemonSet that need an image's program to be
// ready; the second set's pods come in order, as it says.
const shop = `
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: store}
spec:
  replicas: 2
  serviceName: store
  selector: {matchLabels: {app: store}}
  template:
    metadata: {labels: {app: store}}
    spec: {terminationGracePeriodSeconds: 0, containers: [{name: c, image: tl-ext-mended, readinessProbe: {exec: {command: [cat, /tmp/ready]}, periodSeconds: 1}}]}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: ordered}
spec:
  podManagementPolicy: OrderedReady
  serviceName: ordered
  selector: {matchLabels: {app: ordered}}
  template:
    metadata: {labels: {app: ordered}}
    spec: {terminationGracePeriodSeconds: 0, containers: [{name: c, image: tl-ext-mended, readinessProbe: {exec: {command: [cat, /tmp/ready]}, periodSeconds: 1}}]}
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: each}
spec:
  selector: {matchLabels: {app: each}}
  template:
    metadata: {labels: {app: each}}
    spec: {terminationGracePeriodSeconds: 0, containers: [{name: c, image: tl-ext-mended, readinessProbe: {exec: {command: [cat, /tmp/ready]}, periodSeconds: 1}}]}
`

// TestMendedBySaves: what was never ready is mended by a save that is built,
// whatever replaces its pods; a project in a folder with a name like a tool's is
// watched; and a link that leads nowhere in the pod is told of by its name.
func TestMendedBySaves(t *testing.T) {
	t.Parallel()
	b := newBed(t, "mended", nil)
	const kustomization = "resources: [shop.yaml]\ngeneratorOptions: {disableNameSuffixHash: true}\nconfigMapGenerator: [{name: said, literals: [words=first]}]\n"
	b.dir = filepath.Join(b.dir, "kustomize-shop.git")
	for file, text := range map[string]string{
		"Tiltfile": `
default_registry('127.0.0.1:5000')
docker_build('tl-ext-mended', 'app')
docker_build('tl-ext-linked', 'linked', live_update=[sync('linked', '/app')])
k8s_yaml(kustomize('base'))
k8s_yaml('linked.yaml')
`,
		"base/kustomization.yaml": kustomization,
		"base/shop.yaml":          shop,
		"linked.yaml":             `{apiVersion: apps/v1, kind: Deployment, metadata: {name: linked}, spec: {selector: {matchLabels: {app: linked}}, template: {metadata: {labels: {app: linked}}, spec: {terminationGracePeriodSeconds: 0, containers: [{name: c, image: tl-ext-linked, command: [sleep, "100000"]}]}}}}`,
		"app/Dockerfile":          "FROM $BASE\nCOPY run.sh /app/\nCMD [\"sh\", \"/app/run.sh\"]\n",
		"app/run.sh":              "exit 3\n",
		"linked/Dockerfile":       "FROM $BASE\nCOPY . /app/\n",
		"../beside/text":          "text\n",
	} {
		b.write(file, text)
	}
	b.must(os.Symlink("../../beside/text", filepath.Join(b.dir, "linked/link")))
	out, err := b.run(t.Context(), "up", "--detach", "--timeout", "90s", "--namespace", b.namespace)
	if err == nil || strings.Contains(out, "not all is ready after") {
		t.Errorf("up with a program that ends at once: %v\n%s", err, out)
	}
	b.says([]string{"logs", "linked"}, "linked/link: a symbolic link out of the repository, to ../../beside/text")

	b.write("app/run.sh", "touch /tmp/ready; exec sleep 100000\n")
	b.write("base/kustomization.yaml", strings.Replace(kustomization, "first", "second", 1))
	b.ready()
	b.until("the ConfigMap has what was saved", func() bool {
		data, _ := b.object("v1", "ConfigMap", "said")["data"].(map[string]any)
		return data["words"] == "second"
	})
}
