// Package image has the images that a Tiltfile declares: which of them a name
// means, what each is built from, and which of them something uses.
package image

import (
	"fmt"
	"path/filepath"
	"slices"

	"github.com/distribution/reference"

	"github.com/towline-dev/towline/starlark/cache"
	"github.com/towline-dev/towline/starlark/config"
	"github.com/towline-dev/towline/starlark/fault"
	"github.com/towline-dev/towline/starlark/manifest"
)

// Image is an image that was declared, and what is found out about its use.
type Image struct {
	config.Image
	Name *manifest.ImageName
	Text string // the Dockerfile's content

	Matched  bool // something names it
	Deployed bool // a resource's objects name it
	Used     bool // it has to be built for a resource

	bases    []*Image
	exact    bool // only its own tag is meant
	visiting bool
}

// SetName gives an image its name, as it is declared.
func (img *Image) SetName(name *manifest.ImageName) {
	img.Name, img.Ref = name, reference.FamiliarString(name.Named)
}

// HasDockerfileIn reports whether the Dockerfile, which was read, lies in a
// folder, so that nobody need ask whether it is one.
func (img *Image) HasDockerfileIn(dir string) bool {
	return img.Dockerfile != "" && filepath.Dir(img.Dockerfile) == dir
}

// OnlyPatterns are patterns that ignore all but the paths of only.
func (img *Image) OnlyPatterns() []string {
	var patterns []string
	for _, p := range img.Only {
		if rel, err := filepath.Rel(img.Context, p); err == nil {
			patterns = append(patterns, "!"+filepath.ToSlash(rel))
		}
	}
	if len(patterns) == 0 {
		return nil
	}
	return append([]string{"**"}, patterns...)
}

// Watched returns the folders whose changes reach an image, through its bases
// too.
func (img *Image) Watched() []string {
	paths := slices.Clone(img.Deps)
	for _, base := range img.bases {
		paths = append(paths, base.Watched()...)
	}
	return paths
}

// Use marks an image and its bases as built. An image that is built from itself
// is an error.
func (img *Image) Use() error {
	if img.Used {
		return nil
	}
	if img.visiting {
		return &fault.Located{Pos: img.Pos, Err: fault.Tiltf("Image dependency cycle: %s", img.Name.Named)}
	}
	img.visiting = true
	for _, b := range img.bases {
		if err := b.Use(); err != nil {
			return err
		}
	}
	img.visiting, img.Used = false, true
	return nil
}

// Names reads images' names, each text once. It implements manifest.Names.
type Names struct{ Cache *cache.Cache }

// ImageName implements manifest.Names.
func (n Names) ImageName(text string) (*manifest.ImageName, error) {
	return cache.Fill(n.Cache, "image", text, func() (*manifest.ImageName, error) { return manifest.ParseImageName(text) })
}

// UseAll marks the images of a resource as deployed and built.
func UseAll(resource string, images []*Image) error {
	for _, img := range images {
		img.Deployed = true
		if err := img.Use(); err != nil {
			return fmt.Errorf("getting image build info for %s: %w", resource, err)
		}
	}
	return nil
}
