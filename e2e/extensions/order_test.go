package extensions

import (
	"fmt"
	"strings"
	"testing"
)

// crd defines a kind of the test's own.
func crd(kind string) string {
	return fmt.Sprintf(`{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, metadata: {name: %[1]ss.order.example.com}, spec: {
  group: order.example.com, scope: Namespaced, names: {kind: %[2]s, plural: %[1]ss, singular: %[1]s},
  versions: [{name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}}]}}
`, strings.ToLower(kind), kind)
}

// needs is a pod's spec with a need of what other resources bring.
const needs = `{terminationGracePeriodSeconds: 0, serviceAccountName: who, priorityClassName: tl-ext-order, volumes: [{name: v, secret: {secretName: login}}],
  containers: [{name: c, image: "$BASE", command: [sh, -c, "cat /v/a; exec sleep 100000"], envFrom: [{configMapRef: {name: settings}}], volumeMounts: [{name: v, mountPath: /v}]}]}`

// TestOrderOfResources: whatever another resource or a command brings is there
// in time or waited for, in whatever order it stands, and once more at once
// after down; what Tilt's annotation keeps stays, and down says so.
func TestOrderOfResources(t *testing.T) {
	t.Parallel()
	b := newBed(t, "order", map[string]string{
		"Tiltfile": `
k8s_yaml(['first.yaml', 'then.yaml', 'kept.yaml'])
k8s_resource(new_name='given', objects=['who:serviceaccount', 'settings:configmap', 'login:secret', 'tl-ext-order:priorityclass'])
k8s_resource(new_name='defined', objects=['wheels.order.example.com:customresourcedefinition'])
k8s_resource(new_name='wheel', objects=['round:wheel'])
k8s_resource(new_name='spoke', objects=['long:spoke'])
k8s_resource('web', resource_deps=['spoke'])
local_resource('operator', 'kubectl apply -f spokes.yaml')
`,
		"first.yaml": `
{apiVersion: apps/v1, kind: Deployment, metadata: {name: web}, spec: {selector: {matchLabels: {app: web}}, template: {metadata: {labels: {app: web}}, spec: ` + needs + `}}}
---
{apiVersion: v1, kind: Pod, metadata: {name: bare}, spec: ` + needs + `}
---
{apiVersion: batch/v1, kind: Job, metadata: {name: job}, spec: {backoffLimit: 0, template: {spec: ` + strings.Replace(strings.Replace(needs, "; exec sleep 100000", "", 1), "{", "{restartPolicy: Never, ", 1) + `}}}
---
{apiVersion: order.example.com/v1, kind: Wheel, metadata: {name: round}}
---
{apiVersion: order.example.com/v1, kind: Spoke, metadata: {name: long}}
---
{apiVersion: v1, kind: ConfigMap, metadata: {name: inside, namespace: $NS-kept}}
`,
		"then.yaml": crd("Wheel") + `---
{apiVersion: v1, kind: Secret, metadata: {name: login}, stringData: {a: b}}
---
{apiVersion: v1, kind: ConfigMap, metadata: {name: settings}, data: {A: b}}
---
{apiVersion: v1, kind: ServiceAccount, metadata: {name: who}}
---
{apiVersion: scheduling.k8s.io/v1, kind: PriorityClass, metadata: {name: tl-ext-order}, value: 10}
`,
		"kept.yaml": `
{apiVersion: v1, kind: Namespace, metadata: {name: $NS-kept, annotations: {tilt.dev/down-policy: keep}}}
---
{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: data, annotations: {tilt.dev/down-policy: keep}}, spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Mi}}}}
---
{apiVersion: v1, kind: ConfigMap, metadata: {name: notes, annotations: {tilt.dev/down-policy: keep}}, data: {a: b}}
---
{apiVersion: v1, kind: ConfigMap, metadata: {name: passing, annotations: {tilt.dev/down-policy: delete}}, data: {a: b}}
`,
		"spokes.yaml": "---\n" + crd("Spoke"), // kubectl takes a file that begins with a brace for JSON
	})
	b.deleteAtEnd(b.namespace + "-kept")
	definition := func(kind string) map[string]any {
		return map[string]any{"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": map[string]any{"name": kind + "s.order.example.com"}}
	}
	t.Cleanup(func() { b.delete(definition("spoke")) })
	uids := map[string]any{}
	for round := range 2 {
		b.delete(definition("spoke")) // its object is applied before it is there
		b.up()
		b.want("order.example.com/v1", "Wheel", "round")
		b.want("order.example.com/v1", "Spoke", "long")
		b.want("batch/v1", "Job", "job", `"succeeded":1`)
		out := b.towline("down", "--namespace", b.namespace)
		for _, kept := range []struct{ kind, name, said string }{
			{"Namespace", b.namespace + "-kept", "Namespace tl-ext-order-kept stays"},
			{"PersistentVolumeClaim", "data", "PersistentVolumeClaim data in namespace tl-ext-order stays"},
			{"ConfigMap", "notes", "ConfigMap notes in namespace tl-ext-order stays"},
		} {
			if !strings.Contains(out, kept.said+": its annotation tilt.dev/down-policy says so") {
				t.Errorf("down does not say %q:\n%s", kept.said, out)
			}
			o := b.object("v1", kept.kind, kept.name)
			if o == nil {
				t.Fatalf("round %d: %s %s was deleted:\n%s", round, kept.kind, kept.name, out)
			}
			uid := o["metadata"].(map[string]any)["uid"]
			if round > 0 && uid != uids[kept.name] {
				t.Errorf("%s %s was made anew", kept.kind, kept.name)
			}
			uids[kept.name] = uid
		}
		b.wantGone("apps/v1", "Deployment", "web")
		b.wantGone("v1", "ConfigMap", "passing")
		b.wantGone("v1", "Secret", "login")
	}
}
