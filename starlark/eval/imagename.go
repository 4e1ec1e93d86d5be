package eval

import (
	"github.com/distribution/reference"
)

// imageName is the name of an image, with the forms in which it is looked up.
type imageName struct {
	named reference.Named
	name  string // with the registry, without tag
	full  string // with tag or digest; "" when it has none
}

// parseName reads an image's name, each text once.
func parseName(c *Cache, text string) (*imageName, error) {
	return cached(c, "image", text, func() (*imageName, error) {
		named, err := parseRef(text)
		if err != nil {
			return nil, err
		}
		n := &imageName{named: named, name: named.Name()}
		if !reference.IsNameOnly(named) {
			n.full = named.String()
		}
		return n, nil
	})
}

// parseRef reads an image's name.
func parseRef(text string) (reference.Named, error) {
	return reference.ParseNormalizedNamed(text)
}
