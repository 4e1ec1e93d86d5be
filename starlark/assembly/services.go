package assembly

import "slices"

// serviceIndex are the Services by one of the labels that they select, so that
// a workload looks at few of them.
type serviceIndex map[string][]*Object

func (s *Set) services() serviceIndex {
	index := make(serviceIndex, len(s.objects)/2)
	for _, o := range s.objects {
		if o.Of.ServiceKey() != "" && !o.isWorkload() {
			index[o.Of.ServiceKey()] = append(index[o.Of.ServiceKey()], o)
		}
	}
	return index
}

// join adds the Services that select a workload's pods to its resource, those
// of other namespaces too.
func (x serviceIndex) join(res *Resource, w *Object) {
	var found []*Object
	for _, key := range w.Of.PodKeys() {
		for _, s := range x[key] {
			if !s.taken && s.Of.SelectsPods(w.Of) {
				found = append(found, s)
			}
		}
	}
	slices.SortFunc(found, func(a, b *Object) int { return a.order - b.order })
	for _, s := range found {
		res.take(s)
	}
}
