package build

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/towline-dev/towline/starlark/config"
)

// toolKind says how a builder is spoken to.
type toolKind string

// The kinds of builders.
const (
	dockerBuildKit toolKind = "docker with BuildKit"
	dockerLegacy   toolKind = "docker without BuildKit"
	buildctl       toolKind = "buildctl"
	buildctlRemote toolKind = "buildctl with BuildKit in the cluster"
)

// tool is a builder that was found to work.
type tool struct {
	kind     toolKind
	path     string
	env      []string
	platform string // that it builds for unless it is told; "" when not known
}

// toolbox remembers the builder that was found to work.
type toolbox struct {
	mu    sync.Mutex
	found *tool    // nil before, and after a failure
	env   []string // that it was looked for in
	where config.BuilderPlace
}

// docker reports whether the tool has images of its own, to inspect and tag.
func (t *tool) docker() bool { return t.kind == dockerBuildKit || t.kind == dockerLegacy }

// find returns the machine's builder. A failure is not remembered.
func (b *builder) find(ctx context.Context) (*tool, error) {
	b.tools.mu.Lock()
	defer b.tools.mu.Unlock()
	if b.tools.found != nil && slices.Equal(b.tools.env, b.env) && b.tools.where == b.setting.Where {
		return b.tools.found, nil
	}
	extra, err := b.clusterDockerEnv(ctx)
	if err != nil {
		return nil, err
	}
	found, err := b.findTool(ctx, append(slices.Clone(b.env), extra...))
	if err == nil {
		b.tools.found, b.tools.env, b.tools.where = found, b.env, b.setting.Where
	}
	return found, err
}

// Name says which builder the machine has: its kind and its path. That there can be
// one in the cluster is taken for granted.
func (b *Builder) Name(ctx context.Context) (string, error) {
	now := b.now()
	if now.remote == nil {
		now.remote = unknown{}
	}
	t, err := now.find(ctx)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%s (%s)", t.kind, t.path), nil
}

// findTool finds the builder that the project wants or, unless it says, docker, a
// BuildKit that the environment names, and one in the cluster, in this order.
func (b *builder) findTool(ctx context.Context, env []string) (*tool, error) {
	ctl := lookPath("buildctl", env)
	if b.setting.Where == config.BuilderCluster {
		return b.inCluster(ctl, env)
	}
	found, problem := findDocker(ctx, env)
	switch {
	case found != nil || ctx.Err() != nil:
		return found, ctx.Err()
	case ctl != "" && getenv(env, "BUILDKIT_HOST") != "":
		return &tool{kind: buildctl, path: ctl, env: env}, nil
	case ctl != "" && b.remote != nil && b.setting.Where == "" && len(lookPaths("docker", env)) == 0 && DeliveryFor(b.cluster) == Push:
		return b.inCluster(ctl, env)
	}
	return nil, problem
}

// findDocker tries every docker in PATH: the first may lack buildx, and another
// may have BuildKit built in.
func findDocker(ctx context.Context, env []string) (*tool, error) {
	var legacy *tool
	var complaint string
	paths := lookPaths("docker", env)
	for _, path := range paths {
		kind, platform, problem := probeDocker(ctx, path, env)
		switch {
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case problem != "":
			complaint = problem
		case kind == dockerBuildKit:
			return &tool{kind: kind, path: path, platform: platform, env: append(slices.Clone(env), "DOCKER_BUILDKIT=1", "BUILDX_NO_DEFAULT_ATTESTATIONS=1")}, nil
		case legacy == nil:
			legacy = &tool{kind: kind, path: path, platform: platform, env: append(slices.Clone(env), "DOCKER_BUILDKIT=0")}
		}
	}
	if legacy != nil {
		return legacy, nil
	}
	if len(paths) == 0 {
		return nil, &config.Problem{
			Message: "no image builder is installed: docker is not in PATH",
			Hint:    "install docker; or buildctl, which builds in the cluster, or with the BuildKit that BUILDKIT_HOST names; or use custom_build with a builder of your own",
		}
	}
	return nil, &Away{&config.Problem{
		Message: "docker does not answer: " + complaint,
		Hint:    "start docker, or set DOCKER_HOST to where it runs; the build is tried again by itself. Or build without it: towline.builder('cluster')",
	}}
}

// dockerVersion is what `docker version` says.
type dockerVersion struct {
	Client struct{ Version string }
	Server *struct{ Version, Os, Arch string }
}

// probeDocker finds out what a docker command can do, and what it builds for;
// problem says why it is of no use.
func probeDocker(ctx context.Context, path string, env []string) (kind toolKind, platform, problem string) {
	var out strings.Builder
	complaints := newTail(nil)
	err := run(ctx, command{argv: []string{path, "version", "--format", "{{json .}}"}, env: env, stdout: &out, stderr: complaints})
	var version dockerVersion
	if jsonErr := json.Unmarshal([]byte(out.String()), &version); err != nil || jsonErr != nil || version.Server == nil {
		return "", "", firstOf(complaints.lastLine(), fmt.Sprint(err), "it gave no version")
	}
	if version.Server.Os != "" && version.Server.Arch != "" {
		platform = version.Server.Os + "/" + version.Server.Arch
	}
	major, _, _ := strings.Cut(version.Client.Version, ".")
	if n, err := strconv.Atoi(major); err == nil && n < 23 {
		return dockerBuildKit, platform, "" // built into the command
	}
	if run(ctx, command{argv: []string{path, "buildx", "version"}, env: env, stdout: io.Discard, stderr: io.Discard}) == nil {
		return dockerBuildKit, platform, ""
	}
	return dockerLegacy, platform, ""
}

// lookPath finds a program in env's PATH, "" when there is none.
func lookPath(name string, env []string) string {
	paths := lookPaths(name, env)
	if len(paths) == 0 {
		return ""
	}
	return paths[0]
}

// lookPaths finds every program of that name in env's PATH.
func lookPaths(name string, env []string) []string {
	if filepath.IsAbs(name) {
		return []string{name}
	}
	if strings.ContainsRune(name, filepath.Separator) {
		return nil
	}
	var found []string
	for _, dir := range filepath.SplitList(getenv(env, "PATH")) {
		path := filepath.Join(dir, name)
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 && filepath.IsAbs(path) && !slices.Contains(found, path) {
			found = append(found, path)
		}
	}
	return found
}

// getenv reads a variable out of an environment, the last one winning.
func getenv(env []string, name string) string {
	for _, pair := range slices.Backward(env) {
		if key, value, _ := strings.Cut(pair, "="); key == name {
			return value
		}
	}
	return ""
}
