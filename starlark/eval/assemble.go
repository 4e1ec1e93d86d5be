package eval

import (
	"github.com/towline-dev/towline/starlark/config"
	"github.com/towline-dev/towline/starlark/image"
	"github.com/towline-dev/towline/starlark/liveupdate"
)

// assemble makes the project of what the files declared.
func (r *run) assemble() error {
	if err := r.images.Link(); err != nil {
		return err
	}
	if err := r.k8s.Assemble(); err != nil {
		return err
	}
	if err := r.assembleCompose(); err != nil {
		return err
	}
	r.warnUnused()
	if err := r.useImages(); err != nil {
		return err
	}
	if !r.opts.AnyContext && (len(r.k8s.Resources()) > 0 || len(r.k8s.Loose()) > 0) {
		if err := r.kube.check(); err != nil {
			return err
		}
	}
	if err := r.addResources(); err != nil {
		return err
	}
	if err := r.checkDeps(); err != nil {
		return err
	}
	if err := r.enable(); err != nil {
		return err
	}
	r.addImages()
	r.addAPI()
	return nil
}

// addResources adds the resources to the project, in Tilt's order.
func (r *run) addResources() error {
	r.project.Resources = make([]config.Resource, 0, len(r.k8s.Resources())+len(r.compose.services)+len(r.local)+1)
	r.k8s.AddTo(r.project, r.triggerMode)
	r.addCompose()
	if err := r.checkLiveUpdates(); err != nil {
		return err
	}
	if err := r.checkUnusedSteps(); err != nil {
		return err
	}
	for _, l := range r.local {
		r.project.Resources = append(r.project.Resources, l.resource(r.triggerMode))
	}
	r.k8s.AddLoose(r.project)
	return nil
}

// useImages marks what is built: the images of resources, and what those are
// built from.
func (r *run) useImages() error {
	if err := r.k8s.UseImages(); err != nil {
		return err
	}
	for _, s := range r.compose.services {
		if err := image.UseAll(s.res.Name, s.images); err != nil {
			return err
		}
	}
	return nil
}

// warnUnused warns of the first image that nothing deploys.
func (r *run) warnUnused() {
	img := r.images.Unused(r.project.Settings.UnusedImagesOK)
	if img == nil {
		return
	}
	by := image.Consumers{
		Objects: len(r.k8s.Objects()) > 0, Resources: len(r.k8s.Resources()) > 0, Services: !r.compose.empty(), Asked: r.k8s.Asked(),
	}
	for _, s := range r.compose.services {
		if s.image != nil {
			by.Asked = append(by.Asked, s.image.Named)
		}
	}
	r.warnAt(img.Pos, r.images.UnusedText(img, by))
}

// checkLiveUpdates checks the live updates of images that are deployed.
func (r *run) checkLiveUpdates() error {
	for _, img := range r.images.All() {
		if !img.Deployed || len(img.LiveUpdate) == 0 {
			continue
		}
		if err := liveupdate.CheckReach(img.LiveUpdate, img.Watched()); err != nil {
			return err
		}
	}
	return nil
}

// addImages adds the images to the project. One that nothing deploys is never
// built and left out, unless there is nothing at all to deploy: then the file
// is half written, and its images are all that it says.
func (r *run) addImages() {
	all := r.k8s.Empty() && r.compose.empty()
	r.project.Images = make([]config.Image, 0, len(r.images.All()))
	for _, img := range r.images.All() {
		if all || img.Used {
			r.project.Images = append(r.project.Images, img.Image)
		}
	}
}
