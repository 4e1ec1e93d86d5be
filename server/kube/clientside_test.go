package kube

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
)

// parsed is an object of JSON.
func parsed(t *testing.T, text string) *unstructured.Unstructured {
	t.Helper()
	u := &unstructured.Unstructured{}
	if err := json.Unmarshal([]byte(text), &u.Object); err != nil {
		t.Fatal(err)
	}
	return u
}

// TestThreeWay: what was applied last and is no longer said goes, what others
// have set stays; lists of Kubernetes' kinds are merged by their keys.
func TestThreeWay(t *testing.T) {
	const pod = `{"apiVersion":"v1","kind":"Pod","metadata":{"name":"p"},"spec":{"containers":[`
	const thing = `{"apiVersion":"example.com/v1","kind":"Thing","metadata":{"name":"t"},"spec":`
	for name, test := range map[string]struct {
		last, want, now string
		kind            types.PatchType
		patch           string
	}{
		"nothing changed":             {pod + `{"name":"a"}]}}`, pod + `{"name":"a"}]}}`, pod + `{"name":"a","imagePullPolicy":"Always"}]}}`, types.StrategicMergePatchType, `{}`},
		"a variable is lost":          {pod + `{"name":"a","env":[{"name":"X","value":"1"},{"name":"Y","value":"1"}]}]}}`, pod + `{"name":"a","env":[{"name":"Y","value":"1"}]}]}}`, pod + `{"name":"a","env":[{"name":"X","value":"1"},{"name":"Y","value":"1"},{"name":"Z","value":"theirs"}]}]}}`, types.StrategicMergePatchType, `"$patch":"delete","name":"X"`},
		"a container of somebody":     {pod + `{"name":"a","image":"1"}]}}`, pod + `{"name":"a","image":"2"}]}}`, pod + `{"name":"a","image":"1"},{"name":"sidecar"}]}}`, types.StrategicMergePatchType, `"image":"2","name":"a"`},
		"a kind of somebody":          {thing + `{"a":1,"b":1}}`, thing + `{"b":2}}`, thing + `{"a":1,"b":1,"c":1}}`, types.MergePatchType, `{"spec":{"a":null,"b":2}}`},
		"nobody knows what was there": {"", thing + `{"b":2}}`, thing + `{"a":1,"b":1}}`, types.MergePatchType, `{"spec":{"b":2}}`},
	} {
		kind, patch, err := threeWay([]byte(test.last), parsed(t, test.want), parsed(t, test.now))
		if err != nil || kind != test.kind || !strings.Contains(string(patch), test.patch) {
			t.Errorf("%s: %s %s %v, want %s %s", name, kind, patch, err, test.kind, test.patch)
		}
		if strings.Contains(string(patch), "theirs") || strings.Contains(string(patch), "sidecar") {
			t.Errorf("%s: %s touches what is somebody else's", name, patch)
		}
	}
}

// TestTooLargeForTheAnnotation: the refusal says what does apply it, and what
// was exported from a cluster is not noted in itself.
func TestTooLargeForTheAnnotation(t *testing.T) {
	u := parsed(t, `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"big"},"data":{"x":"`+strings.Repeat("y", 300_000)+`"}}`)
	_, err := noted(u)
	if p := err.(*Error).Problem(); !strings.Contains(p.Hint, "k8s_server_side_apply='auto'") || !strings.HasPrefix(p.Message, "applying ConfigMap big: it is too large") {
		t.Errorf("problem %+v", p)
	}
	exported := parsed(t, `{"kind":"ConfigMap","metadata":{"name":"c","annotations":{"a":"b","`+corev1.LastAppliedConfigAnnotation+`":"OLD"}}}`)
	got, err := noted(exported)
	if err != nil {
		t.Fatal(err)
	}
	if note := got.GetAnnotations()[corev1.LastAppliedConfigAnnotation]; strings.Contains(note, "OLD") || !strings.Contains(note, `"a":"b"`) {
		t.Errorf("the note is %s", note)
	}
}

// plainAPI is an API server that applies nothing on its side.
type plainAPI struct {
	mu    sync.Mutex
	there []byte
	did   []string
}

func (a *plainAPI) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	refuse := func(code int32, reason metav1.StatusReason) {
		answer(metav1.Status{Code: code, Reason: reason}).ServeHTTP(w, r)
	}
	if !strings.HasSuffix(r.URL.Path, "/things/t") && r.Method == http.MethodGet {
		(&idleAPI{}).discovers(w, r.URL.Path)
		return
	}
	body, _ := io.ReadAll(r.Body)
	kind := strings.TrimPrefix(r.Header.Get("Content-Type"), "application/")
	switch {
	case kind == "apply-patch+yaml":
		refuse(http.StatusUnsupportedMediaType, metav1.StatusReasonUnsupportedMediaType)
		return
	case r.Method == http.MethodPost:
		a.there = body
	case r.Method == http.MethodPatch:
		a.did = append(a.did, kind+" "+string(body))
	case a.there == nil:
		refuse(http.StatusNotFound, metav1.StatusReasonNotFound)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(a.there)
}

// TestServerThatCannotApply: where a server does not know server-side apply,
// the client applies, and takes away what is no longer said.
func TestServerThatCannotApply(t *testing.T) {
	api := &plainAPI{}
	c := fakeCluster(t, api)
	thing := func(spec map[string]any) []map[string]any {
		return []map[string]any{{"apiVersion": "example/v1", "kind": "Thing", "metadata": map[string]any{"name": "t"}, "spec": spec}}
	}
	for _, spec := range []map[string]any{{"a": "1", "b": "1"}, {"b": "1"}} {
		if _, err := c.Apply(t.Context(), thing(spec), ApplyOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	if len(api.did) != 1 || !strings.HasPrefix(api.did[0], "merge-patch+json ") || !strings.Contains(api.did[0], `"spec":{"a":null}`) {
		t.Errorf("patches %q", api.did)
	}
}
