package eval

import (
	"fmt"
	"reflect"
	"slices"

	"github.com/towline-dev/towline/starlark/value"
)

// serviceIndex are the Services by one of the labels that they select, so that
// a workload looks at few of them.
type serviceIndex map[string][]*object

func (y *yamlState) services() serviceIndex {
	index := make(serviceIndex, len(y.objects)/2)
	for _, o := range y.objects {
		if o.selects != "" && !o.isWorkload() {
			index[o.selects] = append(index[o.selects], o)
		}
	}
	return index
}

// indexLabels fills what joins Services and the pods that they select.
func (o *objectTemplate) indexLabels() {
	key := func(label string, value any) string { return label + "\x00" + fmt.Sprint(value) }
	if o.isService() {
		selector := o.selector()
		if labels := value.SortedKeys(selector); len(labels) > 0 {
			o.selects = key(labels[0], selector[labels[0]])
		}
	}
	for label, value := range o.templateLabels() {
		o.podLabels = append(o.podLabels, key(label, value))
	}
}

func (o *objectTemplate) isService() bool { return o.kind == "Service" && o.apiVersion == "v1" }

// selector is the labels of the pods that a Service selects.
func (o *objectTemplate) selector() map[string]any { return mapAt(o.content, "spec", "selector") }

// templateLabels are the labels of a workload's pods.
func (o *objectTemplate) templateLabels() map[string]any {
	template, _, _ := o.podTemplate()
	return mapAt(template, "metadata", "labels")
}

// selectsPods reports whether a Service selects the pods of a workload, be
// they of another namespace.
func (o *objectTemplate) selectsPods(workload *objectTemplate) bool {
	labels := workload.templateLabels()
	for k, v := range o.selector() {
		if !sameLabel(labels[k], v) {
			return false
		}
	}
	return o.selects != ""
}

// sameLabel compares two values of labels, which are strings unless somebody
// made a mistake.
func sameLabel(have, want any) bool {
	if text, ok := want.(string); ok {
		return have == text
	}
	return reflect.DeepEqual(have, want)
}

// join adds the Services that select a workload's pods to its resource, those
// of other namespaces too.
func (x serviceIndex) join(res *resource, w *object) {
	var found []*object
	for _, key := range w.podLabels {
		for _, s := range x[key] {
			if !s.taken && s.selectsPods(w.objectTemplate) {
				found = append(found, s)
			}
		}
	}
	slices.SortFunc(found, func(a, b *object) int { return a.order - b.order })
	for _, s := range found {
		res.take(s)
	}
}
