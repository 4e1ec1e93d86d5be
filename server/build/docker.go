package build

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/towline-dev/towline/starlark/config"
)

// docker makes the image of a docker_build.
func (b *builder) docker(ctx context.Context, r Request) (Result, error) {
	names, err := b.destination(r.Image.Ref, r.Output)
	if err != nil {
		return Result{}, err
	}
	t, err := b.find(ctx)
	if err != nil {
		return Result{}, err
	}
	r.Image.Platform = b.platformFor(t, r)
	source, err := readDockerfile(r.Image)
	if err != nil {
		return Result{}, err
	}
	work, err := os.MkdirTemp("", "towline-build-")
	if err != nil {
		return Result{}, fmt.Errorf("making a folder for the build: %w", err)
	}
	defer os.RemoveAll(work)
	job := job{tool: t, request: r, names: names, source: source, work: work, dir: b.dir, workspace: b.workspace, registry: b.registryThere(t)}
	if err := job.prepare(); err != nil {
		return Result{}, err
	}
	switch t.kind {
	case buildctl:
		return b.buildctl(ctx, job)
	case buildctlRemote:
		return b.buildThere(ctx, job)
	}
	id, err := job.dockerBuild(ctx)
	if err != nil {
		if Passing(err) {
			b.forget(t)
		}
		return Result{}, err
	}
	return b.finish(ctx, t, id, names, r.Output)
}

// forget makes the next build look for a builder again.
func (b *builder) forget(t *tool) {
	b.tools.mu.Lock()
	defer b.tools.mu.Unlock()
	if b.tools.found == t {
		b.tools.found = nil
	}
}

// job is one docker_build on its way.
type job struct {
	tool       *tool
	request    Request
	names      Names
	source     buildFile         // as the developer wrote it
	work       string            // folder for what is generated
	dir        string            // folder that the command runs in
	workspace  string            // that the image is labelled with
	dockerfile string            // path of the generated Dockerfile
	context    string            // folder of the build's context
	assigned   map[string]string // what was written into the Dockerfile for variables, and their names
	registry   renamed           // where the builder finds the registry
}

// prepare writes the Dockerfile, with the project's own images replaced by
// what was built of them, and narrows the context down.
func (j *job) prepare() error {
	image := j.request.Image
	if info, err := os.Stat(image.Context); err != nil || !info.IsDir() {
		return &config.Problem{
			Message: fmt.Sprintf("the build context %s of image %s is not a folder", image.Context, image.Ref),
			Hint:    "create it, or correct docker_build's context",
		}
	}
	folder := filepath.Join(j.work, "dockerfile")
	if err := os.Mkdir(folder, 0o700); err != nil {
		return fmt.Errorf("making a folder for the build: %w", err)
	}
	j.dockerfile = filepath.Join(folder, j.source.name)
	text := j.source.withBases(j.request.Bases, j.registry)
	if !j.tool.docker() {
		var err error
		if text, err = j.assign(text); err != nil {
			return err
		}
	}
	if err := os.WriteFile(j.dockerfile, []byte(text), 0o600); err != nil {
		return fmt.Errorf("writing the Dockerfile of the build: %w", err)
	}
	filter, err := newFilter(image, j.source.path)
	if err != nil {
		return err
	}
	if err := j.narrow(filter, text); err != nil {
		return fmt.Errorf("preparing the context of image %s: %w", image.Ref, err)
	}
	return nil
}

// narrow makes the builder see what the filter keeps: by an ignore file beside
// the generated Dockerfile, which BuildKit prefers to the context's, else by a
// folder that holds no more.
func (j *job) narrow(filter filter, text string) error {
	j.context = j.request.Image.Context
	if patterns, ok := filter.dockerignore(); ok && j.tool.kind != dockerLegacy {
		return os.WriteFile(j.dockerfile+".dockerignore", []byte(patterns), 0o600)
	}
	staged := filepath.Join(j.work, "context")
	if err := filter.stage(staged); err != nil {
		return err
	}
	if j.tool.kind == dockerLegacy {
		// A Dockerfile from outside gets a new name each time, and no COPY of the
		// whole context would be found in the cache.
		inside := ".towline-dockerfile"
		if rel, err := filepath.Rel(j.context, j.source.path); err == nil && j.source.path != "" && filepath.IsLocal(rel) {
			inside = rel
		}
		if err := hideInStage(staged, inside); err != nil {
			return err
		}
		j.dockerfile = filepath.Join(staged, inside)
		if err := replaceFile(j.dockerfile, text); err != nil {
			return err
		}
	}
	j.context = staged
	return nil
}

// hideInStage keeps a Dockerfile that is not the context's own out of the image,
// with an ignore file that hides itself too. An ignore file of the context's own
// stays as it is, and then a COPY of all takes the Dockerfile along.
func hideInStage(staged, name string) error {
	path := filepath.Join(staged, ".dockerignore")
	if _, err := os.Lstat(path); err == nil || !strings.HasPrefix(name, ".towline-") {
		return nil
	}
	return os.WriteFile(path, []byte(".dockerignore\n"+name+"\n"), 0o644)
}

// replaceFile writes a file that may be a hard link to the developer's own,
// which stays as it is.
func replaceFile(path, text string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return os.WriteFile(path, []byte(text), 0o644)
}

// dockerBuild runs docker and returns the id of the image that it made.
func (j *job) dockerBuild(ctx context.Context) (id string, err error) {
	idFile := filepath.Join(j.work, "id")
	args, env := buildArgs(j.request.Image.Args)
	argv := append([]string{j.tool.path, "build", "--iidfile", idFile, "-f", j.dockerfile}, args...)
	argv = append(argv, dockerArgs(j.request.Image)...)
	if j.workspace != "" {
		argv = append(argv, "--label", labelWorkspace+"="+j.workspace)
	}
	if j.tool.kind == dockerBuildKit {
		argv = append(argv, "--progress=plain")
	}
	argv = append(argv, j.context)
	tail := newTail(j.request.Output)
	if err := run(ctx, command{argv: argv, dir: j.dir, env: slices.Concat(j.env(), env), stdout: tail, stderr: tail}); err != nil {
		if ctx.Err() != nil {
			return "", ctx.Err()
		}
		return "", explainBuild(j.request.Image, j.source, tail.String())
	}
	content, err := os.ReadFile(idFile)
	if err != nil {
		return "", fmt.Errorf("reading the id of image %s: %w", j.request.Image.Ref, err)
	}
	return strings.TrimSpace(string(content)), nil
}

// env is the builder's environment.
func (j *job) env() []string { return j.tool.env }

// buildArgs returns the arguments for the values of a Dockerfile's ARGs, in a
// fixed order, and the variables that docker takes them from: a command line is
// read by every user of the machine, an environment by its owner alone.
func buildArgs(values map[string]string) (argv, env []string) {
	for _, key := range slices.Sorted(maps.Keys(values)) {
		value := values[key]
		switch {
		case value == "": // passes the variable of that name
		case ofDocker(key):
			key += "=" + value
		default:
			env = append(env, key+"="+value)
		}
		argv = append(argv, "--build-arg", key)
	}
	return argv, env
}

// ofDocker reports whether a variable means something to docker itself, or to
// what it runs.
func ofDocker(key string) bool {
	for _, prefix := range []string{"DOCKER_", "BUILDKIT_", "BUILDX_", "LD_", "XDG_", "SSH_", "OTEL_", "GODEBUG"} {
		if strings.HasPrefix(key, prefix) {
			return true
		}
	}
	return slices.Contains([]string{"PATH", "HOME", "TMPDIR", "USER", "PWD"}, key)
}

// dockerArgs turns a docker_build's other options into docker's, in a fixed order.
func dockerArgs(image config.Image) []string {
	var argv []string
	for _, list := range []struct {
		flag   string
		values []string
	}{
		{"--target", one(image.Target)}, {"--ssh", image.SSH}, {"--secret", image.Secrets},
		{"--network", one(image.Network)}, {"--add-host", image.ExtraHosts}, {"--platform", one(image.Platform)},
		{"--cache-from", image.CacheFrom}, {"--tag", image.ExtraTags},
	} {
		for _, value := range list.values {
			argv = append(argv, list.flag, value)
		}
	}
	if image.Pull {
		argv = append(argv, "--pull")
	}
	return argv
}

// one is a list of a value that may be missing.
func one(value string) []string {
	if value == "" {
		return nil
	}
	return []string{value}
}

// finish tags an image of this machine's docker by its digest and delivers it.
func (b *builder) finish(ctx context.Context, t *tool, id string, names Names, output io.Writer) (Result, error) {
	local, cluster := names.Tagged(digestTag(id))
	if err := b.dockerRun(ctx, t, io.Discard, "tag", id, local); err != nil {
		return Result{}, err
	}
	settings, err := b.inspect(ctx, t, local)
	if err != nil {
		return Result{}, err
	}
	if err := b.deliver(ctx, t, local, output); err != nil {
		return Result{}, err
	}
	return Result{Ref: cluster, LocalRef: local, Digest: id, Config: settings}, nil
}

// deliver brings an image of this machine's docker to the cluster.
func (b *builder) deliver(ctx context.Context, t *tool, ref string, output io.Writer) error {
	switch DeliveryFor(b.cluster) {
	case Shared:
		return nil
	case Push:
		if b.inRegistry(ctx, ref) {
			say(output, "%s is in the registry already", ref)
			return nil
		}
		return b.push(ctx, t, ref, output)
	}
	return b.load(ctx, ref, false, output)
}

// push pushes an image and explains a refusal.
func (b *builder) push(ctx context.Context, t *tool, ref string, output io.Writer) error {
	tail := newTail(output)
	err := run(ctx, command{argv: []string{t.path, "push", ref}, env: t.env, stdout: tail, stderr: tail})
	if err == nil || ctx.Err() != nil {
		return ctx.Err()
	}
	return explainPush(ref, tail.lastLine())
}

// dockerRun runs a short docker command.
func (b *builder) dockerRun(ctx context.Context, t *tool, stdout io.Writer, args ...string) error {
	complaint := newTail(nil)
	err := run(ctx, command{argv: slices.Concat([]string{t.path}, args), env: t.env, stdout: stdout, stderr: complaint})
	if err == nil || ctx.Err() != nil {
		return ctx.Err()
	}
	said := firstOf(complaint.lastLine(), err.Error())
	if noDaemon.MatchString(said) {
		return &Away{&config.Problem{Message: "docker does not answer: " + said, Hint: startDocker}}
	}
	return fmt.Errorf("docker %s: %s", strings.Join(args, " "), said)
}
