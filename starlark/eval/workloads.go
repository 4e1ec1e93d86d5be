package eval

import (
	"fmt"
	"slices"

	"go.starlark.net/starlark"

	"github.com/towline-dev/towline/starlark/config"
)

// resource is a Kubernetes resource while it is put together.
type resource struct {
	config.Resource
	objects     []*object
	images      []*image
	grouped     bool
	triggerMode triggerMode
}

// assembleK8s makes resources of workloads, lets what belongs to them join
// them, and applies the options.
func (r *run) assembleK8s() ([]*resource, error) {
	y := &r.yaml
	y.byName = make(map[string]*resource, len(y.objects)/2)
	workloads, err := r.workloads()
	if err != nil {
		return nil, err
	}
	names, err := r.workloadNames(workloads)
	if err != nil {
		return nil, err
	}
	services := y.services()
	all := make([]*resource, 0, len(workloads)+len(y.custom))
	for _, d := range y.custom {
		res, err := r.newK8s(d.name)
		if err != nil {
			return nil, &placed{pos: d.pos, err: err}
		}
		res.Pos, res.CustomDeploy = d.pos, d.deploy
		if err := r.linkCustom(res, d); err != nil {
			return nil, err
		}
		all = append(all, res)
	}
	for i, w := range workloads {
		res, err := r.newK8s(names[i])
		if err != nil {
			return nil, fmt.Errorf("error making resource for workload %s: %w", w.id(), err)
		}
		all = append(all, res)
		res.take(w)
		services.join(res, w)
	}
	for _, o := range y.objects { // pods without an image that is known
		if _, _, ok := o.podTemplate(); !ok || o.taken {
			continue
		}
		res := y.byName[o.name]
		if res == nil {
			if res, err = r.newK8s(o.name); err != nil {
				return nil, err
			}
			all = append(all, res)
		}
		res.take(o)
		services.join(res, o)
	}
	return r.applyOptions(all)
}

// workloads returns the objects that name images, and those of a k8s_kind.
func (r *run) workloads() ([]*object, error) {
	var workloads []*object
	inEnv := r.images.anyInEnv()
	for _, o := range r.yaml.objects {
		if err := r.findImages(o, inEnv); err != nil {
			return nil, &placed{pos: o.Pos, err: fmt.Errorf("finding images in %s: %w", o.name, err)}
		}
		workload := len(o.refs) > 0
		for _, k := range r.yaml.kinds {
			workload = workload || k.workload && k.selector.matches(o)
		}
		if workload {
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
		return &placed{pos: position(f.Position()), err: fmt.Errorf("error applying workload_to_resource_function %s: %w", f.Position(), err)}
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

// linkCustom finds the images that a k8s_custom_deploy needs.
func (r *run) linkCustom(res *resource, d *customDecl) error {
	for _, name := range d.deploy.ImageDeps {
		img := r.findImage(name)
		if img == nil {
			return &placed{pos: d.pos, err: fmt.Errorf("k8s_custom_deploy %q: image dep %q not found", d.name, name)}
		}
		if !slices.Contains(res.images, img) {
			res.images = append(res.images, img)
			res.Images = append(res.Images, img.Ref)
		}
		img.markUsed()
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

func (r *run) newK8s(name string) (*resource, error) {
	if err := r.conflict(name); err != nil {
		return nil, err
	}
	res := &resource{Resource: config.Resource{Name: name, Kind: config.KindK8s, AutoInit: true}}
	r.yaml.byName[name] = res
	return res, nil
}

func (res *resource) take(o *object) {
	o.taken = true
	res.objects = append(res.objects, o)
	if res.Pos == (config.Position{}) {
		res.Pos = o.Pos
	}
}

// finishK8s finds a resource's images and defaults, and adds it to the project.
func (r *run) finishK8s(res *resource) {
	for _, o := range res.objects {
		for i := range o.refs {
			img := r.images.find(o.refs[i].name)
			if img == nil {
				continue
			}
			o.refs[i].ref.Ref = img.Ref
			o.ImageRefs = append(o.ImageRefs, o.refs[i].ref)
			if !slices.Contains(res.images, img) {
				res.images = append(res.images, img)
				res.Images = append(res.Images, img.Ref)
			}
			img.markUsed()
		}
		res.Objects = append(res.Objects, o.key)
		r.addObject(o, res.Name)
	}
	if res.PodReadiness == "" {
		res.PodReadiness = r.inferReadiness(res)
	}
	slices.Sort(res.Labels)
	res.Labels = slices.Compact(res.Labels)
	res.TriggerMode = res.triggerMode.orElse(r.triggerMode)
	r.project.Resources = append(r.project.Resources, res.Resource)
}
