package inject

import (
	"encoding/json"
	"testing"
)

// FuzzRestore gives the agent back from workloads of any form, with anything in
// the annotation that says what there was.
func FuzzRestore(f *testing.F) {
	f.Add([]byte(`{"metadata":{"annotations":{"towline.dev/before":"{}"}}}`))
	f.Add([]byte(`{"kind":"Deployment","metadata":{"annotations":{"towline.dev/before":"{\"containers\":[{\"name\":\"a\",\"command\":[\"x\"]},null,7]}"}},` +
		`"spec":{"template":{"spec":{"containers":[{"name":"a","command":["/.towline/bin/towline-agent","init"],"volumeMounts":[{"name":"towline-bin"}]},null],"volumes":[{"name":"towline-bin"}]}}}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var o map[string]any
		if json.Unmarshal(data, &o) != nil || o == nil {
			return
		}
		text, _ := json.Marshal(o)
		patch, err := Restore(o)
		if after, _ := json.Marshal(o); string(after) != string(text) {
			t.Errorf("the object was changed: %s", after)
		}
		if err == nil && patch != nil {
			if _, err := json.Marshal(patch); err != nil {
				t.Error(err)
			}
		}
		_, _, _, _ = AdoptedBy(o), AdoptedFor(o), Adoptable(o), Containers(o)
	})
}
