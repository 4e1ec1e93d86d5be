package eval

import "slices"

// serviceIndex are the Services by one of the labels that they select, so that
// a workload looks at few of them.
type serviceIndex map[string][]*object

func (y *yamlState) services() serviceIndex {
	index := make(serviceIndex, len(y.objects)/2)
	for _, o := range y.objects {
		if o.of.ServiceKey() != "" && !o.isWorkload() {
			index[o.of.ServiceKey()] = append(index[o.of.ServiceKey()], o)
		}
	}
	return index
}

// join adds the Services that select a workload's pods to its resource, those
// of other namespaces too.
func (x serviceIndex) join(res *resource, w *object) {
	var found []*object
	for _, key := range w.of.PodKeys() {
		for _, s := range x[key] {
			if !s.taken && s.of.SelectsPods(w.of) {
				found = append(found, s)
			}
		}
	}
	slices.SortFunc(found, func(a, b *object) int { return a.order - b.order })
	for _, s := range found {
		res.take(s)
	}
}
