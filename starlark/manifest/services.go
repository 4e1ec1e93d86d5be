package manifest

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
)

// indexLabels fills what joins Services and the pods that they select.
func (o *Manifest) indexLabels() {
	key := func(label string, value any) string { return label + "\x00" + fmt.Sprint(value) }
	if o.isService() {
		selector := o.selector()
		if labels := slices.Sorted(maps.Keys(selector)); len(labels) > 0 {
			o.selects = key(labels[0], selector[labels[0]])
		}
	}
	for label, value := range o.templateLabels() {
		o.podLabels = append(o.podLabels, key(label, value))
	}
}

func (o *Manifest) isService() bool { return o.Kind == "Service" && o.APIVersion == "v1" }

// selector is the labels of the pods that a Service selects.
func (o *Manifest) selector() map[string]any { return MapAt(o.Content, "spec", "selector") }

// templateLabels are the labels of a workload's pods.
func (o *Manifest) templateLabels() map[string]any {
	template, _, _ := o.PodTemplate()
	return MapAt(template, "metadata", "labels")
}

// SelectsPods reports whether a Service selects the pods of a workload, be
// they of another namespace.
func (o *Manifest) SelectsPods(workload *Manifest) bool {
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

// PodKeys are the labels of its pods, by which a Service that selects them is
// found: see ServiceKey.
func (o *Manifest) PodKeys() []string { return o.podLabels }

// ServiceKey is one of the labels that a Service selects, in the form of
// PodKeys; "" when it selects nothing or is none.
func (o *Manifest) ServiceKey() string { return o.selects }
