package build

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/towline-dev/towline/starlark/config"
)

// TestWhatChangesWhileItIsUp: a call goes by the registry, the Tiltfile's
// folder and the environment that are in force when it begins.
func TestWhatChangesWhileItIsUp(t *testing.T) {
	b := New(Options{Dir: "/first"})
	project := func(host string) *config.Project {
		p := &config.Project{Tiltfile: "/w/Tiltfile"}
		if host != "" {
			p.Settings.DefaultRegistry = &config.Registry{Host: host}
		}
		return p
	}
	name := func(b *Builder) string {
		names, err := NamesFor("app", b.now().cluster.Registry)
		if err != nil {
			t.Fatal(err)
		}
		return names.Local
	}
	if got := name(b); got != "app" || b.now().dir != "/first" {
		t.Errorf("before a project: %s in %s", got, b.now().dir)
	}
	for _, host := range []string{"one:5000", "two:5000"} {
		b.Configure(project(host))
		if got := name(b); got != host+"/app" || b.now().dir != "/w" {
			t.Errorf("with %s: %s in %s", host, got, b.now().dir)
		}
	}
	b.Configure(project(""))
	if got := name(b); got != "app" {
		t.Errorf("without a registry: %s", got)
	}
	announced := New(Options{Cluster: Cluster{Registry: &config.Registry{Host: "cluster:5000"}}})
	announced.Configure(project("one:5000"))
	if got := name(announced); got != "cluster:5000/app" {
		t.Errorf("the cluster's own wins, not %s", got)
	}

	t.Setenv("PATH", fakeDocker(t, "28.5.1", true, true)+":/bin:/usr/bin")
	first, err := b.now().find(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if again, _ := b.now().find(t.Context()); again != first {
		t.Error("the builder is looked for each time")
	}
	t.Setenv("PATH", fakeDocker(t, "28.5.1", true, true)+":/bin:/usr/bin")
	if second, err := b.now().find(t.Context()); err != nil || second.path == first.path {
		t.Errorf("in another environment: %v, %v", second, err)
	}
}

// TestAnImageThatIsNowhere says where it was looked for.
func TestAnImageThatIsNowhere(t *testing.T) {
	status := http.StatusNotFound
	registry := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/v2/" {
			w.WriteHeader(status)
		}
	}))
	defer registry.Close()
	host := strings.TrimPrefix(registry.URL, "http://")
	docker := t.TempDir()
	script := `#!/bin/sh
case $1 in
image) echo 'Error: No such image: x' >&2; exit 1;;
version) echo '{"Client":{"Version":"28.5.1"},"Server":{"Version":"28.0"}}';;
esac
`
	if err := os.WriteFile(filepath.Join(docker, "docker"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	none := t.TempDir()
	for _, test := range []struct {
		path   string
		status int
		want   string
	}{
		{docker, 404, "registry " + host + " has none of that name, and docker on this machine has none of that name"},
		{none, 403, "registry " + host + " does not show it to you, if it is there, and there is no docker here to ask"},
		{none, 500, "registry " + host + " answers 500"},
	} {
		status = test.status
		b := New(Options{Env: []string{"PATH=" + test.path}})
		_, err := b.ImageConfig(t.Context(), host+"/team/app:1")
		if err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), "/team/app:1") {
			t.Errorf("%d: %v, want %q", test.status, err, test.want)
		}
		if got := b.now().believed(t.Context(), host+"/team/app:1"); !strings.Contains(got.Unread, test.want) {
			t.Errorf("what a command is believed: %q, want %q", got.Unread, test.want)
		}
	}
	gone := httptest.NewServer(nil)
	gone.Close()
	away := strings.TrimPrefix(gone.URL, "http://")
	if _, err := New(Options{Env: []string{"PATH=" + none}}).ImageConfig(t.Context(), away+"/app:1"); err == nil || !strings.Contains(err.Error(), "registry "+away+" does not answer") {
		t.Errorf("without a registry: %v", err)
	}
}
