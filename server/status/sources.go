package status

import (
	"slices"

	"github.com/towline-dev/towline/starlark/config"
)

// sources are the folders and files here that a resource's images, and those that
// they are built from, are made of or have synced into them.
func (f *Facts) sources(spec *config.Resource) []string {
	var all []string
	asked := map[string]bool{}
	var add func(refs []string)
	add = func(refs []string) {
		for _, img := range f.Project.Images {
			if asked[img.Ref] || !slices.Contains(refs, img.Ref) {
				continue
			}
			asked[img.Ref] = true
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
