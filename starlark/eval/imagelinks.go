package eval

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/distribution/reference"

	"github.com/towline-dev/towline/starlark/config"
)

// linkBases finds the images that images are built from.
func (r *run) linkBases() error {
	for _, img := range r.images.all {
		names := img.ImageDeps
		if img.Builder == config.BuilderDocker {
			names = r.dockerfileImages(img)
		}
		for _, name := range names {
			base := r.findImage(name)
			if base == nil && img.Builder == config.BuilderCustom {
				return &placed{pos: img.Pos, err: fmt.Errorf("image %q: image dep %q not found", img.Ref, name)}
			}
			if base != nil && base != img && !slices.Contains(img.bases, base) {
				img.bases = append(img.bases, base)
				img.BaseImages = append(img.BaseImages, base.Ref)
			}
		}
	}
	for _, img := range r.images.all {
		if err := img.checkCycle(); err != nil {
			return err
		}
	}
	return nil
}

// dockerfileImages returns the images that an image's Dockerfile takes from.
func (r *run) dockerfileImages(img *image) []string {
	if len(img.Args) > 0 {
		return dockerfileImages(img.dockerText, img.Args)
	}
	names, _ := cached(r.opts.Cache, "dockerfile", img.dockerText, func() ([]string, error) {
		return dockerfileImages(img.dockerText, nil), nil
	})
	return names
}

func (img *image) checkCycle() error {
	if img.kept {
		return nil
	}
	if img.visiting {
		return &placed{pos: img.Pos, err: sayf("Image dependency cycle: %s", img.Ref)}
	}
	img.visiting = true
	defer func() { img.visiting, img.kept = false, true }()
	for _, b := range img.bases {
		if err := b.checkCycle(); err != nil {
			return err
		}
	}
	return nil
}

func (img *image) markUsed() {
	img.used = true
	for _, b := range img.bases {
		if !b.used {
			b.markUsed()
		}
	}
}

// checkLiveUpdates checks the live updates of images that are deployed.
func (r *run) checkLiveUpdates() error {
	for _, img := range r.images.all {
		if !img.used {
			continue
		}
		if err := r.checkSyncs(img); err != nil {
			return err
		}
	}
	return nil
}

// addImages adds the images to the project and warns of those that nothing
// uses.
func (r *run) addImages() {
	quiet := r.project.Settings.UnusedImagesOK
	r.project.Images = make([]config.Image, 0, len(r.images.all))
	for _, img := range r.images.all {
		r.project.Images = append(r.project.Images, img.Image)
		if !img.used && !slices.Contains(quiet, "*") && !slices.Contains(quiet, img.Ref) {
			r.warnAt(img.Pos, r.unusedText(img))
		}
	}
}

func (r *run) unusedText(img *image) string {
	where := "Kubernetes resource"
	if !r.compose.empty() && len(r.yaml.objects) == 0 {
		where = "Docker Compose service"
	}
	text := fmt.Sprintf("Image not used in any %s:\n    ✕ %s\nSkipping this image build", where, img.Ref)
	var known []string
	for _, o := range r.yaml.objects {
		for _, ref := range o.refs {
			if ref.ref.Ref == "" && !slices.Contains(known, reference.FamiliarName(ref.name.named)) {
				known = append(known, reference.FamiliarName(ref.name.named))
			}
		}
	}
	if len(known) > 0 {
		text += "\nImages of the YAML without a build: " + strings.Join(known[:min(len(known), 8)], ", ")
	}
	return text + "\nIf this is deliberate, suppress this warning with: update_settings(suppress_unused_image_warnings=[" + strconv.Quote(img.Ref) + "])"
}
