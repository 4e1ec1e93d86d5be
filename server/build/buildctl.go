package build

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/towline-dev/towline/starlark/config"
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
	metadata := filepath.Join(j.work, "metadata.json")
	argv := append([]string{j.tool.path, "build", "--progress=plain", "--metadata-file", metadata}, j.buildctlArgs(first)...)
	tail := newTail(j.request.Output)
	if err := run(ctx, command{argv: argv, dir: j.dir, env: j.env(), stdout: tail, stderr: tail}); err != nil {
		if ctx.Err() != nil {
			return Result{}, ctx.Err()
		}
		if strings.Contains(tail.String(), "failed to push") {
			return Result{}, explainPush(first, tail.lastLine())
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
	keys := make([]string, 0, len(image.Args))
	for key := range image.Args {
		keys = append(keys, key)
	}
	sort.Strings(keys)
	for _, key := range keys {
		value := image.Args[key]
		if value == "" {
			value = getenv(j.tool.env, key)
		}
		argv = append(argv, "--opt", "build-arg:"+key+"="+value)
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
		argv = append(argv, "--opt", "add-hosts="+strings.ReplaceAll(strings.Join(image.ExtraHosts, ","), ":", "="))
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
		argv = append(argv, "--import-cache", "type=registry,ref="+value)
	}
	return append(argv, "--output", "type=image,name="+push+",push=true")
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
