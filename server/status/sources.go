package status

import (
	"slices"

	"github.com/towline-dev/towline/starlark/config"
)

// imagesOf are a project's images by their names.
func imagesOf(p *config.Project) map[string]*config.Image {
	images := make(map[string]*config.Image, len(p.Images))
	for i := range p.Images {
		images[p.Images[i].Ref] = &p.Images[i]
	}
	return images
}

// sources are the folders and files here that a resource's images, and those that
// they are built from, are made of or have synced into them.
func sources(images map[string]*config.Image, spec *config.Resource) []string {
	var all []string
	asked := map[string]bool{}
	var add func(refs []string)
	add = func(refs []string) {
		for _, ref := range refs {
			img := images[ref]
			if img == nil || asked[ref] {
				continue
			}
			asked[ref] = true
			all = append(all, img.Deps...)
			for _, step := range img.LiveUpdate {
				if step.Kind == config.StepSync {
					all = append(all, step.Local)
				}
			}
			add(img.BaseImages)
		}
	}
	add(spec.Images)
	slices.Sort(all)
	return slices.Compact(all)
}
