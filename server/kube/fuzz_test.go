package kube

import (
	"bytes"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// FuzzDecode reads documents as commands write them, and asks of each object
// what is asked of all.
func FuzzDecode(f *testing.F) {
	for _, seed := range []string{
		"kind: Pod\nmetadata: {name: a, labels: {x: y}}\n---\n{}\n---\nnull\n", `{"kind":"List","items":[{"kind":"Pod"},7,null,{"kind":"PodList","items":[[]]}]}`,
		"kind: Deployment\nspec: {template: {spec: {}, metadata: 7}}\nmetadata: []\n", "\x00", "a: &a [*a]", "kind: [x]\napiVersion: a/b/c\n",
		"kind: Pod\nmetadata: {annotations: {helm.sh/resource-policy: keep, tilt.dev/down-policy: keep}}\nstatus: {conditions: [{type: Ready, status: \"True\"}, 7]}\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		objects, err := Decode(bytes.NewReader(data))
		if err != nil {
			return
		}
		for _, o := range flatten(objects) {
			u, err := copyObject(o)
			if err != nil {
				continue
			}
			dropServerFields(u)
			addLabels(u, map[string]string{"a": "b"})
			ref := RefOf(u.Object)
			if again := RefOf(o); again.Name != ref.Name || again.Kind != ref.Kind {
				t.Errorf("%v became %v", again, ref)
			}
			if label, _, _ := unstructured.NestedFieldNoCopy(u.Object, "metadata", "labels", "a"); label != "b" {
				t.Errorf("%s got no label", ref)
			}
			_, _, _, _, _ = Kept(o), WorkspaceOf(o), OwnerOf(o), ManagedBy(o), MadeFor(o)
			_, _, _ = conditionTrue(o, "Ready"), terminating(o), heldBy(u)
		}
	})
}
