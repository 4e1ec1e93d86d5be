package chart

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// layerType is the media type of a chart's archive in a registry.
const layerType = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"

// pullImage fetches a chart from a registry of images, with the logins that
// docker and helm share.
func (s Source) pullImage(ctx context.Context, ref Ref) ([]byte, error) {
	target := strings.TrimPrefix(ref.Repo, "oci://") + "/" + ref.Chart
	options := []remote.Option{remote.WithContext(ctx), remote.WithAuthFromKeychain(authn.DefaultKeychain)}
	if ref.Username != "" {
		options = append(options, remote.WithAuth(&authn.Basic{Username: ref.Username, Password: ref.Password}))
	}
	if s.Client != nil && s.Client.Transport != nil {
		options = append(options, remote.WithTransport(s.Client.Transport))
	}
	repo, err := name.NewRepository(target)
	if err != nil {
		return nil, fmt.Errorf("oci://%s: %w", target, err)
	}
	tag := ref.Version
	if tag == "" || strings.ContainsAny(tag, "<>=^~*x ,|") {
		tags, err := remote.List(repo, options...)
		if err != nil {
			return nil, fmt.Errorf("listing the versions of oci://%s: %w", target, err)
		}
		for i := range tags {
			tags[i] = strings.ReplaceAll(tags[i], "_", "+")
		}
		i, err := choose(tags, ref.Version)
		if err != nil {
			return nil, fmt.Errorf("oci://%s: %w", target, err)
		}
		tag = tags[i]
	}
	tag = strings.ReplaceAll(tag, "+", "_") // tags have no plus signs
	img, err := remote.Image(repo.Tag(tag), options...)
	if err != nil {
		return nil, fmt.Errorf("getting oci://%s:%s: %w", target, tag, err)
	}
	layers, err := img.Layers()
	if err != nil {
		return nil, err
	}
	for _, layer := range layers {
		if mediaType, err := layer.MediaType(); err != nil || mediaType != layerType {
			continue
		}
		if size, err := layer.Size(); err != nil || size > maxArchive {
			return nil, fmt.Errorf("oci://%s:%s has more than %d MB", target, tag, maxArchive>>20)
		}
		content, err := layer.Compressed()
		if err != nil {
			return nil, err
		}
		defer content.Close()
		return io.ReadAll(content)
	}
	return nil, fmt.Errorf("oci://%s:%s is not a Helm chart", target, tag)
}
