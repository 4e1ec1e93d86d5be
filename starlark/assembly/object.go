package assembly

import (
	"fmt"

	"github.com/towline-dev/towline/starlark/config"
	"github.com/towline-dev/towline/starlark/manifest"
	"github.com/towline-dev/towline/starlark/value"
)

// Object is a Kubernetes object of the project.
type Object struct {
	config.Object
	Of    *manifest.Manifest
	Index int // in the project's YAML, once it was added

	rules []*Rule            // those that hold for it
	refs  []manifest.ImageAt // all images that it names
	order int                // among those of the project
	taken bool               // it belongs to a resource
}

// ObjectsOf makes objects of what a stream holds. Pos is the place of the call
// that reads it, file the file that it is in, "" for none.
func ObjectsOf(manifests []manifest.Manifest, pos config.Position, file string) []*Object {
	objects, all := make([]*Object, len(manifests)), make([]Object, len(manifests))
	for i := range manifests {
		m := &manifests[i]
		all[i].Of = m
		all[i].Object = config.Object{Key: m.Key, Content: m.Content, Line: m.Line, Pos: pos, Source: file}
		objects[i] = &all[i]
	}
	return objects
}

func (o *Object) id() value.ObjectID {
	return value.ObjectID{Name: o.Of.Name, Kind: o.Of.Kind, Namespace: o.Of.Namespace, Group: o.Of.Group}
}

// isWorkload reports whether an object names images or is of a kind that a
// k8s_kind names.
func (o *Object) isWorkload() bool { return len(o.rules) > 0 || len(o.refs) > 0 }

func (o *Object) addTo(p *config.Project, resource string) {
	o.Resource, o.Index = resource, len(p.YAML)
	p.YAML = append(p.YAML, o.Object)
}

// objectRef is what two objects may not have in common, unless that is allowed.
type objectRef struct{ kind, apiVersion, name, namespace string }

func (o *Object) ref() objectRef {
	namespace, _ := manifest.MapAt(o.Content, "metadata")["namespace"].(string)
	return objectRef{o.Of.Kind, o.Of.APIVersion, o.Of.Name, namespace}
}

// String is the form of messages.
func (o objectRef) String() string {
	if o.namespace == "" {
		return o.kind + " " + o.name
	}
	return fmt.Sprintf("%s %s (Namespace: %s)", o.kind, o.name, o.namespace)
}
