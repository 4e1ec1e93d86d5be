package build

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/towline-dev/towline/starlark/config"
	"github.com/towline-dev/towline/starlark/dockerfile"
)

// buildctl makes a docker_build's image with a bare BuildKit. It has no image
// store to look into, so the image goes to the registry at once and gets its
// immutable tag there.
func (b *builder) buildctl(ctx context.Context, j job) (Result, error) {
	if DeliveryFor(b.cluster) != Push {
		return Result{}, &config.Problem{
			Message: fmt.Sprintf("buildctl can bring an image to this cluster (%s) only by a registry", b.cluster.Context),
			Hint:    "set default_registry('HOST'), or install docker",
		}
	}
	image := j.request.Image
	first, _ := j.names.Tagged(tagPrefix + "latest")
	image.ExtraTags = j.tagsThere()
	metadata := filepath.Join(j.work, "metadata.json")
	argv := append([]string{j.tool.path, "build", "--progress=plain", "--metadata-file", metadata}, j.buildctlArgs(j.registry.name(first))...)
	tail := newTail(j.request.Output)
	said := &masked{out: tail, names: j.assigned}
	err := run(ctx, command{argv: argv, dir: j.dir, env: j.env(), stdout: said, stderr: said})
	said.flush()
	if err != nil {
		if ctx.Err() != nil {
			return Result{}, ctx.Err()
		}
		if strings.Contains(tail.String(), "failed to push") {
			return Result{}, explainPush(j.registry.name(first), tail.lastLine())
		}
		return Result{}, explainBuild(image, j.source, tail.String())
	}
	digest, err := readDigest(metadata)
	if err != nil {
		return Result{}, err
	}
	local, cluster := j.names.Tagged(digestTag(digest))
	for _, ref := range append([]string{local}, image.ExtraTags...) {
		if err := b.retag(ctx, j.names.Local+"@"+digest, ref); err != nil {
			return Result{}, err
		}
	}
	settings, err := b.remoteConfig(ctx, local)
	if err != nil {
		return Result{}, fmt.Errorf("reading the settings of image %s: %w", local, err)
	}
	return Result{Ref: cluster, LocalRef: local, Digest: digest, Config: settings}, nil
}

// buildctlArgs turns a docker_build's options into the front end's.
func (j *job) buildctlArgs(push string) []string {
	image := j.request.Image
	argv := []string{
		"--frontend", "dockerfile.v0",
		"--local", "context=" + j.context, "--local", "dockerfile=" + filepath.Dir(j.dockerfile),
		"--opt", "filename=" + filepath.Base(j.dockerfile),
	}
	args := j.args()
	for _, key := range slices.Sorted(maps.Keys(args)) {
		if ofFrontend(key) {
			argv = append(argv, "--opt", "build-arg:"+key+"="+args[key])
		}
	}
	for _, opt := range [][2]string{{"target", image.Target}, {"platform", image.Platform}, {"force-network-mode", image.Network}} {
		if opt[1] != "" {
			argv = append(argv, "--opt", opt[0]+"="+opt[1])
		}
	}
	if image.Network == "host" {
		argv = append(argv, "--allow", "network.host")
	}
	if len(image.ExtraHosts) > 0 {
		argv = append(argv, "--opt", "add-hosts="+strings.Join(hostsAsBuildKit(image.ExtraHosts), ","))
	}
	if image.Pull {
		argv = append(argv, "--opt", "image-resolve-mode=pull")
	}
	for _, value := range image.SSH {
		argv = append(argv, "--ssh", value)
	}
	for _, value := range image.Secrets {
		argv = append(argv, "--secret", value)
	}
	for _, value := range image.CacheFrom {
		if !strings.HasPrefix(value, "type=") && !strings.Contains(value, ",type=") {
			value = "type=registry,ref=" + j.registry.name(value)
		}
		argv = append(argv, "--import-cache", value)
	}
	return append(argv, "--output", "type=image,name="+push+",push=true")
}

// hostsAsBuildKit writes extra_hosts as BuildKit's front end reads them: "name=address".
func hostsAsBuildKit(hosts []string) []string {
	out := make([]string, len(hosts))
	for i, host := range hosts {
		if out[i] = host; !strings.Contains(host, "=") {
			out[i] = strings.Replace(host, ":", "=", 1)
		}
	}
	return out
}

// tagsThere are the extra tags that can be given without a docker: those in the
// image's own repository. Which cannot is said.
func (j *job) tagsThere() []string {
	var tags []string
	for _, tag := range j.request.Image.ExtraTags {
		if repository, _ := splitTag(tag); repository != j.names.Local {
			say(j.request.Output, "extra_tag %s is not set: it would be a name in this machine's docker, and %s builds without one", tag, j.tool.kind)
			continue
		}
		tags = append(tags, tag)
	}
	return tags
}

// args are the values of build_args: an empty one is that of the environment,
// or none.
func (j *job) args() map[string]string {
	args := map[string]string{}
	for key, value := range j.request.Image.Args {
		if value == "" {
			value = getenv(j.tool.env, key)
		}
		if value != "" {
			args[key] = value
		}
	}
	return args
}

// ofFrontend reports whether a variable means something to BuildKit itself, be
// it declared or not.
func ofFrontend(key string) bool {
	for _, prefix := range []string{"BUILDKIT_", "TARGET", "BUILD", "SOURCE_DATE_EPOCH"} {
		if strings.HasPrefix(key, prefix) {
			return true
		}
	}
	return strings.HasSuffix(strings.ToUpper(key), "_PROXY")
}

// assign writes build_args into the Dockerfile, which is in a folder of its
// owner alone: buildctl takes them only from its command line, which every user
// of the machine can read.
func (j *job) assign(text string) (string, error) {
	args := j.args()
	for key, value := range args {
		switch {
		case ofFrontend(key):
			delete(args, key)
		case strings.ContainsAny(value, "\r\n"):
			return "", &config.Problem{
				Message: fmt.Sprintf("the value of build_args %s of image %s has several lines, which buildctl cannot be given", key, j.request.Image.Ref),
				Hint:    "hand it over as a file: docker_build(…, secret='id=" + key + ",src=PATH')",
			}
		}
	}
	text, j.assigned = dockerfile.Parse(text).Assign(args)
	return text, nil
}

// masked passes lines on with names in the place of what assign wrote: a
// builder repeats the Dockerfile where it fails.
type masked struct {
	out   io.Writer
	names map[string]string
	rest  []byte // of a line that has not ended
}

// Write takes a piece of output.
func (m *masked) Write(p []byte) (int, error) {
	m.rest = append(m.rest, p...)
	if end := bytes.LastIndexByte(m.rest, '\n') + 1; end > 0 {
		m.pass(m.rest[:end])
		m.rest = append([]byte(nil), m.rest[end:]...)
	}
	return len(p), nil
}

func (m *masked) flush() {
	m.pass(m.rest)
	m.rest = nil
}

func (m *masked) pass(text []byte) {
	for piece, name := range m.names {
		text = bytes.ReplaceAll(text, []byte(piece), []byte(name))
	}
	_, _ = m.out.Write(text) // a tail takes all
}

// readDigest finds the digest in buildctl's metadata.
func readDigest(path string) (string, error) {
	var metadata struct {
		Digest string `json:"containerimage.digest"`
	}
	content, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(content, &metadata)
	}
	if err != nil || metadata.Digest == "" {
		return "", fmt.Errorf("buildctl did not say what it built: %v", err)
	}
	return metadata.Digest, nil
}

// retag gives an image of a registry another name there.
func (b *builder) retag(ctx context.Context, from, to string) error {
	source, err := name.NewDigest(from)
	if err != nil {
		return fmt.Errorf("naming an image: %w", err)
	}
	tag, err := name.NewTag(to)
	if err != nil {
		return fmt.Errorf("naming an image: %w", err)
	}
	descriptor, err := remote.Get(source, b.remoteOptions(ctx)...)
	if err == nil {
		err = remote.Tag(tag, descriptor, b.remoteOptions(ctx)...)
	}
	if err != nil && ctx.Err() == nil {
		return explainPush(to, err.Error())
	}
	return ctx.Err()
}
