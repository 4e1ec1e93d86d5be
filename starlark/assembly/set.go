package assembly

import (
	"fmt"
	"slices"

	"github.com/towline-dev/towline/starlark/config"
	"github.com/towline-dev/towline/starlark/image"
	"github.com/towline-dev/towline/starlark/value"
)

// Set is what the Kubernetes built-ins noted.
type Set struct {
	Images *image.Index
	Others func(name string) error                            // says who else has a resource's name
	Names  func(workloads []value.ObjectID) ([]string, error) // names workloads; nil: the shortest names

	rules     []*Rule
	options   []*Options
	objects   []*Object
	declared  map[objectRef]*Object
	resources []*Resource // in Tilt's order: custom deployments, workloads, groups of objects
	byName    map[string]*Resource
}

// NewSet returns a set without objects, in which the rules hold that need no
// k8s_kind.
func NewSet(images *image.Index, others func(name string) error) *Set {
	return &Set{Images: images, Others: others, rules: initialRules(), declared: map[objectRef]*Object{}, byName: map[string]*Resource{}}
}

// AddRule takes what a k8s_kind or k8s_image_json_path says.
func (s *Set) AddRule(r *Rule) { s.rules = append(s.rules, r) }

// AddOptions takes what a k8s_resource says.
func (s *Set) AddOptions(o *Options) { s.options = append(s.options, o) }

// Objects returns the objects, in the order in which they were declared.
func (s *Set) Objects() []*Object { return s.objects }

// Resources returns the resources that there are by now.
func (s *Set) Resources() []*Resource { return s.resources }

// Has reports whether there is a resource of this name.
func (s *Set) Has(name string) bool { return s.byName[name] != nil }

// OnlyRoles reports whether an object's role (see manifest.SameRole) is all that
// the resources depend on: no path and no variable was looked at for images.
func (s *Set) OnlyRoles(o *Object) bool {
	return !s.Images.AnyInEnv() && !slices.ContainsFunc(o.rules, func(r *Rule) bool { return len(r.Paths) > 0 })
}

// Empty reports whether there is nothing to deploy.
func (s *Set) Empty() bool { return len(s.objects) == 0 && len(s.resources) == 0 }

// Resource is a Kubernetes resource while it is put together.
type Resource struct {
	config.Resource
	objects     []*Object
	images      []*image.Image
	grouped     bool // made of objects, not of a workload
	triggerMode value.TriggerMode
}

// NewResource adds a resource without objects.
func (s *Set) NewResource(name string) (*Resource, error) {
	if err := s.conflict(name); err != nil {
		return nil, err
	}
	res := &Resource{Resource: config.Resource{Name: name, Kind: config.KindK8s, AutoInit: true}}
	s.byName[name] = res
	s.resources = append(s.resources, res)
	return res, nil
}

// conflict says who has a resource's name already.
func (s *Set) conflict(name string) error {
	if s.Has(name) {
		return fmt.Errorf("k8s_resource named %q already exists", name)
	}
	return s.Others(name)
}

func (res *Resource) take(o *Object) {
	o.taken = true
	res.objects = append(res.objects, o)
	if res.Pos == (config.Position{}) {
		res.Pos = o.Pos
	}
}

// Loose returns the objects that belong to no resource.
func (s *Set) Loose() []*Object {
	var all []*Object
	for _, o := range s.objects {
		if !o.taken {
			all = append(all, o)
		}
	}
	return all
}
