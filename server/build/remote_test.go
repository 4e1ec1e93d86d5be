package build

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/towline-dev/towline/starlark/config"
)

// anywhere is a BuildKit that is said to be somewhere.
type anywhere struct {
	asked *RemoteOptions
	err   error
	lost  error
}

func (a anywhere) Connect(_ context.Context, o RemoteOptions) (string, func() error, error) {
	if a.asked != nil {
		*a.asked = o
	}
	return "unix:///there", func() error { return a.lost }, a.err
}

// saying is a folder with a buildctl that writes down what it is given and the
// Dockerfile, and fails.
func saying(t *testing.T) (bin string, said func(name string) string) {
	bin = project(t, map[string]string{"buildctl": `#!/bin/sh
dir=${0%/*}
echo "$BUILDKIT_HOST $@" > $dir/argv
for a in "$@"; do case $a in dockerfile=*) from=${a#*=};; esac; done
while read -r line; do echo "$line"; done < $from/Dockerfile > $dir/dockerfile
exit 1
`})
	makeExecutable(t, bin+"/buildctl")
	return bin, func(name string) string {
		t.Helper()
		data, err := os.ReadFile(filepath.Join(bin, name))
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
}

// TestBuildThere: what a builder in the cluster is told, and by what names it finds
// the registry from a pod.
func TestBuildThere(t *testing.T) {
	for name, test := range map[string]struct {
		registry config.Registry
		host     string
		plain    bool
		onNode   bool
	}{
		"for pods":  {config.Registry{Host: "localhost:5001", HostFromCluster: "kind:5000", HostFromPods: "registry.kube:80"}, "registry.kube:80", true, false},
		"for nodes": {config.Registry{Host: "localhost:5001/team", HostFromCluster: "registry:5000"}, "registry:5000", false, false},
		"loopback":  {config.Registry{Host: "127.0.0.1:5000"}, "127.0.0.1:5000", false, true},
		"elsewhere": {config.Registry{Host: "ghcr.io/team"}, "ghcr.io", false, false},
	} {
		bin, said := saying(t)
		var asked RemoteOptions
		b := New(Options{Remote: anywhere{asked: &asked}, Cluster: Cluster{Registry: &test.registry, Platform: "linux/arm64"}, Env: []string{"PATH=" + bin}})
		b.Configure(&config.Project{Settings: config.Settings{Towline: map[string]any{"builder": []any{map[string]any{"where": "cluster", "image": "mine", "namespace": "ns"}}}}})
		host, _, _ := strings.Cut(test.registry.Host, "/")
		dir := project(t, map[string]string{"Dockerfile": "FROM base\nFROM " + host + "/other\nFROM elsewhere.io/third\n"})
		_, err := b.Build(t.Context(), Request{
			Image: config.Image{Ref: "app", Context: dir, BaseImages: []string{"base"}, CacheFrom: []string{host + "/cache"}},
			Bases: map[string]string{"base": test.registry.Host + "/base:1"},
		})
		if err == nil {
			t.Fatal("a builder that fails ends well")
		}
		if asked.Image != "mine" || asked.Namespace != "ns" || asked.Registry != test.host || asked.Plain != test.plain || asked.OnNode != test.onNode {
			t.Errorf("%s: asked for %+v", name, asked)
		}
		base := strings.Replace(test.registry.Host, host, test.host, 1) + "/base:1"
		if got, want := said("dockerfile"), "FROM "+base+"\nFROM "+test.host+"/other\nFROM elsewhere.io/third\n"; got != want {
			t.Errorf("%s: it builds %q, want %q", name, got, want)
		}
		for _, want := range []string{"unix:///there build", "name=" + strings.Replace(test.registry.Host, host, test.host, 1) + "/app:", "platform=linux/arm64", "type=registry,ref=" + test.host + "/cache"} {
			if !strings.Contains(said("argv"), want) {
				t.Errorf("%s: no %q in %s", name, want, said("argv"))
			}
		}
	}
}

// TestRemoteProblems: what the pod's keeper says stays as it is, and a builder that
// went away is the cause that is told.
func TestRemoteProblems(t *testing.T) {
	bin, _ := saying(t)
	refused := &config.Problem{Message: "no pod", Hint: "ask"}
	for _, test := range []struct {
		remote anywhere
		want   string
	}{
		{anywhere{err: refused}, "no pod"},
		{anywhere{lost: errors.New("the pod was evicted")}, "BuildKit in the cluster went away: the pod was evicted"},
		{anywhere{}, "the builder gave no reason"},
	} {
		b := New(Options{Remote: test.remote, Cluster: Cluster{Registry: testRegistry}, Env: []string{"PATH=" + bin}})
		_, err := b.Build(t.Context(), Request{Image: config.Image{Ref: "app", Context: project(t, map[string]string{"Dockerfile": "FROM scratch\n"}), Pos: config.Position{File: "/T", Line: 3}}})
		var p *config.Problem
		if !errors.As(err, &p) || !strings.Contains(p.Message, test.want) || p.Hint == "" || p.Pos.File == "" {
			t.Errorf("%+v, want %q", err, test.want)
		}
		if Passing(err) != (test.remote.lost != nil) {
			t.Errorf("%v is tried again: %v", err, Passing(err))
		}
	}
}

// TestBuildctlWithoutDocker: what needs a docker's own images is said, and names are
// written as BuildKit reads them.
func TestBuildctlWithoutDocker(t *testing.T) {
	bin, said := saying(t)
	b := New(Options{Cluster: Cluster{Registry: testRegistry}, Env: []string{"PATH=" + bin, "BUILDKIT_HOST=tcp://x"}})
	var log strings.Builder
	_, _ = b.Build(t.Context(), Request{Output: &log, Image: config.Image{
		Ref: "app", Context: project(t, map[string]string{"Dockerfile": "FROM scratch\n"}), ExtraTags: []string{"app:ci", "127.0.0.1:5000/app:mine"},
		ExtraHosts: []string{"a:1.2.3.4", "b:::1", "c=fd00::1"}, CacheFrom: []string{"app:cache", "type=local,src=/c"},
	}})
	if text := log.String(); !strings.Contains(text, "extra_tag app:ci is not set") || strings.Contains(text, "app:mine is not set") {
		t.Errorf("said %q", text)
	}
	for _, want := range []string{"add-hosts=a=1.2.3.4,b=::1,c=fd00::1 ", "--import-cache type=registry,ref=app:cache ", "--import-cache type=local,src=/c "} {
		if !strings.Contains(said("argv"), want) {
			t.Errorf("no %q in %s", want, said("argv"))
		}
	}
}

// TestPlatformOfTheNodes: an image is built for the nodes, and that is said before
// where docker would choose another platform.
func TestPlatformOfTheNodes(t *testing.T) {
	for _, test := range []struct {
		name                string
		tool                tool
		nodes, wanted, want string
		said                bool
	}{
		{"another", tool{kind: dockerBuildKit, platform: "linux/arm64"}, "linux/amd64", "", "linux/amd64", true},
		{"the same", tool{kind: dockerBuildKit, platform: "linux/amd64"}, "linux/amd64", "", "", false},
		{"as the Tiltfile says", tool{kind: dockerBuildKit, platform: "linux/arm64"}, "linux/amd64", "linux/arm64", "linux/arm64", false},
		{"buildctl", tool{kind: buildctl}, "linux/amd64", "", "linux/amd64", false},
		{"no nodes seen", tool{kind: dockerBuildKit, platform: "linux/arm64"}, "", "", "", false},
		{"half seen", tool{kind: buildctl}, "linux/", "", "", false},
		{"an old docker", tool{kind: dockerLegacy}, "linux/amd64", "", "", false},
	} {
		var said strings.Builder
		b := &builder{cluster: Cluster{Platform: test.nodes}}
		got := b.platformFor(&test.tool, Request{Image: config.Image{Platform: test.wanted}, Output: &said})
		if got != test.want || (said.Len() > 0) != test.said {
			t.Errorf("%s: %q, want %q; said %q", test.name, got, test.want, said.String())
		}
	}
	var said strings.Builder
	b := &builder{cluster: Cluster{Platform: "linux/amd64"}}
	b.warnOfPlatform(Request{Output: &said}, ImageConfig{OS: "linux", Arch: "amd64"})
	b.warnOfPlatform(Request{Output: &said}, ImageConfig{})
	if said.Len() > 0 {
		t.Errorf("said %q of an image that runs", said.String())
	}
	if b.warnOfPlatform(Request{Output: &said}, ImageConfig{OS: "linux", Arch: "arm64"}); !strings.Contains(said.String(), "is for linux/arm64") {
		t.Errorf("said %q", said.String())
	}
}
