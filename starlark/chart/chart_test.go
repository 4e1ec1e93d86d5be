package chart

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/static"
)

// archive is a chart of files, as helm package makes it.
func archive(t *testing.T, files map[string]string) []byte {
	t.Helper()
	var out bytes.Buffer
	zip := gzip.NewWriter(&out)
	w := tar.NewWriter(zip)
	for file, text := range files {
		if err := w.WriteHeader(&tar.Header{Name: file, Mode: 0o644, Size: int64(len(text)), Typeflag: tar.TypeReg}); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, text); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := zip.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func web(t *testing.T, version string) []byte {
	return archive(t, map[string]string{"web/Chart.yaml": "apiVersion: v2\nname: web\nversion: " + version + "\n"})
}

// serve is a repository of charts on loopback, for the user u with the
// password p when login is set.
func serve(t *testing.T, login bool) string {
	t.Helper()
	files := map[string][]byte{}
	index := "entries:\n  web:\n"
	for _, v := range []string{"1.0.0", "1.2.0", "2.0.0-rc.1", "0.9.0"} {
		data := web(t, v)
		files["/charts/web-"+v+".tgz"] = data
		index += fmt.Sprintf("  - {version: %s, urls: [web-%s.tgz], digest: %x}\n", v, v, sha256.Sum256(data))
	}
	index += "  bad:\n  - {version: 1.0.0, urls: [web-1.0.0.tgz], digest: abc}\n  none:\n  - {version: 1.0.0}\n  file:\n  - {version: 1.0.0, urls: ['file:///etc/passwd']}\n"
	files["/charts/index.yaml"] = []byte(index)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if user, password, _ := r.BasicAuth(); login && (user != "u" || password != "p") {
			http.Error(w, "who are you", http.StatusUnauthorized)
			return
		}
		data, ok := files[r.URL.Path]
		if !ok {
			http.NotFound(w, r)
			return
		}
		_, _ = w.Write(data)
	}))
	t.Cleanup(server.Close)
	return server.URL + "/charts"
}

func TestPull(t *testing.T) {
	repo := serve(t, false)
	for _, test := range []struct {
		ref  Ref
		want string // the version
		err  string
	}{
		{Ref{Chart: "web", Repo: repo}, "1.2.0", ""},
		{Ref{Chart: "web", Repo: repo + "/"}, "1.2.0", ""},
		{Ref{Chart: "web", Repo: repo, Version: "1.0.0"}, "1.0.0", ""},
		{Ref{Chart: "web", Repo: repo, Version: "<1.0.0"}, "0.9.0", ""},
		{Ref{Chart: "web", Repo: repo, Version: "2.0.0-rc.1"}, "2.0.0-rc.1", ""},
		{Ref{Chart: repo + "/web-1.0.0.tgz"}, "1.0.0", ""},
		{Ref{Chart: "web", Repo: repo, Version: "7"}, "", "no version of it is \"7\"; there are 1.0.0, 1.2.0"},
		{Ref{Chart: "web", Repo: repo, Version: "?"}, "", `version "?"`},
		{Ref{Chart: "api", Repo: repo}, "", "no chart of that name"},
		{Ref{Chart: "bad", Repo: repo}, "", "is not what the index says"},
		{Ref{Chart: "none", Repo: repo}, "", "names no archive"},
		{Ref{Chart: "file", Repo: repo}, "", "not a URL of a chart's archive"},
		{Ref{Chart: "web", Repo: repo + "/none"}, "", "404"},
		{Ref{Chart: "web", Repo: "file:///etc"}, "", "not a chart repository's URL"},
		{Ref{Chart: "../web", Repo: repo}, "", "not a chart's name"},
		{Ref{Chart: "web"}, "", "name its repository"},
		{Ref{Chart: "other/web"}, "", `"other" is not known`},
	} {
		t.Run(test.ref.Chart+" "+test.ref.Version, func(t *testing.T) {
			checkPull(t, Source{Env: []string{"HELM_CONFIG_HOME=" + t.TempDir()}}, test.ref, test.want, test.err)
		})
	}
}

// checkPull pulls a chart and wants its version, or an error that says so.
func checkPull(t *testing.T, s Source, ref Ref, want, wantErr string) {
	t.Helper()
	data, err := s.Pull(context.Background(), ref)
	if wantErr != "" {
		if err == nil || !strings.Contains(err.Error(), wantErr) {
			t.Errorf("%+v: error %v, want one with %q", ref, err, wantErr)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "a", "web")
	if err := Expand(data, dir); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(filepath.Join(dir, "Chart.yaml")); err != nil || !strings.Contains(string(got), "version: "+want+"\n") {
		t.Errorf("%+v: got %s (%v), want version %s", ref, got, err, want)
	}
}

func TestPullFromAKnownRepository(t *testing.T) {
	config := t.TempDir()
	file := filepath.Join(config, "helm", "repositories.yaml")
	s := Source{Env: []string{"XDG_CONFIG_HOME=/none", "XDG_CONFIG_HOME=" + config}}
	repo := serve(t, true)
	if err := s.Add(Repository{Name: "other", URL: "https://example.com"}); err != nil {
		t.Fatal(err)
	}
	data, _ := os.ReadFile(file)
	if err := os.WriteFile(file, append(data, "extra: 1\n"...), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, password := range []string{"wrong", "p"} {
		if err := s.Add(Repository{Name: "mine", URL: repo, Username: "u", Password: password}); err != nil {
			t.Fatal(err)
		}
	}
	checkPull(t, s, Ref{Chart: "mine/web"}, "1.2.0", "")
	checkPull(t, s, Ref{Chart: "web", RepoName: "mine", Version: "1.0.0"}, "1.0.0", "")
	checkPull(t, s, Ref{Chart: "web", Repo: repo}, "", "401")
	checkPull(t, s, Ref{Chart: "web", Repo: repo, Username: "u", Password: "p"}, "1.2.0", "")
	got, err := os.ReadFile(file)
	if err != nil || strings.Count(string(got), "name: mine") != 1 || !strings.Contains(string(got), "extra: 1") || !strings.Contains(string(got), "name: other") {
		t.Errorf("repositories.yaml: %s, %v", got, err)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode of repositories.yaml: %v, %v", info, err)
	}
	if err := s.Add(Repository{Name: "../x"}); err == nil {
		t.Error("a name with a slash was accepted")
	}
}

// TestNoLoginForOthers: an index that names another host does not get the
// password there.
func TestNoLoginForOthers(t *testing.T) {
	var got string
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got += r.Header.Get("Authorization")
		_, _ = w.Write(web(t, "1.0.0"))
	}))
	defer other.Close()
	repo := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, "entries: {web: [{version: 1.0.0, urls: ['%s/web.tgz']}]}", other.URL)
	}))
	defer repo.Close()
	checkPull(t, Source{}, Ref{Chart: "web", Repo: repo.URL, Username: "u", Password: "p"}, "1.0.0", "")
	if got != "" {
		t.Errorf("the other host got %q", got)
	}
}

func TestPullFromARegistry(t *testing.T) {
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	defer server.Close()
	host := strings.TrimPrefix(server.URL, "http://")
	for _, v := range []string{"1.0.0", "1.1.0_build.1"} {
		img, err := mutate.AppendLayers(empty.Image, static.NewLayer(web(t, strings.ReplaceAll(v, "_", "+")), layerType))
		if err != nil {
			t.Fatal(err)
		}
		ref, err := name.ParseReference(host + "/charts/web:" + v)
		if err != nil {
			t.Fatal(err)
		}
		if err := remote.Write(ref, img); err != nil {
			t.Fatal(err)
		}
	}
	plain, err := name.ParseReference(host + "/charts/plain:1.0.0")
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Write(plain, empty.Image); err != nil {
		t.Fatal(err)
	}
	repo := "oci://" + host + "/charts"
	checkPull(t, Source{}, Ref{Chart: "web", Repo: repo}, "1.1.0+build.1", "")
	checkPull(t, Source{}, Ref{Chart: repo + "/web", Version: "1.0.0"}, "1.0.0", "")
	checkPull(t, Source{}, Ref{Chart: "web", Repo: repo, Version: "1.1.0+build.1"}, "1.1.0+build.1", "")
	checkPull(t, Source{}, Ref{Chart: "web", Repo: repo, Version: "3.0.0"}, "", "getting oci://")
	checkPull(t, Source{}, Ref{Chart: "plain", Repo: repo, Version: "1.0.0"}, "", "is not a Helm chart")
}

func TestExpandRefuses(t *testing.T) {
	for name, data := range map[string][]byte{
		"no archive": []byte("x"),
		"escapes":    archive(t, map[string]string{"web/Chart.yaml": "name: web", "web/../../evil": "x"}),
		"named ..":   archive(t, map[string]string{"web/Chart.yaml": "name: .."}),
		"no chart":   archive(t, map[string]string{"web/values.yaml": "a: b"}),
	} {
		dir := t.TempDir()
		if err := Expand(data, filepath.Join(dir, "charts", "web")); err == nil {
			t.Errorf("%s: accepted", name)
		}
		if entries, _ := os.ReadDir(filepath.Join(dir, "charts")); len(entries) != 0 {
			t.Errorf("%s: left %v", name, entries)
		}
	}
}

func TestFetchDependencies(t *testing.T) {
	repo := serve(t, false)
	s := Source{Env: []string{"HELM_CONFIG_HOME=" + t.TempDir()}}
	if err := s.Add(Repository{Name: "mine", URL: repo}); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "chart")
	write := func(file, text string) {
		t.Helper()
		file = filepath.Join(dir, file)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("../local/Chart.yaml", "name: local\n")
	write("charts/here-1.0.0.tgz", "")
	write("Chart.yaml", `dependencies:
- {name: web, version: 1.0.0, repository: '@mine'}
- {name: local, repository: 'file://../local'}
- {name: here, repository: 'https://nowhere.invalid'}
- {name: inline}
`)
	for range 2 { // the second time there is nothing to do
		if err := s.FetchDependencies(context.Background(), dir); err != nil {
			t.Fatal(err)
		}
	}
	for _, file := range []string{"charts/web/Chart.yaml", "charts/local/Chart.yaml"} {
		if _, err := os.Stat(filepath.Join(dir, file)); err != nil {
			t.Error(err)
		}
	}
	write("Chart.yaml", "dependencies: [{name: ../x, repository: 'file://../local'}]")
	if err := s.FetchDependencies(context.Background(), dir); err == nil {
		t.Error("a name that escapes was accepted")
	}
}
