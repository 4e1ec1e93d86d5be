package kube

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"
)

// fakeCluster is a Cluster whose API server is a handler.
func fakeCluster(t testing.TB, handler http.Handler) *Cluster {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return clusterAt(t, server.URL)
}

// clusterAt is a Cluster at an address.
func clusterAt(t testing.TB, url string) *Cluster {
	t.Helper()
	c, err := newCluster(&rest.Config{Host: url}, nil)
	if err != nil {
		t.Fatal(err)
	}
	c.identity = Identity{Context: "fake", Namespace: "ns"}
	return c
}

// answer is a handler that refuses everything with one status.
func answer(status metav1.Status) http.Handler {
	status.Kind, status.APIVersion, status.Status = "Status", "v1", metav1.StatusFailure
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(int(status.Code))
		_ = json.NewEncoder(w).Encode(status)
	})
}

func TestErrorKinds(t *testing.T) {
	for _, test := range []struct {
		status metav1.Status
		want   ErrorKind
	}{
		{metav1.Status{Code: 401, Reason: metav1.StatusReasonUnauthorized, Message: "Unauthorized"}, Unauthorized},
		{metav1.Status{Code: 403, Reason: metav1.StatusReasonForbidden, Message: "nodes is forbidden"}, Forbidden},
		{metav1.Status{Code: 404, Reason: metav1.StatusReasonNotFound, Message: "not found"}, NotFound},
		{metav1.Status{Code: 409, Reason: metav1.StatusReasonConflict, Message: "conflict"}, Conflict},
		{metav1.Status{Code: 422, Reason: metav1.StatusReasonInvalid, Message: "invalid"}, Invalid},
		{metav1.Status{Code: 400, Reason: metav1.StatusReasonBadRequest, Message: "bad"}, Invalid},
		{metav1.Status{Code: 504, Reason: metav1.StatusReasonTimeout, Message: "slow"}, Timeout},
		{metav1.Status{Code: 503, Reason: metav1.StatusReasonServiceUnavailable, Message: "starting"}, Unreachable},
		{metav1.Status{Code: 500, Reason: metav1.StatusReasonInternalError, Message: "oops"}, Internal},
		{metav1.Status{Code: 500, Message: "failed to create typed patch object (ns/web; apps/v1, Kind=Deployment): .spec.replica: field not declared in schema"}, Invalid},
	} {
		_, err := fakeCluster(t, answer(test.status)).Nodes(t.Context())
		var e *Error
		if !errors.As(err, &e) || e.Kind != test.want {
			t.Errorf("%d %s: got %v, want %s", test.status.Code, test.status.Reason, err, test.want)
		}
	}
}

func TestErrorCauses(t *testing.T) {
	status := metav1.Status{Code: 422, Reason: metav1.StatusReasonInvalid, Message: `Deployment.apps "web" is invalid: [...]`, Details: &metav1.StatusDetails{
		Causes: []metav1.StatusCause{
			{Field: "spec.replicas", Message: "Invalid value: -1"},
			{Field: "spec.selector", Message: "Required value"},
		},
	}}
	_, err := fakeCluster(t, answer(status)).Nodes(t.Context())
	var e *Error
	if !errors.As(err, &e) {
		t.Fatal(err)
	}
	want := []Cause{{"spec.replicas", "Invalid value: -1"}, {"spec.selector", "Required value"}}
	if diff := cmp.Diff(want, e.Causes); diff != "" {
		t.Errorf("causes (-want +got):\n%s", diff)
	}
	if want := "listing nodes: spec.replicas: Invalid value: -1; spec.selector: Required value"; e.Error() != want {
		t.Errorf("got %q, want %q", e.Error(), want)
	}
}

func TestUnreachable(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	_ = listener.Close()
	_, err = clusterAt(t, "http://"+address).ServerVersion(t.Context())
	var e *Error
	if !errors.As(err, &e) || e.Kind != Unreachable {
		t.Fatalf("got %v, want unreachable", err)
	}
	p := e.Problem()
	if want := "reaching the cluster fake: the cluster cannot be reached: " + address + ": connection refused"; p.Message != want || p.Hint == "" {
		t.Errorf("got %q (hint %q), want %q", p.Message, p.Hint, want)
	}
}

func TestUntrusted(t *testing.T) {
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	defer server.Close()
	if _, err := clusterAt(t, server.URL).ServerVersion(t.Context()); !IsKind(err, Unreachable) || !strings.Contains(err.Error(), "x509") {
		t.Errorf("got %v, want unreachable for its certificate", err)
	}
}

func TestTimeLimit(t *testing.T) {
	hang := make(chan struct{})
	c := fakeCluster(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-hang }))
	t.Cleanup(func() { close(hang) }) // before the server waits for its handlers
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := c.ServerVersion(ctx); !IsKind(err, Timeout) {
		t.Errorf("got %v, want timeout", err)
	}
	ctx, cancel = context.WithCancel(t.Context())
	cancel()
	if _, err := c.ServerVersion(ctx); !IsKind(err, Canceled) {
		t.Errorf("got %v, want canceled", err)
	}
}

func TestImmutable(t *testing.T) {
	invalid := func(kind, message string) error {
		status := metav1.Status{Code: 422, Reason: metav1.StatusReasonInvalid, Details: &metav1.StatusDetails{
			Kind: kind, Causes: []metav1.StatusCause{{Field: "spec.x", Message: message}},
		}}
		_, err := fakeCluster(t, answer(status)).Nodes(t.Context())
		return errors.Unwrap(err)
	}
	for _, test := range []struct {
		kind, message string
		want          bool
	}{
		{"Deployment", `Invalid value: v1.LabelSelector{}: field is immutable`, true},
		{"Job", "Invalid value: core.PodTemplateSpec{}: field is immutable", true},
		{"Service", `Invalid value: []string{"None"}: may not change once set`, true},
		{"Service", `Invalid value: "10.0.0.300": must be a valid IP address`, false},
		{"ConfigMap", "Forbidden: field is immutable when `immutable` is set", true},
		{"Deployment", "Required value", false},
		{"PersistentVolumeClaim", "Forbidden: spec is immutable after creation except resources.requests", false},
		{"StatefulSet", "Forbidden: updates to statefulset spec for fields other than 'replicas' are forbidden", true},
	} {
		if got := immutable(invalid(test.kind, test.message)); got != test.want {
			t.Errorf("%s: %s: got %v, want %v", test.kind, test.message, got, test.want)
		}
	}
}

func TestPassing(t *testing.T) {
	noKind := classify("applying", "Widget w", &meta.NoKindMatchError{GroupKind: schema.GroupKind{Group: "x", Kind: "Widget"}})
	namespace := classify("applying", "Pod p", apierrors.NewNotFound(schema.GroupResource{Resource: "namespaces"}, "away"))
	account := classify("applying", "Pod p", apierrors.NewForbidden(schema.GroupResource{Resource: "pods"}, "p", errors.New(`error looking up service account ns/sa: serviceaccount "sa" not found`)))
	hook := classify("applying", "Pod p", apierrors.NewInternalError(errors.New(`failed calling webhook "x": connection refused`)))
	denied := classify("applying", "Pod p", apierrors.NewForbidden(schema.GroupResource{Resource: "pods"}, "p", errors.New("quota")))
	invalid := classify("applying", "Pod p", apierrors.NewBadRequest("no"))
	for name, test := range map[string]struct {
		err  error
		want bool
	}{
		"kind": {noKind, true}, "namespace": {namespace, true}, "account": {account, true}, "webhook": {hook, true},
		"denied": {denied, false}, "invalid": {invalid, false}, "joined": {errors.Join(hook, noKind), true}, "joined with one that stays": {errors.Join(invalid, noKind), false},
		"joined without": {errors.Join(invalid, denied), false}, "another's": {errors.New("x"), false}, "none": {nil, false},
	} {
		if got := Passing(test.err); got != test.want {
			t.Errorf("%s: got %v, want %v", name, got, test.want)
		}
	}
}
