package build

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"github.com/towline-dev/towline/starlark/config"
)

// ImageConfig is what an image says about how it runs.
type ImageConfig struct {
	Entrypoint   []string
	Cmd          []string
	User         string // "" is root; a name or number, perhaps ":group"
	WorkingDir   string
	Env          []string // "KEY=value"
	ExposedPorts []int    // TCP, ascending
	StopSignal   string   // "" is SIGTERM
	OS, Arch     string
	Digest       string // of the manifest; the image's id where docker knows no manifest
}

// Argv is the command line of a container that overrides nothing.
func (c ImageConfig) Argv() []string { return slices.Concat(c.Entrypoint, c.Cmd) }

// ImageConfig reads the settings of any image by the name that a pod gives it:
// from this machine's docker if it has it, else from the registry, with the
// credentials of `docker login`. Of several platforms it takes the cluster's.
func (b *Builder) ImageConfig(ctx context.Context, ref string) (ImageConfig, error) {
	return b.now().imageConfig(ctx, ref)
}

func (b *builder) imageConfig(ctx context.Context, ref string) (ImageConfig, error) {
	local := localName(ref, b.cluster.Registry)
	settings, remoteErr := b.remoteConfig(ctx, local)
	if remoteErr == nil {
		return settings, nil
	}
	here := "there is no docker here to ask"
	if t, err := b.find(ctx); err == nil && t.docker() {
		settings, err := b.inspect(ctx, t, local)
		if err == nil {
			return settings, nil
		}
		here = "docker on this machine does not say: " + err.Error()
		if strings.Contains(strings.ToLower(err.Error()), "no such image") {
			here = "docker on this machine has none of that name"
		}
	}
	if ctx.Err() != nil {
		return ImageConfig{}, ctx.Err()
	}
	return ImageConfig{}, &config.Problem{
		Message: fmt.Sprintf("the settings of image %s cannot be read: %s, and %s", ref, notThere(local, remoteErr), here),
		Hint:    "check its name and `docker login`; a container whose command is set in the YAML needs none",
	}
}

// notThere says why a registry did not show an image.
func notThere(ref string, err error) string {
	host := "its registry"
	if parsed, bad := name.ParseReference(ref); bad == nil {
		host = "registry " + strings.TrimPrefix(parsed.Context().RegistryStr(), "index.")
	}
	var answer *transport.Error
	switch {
	case !errors.As(err, &answer):
		return fmt.Sprintf("%s does not answer: %v", host, err)
	case answer.StatusCode == http.StatusNotFound:
		return host + " has none of that name"
	case answer.StatusCode == http.StatusUnauthorized || answer.StatusCode == http.StatusForbidden:
		return host + " does not show it to you, if it is there"
	}
	return fmt.Sprintf("%s answers %d: %v", host, answer.StatusCode, err)
}

// inspect asks this machine's docker.
func (b *builder) inspect(ctx context.Context, t *tool, ref string) (ImageConfig, error) {
	var out strings.Builder
	if err := b.dockerRun(ctx, t, &out, "image", "inspect", "--format", "{{json .}}", ref); err != nil {
		return ImageConfig{}, err
	}
	return readImage(ref, out.String())
}

// readImage reads docker's description of an image.
func readImage(ref, text string) (ImageConfig, error) {
	var image struct {
		ID           string `json:"Id"`
		Os           string
		Architecture string
		Config       *v1.Config
	}
	if err := json.Unmarshal([]byte(text), &image); err != nil {
		return ImageConfig{}, fmt.Errorf("reading the settings of image %s: %w", ref, err)
	}
	if image.Config == nil {
		image.Config = &v1.Config{}
	}
	return settingsOf(*image.Config, image.Os, image.Architecture, image.ID), nil
}

// imageID asks this machine's docker for an image's id.
func (b *builder) imageID(ctx context.Context, t *tool, ref string) (string, error) {
	settings, err := b.inspect(ctx, t, ref)
	return settings.Digest, err
}

// remoteConfig asks the registry.
func (b *builder) remoteConfig(ctx context.Context, ref string) (ImageConfig, error) {
	parsed, err := name.ParseReference(ref)
	if err != nil {
		return ImageConfig{}, err
	}
	platform := v1.Platform{OS: "linux", Architecture: "amd64"}
	if p, err := v1.ParsePlatform(b.cluster.Platform); err == nil && b.cluster.Platform != "" {
		platform = *p
	}
	image, err := remote.Image(parsed, b.remoteOptions(ctx, remote.WithPlatform(platform))...)
	if err != nil {
		return ImageConfig{}, err
	}
	file, err := image.ConfigFile()
	if err != nil {
		return ImageConfig{}, err
	}
	digest, err := image.Digest()
	if err != nil {
		return ImageConfig{}, err
	}
	return settingsOf(file.Config, file.OS, file.Architecture, digest.String()), nil
}

// remoteOptions are those of every request to a registry.
func (b *builder) remoteOptions(ctx context.Context, more ...remote.Option) []remote.Option {
	return append([]remote.Option{remote.WithContext(ctx), remote.WithAuthFromKeychain(b.keychain(ctx)), remote.WithUserAgent("towline")}, more...)
}

// inRegistry reports whether a registry has an image already. Tags are
// immutable, so that its name is proof enough. Doubt counts as no.
func (b *builder) inRegistry(ctx context.Context, ref string) bool {
	parsed, err := name.ParseReference(ref)
	if err != nil {
		return false
	}
	_, err = remote.Head(parsed, b.remoteOptions(ctx)...)
	return err == nil
}

// settingsOf converts the image format's settings.
func settingsOf(c v1.Config, os, arch, digest string) ImageConfig {
	settings := ImageConfig{
		Entrypoint: c.Entrypoint, Cmd: c.Cmd, User: c.User, WorkingDir: c.WorkingDir, Env: c.Env,
		StopSignal: c.StopSignal, OS: os, Arch: arch, Digest: digest,
	}
	for port := range c.ExposedPorts {
		number, protocol, _ := strings.Cut(port, "/")
		if n, err := strconv.Atoi(number); err == nil && (protocol == "" || protocol == "tcp") {
			settings.ExposedPorts = append(settings.ExposedPorts, n)
		}
	}
	slices.Sort(settings.ExposedPorts)
	return settings
}

// errNoArchive means that this machine's builder takes no image files.
var errNoArchive = errors.New("buildctl cannot load an image file")
