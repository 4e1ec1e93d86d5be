package build

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/distribution/reference"

	"github.com/towline-dev/towline/internal/said"
	"github.com/towline-dev/towline/starlark/config"
)

// custom makes the image of a custom_build: the user's command builds it under
// a name that it is told, or that it tells; then it gets its immutable tag and
// is delivered. A command that pushes by itself (disable_push), or whose image
// never is in this machine's docker (skips_local_docker), is believed.
func (b *builder) custom(ctx context.Context, r Request) (Result, error) {
	image := r.Image
	if image.LiveUpdateOnly {
		return b.believed(ctx, firstOf(image.DeployedAs, image.Ref)), nil
	}
	name := b.destination
	if image.SkipsLocalDocker || image.DisablePush || image.OutputsImageRefTo != "" {
		name = func(ref string, _ io.Writer) (Names, error) { return NamesFor(ref, b.cluster.Registry) } // where it goes is the command's to say
	}
	names, err := name(image.Ref, r.Output)
	if err != nil {
		return Result{}, err
	}
	tag := image.Tag
	if tag == "" {
		tag = tagPrefix + "build-" + strconv.FormatInt(time.Now().UnixNano(), 36)
	}
	expected, _ := names.Tagged(tag)
	if err := b.runCustom(ctx, r, names, expected); err != nil {
		return Result{}, err
	}
	if image.OutputsImageRefTo != "" {
		if expected, err = b.outputRef(image); err != nil {
			return Result{}, err
		}
	}
	if image.SkipsLocalDocker {
		return b.believed(ctx, expected), nil
	}
	t, err := b.find(ctx)
	if err != nil {
		return Result{}, err
	}
	id, err := b.imageID(ctx, t, expected)
	if err != nil {
		return Result{}, &config.Problem{
			Message: fmt.Sprintf("the command of image %s ended well, but docker has no image %s", image.Ref, expected),
			Hint:    "let the command tag what it builds with $EXPECTED_REF, or set skips_local_docker=True if it never is in this machine's docker",
		}
	}
	if image.DisablePush && DeliveryFor(b.cluster) == Push {
		settings, err := b.inspect(ctx, t, expected)
		return Result{Ref: clusterName(expected, b.cluster.Registry), LocalRef: expected, Digest: id, Config: settings}, err
	}
	if image.OutputsImageRefTo != "" {
		names = namesOfRef(expected, b.cluster.Registry)
	}
	return b.finish(ctx, t, id, names, r.Output)
}

// believed is the result of a build that cannot be looked into. Its settings
// are read from wherever the image is.
func (b *builder) believed(ctx context.Context, ref string) Result {
	result := Result{Ref: clusterName(ref, b.cluster.Registry), LocalRef: ref}
	settings, err := b.imageConfig(ctx, ref)
	if err != nil {
		result.Unread = err.Error()
		return result
	}
	result.Config, result.Digest = settings, settings.Digest
	return result
}

// runCustom runs the command.
func (b *builder) runCustom(ctx context.Context, r Request, names Names, expected string) error {
	image := r.Image
	if image.Command == nil || image.Command.Empty() {
		return &config.Problem{Message: fmt.Sprintf("custom_build of image %s has no command", image.Ref)}
	}
	extra, err := b.clusterDockerEnv(ctx)
	if err != nil {
		return err
	}
	env := slices.Concat(b.env, extra, customEnv(r, expected, b.cluster.Registry))
	tail := newTail(r.Output)
	err = run(ctx, command{argv: image.Command.Argv, dir: image.Command.Dir, env: env, stdout: tail, stderr: tail})
	if err == nil || ctx.Err() != nil {
		return ctx.Err()
	}
	words := fmt.Sprintf("its command ended with exit code %d", exitCode(err))
	if exitCode(err) < 0 {
		words = fmt.Sprintf("its command could not be run: %v", err)
	}
	if last := said.Last(tail.String()); last != "" {
		words += ": " + last
	}
	return &config.Problem{
		Message: fmt.Sprintf("building image %s failed: %s", image.Ref, words),
		Hint:    "the log of the build shows what the command said",
	}
}

// customEnv is what a custom_build's command is told.
func customEnv(r Request, expected string, registry *config.Registry) []string {
	var env []string
	for key, value := range r.Image.Command.Env {
		env = append(env, key+"="+value)
	}
	slices.Sort(env)
	repository, tag := splitTag(expected)
	host, path := "", repository
	if named, err := reference.ParseNormalizedNamed(repository); err == nil && reference.Domain(named) != "docker.io" {
		host, path = reference.Domain(named), reference.Path(named)
	}
	env = append(env, "EXPECTED_REF="+expected, "EXPECTED_REGISTRY="+host, "EXPECTED_IMAGE="+path, "EXPECTED_TAG="+tag)
	if registry != nil {
		env = append(env, "REGISTRY_HOST="+registry.Host)
	}
	for i, dep := range r.Image.ImageDeps {
		env = append(env,
			fmt.Sprintf("TILT_IMAGE_%d=%s", i, r.Bases[dep]),
			fmt.Sprintf("TILT_IMAGE_MAP_%d=%s", i, escape(dep)))
	}
	return env
}

// splitTag takes the tag off a reference.
func splitTag(ref string) (repository, tag string) {
	i := strings.LastIndexByte(ref, ':')
	if i < 0 || strings.ContainsRune(ref[i:], '/') {
		return ref, ""
	}
	return ref[:i], ref[i+1:]
}

// namesOfRef keeps the repository that a command chose.
func namesOfRef(ref string, registry *config.Registry) Names {
	repository, _ := splitTag(ref)
	return Names{Local: repository, Cluster: clusterName(repository, registry)}
}

// outputRef reads the reference that the command wrote to
// outputs_image_ref_to.
func (b *builder) outputRef(image config.Image) (string, error) {
	path := image.OutputsImageRefTo
	if !filepath.IsAbs(path) && image.Command != nil {
		path = filepath.Join(image.Command.Dir, path)
	}
	content, err := os.ReadFile(path)
	ref := strings.TrimSpace(string(content))
	if err == nil {
		_, err = reference.ParseNormalizedNamed(ref)
	}
	if err != nil {
		return "", &config.Problem{
			Message: fmt.Sprintf("the command of image %s did not write an image's name to %s: %v", image.Ref, path, err),
			Hint:    "let it write the reference with its tag to that file (outputs_image_ref_to)",
		}
	}
	return ref, nil
}
