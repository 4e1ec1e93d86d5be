package eval

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// applyOptions applies the calls of k8s_resource, in their order.
func (r *run) applyOptions(all []*resource) ([]*resource, error) {
	y := &r.yaml
	fragments := map[string][]*object{}
	fullNames := func() (names []string) {
		for _, o := range y.objects {
			names = append(names, o.fullName())
		}
		return names
	}
	if slices.ContainsFunc(y.options, func(o *k8sOptions) bool { return len(o.objects) > 0 }) {
		for _, o := range y.objects {
			for _, f := range o.fragments {
				fragments[f] = append(fragments[f], o)
			}
		}
	}
	for _, opt := range y.options {
		at := func(err error) error { return &placed{pos: opt.pos, err: err} }
		if opt.grouped && y.byName[opt.newName] == nil {
			res, err := r.newK8s(opt.newName)
			if err != nil {
				return nil, at(err)
			}
			res.grouped, res.Pos = true, opt.pos
			all = append(all, res)
		}
		res := y.byName[opt.workload]
		if res == nil {
			return nil, at(fmt.Errorf("k8s_resource specified unknown resource %q. known k8s resources: %s", opt.workload, strings.Join(sortedKeys(y.byName), ", ")))
		}
		if err := r.applyOne(res, opt); err != nil {
			return nil, at(err)
		}
		for _, f := range opt.objects {
			if err := res.takeFragment(f, fragments, fullNames, r.loose); err != nil {
				return nil, at(err)
			}
		}
	}
	for _, res := range all {
		if len(res.objects) == 0 && res.CustomDeploy == nil {
			return nil, fmt.Errorf("resource %q: could not associate any k8s YAML with this resource", res.Name)
		}
	}
	return all, nil
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
	if opt.triggerMode != triggerUnset {
		res.triggerMode = opt.triggerMode
	}
	if opt.autoInit.set {
		res.AutoInit = opt.autoInit.value
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

// takeFragment moves the one object that a selector names to the resource.
func (res *resource) takeFragment(fragment string, fragments map[string][]*object, fullNames func() []string, loose func() []*object) error {
	found := fragments[strings.ToLower(fragment)]
	switch {
	case strings.Count(strings.ReplaceAll(fragment, `\:`, ""), ":") > 3:
		return fmt.Errorf("Error making selector from string %q: Too many parts in selector. Selectors must contain between 1 and 3 parts (colon separated), found %d parts in %s", fragment, strings.Count(fragment, ":")+1, fragment)
	case len(found) == 0:
		return sayf("No object identified by the fragment %q could be found. Possible objects are: %s", fragment, quoted(fullNames()))
	case len(found) > 1:
		var names []string
		for _, o := range found {
			names = append(names, o.fullName())
		}
		return fmt.Errorf("%q is not a unique fragment. Objects that match %q are %s", fragment, fragment, quoted(names))
	case found[0].taken:
		var names []string
		for _, o := range loose() {
			names = append(names, o.fullName())
		}
		return sayf("No object identified by the fragment %q could be found in remaining YAML. Valid remaining fragments are: %s", fragment, quoted(names))
	}
	res.take(found[0])
	return nil
}

func quoted(names []string) string {
	all := make([]string, len(names))
	for i, n := range names {
		all[i] = strconv.Quote(n)
	}
	return strings.Join(all, ", ")
}
