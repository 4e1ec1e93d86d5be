package extensions

import (
	"crypto/rand"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/towline-dev/towline/internal/podtest"
	"github.com/towline-dev/towline/server/kube"
)

// goProgram is a program that says a line and goes on.
const goProgram = `package main

import "time"

func main() {
	println("LINE")
	time.Sleep(time.Hour)
}
`

// TestBuildInTheCluster: where there is no docker, images are built by BuildKit in a
// pod of the workspace's own: made when it is needed, sent what changed, made anew
// when it is gone, and deleted by down. Those of Go programs are made here.
func TestBuildInTheCluster(t *testing.T) {
	t.Parallel()
	dockerfile := "FROM $BASE\nRUN echo built > /built\nCOPY . /app/\nCMD [\"sh\", \"-c\", \"cat /built /app/once.txt; sleep 100000\"]\n"
	b := newBed(t, "buildpod", map[string]string{
		"Tiltfile": `
default_registry('127.0.0.1:5000')
towline.builder(image='127.0.0.1:5000/tl-ext-buildkit:1')
docker_build('tl-ext-buildpod', 'app')
load('ext://ko', 'ko_build')
ko_build('tl-ext-buildpod-go', './cmd/hello', deps=['cmd'])
k8s_yaml('web.yaml')
`,
		"web.yaml": `{apiVersion: apps/v1, kind: Deployment, metadata: {name: web}, spec: {selector: {matchLabels: {app: web}}, template: {metadata: {labels: {app: web}}, spec: {
  terminationGracePeriodSeconds: 0, containers: [{name: c, image: tl-ext-buildpod}]}}}}
---
{apiVersion: apps/v1, kind: Deployment, metadata: {name: hello}, spec: {selector: {matchLabels: {app: hello}}, template: {metadata: {labels: {app: hello}}, spec: {
  terminationGracePeriodSeconds: 0, containers: [{name: c, image: tl-ext-buildpod-go}]}}}}`,
		".ko.yaml": "defaultBaseImage: 127.0.0.1:5000/static:nonroot\n", "go.mod": "module example.com/hello\n\ngo 1.24\n",
		"cmd/hello/main.go": strings.Replace(goProgram, "LINE", "go one", 1),
		"app/Dockerfile":    dockerfile, "app/once.txt": "version one\n",
	})
	big := make([]byte, 8<<20)
	_, _ = rand.Read(big)
	b.must(os.WriteFile(filepath.Join(b.dir, "app", "big"), big, 0o644))
	bin := buildKitImage(b)
	b.env = slices.DeleteFunc(b.env, func(pair string) bool { return strings.HasPrefix(pair, "DOCKER_HOST=") })
	b.env = append(b.env, "PATH="+bin)

	says := func(resource string, lines ...string) {
		b.t.Helper()
		b.until(resource+" prints "+strings.Join(lines, ", "), func() bool {
			pods := b.pods(resource)
			return len(pods) == 1 && b.output(pods[0], "c") == strings.Join(lines, "\n")+"\n"
		})
	}
	prints := func(lines ...string) { b.t.Helper(); says("web", lines...) }
	b.up()
	prints("built", "version one")
	says("hello", "go one")
	b.write("cmd/hello/main.go", strings.Replace(goProgram, "LINE", "go two\" + 1 + \"", 1))
	b.says([]string{"status", "hello"}, "cmd/hello/main.go:6")
	b.write("cmd/hello/main.go", strings.Replace(goProgram, "LINE", "go two", 1))
	says("hello", "go two")
	sent := regexp.MustCompile(`transferring context: (\S+)`)
	last := func() string {
		all := sent.FindAllStringSubmatch(b.towline("logs", "web"), -1)
		if len(all) == 0 {
			return ""
		}
		return all[len(all)-1][1]
	}
	if got := last(); !strings.HasPrefix(got, "8.") || !strings.HasSuffix(got, "MB") {
		t.Errorf("the first build was sent %q, want 8 MB", got)
	}

	b.write("app/once.txt", "version two\n")
	prints("built", "version two")
	if got := last(); strings.HasSuffix(got, "MB") || got == "" {
		t.Errorf("a build after a small change was sent %q", got)
	}

	pod := builderPod(b)
	b.delete(map[string]any{"apiVersion": "v1", "kind": "Pod", "metadata": map[string]any{"name": pod.Name, "namespace": b.namespace}})
	b.write("app/Dockerfile", strings.Replace(dockerfile, "built >", "anew >", 1))
	prints("anew", "version two")
	if now := builderPod(b); now.UID == pod.UID {
		t.Error("the pod that was deleted is still there")
	}

	b.write("app/Dockerfile", dockerfile+"COPY nothing /\n")
	b.says([]string{"status", "web"}, "nothing is not in the build's context", "app/Dockerfile:5")
	b.down()
	if now := builderPod(b); now.Name != "" {
		t.Errorf("down left the pod %s", now.Name)
	}
}

// builderPod is the pod that builds, none where there is none.
func builderPod(b *bed) kube.Pod {
	b.t.Helper()
	pods, err := b.cluster.Pods(b.t.Context(), b.namespace, "app.kubernetes.io/name=towline-buildkit")
	b.must(err)
	pods = slices.DeleteFunc(pods, func(p kube.Pod) bool { return p.Deleting })
	if len(pods) == 0 {
		return kube.Pod{}
	}
	return pods[0]
}

// buildKitImage brings BuildKit, with the runc of this machine, into the test bed's
// registry, and returns a folder with buildctl and a shell, and no docker.
func buildKitImage(b *bed) string {
	b.t.Helper()
	programs, context := podtest.BuildKit(b.t), b.t.TempDir()
	put := func(from, to string) {
		data, err := os.ReadFile(from)
		b.must(err)
		to = filepath.Join(context, to)
		b.must(os.MkdirAll(filepath.Dir(to), 0o755))
		b.must(os.WriteFile(to, data, 0o755))
	}
	for _, name := range []string{"buildctl", "buildkitd"} {
		put(filepath.Join(programs, name), "root/usr/bin/"+name)
	}
	runc := podtest.Need(b.t, "runc")
	put(runc, "root/usr/bin/runc")
	libraries, err := exec.Command("ldd", runc).Output()
	b.must(err)
	for _, library := range regexp.MustCompile(`/\S+`).FindAllString(string(libraries), -1) {
		put(library, "root"+library)
	}
	b.must(os.WriteFile(filepath.Join(context, "Dockerfile"), []byte("FROM "+base+"\nCOPY root /\nENTRYPOINT [\"buildkitd\"]\n"), 0o644))
	for _, argv := range [][]string{{"build", "--network", "none", "-t", "127.0.0.1:5000/tl-ext-buildkit:1", context}, {"push", "127.0.0.1:5000/tl-ext-buildkit:1"}} {
		docker := exec.Command("docker", argv...)
		docker.Env = append(os.Environ(), "DOCKER_BUILDKIT=0")
		if out, err := docker.CombinedOutput(); err != nil {
			b.t.Fatalf("docker %s: %v\n%s", argv[0], err, out)
		}
	}
	bin := b.t.TempDir()
	b.must(os.Symlink(filepath.Join(programs, "buildctl"), filepath.Join(bin, "buildctl")))
	for _, name := range []string{"sh", "env", "go"} {
		b.must(os.Symlink(podtest.Need(b.t, name), filepath.Join(bin, name)))
	}
	return bin
}
