// Package assembly makes the Kubernetes resources of a project from the objects
// that its YAML has.
//
// A Set takes what the built-ins note, in any order. Assemble makes a resource of
// each workload, lets the Services that select its pods join it, applies the
// options in the order of their calls and links images, so that the order of
// calls does not matter. It asks nobody and reads nothing.
package assembly

import (
	"fmt"
	"slices"

	"github.com/distribution/reference"

	"github.com/towline-dev/towline/starlark/fault"
	"github.com/towline-dev/towline/starlark/image"
	"github.com/towline-dev/towline/starlark/value"
)

// Uncategorized is the name of the resource of objects that belong to no other.
// They are applied first.
const Uncategorized = "uncategorized"

// Assemble makes resources of workloads, lets what belongs to them join them,
// and applies the options. Those of k8s_custom_deploy are there already.
func (s *Set) Assemble() error {
	services, err := s.takeWorkloads()
	if err != nil {
		return err
	}
	if err := s.takePods(services); err != nil {
		return err
	}
	if err := s.applyOptions(); err != nil {
		return err
	}
	for _, res := range s.resources {
		if err := s.linkImages(res); err != nil {
			return err
		}
	}
	return nil
}

// takeWorkloads makes resources of the objects that name images, and of those of
// a k8s_kind.
func (s *Set) takeWorkloads() (serviceIndex, error) {
	workloads, err := s.workloads()
	if err != nil {
		return nil, err
	}
	names, err := s.workloadNames(workloads)
	if err != nil {
		return nil, err
	}
	services := s.services()
	for i, w := range workloads {
		res, err := s.NewResource(names[i])
		if err != nil {
			return nil, &fault.Located{Pos: w.Pos, Err: fmt.Errorf("error making resource for workload %s: %w", w.id(), err)}
		}
		res.take(w)
		services.join(res, w)
	}
	return services, nil
}

// takePods makes resources of objects that have pods without an image that is
// known, or lets those of the same name take them.
func (s *Set) takePods(services serviceIndex) error {
	for _, o := range s.objects {
		if _, _, ok := o.Of.PodTemplate(); !ok || o.taken {
			continue
		}
		res := s.byName[o.Of.Name]
		if res == nil {
			var err error
			if res, err = s.NewResource(o.Of.Name); err != nil {
				return &fault.Located{Pos: o.Pos, Err: err}
			}
		}
		res.take(o)
		services.join(res, o)
	}
	return nil
}

func (s *Set) workloads() ([]*Object, error) {
	var workloads []*Object
	inEnv := s.Images.AnyInEnv()
	for _, o := range s.objects {
		if err := s.findImages(o, inEnv); err != nil {
			return nil, err
		}
		if o.isWorkload() {
			workloads = append(workloads, o)
		}
	}
	return workloads, nil
}

func (s *Set) workloadNames(workloads []*Object) ([]string, error) {
	if s.Names == nil {
		return uniqueNames(workloads), nil
	}
	ids := make([]value.ObjectID, len(workloads))
	for i, w := range workloads {
		ids[i] = w.id()
	}
	return s.Names(ids)
}

// linkImages finds the images that a resource's objects name, and those that a
// k8s_custom_deploy needs, which must be there.
func (s *Set) linkImages(res *Resource) error {
	for _, o := range res.objects {
		for i := range o.refs {
			ref := &o.refs[i]
			img := s.Images.Find(ref.Name)
			if img == nil {
				continue
			}
			ref.Ref.Ref = img.Ref
			o.ImageRefs = append(o.ImageRefs, ref.Ref)
			if img.LiveUpdateOnly {
				img.DeployedAs = reference.FamiliarString(ref.Name.Named)
			}
			res.use(img)
		}
	}
	if res.CustomDeploy == nil {
		return nil
	}
	for _, name := range res.CustomDeploy.ImageDeps {
		img := s.Images.FindText(name)
		if img == nil {
			return &fault.Located{Pos: res.Pos, Err: fmt.Errorf("resource %q: image build %q not found", res.Name, name)}
		}
		res.use(img)
	}
	return nil
}

func (res *Resource) use(img *image.Image) {
	img.Matched = true
	if !slices.Contains(res.images, img) {
		res.images = append(res.images, img)
		res.Images = append(res.Images, img.Ref)
	}
}

// UseImages marks what is built for the resources.
func (s *Set) UseImages() error {
	for _, res := range s.resources {
		if err := image.UseAll(res.Name, res.images); err != nil {
			return err
		}
	}
	return nil
}

// Asked returns the names of the images that objects name.
func (s *Set) Asked() []reference.Named {
	var names []reference.Named
	for _, o := range s.objects {
		for _, ref := range o.refs {
			names = append(names, ref.Name.Named)
		}
	}
	return names
}

// uniqueNames returns the shortest name of each object that no other of them
// has: name, name:kind, name:kind:namespace and so on. Those that are the same
// to the last part have their number behind it.
func uniqueNames(objects []*Object) []string {
	counts := make(map[string]int, 4*len(objects))
	for _, o := range objects {
		for _, p := range o.Of.Prefixes {
			counts[p]++
		}
	}
	names := make([]string, len(objects))
	for i, o := range objects {
		names[i] = fmt.Sprintf("%s:%d", o.Of.Prefixes[len(o.Of.Prefixes)-1], i)
		for _, p := range o.Of.Prefixes {
			if counts[p] == 1 {
				names[i] = p
				break
			}
		}
	}
	return names
}
