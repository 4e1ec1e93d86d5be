package image

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/distribution/reference"
)

// Texts of the warning about images that nothing deploys.
const (
	nothingDeployed = "We could not find any deployment instructions, e.g. `k8s_yaml` or `docker_compose`.\n" +
		"Skipping all image builds until we know how to deploy them."
	noImagesDeployed = "No Kubernetes configs with images found.\n" +
		"If you are using CRDs, add k8s_kind() to tell Tilt how to find images.\n" +
		"https://docs.tilt.dev/api.html#api.k8s_kind"
)

// Consumers are what may ask for images.
type Consumers struct {
	Objects, Resources, Services bool              // there are any: of Kubernetes, and of Compose
	Asked                        []reference.Named // the images that they name
}

// Unused returns the first image that nothing names and that no other image is
// built from, nil where there is none. Quiet are the refs of which nobody wants
// to hear; "*" is all.
func (x *Index) Unused(quiet []string) *Image {
	i := slices.IndexFunc(x.all, func(img *Image) bool {
		return !img.Matched && !slices.Contains(quiet, "*") && !slices.Contains(quiet, img.Ref)
	})
	if i < 0 {
		return nil
	}
	return x.all[i]
}

// UnusedText says that an image is not used: a wrong name is the usual reason.
func (x *Index) UnusedText(img *Image, by Consumers) string {
	where := "Kubernetes"
	switch {
	case !by.Services && !by.Resources && !by.Objects:
		return nothingDeployed
	case !by.Resources && by.Objects:
		return noImagesDeployed
	case by.Services:
		where = "Docker Compose"
	}
	text := fmt.Sprintf("Image not used in any %s config:\n    ✕ %s\n", where, img.Ref)
	for i, name := range nearest(reference.FamiliarName(img.Name.Named), x.consumed(by.Asked)) {
		if i == 0 {
			text += "Did you mean…\n"
		}
		text += "    - " + name + "\n"
	}
	return text + "Skipping this image build\n" +
		fmt.Sprintf("If this is deliberate, suppress this warning with: update_settings(suppress_unused_image_warnings=[%q])", img.Ref)
}

// consumed returns the names of the images that Dockerfiles and the consumers
// ask for, each once.
func (x *Index) consumed(asked []reference.Named) []string {
	var names []string
	add := func(named reference.Named) {
		if name := reference.FamiliarName(named); !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	for _, img := range x.all {
		for _, text := range x.TakenFrom(img) {
			if named, err := reference.ParseNormalizedNamed(text); err == nil {
				add(named)
			}
		}
	}
	for _, named := range asked {
		add(named)
	}
	return names
}

// nearest returns at most three of the names, those first that have the most
// parts of two to four letters in common with a name.
func nearest(name string, names []string) []string {
	score := map[string]int{}
	for _, n := range names {
		for size := 2; size <= 4; size++ {
			for i := 0; i+size <= len(name); i++ {
				score[n] += min(1, strings.Count(n, name[i:i+size]))
			}
		}
	}
	near := slices.DeleteFunc(slices.Clone(names), func(n string) bool { return score[n] == 0 })
	slices.SortStableFunc(near, func(a, b string) int { return cmp.Compare(score[b], score[a]) })
	return near[:min(len(near), 3)]
}
