package assembly

import (
	"slices"

	"github.com/towline-dev/towline/starlark/config"
	"github.com/towline-dev/towline/starlark/manifest"
	"github.com/towline-dev/towline/starlark/value"
)

// AddTo adds the resources, with their defaults filled in, to a project, and
// their objects in the order of their kinds.
func (s *Set) AddTo(p *config.Project, mode value.TriggerMode) {
	p.YAML = make([]config.Object, 0, len(s.objects))
	for _, res := range s.resources {
		sortByKind(res.objects)
		for _, o := range res.objects {
			res.Objects = append(res.Objects, o.Of.Key)
			o.addTo(p, res.Name)
		}
		if res.PodReadiness == "" {
			res.PodReadiness = res.inferReadiness()
		}
		slices.Sort(res.Labels)
		res.Labels = slices.Compact(res.Labels)
		res.TriggerMode = res.triggerMode.OrElse(mode)
		p.Resources = append(p.Resources, res.Resource)
	}
}

// AddLoose adds the objects that belong to no resource to a project, and the
// resource that stands for them.
func (s *Set) AddLoose(p *config.Project) {
	loose := s.Loose()
	sortByKind(loose)
	if len(loose) == 0 {
		return
	}
	res := config.Resource{
		Name: Uncategorized, Kind: config.KindK8s, AutoInit: true, PodReadiness: config.ReadinessIgnore,
		TriggerMode: config.TriggerAuto, Pos: loose[0].Pos,
	}
	for _, o := range loose {
		res.Objects = append(res.Objects, o.Of.Key)
		o.addTo(p, Uncategorized)
	}
	p.Resources = append(p.Resources, res)
}

// sortByKind puts objects in the order in which they are applied.
func sortByKind(objects []*Object) {
	slices.SortStableFunc(objects, func(a, b *Object) int { return manifest.Rank(a.Of.Kind) - manifest.Rank(b.Of.Kind) })
}

// inferReadiness says what counts as ready when the Tiltfile does not: what the
// rules of its objects' kinds say, the most patient one first; for objects that
// were grouped by hand, and with which no pods can be connected, nothing.
func (res *Resource) inferReadiness() config.PodReadiness {
	modes := map[config.PodReadiness]bool{}
	for _, o := range res.objects {
		for _, r := range o.rules {
			modes[r.Readiness] = true
		}
	}
	for _, m := range []config.PodReadiness{config.ReadinessWait, config.ReadinessIgnore, config.ReadinessSucceeded} {
		if modes[m] {
			return m
		}
	}
	if res.grouped && len(res.ExtraPodSelectors) == 0 && len(res.images) == 0 {
		return config.ReadinessIgnore
	}
	return config.ReadinessWait
}
