package build

import (
	"archive/tar"
	"errors"
	"io"
	"log"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/towline-dev/towline/starlark/config"
)

// goBed is a Go program, a registry in this process and a Builder that has no docker.
type goBed struct {
	b        *Builder
	dir      string
	image    config.Image
	registry string
}

func newGoBed(t *testing.T, cluster Cluster) *goBed {
	t.Helper()
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	t.Cleanup(server.Close)
	host := strings.TrimPrefix(server.URL, "http://")
	dir := project(t, map[string]string{
		"go.mod": "module example.com/shop\n\ngo 1.24\n", "cmd/web/main.go": "package main\n\nvar version = \"dev\"\n\nfunc main() { println(version) }\n",
		"cmd/web/kodata/page.html": "<p>", "lib/lib.go": "package lib\n",
	})
	if err := os.Symlink("../../../go.mod", filepath.Join(dir, "cmd/web/kodata/link")); err != nil {
		t.Fatal(err)
	}
	cluster.Registry = &config.Registry{Host: host}
	env := slices.DeleteFunc(os.Environ(), func(pair string) bool { return strings.HasPrefix(pair, "DOCKER_HOST=") })
	return &goBed{
		b: New(Options{Cluster: cluster, Env: append(env, "GOFLAGS=-mod=mod")}), dir: dir, registry: host,
		image: config.Image{Ref: "shop/web", Builder: config.BuilderCustom, Pos: config.Position{File: "/src/Tiltfile", Line: 3}, Go: &config.GoBuild{ImportPath: "./cmd/web", Dir: dir, Base: "scratch"}},
	}
}

func (g *goBed) build(t *testing.T) (Result, string, error) {
	t.Helper()
	var said strings.Builder
	result, err := g.b.Build(t.Context(), Request{Image: g.image, Output: &said})
	return result, said.String(), err
}

// filesOf reads the files of an image, by name.
func filesOf(t *testing.T, image v1.Image) map[string]*tar.Header {
	t.Helper()
	files := map[string]*tar.Header{}
	layers, err := image.Layers()
	if err != nil {
		t.Fatal(err)
	}
	for _, layer := range layers {
		content, err := layer.Uncompressed()
		if err != nil {
			t.Fatal(err)
		}
		for r := tar.NewReader(content); ; {
			header, err := r.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			files[header.Name] = header
		}
		content.Close()
	}
	return files
}

// TestGoImage: a Go program becomes an image for the nodes' platform without a docker;
// the same sources give the same one, which is pushed once.
func TestGoImage(t *testing.T) {
	g := newGoBed(t, Cluster{Platform: "linux/arm64"})
	got, said, err := g.build(t)
	if err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	if !strings.HasPrefix(got.Ref, g.registry+"/shop_web:towline-") || got.Digest == "" {
		t.Errorf("%+v", got)
	}
	if c := got.Config; c.OS+"/"+c.Arch != "linux/arm64" || strings.Join(c.Argv(), " ") != "/ko-app/web" || !slices.Contains(c.Env, "KO_DATA_PATH=/var/run/ko") {
		t.Errorf("settings %+v", c)
	}
	ref, err := name.ParseReference(got.Ref)
	if err != nil {
		t.Fatal(err)
	}
	image, err := remote.Image(ref)
	if err != nil {
		t.Fatal(err)
	}
	files := filesOf(t, image)
	for name, mode := range map[string]int64{"ko-app/web": 0o755, "var/run/ko/page.html": 0o644, "var/run/ko/link": 0o644} {
		if h := files[name]; h == nil || h.Mode != mode || h.Typeflag != tar.TypeReg || h.ModTime.Unix() > 0 {
			t.Errorf("%s: %+v", name, h)
		}
	}
	again, said, err := g.build(t)
	if err != nil || again.Ref != got.Ref || !strings.Contains(said, "in the registry already") {
		t.Errorf("again: %q, %v, want %q; said %q", again.Ref, err, got.Ref, said)
	}
	g.image.Go.LDFlags = []string{"-X", "main.version=2"}
	if other, _, err := g.build(t); err != nil || other.Ref == got.Ref {
		t.Errorf("with other flags: %q, %v", other.Ref, err)
	}
}

// TestGoImageOnABase: the base's files, user and environment stay.
func TestGoImageOnABase(t *testing.T) {
	g := newGoBed(t, Cluster{Platform: "linux/amd64"})
	base, err := mutate.Config(empty.Image, v1.Config{User: "65532", Env: []string{"PATH=/bin", "A=b"}, Cmd: []string{"sh"}})
	if err != nil {
		t.Fatal(err)
	}
	ref, err := name.NewTag(g.registry + "/base:1")
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Write(ref, base); err != nil {
		t.Fatal(err)
	}
	g.image.Go.Base = "our-base"
	result, err := g.b.Build(t.Context(), Request{Image: g.image, Bases: map[string]string{"our-base": ref.String()}})
	if err != nil {
		t.Fatal(err)
	}
	if c := result.Config; c.User != "65532" || strings.Join(c.Argv(), " ") != "/ko-app/web" || !slices.Contains(c.Env, "PATH=/bin:/ko-app") || !slices.Contains(c.Env, "A=b") {
		t.Errorf("settings %+v", c)
	}
}

// TestGoImageProblems: what is wrong is said at its place, with what to do.
func TestGoImageProblems(t *testing.T) {
	g := newGoBed(t, Cluster{Platform: "linux/amd64"})
	main := filepath.Join(g.dir, "cmd/web/main.go")
	for what, test := range map[string]struct {
		change        func()
		message, file string
		line          int
	}{
		"a fault in the source": {func() {
			if err := os.WriteFile(main, []byte("package main\n\nfunc main() {\n\tnothing()\n}\n"), 0o644); err != nil {
				t.Fatal(err)
			}
		}, "undefined: nothing", main, 4},
		"no program":   {func() { g.image.Go.ImportPath = "./lib" }, "is no program", "/src/Tiltfile", 3},
		"no folder":    {func() { g.image.Go.ImportPath = "./nowhere" }, "shop/web failed: ", "/src/Tiltfile", 3},
		"no such base": {func() { g.image.Go.ImportPath, g.image.Go.Base = "./cmd/other", g.registry+"/none:1" }, "has none of that name", "/src/Tiltfile", 3},
		"no go":        {func() { g.b = New(Options{Cluster: g.b.o.Cluster, Env: []string{"PATH=" + t.TempDir()}}) }, "go cannot be run", "/src/Tiltfile", 3},
	} {
		saved, path, base := g.b, g.image.Go.ImportPath, g.image.Go.Base
		if what == "no such base" {
			if err := os.MkdirAll(filepath.Join(g.dir, "cmd/other"), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(g.dir, "cmd/other/main.go"), []byte("package main\n\nfunc main() {}\n"), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		test.change()
		_, said, err := g.build(t)
		g.b, g.image.Go.ImportPath, g.image.Go.Base = saved, path, base
		var p *config.Problem
		if !errors.As(err, &p) || !strings.Contains(p.Message, test.message) || p.Pos.File != test.file || p.Pos.Line != test.line || p.Hint == "" {
			t.Errorf("%s: %+v\n%s", what, err, said)
		}
	}
}

// TestGoBaseThatDoesNotAnswer: a registry that is away may come back, and the build is
// tried again; one that lacks the base is not asked again.
func TestGoBaseThatDoesNotAnswer(t *testing.T) {
	g := newGoBed(t, Cluster{Platform: "linux/amd64"})
	away := httptest.NewServer(nil)
	away.Close()
	for host, want := range map[string]bool{strings.TrimPrefix(away.URL, "http://"): true, g.registry: false} {
		g.image.Go.Base = host + "/none:1"
		if _, err := g.b.now().goBase(t.Context(), Request{Image: g.image}, v1.Platform{OS: "linux", Architecture: "amd64"}); err == nil || Passing(err) != want {
			t.Errorf("%v passes: %v, want %v", err, Passing(err), want)
		}
	}
}
