package image

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/distribution/reference"

	"github.com/towline-dev/towline/starlark/cache"
	"github.com/towline-dev/towline/starlark/config"
	"github.com/towline-dev/towline/starlark/dockerfile"
	"github.com/towline-dev/towline/starlark/fault"
	"github.com/towline-dev/towline/starlark/manifest"
)

// Index holds the declared images and finds them by their names.
type Index struct {
	Names Names
	Var   func(name string) string // a variable of the environment; "" where there is none

	all    []*Image
	byName map[string][]*Image // without tag
}

// All returns the images in the order of their declaration.
func (x *Index) All() []*Image { return x.all }

// Add takes an image in, unless its ref is taken. Where a name is declared with
// a tag, or twice, each means its own tag alone.
func (x *Index) Add(img *Image) error {
	if x.byName == nil {
		x.byName = map[string][]*Image{}
	}
	same := x.byName[img.Name.Name]
	for _, other := range same {
		if other.Name.Full == img.Name.Full {
			return fault.Tiltf("Image for ref %q has already been defined", img.Ref)
		}
	}
	_, img.exact = img.Name.Named.(reference.Tagged)
	same = append(same, img)
	if len(same) > 1 {
		for _, other := range same {
			other.exact = true
		}
	}
	x.byName[img.Name.Name] = same
	x.all = append(x.all, img)
	return nil
}

// Find returns the image that builds what a YAML file, a Dockerfile or a
// Compose file names; nil where none does.
func (x *Index) Find(name *manifest.ImageName) *Image {
	for _, img := range x.byName[name.Name] {
		if !img.exact || img.Name.Full == name.Full {
			return img
		}
	}
	if strings.HasSuffix(name.Full, ":latest") { // which is what no tag means
		return x.Find(&manifest.ImageName{Name: name.Name})
	}
	return nil
}

// FindText returns the image that builds what a text names, which may be no
// image's name.
func (x *Index) FindText(text string) *Image {
	name, err := x.Names.ImageName(text)
	if err != nil {
		return nil
	}
	return x.Find(name)
}

// AnyInEnv reports whether variables of containers may name images.
func (x *Index) AnyInEnv() bool {
	return slices.ContainsFunc(x.all, func(img *Image) bool { return img.MatchInEnvVars })
}

// Link finds the images that images are built from.
func (x *Index) Link() error {
	for _, img := range x.all {
		names := img.ImageDeps
		if img.Builder == config.BuilderDocker {
			names = x.TakenFrom(img)
		}
		for _, name := range names {
			base := x.FindText(name)
			if base == nil {
				if img.Builder == config.BuilderCustom {
					return &fault.Located{Pos: img.Pos, Err: fmt.Errorf("image %q: image dep %q not found", img.Ref, name)}
				}
				continue
			}
			base.Matched = true
			if !slices.Contains(img.bases, base) {
				img.bases = append(img.bases, base)
				img.BaseImages = append(img.BaseImages, base.Ref)
			}
		}
	}
	return nil
}

// TakenFrom returns the images that an image's Dockerfile takes from.
func (x *Index) TakenFrom(img *Image) []string {
	if len(img.Args) > 0 {
		return takenFrom(img.Text, x.buildArgs(img))
	}
	names, _ := cache.Fill(x.Names.Cache, "dockerfile", img.Text, func() ([]string, error) {
		return takenFrom(img.Text, nil), nil
	})
	return names
}

func takenFrom(text string, args map[string]string) []string {
	var names []string
	for _, ref := range dockerfile.Parse(text).Images(args) {
		names = append(names, ref.Image)
	}
	return names
}

// buildArgs are the values of a build's variables: an empty one is that of the
// environment, or none.
func (x *Index) buildArgs(img *Image) map[string]string {
	args := maps.Clone(img.Args)
	for name, value := range img.Args {
		if value != "" {
			continue
		}
		if args[name] = x.Var(name); args[name] == "" {
			delete(args, name)
		}
	}
	return args
}
