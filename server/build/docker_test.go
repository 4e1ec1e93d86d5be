package build

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/towline-dev/towline/internal/podtest"
	"github.com/towline-dev/towline/starlark/config"
)

// testRegistry is the test bed's.
var testRegistry = &config.Registry{Host: "127.0.0.1:5000"}

// needDocker skips a test where the test bed, and so its docker and its
// registry, is not up.
func needDocker(t testing.TB) {
	t.Helper()
	kubeconfig := os.Getenv("TOWLINE_TEST_KUBECONFIG")
	if kubeconfig == "" {
		t.Skip("TOWLINE_TEST_KUBECONFIG is not set: this test needs docker and the test bed's registry")
	}
	socket := filepath.Join(filepath.Dir(kubeconfig), "run", "docker.sock")
	if _, err := os.Stat(socket); err == nil && os.Getenv("DOCKER_HOST") == "" {
		t.Setenv("DOCKER_HOST", "unix://"+socket)
	}
}

// project writes files and returns their folder.
func project(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// testName is an image's name of one test run's own.
func testName(t testing.TB) string {
	return fmt.Sprintf("tl-kube/%s-%x", strings.ToLower(strings.NewReplacer("/", "-", "_", "-").Replace(t.Name())), time.Now().UnixNano())
}

// docked is a docker_build of a folder.
func docked(t testing.TB, dir string) config.Image {
	ref := testName(t)
	t.Cleanup(func() { removeImages(t, ref) })
	return config.Image{
		Ref: ref, Builder: config.BuilderDocker, Context: dir, Network: "host",
		Pos: config.Position{File: "/src/Tiltfile", Line: 7, Col: 1},
	}
}

// tools are the builders that must give the same images.
func tools(t *testing.T, run func(t *testing.T, b *Builder)) {
	needDocker(t)
	for _, kind := range []toolKind{dockerBuildKit, dockerLegacy, buildctl} {
		t.Run(strings.ReplaceAll(string(kind), " ", "-"), func(t *testing.T) {
			if kind == buildctl {
				run(t, needBuildctl(t))
				return
			}
			b := New(Options{Cluster: Cluster{Registry: testRegistry}})
			found, err := b.now().find(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if kind == dockerLegacy {
				b.tools.found = &tool{kind: kind, path: found.path, env: append(slices.Clone(found.env), "DOCKER_BUILDKIT=0")}
			} else if found.kind != kind {
				t.Fatalf("found %s, want %s", found.kind, kind)
			}
			run(t, b)
		})
	}
}

// needBuildctl is a Builder that knows no docker, with a BuildKit of the test's own
// unless the environment names one.
func needBuildctl(t *testing.T) *Builder {
	t.Helper()
	path, host := lookPath("buildctl", os.Environ()), os.Getenv("BUILDKIT_HOST")
	if path == "" || host == "" {
		dir := podtest.BuildKit(t)
		path, host = filepath.Join(dir, "buildctl"), startBuildKit(t, dir)
	}
	return New(Options{Cluster: Cluster{Registry: testRegistry}, Env: []string{"PATH=" + filepath.Dir(path), "BUILDKIT_HOST=" + host, "HOME=" + t.TempDir()}})
}

// startBuildKit starts buildkitd and returns its address.
func startBuildKit(t *testing.T, programs string) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "bk") // a socket's path may not be long
	if err != nil {
		t.Fatal(err)
	}
	host := "unix://" + dir + "/s"
	var said bytes.Buffer
	daemon := exec.Command(filepath.Join(programs, "buildkitd"), "--root", dir, "--addr", host, "--oci-worker-net", "host", "--allow-insecure-entitlement", "network.host")
	daemon.Stdout, daemon.Stderr = &said, &said
	if err := daemon.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = daemon.Process.Signal(os.Interrupt)
		_ = daemon.Wait()
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
		if exec.Command(filepath.Join(programs, "buildctl"), "--addr", host, "debug", "workers").Run() == nil {
			return host
		}
		if time.Now().After(deadline) {
			_ = daemon.Process.Kill()
			_ = daemon.Wait()
			t.Fatalf("buildkitd does not answer:\n%s", said.String())
		}
	}
}

func TestDockerBuild(t *testing.T) {
	tools(t, func(t *testing.T, b *Builder) {
		dir := project(t, map[string]string{
			"Dockerfile": "FROM 127.0.0.1:5000/busybox:1 AS base\nARG WHO\nRUN echo hello $WHO > /greeting\n" +
				"FROM base\nWORKDIR /srv\nCOPY . .\nUSER 65532:65532\nENV A=b\nEXPOSE 8080 9090/udp\nENTRYPOINT [\"/bin/cat\"]\nCMD [\"/greeting\"]\n",
			"kept/a.txt": "a", "dropped/b.txt": "b", "other.txt": "c", "notes.md": "d", ".dockerignore": "*.md\n",
		})
		image := docked(t, dir)
		image.Args = map[string]string{"WHO": "you"}
		image.Ignores = []config.Ignore{{Base: filepath.Join(dir, "dropped"), Patterns: []string{"b.txt"}}}
		var output bytes.Buffer
		got, err := b.Build(t.Context(), Request{Image: image, Output: &output})
		if err != nil {
			t.Fatalf("%v\n%s", err, output.String())
		}
		escaped := "127.0.0.1:5000/" + strings.ReplaceAll(image.Ref, "/", "_")
		if !strings.HasPrefix(got.Ref, escaped+":towline-") || got.LocalRef != got.Ref {
			t.Errorf("ref %q, local %q; want %s:towline-…", got.Ref, got.LocalRef, escaped)
		}
		if want := "/bin/cat /greeting"; strings.Join(got.Config.Argv(), " ") != want {
			t.Errorf("argv %q, want %q", got.Config.Argv(), want)
		}
		if c := got.Config; c.User != "65532:65532" || c.WorkingDir != "/srv" || !slices.Contains(c.Env, "A=b") || !slices.Equal(c.ExposedPorts, []int{8080}) || c.OS != "linux" {
			t.Errorf("settings %+v", c)
		}
		fromRegistry, err := b.ImageConfig(t.Context(), got.Ref)
		if err != nil || strings.Join(fromRegistry.Argv(), " ") != "/bin/cat /greeting" {
			t.Errorf("from the registry: %+v, %v", fromRegistry, err)
		}
		checkFiles(t, b, got.LocalRef, []string{".dockerignore", "Dockerfile", "kept/a.txt", "other.txt"})

		again, err := b.Build(t.Context(), Request{Image: image})
		if err != nil || again.Ref != got.Ref {
			t.Errorf("built again: %q, %v; want the same image %q", again.Ref, err, got.Ref)
		}
	})
}

// checkFiles lists an image's /srv.
func checkFiles(t *testing.T, b *Builder, ref string, want []string) {
	t.Helper()
	if !b.tools.found.docker() {
		b = New(Options{})
		if _, err := b.now().find(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	var id, listing strings.Builder
	if err := b.now().dockerRun(t.Context(), b.tools.found, &id, "create", ref); err != nil {
		t.Fatal(err)
	}
	container := strings.TrimSpace(id.String())
	defer func() { _ = b.now().dockerRun(context.Background(), b.tools.found, &listing, "rm", container) }()
	to := t.TempDir()
	if err := b.now().dockerRun(t.Context(), b.tools.found, &listing, "cp", container+":/srv/.", to); err != nil {
		t.Fatal(err)
	}
	var got []string
	_ = filepath.WalkDir(to, func(path string, entry os.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			rel, _ := filepath.Rel(to, path)
			got = append(got, rel)
		}
		return err
	})
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("files of the image (-want +got):\n%s", diff)
	}
}

func TestDockerBuildOnlyAndBases(t *testing.T) {
	tools(t, func(t *testing.T, b *Builder) {
		base := docked(t, project(t, map[string]string{"Dockerfile": "FROM scratch\nCOPY . /base/\n", "f": "1"}))
		built, err := b.Build(t.Context(), Request{Image: base})
		if err != nil {
			t.Fatal(err)
		}
		dir := project(t, map[string]string{"in/a": "a", "in/b.tmp": "b", "out/c": "c"})
		image := docked(t, dir)
		image.DockerfileContents = "FROM " + base.Ref + "\nCOPY . /srv/\nCMD [\"x\"]\n"
		image.Only = []string{filepath.Join(dir, "in")}
		image.Ignores = []config.Ignore{
			{Base: dir, Patterns: []string{"in/*", "!in/a"}},    // an exception of its own: not one ignore file any more
			{Base: filepath.Dir(dir), Patterns: []string{"zz"}}, // above the context
		}
		got, err := b.Build(t.Context(), Request{Image: image, Bases: map[string]string{base.Ref: built.LocalRef}})
		if err != nil {
			t.Fatal(err)
		}
		checkFiles(t, b, got.LocalRef, []string{"in/a"})
	})
}

func TestDockerBuildProblems(t *testing.T) {
	tools(t, func(t *testing.T, b *Builder) {
		const from = "FROM 127.0.0.1:5000/busybox:1\n"
		for _, test := range []struct {
			name       string
			dockerfile string
			line       int
			want       string
		}{
			{"run", from + "\nRUN echo building && \\\n  echo oops && exit 3\nRUN true\n", 3, "exit code 3"},
			{"copy", from + "RUN true\nCOPY missing.txt /\n", 3, "missing.txt is not in the build's context"},
			{"parse", from + "RUNN true\n", 2, "RUNN"},
			{"base", "FROM 127.0.0.1:5000/none/such:1\n", 1, "the base image 127.0.0.1:5000/none/such:1 cannot be had"},
		} {
			t.Run(test.name, func(t *testing.T) {
				dir := project(t, map[string]string{"Dockerfile": test.dockerfile})
				var output bytes.Buffer
				_, err := b.Build(t.Context(), Request{Image: docked(t, dir), Output: &output})
				var p *config.Problem
				if !errors.As(err, &p) {
					t.Fatalf("got %v, want a problem", err)
				}
				t.Log(p, "/", p.Hint)
				if p.Pos.File != filepath.Join(dir, "Dockerfile") || p.Pos.Line != test.line || !strings.Contains(p.Message, test.want) || p.Hint == "" {
					t.Errorf("got %v (hint %q), want line %d and %q; the builder said:\n%s", p, p.Hint, test.line, test.want, output.String())
				}
			})
		}
	})
}

func TestDockerBuildMissing(t *testing.T) {
	needDocker(t)
	b := New(Options{Cluster: Cluster{Registry: testRegistry}})
	image := docked(t, t.TempDir())
	_, err := b.Build(t.Context(), Request{Image: image})
	var p *config.Problem
	if !errors.As(err, &p) || p.Pos != image.Pos || !strings.Contains(p.Message, filepath.Join(image.Context, "Dockerfile")) {
		t.Errorf("got %v, want a problem at the Tiltfile's line that names the Dockerfile", err)
	}
}

func TestDockerNotRunning(t *testing.T) {
	needDocker(t)
	b := New(Options{Env: append(os.Environ(), "DOCKER_HOST=unix:///nowhere/docker.sock", "BUILDKIT_HOST=")})
	image := docked(t, project(t, map[string]string{"Dockerfile": "FROM scratch\n"}))
	_, err := b.Build(t.Context(), Request{Image: image})
	var p *config.Problem
	if !errors.As(err, &p) || !strings.Contains(p.Message, "docker does not answer") || !strings.Contains(p.Hint, "DOCKER_HOST") {
		t.Errorf("got %v", err)
	}
}

func TestDockerBuildCancelled(t *testing.T) {
	needDocker(t)
	b := New(Options{Cluster: Cluster{Registry: testRegistry}})
	image := docked(t, project(t, map[string]string{"Dockerfile": "FROM 127.0.0.1:5000/busybox:1\nRUN sleep 60\n"}))
	ctx, cancel := context.WithCancel(t.Context())
	output := writerFunc(func(p []byte) {
		if strings.Contains(string(p), "RUN sleep 60") {
			cancel()
		}
	})
	began := time.Now()
	if _, err := b.Build(ctx, Request{Image: image, Output: output}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want canceled", err)
	}
	if took := time.Since(began); took > 20*time.Second {
		t.Errorf("cancelling took %v", took)
	}
}

// writerFunc is a function as a writer.
type writerFunc func([]byte)

func (f writerFunc) Write(p []byte) (int, error) { f(p); return len(p), nil }

func TestAgentImage(t *testing.T) {
	needDocker(t)
	b := New(Options{Cluster: Cluster{Registry: testRegistry, Platform: "linux/arm64"}})
	binaries := map[string][]byte{"amd64": []byte(t.Name() + time.Now().String()), "arm64": []byte("another")}
	ref, err := b.AgentImage(t.Context(), binaries, "")
	if err != nil {
		t.Fatal(err)
	}
	settings, err := b.ImageConfig(t.Context(), ref)
	if err != nil || settings.Arch != "arm64" || !slices.Equal(settings.Entrypoint, []string{AgentPath}) {
		t.Errorf("settings %+v, %v", settings, err)
	}
	again, err := b.AgentImage(t.Context(), binaries, "")
	if err != nil || again != ref {
		t.Errorf("made again: %q, %v; want %q", again, err, ref)
	}
	binaries["amd64"] = []byte("changed")
	if other, err := b.AgentImage(t.Context(), binaries, ""); err != nil || other == ref {
		t.Errorf("another binary has the same tag %q (%v)", other, err)
	}
	if _, err := b.AgentImage(t.Context(), map[string][]byte{"amd64": binaries["amd64"]}, ""); err != nil {
		t.Error(err)
	}
}

func TestRegistryDown(t *testing.T) {
	needDocker(t)
	b := New(Options{Cluster: Cluster{Registry: &config.Registry{Host: "127.0.0.1:9"}}})
	image := docked(t, project(t, map[string]string{"Dockerfile": "FROM scratch\nCOPY Dockerfile /\n"}))
	_, err := b.Build(t.Context(), Request{Image: image})
	var p *config.Problem
	if !errors.As(err, &p) || !strings.Contains(p.Hint, "is the registry 127.0.0.1:9 running") {
		t.Errorf("got %v", err)
	}
}

// removeImages removes what a test left in docker under a name of the Tiltfile.
func removeImages(t testing.TB, ref string) {
	b := New(Options{})
	found, err := b.now().find(context.Background())
	if err != nil {
		return // the test was about that
	}
	var list strings.Builder
	escaped := strings.ReplaceAll(ref, "/", "_")
	if err := b.now().dockerRun(context.Background(), found, &list, "image", "ls", "--format", "{{.Repository}}:{{.Tag}}", "--filter", "reference=*/"+escaped); err != nil {
		t.Error(err)
	}
	for image := range strings.FieldsSeq(list.String()) {
		if err := b.now().dockerRun(context.Background(), found, &list, "image", "rm", image); err != nil {
			t.Error(err)
		}
	}
}
