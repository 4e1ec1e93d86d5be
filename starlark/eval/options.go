package eval

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
func (r *run) applyOptions() error {
	y := &r.yaml
	objects := r.objectIndex()
	for _, opt := range y.options {
		at := func(err error) error { return &fault.Located{Pos: opt.pos, Err: err} }
		if opt.grouped {
			res, err := r.newK8s(opt.newName)
			if err != nil {
				return at(err)
			}
			res.grouped, res.Pos = true, opt.pos
		}
		res := y.byName[opt.workload]
		if res == nil {
			return at(fmt.Errorf("k8s_resource specified unknown resource %q. known k8s resources: %s", opt.workload, strings.Join(value.SortedKeys(y.byName), ", ")))
		}
		if err := r.applyOne(res, opt); err != nil {
			return at(err)
		}
		keys := make([]string, len(opt.objects))
		for i, f := range opt.objects {
			var err error
			if keys[i], err = checkFragment(f); err != nil {
				return at(err)
			}
		}
		for i, f := range opt.objects {
			o, err := objects.find(f, keys[i])
			if err != nil {
				return at(err)
			}
			res.take(o)
		}
	}
	return nil
}

// applyOne merges one call of k8s_resource in a resource.
func (r *run) applyOne(res *resource, opt *k8sOptions) error {
	res.ExtraPodSelectors = append(res.ExtraPodSelectors, opt.selectors...)
	res.PortForwards = append(res.PortForwards, opt.portForwards...)
	res.ResourceDeps = append(res.ResourceDeps, opt.resourceDeps...)
	res.Links = append(res.Links, opt.links...)
	res.Labels = append(res.Labels, opt.labels...)
	if opt.readiness != "" {
		res.PodReadiness = opt.readiness
	}
	if opt.discovery != "" {
		res.DiscoveryStrategy = opt.discovery
	}
	if opt.triggerMode != value.TriggerUnset {
		res.triggerMode = opt.triggerMode
	}
	if opt.autoInit.Set {
		res.AutoInit = opt.autoInit.Value
	}
	if opt.newName == "" || opt.newName == res.Name {
		return nil
	}
	if err := r.conflict(opt.newName); err != nil {
		return fmt.Errorf("k8s_resource specified to rename %q to %q: %w", res.Name, opt.newName, err)
	}
	delete(r.yaml.byName, res.Name)
	res.Name = opt.newName
	r.yaml.byName[res.Name] = res
	return nil
}

// objectIndex finds the objects of the project by their names, short and long.
type objectIndex struct {
	run        *run
	byFragment map[string][]*object
}

func (r *run) objectIndex() objectIndex {
	x := objectIndex{r, map[string][]*object{}}
	if slices.ContainsFunc(r.yaml.options, func(o *k8sOptions) bool { return len(o.objects) > 0 }) {
		for _, o := range r.yaml.objects {
			for _, p := range o.of.Prefixes {
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
func (x objectIndex) find(fragment, key string) (*object, error) {
	found := x.byFragment[key]
	switch {
	case len(found) == 0:
		return nil, fault.Tiltf("No object identified by the fragment %q could be found. Possible objects are: %s", fragment, fullNames(x.run.yaml.objects))
	case len(found) > 1:
		return nil, fault.Tiltf("%q is not a unique fragment. Objects that match %q are %s", fragment, fragment, fullNames(found))
	case found[0].taken:
		return nil, fault.Tiltf("No object identified by the fragment %q could be found in remaining YAML. Valid remaining fragments are: %s", fragment, fullNames(x.run.unassigned()))
	}
	return found[0], nil
}

// fullNames lists objects for a message.
func fullNames(objects []*object) string {
	names := make([]string, len(objects))
	for i, o := range objects {
		names[i] = o.of.FullName()
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
