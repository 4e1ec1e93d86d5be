package eval

import (
	"fmt"
	"slices"
	"strings"
)

// serviceIndex are the Services by namespace and by one of the labels that
// they select, so that a workload looks at few of them.
type serviceIndex map[string][]*object

func (y *yamlState) services() serviceIndex {
	index := serviceIndex{}
	for _, o := range y.objects {
		if o.kind != "Service" || o.group != "" {
			continue
		}
		for _, k := range sortedKeys(mapAt(o.Content, "spec", "selector")) {
			key := serviceKey(o.namespace, k, mapAt(o.Content, "spec", "selector")[k])
			index[key] = append(index[key], o)
			break
		}
	}
	return index
}

func serviceKey(namespace, label string, value any) string {
	return namespace + "\x00" + label + "\x00" + fmt.Sprint(value)
}

// join adds the Services that select a workload's pods to its resource.
func (x serviceIndex) join(res *resource, w *object) {
	template, _, ok := w.podTemplate()
	if !ok {
		return
	}
	labels := mapAt(template, "metadata", "labels")
	var found []*object
	for k, v := range labels {
		for _, s := range x[serviceKey(w.namespace, k, v)] {
			if !s.taken && s.selects(w, labels) {
				found = append(found, s)
			}
		}
	}
	slices.SortFunc(found, func(a, b *object) int { return strings.Compare(a.key(), b.key()) })
	for _, s := range found {
		if !s.taken {
			res.take(s)
		}
	}
}
