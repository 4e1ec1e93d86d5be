package build

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
)

func secretOf(host, user, password string) []byte {
	return fmt.Appendf(nil, `{"auths": {%q: {"auth": %q}}}`, host, base64.StdEncoding.EncodeToString([]byte(user+":"+password)))
}

// TestPullSecrets: which of the cluster's secrets is for which image.
func TestPullSecrets(t *testing.T) {
	reads := 0
	p := &pullSecrets{read: func() [][]byte {
		reads++
		return [][]byte{
			secretOf("ghcr.io", "all", "1"), secretOf("https://ghcr.io/team", "team", "2"), secretOf("https://index.docker.io/v1/", "hub", "3"),
			[]byte("no JSON"), []byte(`{"auths": {"quay.io": {"username": "u", "password": "p"}}}`),
		}
	}}
	for image, want := range map[string]string{
		"ghcr.io/other/app": "all", "ghcr.io/team/app": "team", "ghcr.io/teams/app": "all", "busybox": "hub", "docker.io/me/app": "hub",
		"quay.io/a": "u", "gcr.io/a": "", "ghcr.io.example.com/a": "", "127.0.0.1:5000/a": "", "localhost:5000/a": "",
	} {
		ref, err := name.ParseReference(image)
		if err != nil {
			t.Fatal(err)
		}
		auth, err := p.Resolve(ref.Context())
		if err != nil {
			t.Fatal(err)
		}
		got, err := auth.Authorization()
		if err != nil || got.Username != want || (want == "") != (auth == authn.Anonymous) {
			t.Errorf("%s: %+v, %v, want %q", image, got, err, want)
		}
	}
	if reads != 1 {
		t.Errorf("the cluster was asked %d times, want once", reads)
	}
}

// TestPrivateBase: an image that pods may pull by the cluster's secrets is read by
// them here, where nobody has logged in.
func TestPrivateBase(t *testing.T) {
	t.Setenv("DOCKER_CONFIG", t.TempDir())
	inner := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if user, password, _ := r.BasicAuth(); user != "me" || password != "secret" {
			w.Header().Set("WWW-Authenticate", `Basic realm="r"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		inner.ServeHTTP(w, r)
	}))
	defer server.Close()
	host := strings.TrimPrefix(server.URL, "http://")
	b := New(Options{Cluster: Cluster{Platform: "linux/amd64"}, Env: []string{"PATH=" + t.TempDir()}})
	if _, err := b.ImageConfig(t.Context(), host+"/app:1"); err == nil || !strings.Contains(err.Error(), "does not show it to you") {
		t.Errorf("without a secret: %v", err)
	}
	b.o.PullSecrets = func(context.Context) [][]byte { return [][]byte{secretOf(host, "me", "secret")} }
	if _, err := b.ImageConfig(t.Context(), host+"/app:1"); err == nil || !strings.Contains(err.Error(), "has none of that name") {
		t.Errorf("with the cluster's secret: %v", err)
	}
}
