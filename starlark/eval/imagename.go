package eval

import (
	"fmt"

	"github.com/distribution/reference"
	"go.starlark.net/starlark"

	"github.com/towline-dev/towline/starlark/cache"
	"github.com/towline-dev/towline/starlark/manifest"
	"github.com/towline-dev/towline/starlark/value"
)

// imageNames reads images' names, each text once.
type imageNames struct{ cache *cache.Cache }

// ImageName implements manifest.Names.
func (n imageNames) ImageName(text string) (*manifest.ImageName, error) {
	return cache.Fill(n.cache, "image", text, func() (*manifest.ImageName, error) { return manifest.ParseImageName(text) })
}

// imageList takes a list of images' names, and no single one.
type imageList []reference.Named

// Unpack implements starlark.Unpacker.
func (l *imageList) Unpack(v starlark.Value) error {
	*l = nil
	switch v.(type) {
	case *starlark.List, starlark.Tuple, starlark.NoneType:
	default:
		return fmt.Errorf("value should be a List or Tuple of strings, but is of type %s", v.Type())
	}
	for _, x := range value.Elements(v) {
		s, ok := value.AsString(x)
		if !ok {
			return fmt.Errorf("value should contain only strings, but element %q was of type %s", x.String(), x.Type())
		}
		named, err := reference.ParseNormalizedNamed(s)
		if err != nil {
			return fmt.Errorf("must be a valid image reference: %w", err)
		}
		*l = append(*l, named)
	}
	return nil
}

// familiar returns the names in their short form.
func (l imageList) familiar() []string {
	var names []string
	for _, named := range l {
		names = append(names, reference.FamiliarString(named))
	}
	return names
}
