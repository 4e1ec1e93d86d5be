package assembly

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/towline-dev/towline/starlark/fault"
	"github.com/towline-dev/towline/starlark/manifest"
	"github.com/towline-dev/towline/starlark/value"
)

// applyOptions applies the calls of k8s_resource, in their order.
func (s *Set) applyOptions() error {
	objects := s.index()
	for _, opt := range s.options {
		if err := s.applyOne(opt, objects); err != nil {
			return &fault.Located{Pos: opt.Pos, Err: err}
		}
	}
	return nil
}

func (s *Set) applyOne(opt *Options, objects objectIndex) error {
	if opt.Grouped {
		res, err := s.NewResource(opt.NewName)
		if err != nil {
			return err
		}
		res.grouped, res.Pos = true, opt.Pos
	}
	res := s.byName[opt.Workload]
	if res == nil {
		return fmt.Errorf("k8s_resource specified unknown resource %q. known k8s resources: %s", opt.Workload, strings.Join(value.SortedKeys(s.byName), ", "))
	}
	res.merge(opt)
	if err := s.rename(res, opt.NewName); err != nil {
		return err
	}
	keys := make([]string, len(opt.Objects))
	for i, f := range opt.Objects {
		var err error
		if keys[i], err = checkFragment(f); err != nil {
			return err
		}
	}
	for i, f := range opt.Objects {
		o, err := objects.find(f, keys[i])
		if err != nil {
			return err
		}
		res.take(o)
	}
	return nil
}

// merge merges one call of k8s_resource in a resource.
func (res *Resource) merge(opt *Options) {
	res.ExtraPodSelectors = append(res.ExtraPodSelectors, opt.Selectors...)
	res.PortForwards = append(res.PortForwards, opt.PortForwards...)
	res.ResourceDeps = append(res.ResourceDeps, opt.ResourceDeps...)
	res.Links = append(res.Links, opt.Links...)
	res.Labels = append(res.Labels, opt.Labels...)
	if opt.Readiness != "" {
		res.PodReadiness = opt.Readiness
	}
	if opt.Discovery != "" {
		res.DiscoveryStrategy = opt.Discovery
	}
	if opt.TriggerMode != value.TriggerUnset {
		res.triggerMode = opt.TriggerMode
	}
	if opt.AutoInit != nil {
		res.AutoInit = *opt.AutoInit
	}
}

// rename gives a resource another name, unless that is empty.
func (s *Set) rename(res *Resource, name string) error {
	if name == "" || name == res.Name {
		return nil
	}
	if err := s.conflict(name); err != nil {
		return fmt.Errorf("k8s_resource specified to rename %q to %q: %w", res.Name, name, err)
	}
	delete(s.byName, res.Name)
	res.Name = name
	s.byName[name] = res
	return nil
}

// objectIndex finds the objects of the project by their names, short and long.
type objectIndex struct {
	set        *Set
	byFragment map[string][]*Object
}

func (s *Set) index() objectIndex {
	x := objectIndex{s, map[string][]*Object{}}
	if slices.ContainsFunc(s.options, func(o *Options) bool { return len(o.Objects) > 0 }) {
		for _, o := range s.objects {
			for _, p := range o.Of.Prefixes {
				x.byFragment[p] = append(x.byFragment[p], o)
			}
		}
	}
	return x
}

// checkFragment checks the form of what names an object: name, name:kind or
// name:kind:namespace. A backslash stands before a colon or a backslash in a
// name. It returns the form in which objects are indexed.
func checkFragment(fragment string) (string, error) {
	if fragment == "" {
		return "", fault.Tiltf("Error making selector from string %q: selector can't be empty", fragment)
	}
	parts := []string{""}
	for i := 0; i < len(fragment); i++ {
		last := &parts[len(parts)-1]
		switch c := fragment[i]; {
		case c == ':':
			parts = append(parts, "")
		case c != '\\':
			*last += string(c)
		case i+1 < len(fragment) && (fragment[i+1] == ':' || fragment[i+1] == '\\'):
			i++
			*last += string(fragment[i])
		default:
			return "", fault.Tiltf("Error making selector from string %q: a backslash may only stand before a colon or another backslash", fragment)
		}
	}
	if len(parts) > 3 {
		return "", fault.Tiltf("Error making selector from string %q: Too many parts in selector. Selectors must contain between 1 and 3 parts (colon separated), found %d parts in %s", fragment, len(parts), fragment)
	}
	for i := range parts {
		parts[i] = manifest.Escape(parts[i])
	}
	return strings.ToLower(strings.Join(parts, ":")), nil
}

// find returns the one object that a fragment names; it must belong to no
// resource yet.
func (x objectIndex) find(fragment, key string) (*Object, error) {
	found := x.byFragment[key]
	switch {
	case len(found) == 0:
		return nil, fault.Tiltf("No object identified by the fragment %q could be found. Possible objects are: %s", fragment, fullNames(x.set.objects))
	case len(found) > 1:
		return nil, fault.Tiltf("%q is not a unique fragment. Objects that match %q are %s", fragment, fragment, fullNames(found))
	case found[0].taken:
		return nil, fault.Tiltf("No object identified by the fragment %q could be found in remaining YAML. Valid remaining fragments are: %s", fragment, fullNames(x.set.Loose()))
	}
	return found[0], nil
}

// fullNames lists objects for a message.
func fullNames(objects []*Object) string {
	names := make([]string, len(objects))
	for i, o := range objects {
		names[i] = o.Of.FullName()
	}
	return quoted(names)
}

func quoted(names []string) string {
	all := make([]string, len(names))
	for i, n := range names {
		all[i] = strconv.Quote(n)
	}
	return strings.Join(all, ", ")
}
