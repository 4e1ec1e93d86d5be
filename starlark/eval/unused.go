package eval

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

// warnUnused warns of the first image that nothing deploys and that no other
// image is built from: a wrong name is the usual reason.
func (r *run) warnUnused() {
	quiet := r.project.Settings.UnusedImagesOK
	i := slices.IndexFunc(r.images.all, func(img *image) bool {
		return !img.matched && !slices.Contains(quiet, "*") && !slices.Contains(quiet, img.Ref)
	})
	if i >= 0 {
		r.warnAt(r.images.all[i].Pos, r.unusedText(r.images.all[i]))
	}
}

func (r *run) unusedText(img *image) string {
	switch {
	case r.compose.empty() && len(r.yaml.resources) == 0 && len(r.yaml.objects) == 0:
		return nothingDeployed
	case len(r.yaml.resources) == 0 && len(r.yaml.objects) > 0:
		return noImagesDeployed
	}
	where := "Kubernetes"
	if !r.compose.empty() {
		where = "Docker Compose"
	}
	text := fmt.Sprintf("Image not used in any %s config:\n    ✕ %s\n", where, img.Ref)
	for i, name := range nearestNames(reference.FamiliarName(img.name.Named), r.consumedNames()) {
		if i == 0 {
			text += "Did you mean…\n"
		}
		text += "    - " + name + "\n"
	}
	return text + "Skipping this image build\n" +
		fmt.Sprintf("If this is deliberate, suppress this warning with: update_settings(suppress_unused_image_warnings=[%q])", img.Ref)
}

// consumedNames returns the names of the images that objects, services and
// Dockerfiles ask for.
func (r *run) consumedNames() []string {
	var names []string
	add := func(named reference.Named) {
		if name := reference.FamiliarName(named); !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	for _, img := range r.images.all {
		for _, text := range r.dockerfileImages(img) {
			if named, err := reference.ParseNormalizedNamed(text); err == nil {
				add(named)
			}
		}
	}
	for _, o := range r.yaml.objects {
		for _, ref := range o.refs {
			add(ref.Name.Named)
		}
	}
	for _, s := range r.compose.services {
		if s.image != nil {
			add(s.image.Named)
		}
	}
	return names
}

// nearestNames returns at most three of the names, those first that have the
// most parts of two to four letters in common with a name.
func nearestNames(name string, names []string) []string {
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
