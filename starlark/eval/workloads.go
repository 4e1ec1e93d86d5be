package eval

import (
	"fmt"
	"slices"

	"github.com/distribution/reference"
	"go.starlark.net/starlark"

	"github.com/towline-dev/towline/starlark/config"
	"github.com/towline-dev/towline/starlark/fault"
	"github.com/towline-dev/towline/starlark/manifest"
	"github.com/towline-dev/towline/starlark/value"
)

// resource is a Kubernetes resource while it is put together.
type resource struct {
	config.Resource
	objects     []*object
	images      []*image
	grouped     bool
	triggerMode value.TriggerMode
}

// assembleK8s makes resources of workloads, lets what belongs to them join
// them, and applies the options. Those of k8s_custom_deploy are there already.
func (r *run) assembleK8s() error {
	y := &r.yaml
	workloads, err := r.workloads()
	if err != nil {
		return err
	}
	names, err := r.workloadNames(workloads)
	if err != nil {
		return err
	}
	services := y.services()
	for i, w := range workloads {
		res, err := r.newK8s(names[i])
		if err != nil {
			return &fault.Located{Pos: w.Pos, Err: fmt.Errorf("error making resource for workload %s: %w", w.id(), err)}
		}
		res.take(w)
		services.join(res, w)
	}
	for _, o := range y.objects { // pods without an image that is known
		if _, _, ok := o.of.PodTemplate(); !ok || o.taken {
			continue
		}
		res := y.byName[o.of.Name]
		if res == nil {
			if res, err = r.newK8s(o.of.Name); err != nil {
				return &fault.Located{Pos: o.Pos, Err: err}
			}
		}
		res.take(o)
		services.join(res, o)
	}
	if err := r.applyOptions(); err != nil {
		return err
	}
	for _, res := range y.resources {
		if err := r.linkImages(res); err != nil {
			return err
		}
	}
	return nil
}

// workloads returns the objects that name images, and those of a k8s_kind.
func (r *run) workloads() ([]*object, error) {
	var workloads []*object
	inEnv := r.images.anyInEnv()
	for _, o := range r.yaml.objects {
		if err := r.findImages(o, inEnv); err != nil {
			return nil, err
		}
		if o.isWorkload() {
			workloads = append(workloads, o)
		}
	}
	return workloads, nil
}

func (r *run) workloadNames(workloads []*object) ([]string, error) {
	f := r.yaml.nameFunc
	if f == nil {
		return uniqueNames(workloads), nil
	}
	at := func(err error) error {
		return &fault.Located{Pos: position(f.Position()), Err: fmt.Errorf("error applying workload_to_resource_function %s: %w", f.Position(), err)}
	}
	names, taken := make([]string, len(workloads)), map[string]*object{}
	for i, w := range workloads {
		v, err := starlark.Call(r.thread, f, starlark.Tuple{w.id()}, nil)
		if err != nil {
			return nil, at(fmt.Errorf("error determining resource name for '%s': %w", w.id(), err))
		}
		s, ok := v.(starlark.String)
		if !ok {
			return nil, at(fmt.Errorf("error determining resource name for '%s': %s: invalid return value. wanted: string. got: %T", w.id(), f.Name(), v))
		}
		if other := taken[string(s)]; other != nil {
			return nil, at(fmt.Errorf("both '%s' and '%s' mapped to resource name '%s'", w.id(), other.id(), string(s)))
		}
		names[i], taken[string(s)] = string(s), w
	}
	return names, nil
}

// linkImages finds the images that a resource's objects name, and those that a
// k8s_custom_deploy needs, which must be there.
func (r *run) linkImages(res *resource) error {
	use := func(img *image) {
		img.matched = true
		if !slices.Contains(res.images, img) {
			res.images = append(res.images, img)
			res.Images = append(res.Images, img.Ref)
		}
	}
	for _, o := range res.objects {
		for i := range o.refs {
			if img := r.images.find(o.refs[i].Name); img != nil {
				o.refs[i].Ref.Ref = img.Ref
				o.ImageRefs = append(o.ImageRefs, o.refs[i].Ref)
				if img.LiveUpdateOnly {
					img.DeployedAs = reference.FamiliarString(o.refs[i].Name.Named)
				}
				use(img)
			}
		}
	}
	if res.CustomDeploy == nil {
		return nil
	}
	for _, name := range res.CustomDeploy.ImageDeps {
		img := r.findImage(name)
		if img == nil {
			return &fault.Located{Pos: res.Pos, Err: fmt.Errorf("resource %q: image build %q not found", res.Name, name)}
		}
		use(img)
	}
	return nil
}

// conflict says who has a resource's name already.
func (r *run) conflict(name string) error {
	if r.yaml.byName[name] != nil {
		return fmt.Errorf("k8s_resource named %q already exists", name)
	}
	for _, l := range r.local {
		if l.name == name {
			return fmt.Errorf("local_resource named %q already exists", name)
		}
	}
	if r.compose.has(name) {
		return fmt.Errorf("dc_resource named %q already exists", name)
	}
	return nil
}

// newK8s adds a resource without objects.
func (r *run) newK8s(name string) (*resource, error) {
	if err := r.conflict(name); err != nil {
		return nil, err
	}
	res := &resource{Resource: config.Resource{Name: name, Kind: config.KindK8s, AutoInit: true}}
	r.yaml.byName[name] = res
	r.yaml.resources = append(r.yaml.resources, res)
	return res, nil
}

func (res *resource) take(o *object) {
	o.taken = true
	res.objects = append(res.objects, o)
	if res.Pos == (config.Position{}) {
		res.Pos = o.Pos
	}
}

// finishK8s fills in a resource's defaults and adds it, with its objects in the
// order of their kinds, to the project.
func (r *run) finishK8s(res *resource) {
	sortByKind(res.objects)
	for _, o := range res.objects {
		res.Objects = append(res.Objects, o.of.Key)
		r.addObject(o, res.Name)
	}
	if res.PodReadiness == "" {
		res.PodReadiness = res.inferReadiness()
	}
	slices.Sort(res.Labels)
	res.Labels = slices.Compact(res.Labels)
	res.TriggerMode = res.triggerMode.OrElse(r.triggerMode)
	r.project.Resources = append(r.project.Resources, res.Resource)
}

// sortByKind puts objects in the order in which they are applied.
func sortByKind(objects []*object) {
	slices.SortStableFunc(objects, func(a, b *object) int { return manifest.Rank(a.of.Kind) - manifest.Rank(b.of.Kind) })
}
