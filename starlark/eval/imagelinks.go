package eval

import (
	"fmt"
	"maps"
	"slices"

	"github.com/towline-dev/towline/starlark/cache"
	"github.com/towline-dev/towline/starlark/config"
	"github.com/towline-dev/towline/starlark/dockerfile"
	"github.com/towline-dev/towline/starlark/fault"
	"github.com/towline-dev/towline/starlark/liveupdate"
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
			if base == nil {
				if img.Builder == config.BuilderCustom {
					return &fault.Located{Pos: img.Pos, Err: fmt.Errorf("image %q: image dep %q not found", img.Ref, name)}
				}
				continue
			}
			base.matched = true
			if !slices.Contains(img.bases, base) {
				img.bases = append(img.bases, base)
				img.BaseImages = append(img.BaseImages, base.Ref)
			}
		}
	}
	return nil
}

// useImages marks what is built: the images of resources, and what those are
// built from.
func (r *run) useImages() error {
	for _, res := range r.yaml.resources {
		if err := useAll(res.Name, res.images); err != nil {
			return err
		}
	}
	for _, s := range r.compose.services {
		if err := useAll(s.res.Name, s.images); err != nil {
			return err
		}
	}
	return nil
}

// dockerfileImages returns the images that an image's Dockerfile takes from.
func (r *run) dockerfileImages(img *image) []string {
	if len(img.Args) > 0 {
		return dockerfileImages(img.dockerText, r.buildArgs(img))
	}
	names, _ := cache.Fill(r.opts.Cache, "dockerfile", img.dockerText, func() ([]string, error) {
		return dockerfileImages(img.dockerText, nil), nil
	})
	return names
}

func dockerfileImages(text string, args map[string]string) []string {
	var names []string
	for _, ref := range dockerfile.Parse(text).Images(args) {
		names = append(names, ref.Image)
	}
	return names
}

// buildArgs are the values of a build's variables: an empty one is that of the
// environment, or none.
func (r *run) buildArgs(img *image) map[string]string {
	args := maps.Clone(img.Args)
	for name, value := range img.Args {
		if value != "" {
			continue
		}
		if args[name] = r.env.Var(name); args[name] == "" {
			delete(args, name)
		}
	}
	return args
}

func useAll(resource string, images []*image) error {
	for _, img := range images {
		img.deployed = true
		if err := img.use(); err != nil {
			return fmt.Errorf("getting image build info for %s: %w", resource, err)
		}
	}
	return nil
}

// use marks an image and its bases. An image that is built from itself is an
// error.
func (img *image) use() error {
	if img.used {
		return nil
	}
	if img.visiting {
		return &fault.Located{Pos: img.Pos, Err: fault.Tiltf("Image dependency cycle: %s", img.name.Named)}
	}
	img.visiting = true
	for _, b := range img.bases {
		if err := b.use(); err != nil {
			return err
		}
	}
	img.visiting, img.used = false, true
	return nil
}

// checkLiveUpdates checks the live updates of images that are deployed.
func (r *run) checkLiveUpdates() error {
	for _, img := range r.images.all {
		if !img.deployed || len(img.LiveUpdate) == 0 {
			continue
		}
		if err := liveupdate.CheckReach(img.LiveUpdate, r.images.watched(img)); err != nil {
			return err
		}
	}
	return nil
}

// addImages adds the images to the project. One that nothing deploys is never
// built and left out, unless there is nothing at all to deploy: then the file
// is half written, and its images are all that it says.
func (r *run) addImages() {
	all := len(r.yaml.objects) == 0 && len(r.yaml.resources) == 0 && r.compose.empty()
	r.project.Images = make([]config.Image, 0, len(r.images.all))
	for _, img := range r.images.all {
		if all || img.used {
			r.project.Images = append(r.project.Images, img.Image)
		}
	}
}
