package manifest

import (
	"reflect"
	"slices"

	"github.com/towline-dev/towline/starlark/config"
)

// SameRole reports whether two objects, of the same file before and after a
// change, have the same place in a project: what it is called, which images and
// pods it has, what selects it. They differ in what a cluster makes of them alone.
// A Secret, and an object of which something was left out, has more to say than
// that: it is the same as no other.
func (o *Manifest) SameRole(n *Manifest) bool {
	_, _, pods := o.PodTemplate()
	_, _, newPods := n.PodTemplate()
	return o.Key == n.Key && o.APIVersion == n.APIVersion && o.Kind == n.Kind && o.Kind != "Secret" &&
		len(o.Removed)+len(n.Removed) == 0 && o.PodErr == nil && n.PodErr == nil && pods == newPods &&
		MapAt(o.Content, "metadata")["namespace"] == MapAt(n.Content, "metadata")["namespace"] &&
		slices.EqualFunc(o.PodRefs, n.PodRefs, sameImage) &&
		reflect.DeepEqual(o.templateLabels(), n.templateLabels()) &&
		reflect.DeepEqual(o.selector(), n.selector()) &&
		config.SameNames(o.Content, n.Content)
}

func sameImage(a, b ImageAt) bool {
	return a.Name.Named.String() == b.Name.Named.String() && reflect.DeepEqual(a.Ref, b.Ref)
}
