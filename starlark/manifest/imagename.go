package manifest

import "github.com/distribution/reference"

// ImageName is the name of an image, with the forms in which it is looked up.
type ImageName struct {
	Named reference.Named
	Name  string // with the registry, without tag
	Full  string // with tag or digest; "" when it has none
}

// ParseImageName reads an image's name.
func ParseImageName(text string) (*ImageName, error) {
	named, err := reference.ParseNormalizedNamed(text)
	if err != nil {
		return nil, err
	}
	n := &ImageName{Named: named, Name: named.Name()}
	if !reference.IsNameOnly(named) {
		n.Full = named.String()
	}
	return n, nil
}

// Names reads images' names; it may know them already.
type Names interface {
	ImageName(text string) (*ImageName, error)
}
