package eval

import (
	"github.com/towline-dev/towline/starlark/cache"
	"github.com/towline-dev/towline/starlark/manifest"
)

// imageNames reads images' names, each text once.
type imageNames struct{ cache *cache.Cache }

// ImageName implements manifest.Names.
func (n imageNames) ImageName(text string) (*manifest.ImageName, error) {
	return cache.Fill(n.cache, "image", text, func() (*manifest.ImageName, error) { return manifest.ParseImageName(text) })
}
