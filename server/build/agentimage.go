package build

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/towline-dev/towline/starlark/config"
)

// AgentPath is where the agent's image has its one file.
const AgentPath = "/towline-agent"

// agentFormat changes when the image's layout does, so that an older image
// under the same binaries is not taken for it.
const agentFormat = "1"

// AgentImage makes sure that the cluster can run an image of the agent alone,
// and returns its name as pods give it. The binaries are static, by GOARCH.
// The tag is made of their content, so that a second call finds the image
// there and costs one small request.
//
// near is the Ref of any image of the project: where no registry is set, the
// agent's goes beside it. It may be "" where images are loaded and not pushed.
func (b *Builder) AgentImage(ctx context.Context, binaries map[string][]byte, near string) (ref string, err error) {
	if len(binaries) == 0 {
		return "", fmt.Errorf("making the agent's image: no binaries")
	}
	return b.now().agentImage(ctx, binaries, near)
}

func (b *builder) agentImage(ctx context.Context, binaries map[string][]byte, near string) (ref string, err error) {
	repository := b.agentRepository(near)
	names, err := NamesFor(repository, b.cluster.Registry)
	if err != nil {
		return "", err
	}
	local, cluster := names.Tagged(agentTag(binaries))
	if DeliveryFor(b.cluster) == Push {
		return cluster, b.pushAgent(ctx, local, binaries)
	}
	return cluster, b.loadAgent(ctx, local, binaries)
}

// agentRepository is the agent's image's name.
func (b *builder) agentRepository(near string) string {
	const agent = "towline-agent"
	if b.cluster.Registry != nil || DeliveryFor(b.cluster) != Push || near == "" {
		return agent
	}
	repository, _ := splitTag(near)
	if dir := filepath.ToSlash(filepath.Dir(repository)); dir != "." {
		return dir + "/" + agent
	}
	return agent
}

// agentTag is the tag for a set of binaries.
func agentTag(binaries map[string][]byte) string {
	sum := sha256.New()
	_, _ = io.WriteString(sum, agentFormat)
	for _, arch := range slices.Sorted(maps.Keys(binaries)) {
		_, _ = fmt.Fprintf(sum, "\n%s %x", arch, sha256.Sum256(binaries[arch]))
	}
	return tagPrefix + hex.EncodeToString(sum.Sum(nil))[:16]
}

// pushAgent pushes the image unless the registry has it.
func (b *builder) pushAgent(ctx context.Context, ref string, binaries map[string][]byte) error {
	if b.inRegistry(ctx, ref) {
		return nil
	}
	tag, err := name.NewTag(ref)
	if err != nil {
		return fmt.Errorf("naming the agent's image: %w", err)
	}
	index, err := agentIndex(binaries)
	if err != nil {
		return err
	}
	if len(binaries) == 1 { // an index would be one indirection for nothing
		var image v1.Image
		if image, err = agentImage(slices.Collect(maps.Keys(binaries))[0], slices.Collect(maps.Values(binaries))[0]); err == nil {
			err = remote.Write(tag, image, b.remoteOptions(ctx)...)
		}
	} else {
		err = remote.WriteIndex(tag, index, b.remoteOptions(ctx)...)
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		return explainPush(ref, err.Error())
	}
	return nil
}

// loadAgent brings the image of the nodes' architecture into the cluster
// without a registry.
func (b *builder) loadAgent(ctx context.Context, ref string, binaries map[string][]byte) error {
	arch := slices.Sorted(maps.Keys(binaries))[0]
	if p, err := v1.ParsePlatform(b.cluster.Platform); err == nil && binaries[p.Architecture] != nil {
		arch = p.Architecture
	}
	image, err := agentImage(arch, binaries[arch])
	if err != nil {
		return err
	}
	return b.loadImage(ctx, ref, image, io.Discard)
}

// loadImage brings an image of ours into the cluster without a registry.
func (b *builder) loadImage(ctx context.Context, ref string, image v1.Image, output io.Writer) error {
	tag, err := name.NewTag(ref)
	if err != nil {
		return fmt.Errorf("naming an image: %w", err)
	}
	file, err := os.CreateTemp("", "towline-image-*.tar")
	if err != nil {
		return fmt.Errorf("writing image %s: %w", ref, err)
	}
	defer os.Remove(file.Name())
	err = tarball.Write(tag, image, file)
	if closeErr := file.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return fmt.Errorf("writing image %s: %w", ref, err)
	}
	if DeliveryFor(b.cluster) != Shared {
		return b.load(ctx, file.Name(), true, output)
	}
	t, err := b.find(ctx)
	if err != nil {
		return err
	}
	if !t.docker() {
		return &config.Problem{Message: errNoArchive.Error(), Hint: "install docker, or use a registry: default_registry('HOST')"}
	}
	return b.dockerRun(ctx, t, io.Discard, "load", "--input", file.Name())
}

// agentIndex is the image for several architectures.
func agentIndex(binaries map[string][]byte) (v1.ImageIndex, error) {
	var index v1.ImageIndex = mutate.IndexMediaType(empty.Index, types.DockerManifestList)
	for _, arch := range slices.Sorted(maps.Keys(binaries)) {
		image, err := agentImage(arch, binaries[arch])
		if err != nil {
			return nil, err
		}
		index = mutate.AppendManifests(index, mutate.IndexAddendum{
			Add:        image,
			Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: arch}},
		})
	}
	return index, nil
}

// agentImage is the image for one architecture: one layer with one file,
// nothing that changes from one day to the next.
func agentImage(arch string, binary []byte) (v1.Image, error) {
	var layerTar bytes.Buffer
	w := tar.NewWriter(&layerTar)
	header := &tar.Header{Name: AgentPath[1:], Mode: 0o755, Size: int64(len(binary)), Typeflag: tar.TypeReg}
	if err := w.WriteHeader(header); err != nil {
		return nil, fmt.Errorf("making the agent's image: %w", err)
	}
	if _, err := w.Write(binary); err != nil {
		return nil, fmt.Errorf("making the agent's image: %w", err)
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("making the agent's image: %w", err)
	}
	content := layerTar.Bytes()
	layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(content)), nil })
	if err != nil {
		return nil, fmt.Errorf("making the agent's image: %w", err)
	}
	image, err := mutate.AppendLayers(empty.Image, layer)
	if err != nil {
		return nil, fmt.Errorf("making the agent's image: %w", err)
	}
	file, err := image.ConfigFile()
	if err != nil {
		return nil, fmt.Errorf("making the agent's image: %w", err)
	}
	file = file.DeepCopy()
	file.OS, file.Architecture = "linux", arch
	file.Config.Entrypoint = []string{AgentPath}
	return mutate.ConfigFile(image, file)
}
