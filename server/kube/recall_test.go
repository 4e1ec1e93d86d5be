package kube

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// recalled is a Service as a person writes it.
func recalled(port int64) map[string]any {
	return map[string]any{
		"apiVersion": "v1", "kind": "Service", "metadata": map[string]any{"name": "web", "annotations": map[string]any{"note": "1"}},
		"spec": map[string]any{"ports": []any{map[string]any{"port": port}}},
	}
}

// TestWhatStandsIsLeftAlone: a later daemon lists a kind once, and neither reads
// nor writes what is as it was applied and as it is to be. Whatever differs is
// looked at by itself.
func TestWhatStandsIsLeftAlone(t *testing.T) {
	looked := []string{"list services", "get services", "patch services"}
	for name, test := range map[string]struct {
		between func(service map[string]any)
		api     func(*idleAPI)
		port    int64
		options func(*ApplyOptions)
		want    []string
	}{
		"nothing changed":          {want: []string{"list services"}},
		"somebody added a field":   {between: func(s map[string]any) { s["spec"].(map[string]any)["type"] = "NodePort" }, want: []string{"list services"}},
		"the file changed":         {port: 81, want: looked},
		"another owner":            {options: func(o *ApplyOptions) { o.Owner = "somebody" }, want: looked},
		"somebody changed a value": {between: func(s map[string]any) { s["spec"].(map[string]any)["ports"].([]any)[0].(map[string]any)["port"] = 82 }, want: looked},
		"somebody added a port": {between: func(s map[string]any) {
			spec := s["spec"].(map[string]any)
			spec["ports"] = append(spec["ports"].([]any), map[string]any{"port": 82})
		}, want: looked},
		"somebody took a field": {between: func(s map[string]any) { delete(s, "spec") }, want: looked},
		"an older one":          {between: func(s map[string]any) { delete(s["metadata"].(map[string]any), "annotations") }, want: looked},
		"nobody may list":       {api: func(a *idleAPI) { a.forbid["list services"] = true }, want: looked},
	} {
		t.Run(name, func(t *testing.T) {
			api, c := newIdleAPI(t)
			api.stores = true
			options := ApplyOptions{Labels: map[string]string{LabelWorkspace: "ws"}}
			apply := func(port int64, o ApplyOptions) Applied {
				t.Helper()
				got, err := c.Apply(t.Context(), []map[string]any{recalled(port)}, o)
				if err != nil || len(got) != 1 {
					t.Fatalf("%v, %v", got, err)
				}
				return got[0]
			}
			apply(80, options)
			if test.between != nil {
				test.between(api.objects["services/web"])
			}
			if test.api != nil {
				test.api(api)
			}
			api.requests = nil
			if test.options != nil {
				test.options(&options)
			}
			options.Recall = NewRecollection("ws")
			got := apply(max(test.port, 80), options)
			if diff := cmp.Diff(test.want, api.requests); diff != "" {
				t.Error(diff)
			}
			if left := len(test.want) == 1; left && (got.Action != Unchanged || got.Ref.Name != "web" || got.Content == nil) {
				t.Errorf("what was left alone is told as %+v", got)
			}
			api.requests = nil
			apply(max(test.port, 80), options)
			if diff := cmp.Diff(looked[1:], api.requests); diff != "" {
				t.Errorf("an object is recalled once: %s", diff)
			}
		})
	}
}

// TestRunOnceMoreIsNotRecalled: what is to run again is looked at and deleted.
func TestRunOnceMoreIsNotRecalled(t *testing.T) {
	api, c := newIdleAPI(t)
	api.stores = true
	api.forbid["delete pods"] = true
	pod := map[string]any{"apiVersion": "v1", "kind": "Pod", "metadata": map[string]any{"name": "once"}, "spec": map[string]any{"containers": []any{}}}
	options := ApplyOptions{Labels: map[string]string{LabelWorkspace: "ws"}}
	if _, err := c.Apply(t.Context(), []map[string]any{pod}, options); err != nil {
		t.Fatal(err)
	}
	options.Recall, options.Anew = NewRecollection("ws"), true
	if _, err := c.Apply(t.Context(), []map[string]any{pod}, options); !IsKind(err, Forbidden) {
		t.Errorf("%v, want that it may not be deleted", err)
	}
}

func TestHolds(t *testing.T) {
	for _, test := range []struct {
		now, want string
		holds     bool
	}{
		{`{"a":1,"b":2}`, `{"a":1}`, true},
		{`{"a":1}`, `{"a":1.0}`, true},
		{`{"a":1}`, `{"a":"1"}`, false},
		{`{"a":true}`, `{"a":"true"}`, false},
		{`{}`, `{"a":null,"b":{},"c":[]}`, true},
		{`{}`, `{"a":false}`, false},
		{`{"a":[1,2]}`, `{"a":[1]}`, false},
		{`{"resources":{"limits":{"cpu":"1"}}}`, `{"resources":{"limits":{"cpu":"1000m"}}}`, true},
		{`{"resources":{"limits":{"cpu":"1"}}}`, `{"resources":{"limits":{"cpu":2}}}`, false},
		{`{"data":{"cpu":"1"}}`, `{"data":{"cpu":"1000m"}}`, false},
		{`{"a":{"b":1}}`, `{"a":"b"}`, false},
	} {
		if got := holds(parsedJSON(t, test.now), parsedJSON(t, test.want), false); got != test.holds {
			t.Errorf("%s has all of %s: %v", test.now, test.want, got)
		}
	}
}

func parsedJSON(t *testing.T, text string) map[string]any {
	t.Helper()
	u := &unstructured.Unstructured{}
	if err := u.UnmarshalJSON([]byte(`{"apiVersion":"v1","kind":"Any",` + strings.TrimPrefix(text, "{"))); err == nil {
		return u.Object
	}
	return map[string]any{"apiVersion": "v1", "kind": "Any"}
}

// TestClusterRecollection: with all that a real server fills in and writes in its
// own way, what was applied is known again.
func TestClusterRecollection(t *testing.T) {
	t.Parallel()
	c := testCluster(t)
	web := deployment("recalled", testImage, "sleep", "1000")
	spec := web["spec"].(map[string]any)
	spec["replicas"] = int64(0)
	spec["template"].(map[string]any)["spec"].(map[string]any)["containers"].([]any)[0].(map[string]any)["resources"] = map[string]any{
		"limits": map[string]any{"cpu": "1000m", "memory": "1024Mi"},
	}
	objects := []map[string]any{
		web,
		{"apiVersion": "v1", "kind": "Service", "metadata": map[string]any{"name": "recalled"}, "spec": map[string]any{"ports": []any{map[string]any{"port": 80, "targetPort": "http"}}}},
		{"apiVersion": "v1", "kind": "ConfigMap", "metadata": map[string]any{"name": "recalled"}, "data": map[string]any{"a": "1000m"}},
		{"apiVersion": "v1", "kind": "Secret", "metadata": map[string]any{"name": "recalled"}, "data": map[string]any{"a": "aGk="}},
	}
	options := ApplyOptions{Labels: map[string]string{LabelWorkspace: "recall"}, Owner: "anna@here:/shop"}
	if _, err := c.Apply(t.Context(), objects, options); err != nil {
		t.Fatal(err)
	}
	recall := NewRecollection("recall")
	for _, object := range objects {
		u, err := marked(object, options)
		if err != nil {
			t.Fatal(err)
		}
		client, err := c.clientFor(u)
		if err != nil {
			t.Fatal(err)
		}
		now, known := recall.take(t.Context(), client, RefOf(u.Object))
		if !known || !stands(&now, u) {
			t.Errorf("%s is not known again: %v", RefOf(u.Object), now.Object)
		}
		annotate(u, AnnotationApplied, "another")
		if stands(&now, u) {
			t.Errorf("%s stands though it changed", RefOf(u.Object))
		}
	}
}
