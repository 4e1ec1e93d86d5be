package build

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/towline-dev/towline/starlark/config"
)

func TestNamesFor(t *testing.T) {
	local := &config.Registry{Host: "localhost:5000"}
	cluster := &config.Registry{Host: "localhost:5000", HostFromCluster: "registry:5000"}
	single := &config.Registry{Host: "123.dkr.ecr.us-east-1.amazonaws.com", SingleName: "team/dev"}
	for _, test := range []struct {
		ref           string
		registry      *config.Registry
		local, remote string
	}{
		{"app", nil, "app:towline-x", "app:towline-x"},
		{"gcr.io/some/app", nil, "gcr.io/some/app:towline-x", "gcr.io/some/app:towline-x"},
		{"gcr.io/some/app:v1", nil, "gcr.io/some/app:towline-x", "gcr.io/some/app:towline-x"},
		{"app", local, "localhost:5000/app:towline-x", "localhost:5000/app:towline-x"},
		{"gcr.io/some/app", local, "localhost:5000/gcr.io_some_app:towline-x", "localhost:5000/gcr.io_some_app:towline-x"},
		{"other:5000/app", local, "localhost:5000/other_5000_app:towline-x", "localhost:5000/other_5000_app:towline-x"},
		{"localhost:5000/app", local, "localhost:5000/app:towline-x", "localhost:5000/app:towline-x"},
		{"gcr.io/some/app", cluster, "localhost:5000/gcr.io_some_app:towline-x", "registry:5000/gcr.io_some_app:towline-x"},
		{"gcr.io/some/app", single,
			"123.dkr.ecr.us-east-1.amazonaws.com/team/dev:gcr.io_some_app-towline-x", "123.dkr.ecr.us-east-1.amazonaws.com/team/dev:gcr.io_some_app-towline-x"},
	} {
		names, err := NamesFor(test.ref, test.registry)
		if err != nil {
			t.Errorf("%s: %v", test.ref, err)
			continue
		}
		if local, remote := names.Tagged("towline-x"); local != test.local || remote != test.remote {
			t.Errorf("%s in %+v: got %s and %s, want %s and %s", test.ref, test.registry, local, remote, test.local, test.remote)
		}
	}
	var p *config.Problem
	if _, err := NamesFor("Not A Name", nil); !errors.As(err, &p) {
		t.Errorf("a bad name: got %v, want a problem", err)
	}
}

func TestLocalName(t *testing.T) {
	registry := &config.Registry{Host: "localhost:5000", HostFromCluster: "registry:5000"}
	for name, want := range map[string]string{"registry:5000/a:1": "localhost:5000/a:1", "redis:7": "redis:7"} {
		if got := localName(name, registry); got != want {
			t.Errorf("localName(%s) = %s, want %s", name, got, want)
		}
	}
}

func TestDigestTag(t *testing.T) {
	for digest, want := range map[string]string{
		"sha256:0123456789abcdef0123456789abcdef": "towline-0123456789abcdef", "0123": "towline-0123",
	} {
		if got := digestTag(digest); got != want {
			t.Errorf("digestTag(%s) = %s, want %s", digest, got, want)
		}
	}
}

func TestSameImage(t *testing.T) {
	for _, test := range []struct {
		found, ref string
		want       bool
	}{
		{"app", "app", true}, {"docker.io/library/app", "app", true}, {"app:dev", "app", true}, {"app:dev", "app:dev", true},
		{"app:dev", "app:prod", false}, {"app", "app:dev", false}, {"other/app", "app", false}, {"$BASE", "app", false},
	} {
		if got := sameImage(test.found, test.ref); got != test.want {
			t.Errorf("sameImage(%s, %s) = %v, want %v", test.found, test.ref, got, test.want)
		}
	}
}

func TestDeliveryFor(t *testing.T) {
	registry := &config.Registry{Host: "localhost:5000"}
	for _, test := range []struct {
		cluster Cluster
		want    Delivery
		argv    string // of loading
	}{
		{Cluster{}, Push, ""},
		{Cluster{Product: "towline-testbed", Registry: registry}, Push, ""},
		{Cluster{Product: "kind", Registry: registry}, Push, ""},
		{Cluster{Product: "kind", Name: "kind-dev", Context: "mine"}, KindLoad, "kind load docker-image x --name dev"},
		{Cluster{Product: "k3d", Name: "k3d-dev"}, K3DImport, "k3d image import x -c dev"},
		{Cluster{Product: "minikube", Name: "minikube", Runtime: "docker://27"}, Shared, ""},
		{Cluster{Product: "minikube", Name: "p1", Runtime: "containerd://1.7"}, MinikubeLoad, "minikube -p p1 image load x"},
		{Cluster{Product: "docker-desktop"}, Shared, ""},
		{Cluster{Product: "colima", Runtime: "docker://27"}, Shared, ""},
		{Cluster{Product: "orbstack", Runtime: "docker://27"}, Shared, ""},
		{Cluster{Product: "rancher-desktop", Runtime: "containerd://1.7"}, Push, ""},
	} {
		if got := DeliveryFor(test.cluster); got != test.want {
			t.Errorf("%+v: got %s, want %s", test.cluster, got, test.want)
		}
		if got := strings.Join(loadArgv(test.cluster, "x", false), " "); got != test.argv {
			t.Errorf("%+v: got %q, want %q", test.cluster, got, test.argv)
		}
	}
}

func TestDockerArgs(t *testing.T) {
	image := config.Image{
		Args: map[string]string{"B": "2", "A": ""}, Target: "dev", SSH: []string{"default"}, Secrets: []string{"id=x,src=y"},
		Network: "host", ExtraHosts: []string{"a:1.2.3.4"}, Platform: "linux/arm64", CacheFrom: []string{"c"}, Pull: true, ExtraTags: []string{"t:1"},
	}
	want := "--target dev --ssh default --secret id=x,src=y --network host --add-host a:1.2.3.4 --platform linux/arm64 --cache-from c --tag t:1 --pull"
	if got := strings.Join(dockerArgs(image), " "); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if got := dockerArgs(config.Image{}); len(got) != 0 {
		t.Errorf("got %q for no options", got)
	}
}

// TestBuildArgsStayOffTheCommandLine: every user of the machine reads that. What
// docker itself would take for a setting stays there.
func TestBuildArgsStayOffTheCommandLine(t *testing.T) {
	argv, env := buildArgs(map[string]string{"TOKEN": "t0ps3cret", "A": "", "PATH": "/x", "DOCKER_HOST": "y", "odd-name": "z"})
	const want = "--build-arg A --build-arg DOCKER_HOST=y --build-arg PATH=/x --build-arg TOKEN --build-arg odd-name"
	if got := strings.Join(argv, " "); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if got := strings.Join(env, " "); got != "TOKEN=t0ps3cret odd-name=z" {
		t.Errorf("environment %s", got)
	}
}

func TestBuildctlArgs(t *testing.T) {
	j := job{tool: &tool{env: []string{"A=from env"}}, context: "/c", dockerfile: "/w/Dockerfile.dev", request: Request{Image: config.Image{
		Args: map[string]string{"B": "2", "A": "", "HTTP_PROXY": "http://p"}, Target: "dev", SSH: []string{"default"}, Secrets: []string{"id=x,src=y"},
		Network: "host", ExtraHosts: []string{"a:1.2.3.4"}, Platform: "linux/arm64", CacheFrom: []string{"c"}, Pull: true,
	}}}
	want := "--frontend dockerfile.v0 --local context=/c --local dockerfile=/w --opt filename=Dockerfile.dev --opt build-arg:HTTP_PROXY=http://p" +
		" --opt target=dev --opt platform=linux/arm64 --opt force-network-mode=host --allow network.host --opt add-hosts=a=1.2.3.4 --opt image-resolve-mode=pull" +
		" --ssh default --secret id=x,src=y --import-cache type=registry,ref=c --output type=image,name=r/app:t,push=true"
	if got := strings.Join(j.buildctlArgs("r/app:t"), " "); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestWithBases(t *testing.T) {
	const text = "# FROM base\nARG IMG=base\nFROM --platform=linux/amd64 base:dev AS a\nFROM ${IMG} AS b\nFROM other\n" +
		"COPY --chown=1:1 --from=base /x /x\nCOPY --from=a /y /y\nRUN --mount=type=bind,from=base,target=/m true\nfrom base\n"
	const want = "# FROM base\nARG IMG=base\nFROM --platform=linux/amd64 r/base:1 AS a\nFROM r/base:1 AS b\nFROM other\n" +
		"COPY --chown=1:1 --from=r/base:1 /x /x\nCOPY --from=a /y /y\nRUN --mount=type=bind,from=r/base:1,target=/m true\nfrom r/base:1\n"
	got := buildFile{text: text}.withBases(map[string]string{"base": "r/base:1"}, renamed{})
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Dockerfile (-want +got):\n%s", diff)
	}
	for range 20 { // of two that could be meant, the one with the tag is
		got := buildFile{text: "FROM base:2\nFROM base:3\n"}.withBases(map[string]string{"base": "r/base:1", "base:2": "r/base:2"}, renamed{})
		if want := "FROM r/base:2\nFROM r/base:1\n"; got != want {
			t.Fatalf("got %q, want %q", got, want)
		}
	}
}

func TestBasesByArguments(t *testing.T) {
	t.Setenv("FROM_ENV", "base")
	d, err := readDockerfile(config.Image{
		DockerfileContents: "ARG REG=other\nARG FROM_ENV\nFROM $REG/base\nFROM $FROM_ENV\nARG LATE=base\nFROM ${LATE}\n",
		Args:               map[string]string{"REG": "team", "FROM_ENV": "", "UNSET": ""},
	})
	if err != nil {
		t.Fatal(err)
	}
	want := "ARG REG=other\nARG FROM_ENV\nFROM r/team:1\nFROM r/base:1\nARG LATE=base\nFROM r/base:1\n"
	if got := d.withBases(map[string]string{"base": "r/base:1", "team/base": "r/team:1"}, renamed{}); got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	if line := d.baseLine("team/base"); line != 3 {
		t.Errorf("team/base is named on line %d, want 3", line)
	}
}

func TestInstructionLine(t *testing.T) {
	d := buildFile{text: "FROM a\n\n# x\nRUN one && \\\n    two\nRUN  three\n"}
	for instruction, want := range map[string]int{"RUN one &&     two": 4, "run three": 6, "RUN four": 0, "": 0, "FROM a": 1} {
		if got := d.instructionLine(instruction); got != want {
			t.Errorf("instructionLine(%q) = %d, want %d", instruction, got, want)
		}
	}
}

func TestFilter(t *testing.T) {
	dir := project(t, map[string]string{"a/b.txt": "", "a/c.log": "", "keep.log": "", "d/e/f.txt": "", "d/g.txt": "", "Dockerfile": "", "[x].txt": ""})
	for _, test := range []struct {
		name   string
		image  config.Image
		want   []string
		onFile string // the ignore file, "-" where one cannot express it
	}{
		{"nothing", config.Image{}, []string{"Dockerfile", "[x].txt", "a/b.txt", "a/c.log", "d/e/f.txt", "d/g.txt", "keep.log"}, "\n"},
		{"exception", config.Image{Ignores: []config.Ignore{{Base: dir, Patterns: []string{"**/*.log", "!keep.log"}}}},
			[]string{"Dockerfile", "[x].txt", "a/b.txt", "d/e/f.txt", "d/g.txt", "keep.log"}, "**/*.log\n!keep.log\n"},
		{"exception stays in its set", config.Image{Ignores: []config.Ignore{{Base: dir, Patterns: []string{"*.log"}}, {Base: dir, Patterns: []string{"a", "!keep.log", "!a/b.txt"}}}},
			[]string{"Dockerfile", "[x].txt", "a/b.txt", "d/e/f.txt", "d/g.txt"}, "a\n!keep.log\n!a/b.txt\n*.log\n"},
		{"below", config.Image{Ignores: []config.Ignore{{Base: dir + "/d", Patterns: []string{"e"}}}},
			[]string{"Dockerfile", "[x].txt", "a/b.txt", "a/c.log", "d/g.txt", "keep.log"}, "d/e\n"},
		{"above", config.Image{Ignores: []config.Ignore{{Base: parent(dir), Patterns: []string{"*/a", "**/e"}}}},
			[]string{"Dockerfile", "[x].txt", "d/g.txt", "keep.log"}, "-"},
		{"only", config.Image{Only: []string{dir + "/d", dir + "/[x].txt"}},
			[]string{"[x].txt", "d/e/f.txt", "d/g.txt"}, "**\n!d\n!\\[x].txt\n"},
		{"only among the patterns already", config.Image{Only: []string{dir + "/d"}, Ignores: []config.Ignore{{Base: dir, Patterns: []string{"**", "!d"}, Source: "only"}}},
			[]string{"d/e/f.txt", "d/g.txt"}, "**\n!d\n"},
		{"only and ignore", config.Image{Only: []string{dir + "/d"}, Ignores: []config.Ignore{{Base: dir, Patterns: []string{"**/f.txt"}}}},
			[]string{"d/g.txt"}, "**\n!d\n**/f.txt\n"},
		{"nothing but some", config.Image{Ignores: []config.Ignore{{Base: dir, Patterns: []string{".", "**", "!keep*.log", "!d/**", "d/e/", "!a/*.txt"}}}},
			[]string{"a/b.txt", "d/g.txt", "keep.log"}, ".\n**\n!keep*.log\n!d/**\nd/e/\n!a/*.txt\n"},
		{"two with exceptions", config.Image{Only: []string{dir + "/d"}, Ignores: []config.Ignore{{Base: dir, Patterns: []string{"d/*", "!d/e"}}}},
			[]string{"d/e/f.txt"}, "-"},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.image.Context = dir
			f, err := newFilter(test.image, "")
			if err != nil {
				t.Fatal(err)
			}
			text, ok := f.dockerignore()
			if !ok {
				text = "-"
			}
			if text != test.onFile {
				t.Errorf("ignore file %q, want %q", text, test.onFile)
			}
			staged := t.TempDir() + "/context"
			if err := f.stage(staged); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, files(t, staged)); diff != "" {
				t.Errorf("files (-want +got):\n%s", diff)
			}
		})
	}
}

func TestExplainPush(t *testing.T) {
	for words, hint := range map[string]string{
		"denied: requested access to the resource is denied":                                              "docker login r.io",
		"dial tcp 127.0.0.1:5000: connect: connection refused":                                            "is the registry r.io running",
		"Get \"https://r.io/v2/\": http: server gave HTTP response to HTTPS client":                       "insecure-registries",
		"received unexpected HTTP status: 500 Internal Server Error":                                      "default_registry",
		"unauthorized: authentication required":                                                           "docker login r.io",
		"Get \"https://r.io/v2/\": dial tcp: lookup r.io on 127.0.0.53:53: no such host (Client.Timeout)": "is the registry r.io running",
	} {
		var p *config.Problem
		if !errors.As(explainPush("r.io/app:1", words), &p) || !strings.Contains(p.Hint, hint) || !strings.Contains(p.Message, "r.io/app:1") {
			t.Errorf("%s: got %+v, want the hint %q", words, p, hint)
		}
	}
}

func TestFindToolWithoutDocker(t *testing.T) {
	empty := t.TempDir()
	_, err := new(builder).findTool(t.Context(), []string{"PATH=" + empty})
	var p *config.Problem
	if !errors.As(err, &p) || !strings.Contains(p.Message, "docker is not in PATH") {
		t.Errorf("got %v", err)
	}
}

// TestNameWithoutDocker: who has buildctl alone is told where it builds.
func TestNameWithoutDocker(t *testing.T) {
	ctl := project(t, map[string]string{"buildctl": "#!/bin/sh\n"})
	makeExecutable(t, ctl+"/buildctl")
	name, err := New(Options{Env: []string{"PATH=" + ctl}}).Name(t.Context())
	if err != nil || !strings.Contains(name, "BuildKit in the cluster") {
		t.Errorf("%q, %v", name, err)
	}
}

// fakeDocker is a folder with a docker command of the given version, with or
// without buildx, whose daemon may be off.
func fakeDocker(t *testing.T, version string, buildx, up bool) string {
	script := "#!/bin/sh\n"
	server := `"Server":{"Version":"28.0"}`
	if !up {
		script += "echo 'Cannot connect to the Docker daemon' >&2\n"
		server = `"Server":null`
	}
	script += "case $1 in version) echo '{\"Client\":{\"Version\":\"" + version + "\"}," + server + "}';;\n"
	if buildx {
		script += "buildx) exit 0;;\n"
	}
	script += "*) exit 1;; esac\n"
	dir := project(t, map[string]string{"docker": script})
	makeExecutable(t, dir+"/docker")
	return dir
}

func TestFindTool(t *testing.T) {
	modern, bare, old, off := fakeDocker(t, "28.5.1", true, true), fakeDocker(t, "28.5.1", false, true), fakeDocker(t, "20.10.24+dfsg1", false, true), fakeDocker(t, "28.5.1", true, false)
	ctl := project(t, map[string]string{"buildctl": "#!/bin/sh\n"})
	makeExecutable(t, ctl+"/buildctl")
	for _, test := range []struct {
		name string
		path []string
		env  string
		want toolKind
		dir  string
	}{
		{"buildx", []string{modern}, "", dockerBuildKit, modern},
		{"no buildx, another has it", []string{bare, old}, "", dockerBuildKit, old},
		{"no buildx anywhere", []string{bare}, "", dockerLegacy, bare},
		{"the first is off", []string{off, old}, "", dockerBuildKit, old},
		{"buildctl without docker", []string{ctl}, "BUILDKIT_HOST=tcp://x", buildctl, ctl},
		{"buildctl with docker off", []string{off, ctl}, "BUILDKIT_HOST=tcp://x", buildctl, ctl},
		{"docker before buildctl", []string{ctl, modern}, "BUILDKIT_HOST=tcp://x", dockerBuildKit, modern},
		{"buildctl without a host", []string{off, ctl}, "", "", ""},
		{"in the cluster where nothing else is", []string{ctl}, "remote", buildctlRemote, ctl},
		{"not there, since docker is only off", []string{off, ctl}, "remote", "", ""},
		{"not there, unless buildctl is here", []string{off}, "remote", "", ""},
		{"not there, where a builder is named", []string{ctl}, "remote BUILDKIT_HOST=tcp://x", buildctl, ctl},
		{"in the cluster, as the Tiltfile says", []string{modern, ctl}, "remote cluster", buildctlRemote, ctl},
		{"as the Tiltfile says, without buildctl", []string{modern}, "remote cluster", "", ""},
		{"as the Tiltfile says, without a cluster", []string{modern, ctl}, "cluster", "", ""},
		{"here, as the Tiltfile says", []string{ctl}, "remote local", "", ""},
	} {
		b := &builder{}
		for word := range strings.FieldsSeq(test.env) {
			switch word {
			case "remote":
				b.remote = anywhere{}
			case "cluster", "local":
				b.setting.Where = config.BuilderPlace(word)
			default:
				test.env = word
			}
		}
		env := []string{"PATH=" + strings.Join(append(slices.Clone(test.path), "/bin"), ":"), test.env}
		if strings.HasPrefix(test.path[0], ctl) || test.want == buildctl || b.remote != nil || b.setting.Where != "" {
			env[0] = "PATH=" + strings.Join(test.path, ":")
		}
		got, err := b.findTool(t.Context(), env)
		if test.want == "" {
			if err == nil {
				t.Errorf("%s: got %+v, want a problem", test.name, got)
			}
			continue
		}
		if err != nil || got.kind != test.want || !strings.HasPrefix(got.path, test.dir) {
			t.Errorf("%s: got %+v, %v; want %s in %s", test.name, got, err, test.want, test.dir)
		}
	}
}
