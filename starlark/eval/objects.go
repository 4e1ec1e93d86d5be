package eval

import (
	"fmt"
	"strings"

	"github.com/distribution/reference"

	"github.com/towline-dev/towline/starlark/config"
)

// object is a Kubernetes object of the project.
type object struct {
	config.Object
	name, namespace, kind, group, apiVersion string

	refs  []foundImage // the images that it names
	taken bool         // it belongs to a resource
}

// foundImage is a place in an object that names an image.
type foundImage struct {
	named reference.Named
	ref   config.ImageRef
}

// newObject reads what identifies an object. The namespace is "default" when
// none is given.
func newObject(content map[string]any) *object {
	o := &object{namespace: "default"}
	o.Content = content
	o.kind, _ = content["kind"].(string)
	o.apiVersion, _ = content["apiVersion"].(string)
	if group, _, ok := strings.Cut(o.apiVersion, "/"); ok {
		o.group = group
	}
	meta, _ := content["metadata"].(map[string]any)
	o.name, _ = meta["name"].(string)
	if ns, _ := meta["namespace"].(string); ns != "" {
		o.namespace = ns
	}
	return o
}

// labels returns the object's own labels.
func (o *object) labels() map[string]any {
	return mapAt(o.Content, "metadata", "labels")
}

// parts are the parts of an object's name, from the most to the least telling,
// in lower case but for the name.
func (o *object) parts() []string {
	group := o.group
	if group == "" {
		group = "core"
	}
	return []string{escapeColons(o.name), strings.ToLower(o.kind), o.namespace, group}
}

// key is "name:kind:namespace:group".
func (o *object) key() string { return strings.Join(o.parts(), ":") }

// fragments are the selectors that may name the object in objects=, in lower
// case.
func (o *object) fragments() []string {
	p := o.parts()
	all := []string{p[0], p[0] + ":" + p[1], strings.Join(p[:3], ":"), strings.Join(p, ":")}
	for i, f := range all {
		all[i] = strings.ToLower(f)
	}
	return all
}

// fullName is what messages call an object.
func (o *object) fullName() string {
	return fmt.Sprintf("%s:%s:%s", escapeColons(o.name), o.kind, o.namespace)
}

func escapeColons(s string) string { return strings.ReplaceAll(s, ":", `\:`) }

func (o *object) id() objectID {
	return objectID{name: o.name, kind: o.kind, namespace: o.namespace, group: o.group}
}

// uniqueNames returns the shortest name of each object that no other of them
// has: name, name:kind, name:kind:namespace and so on.
func uniqueNames(objects []*object) []string {
	counts := map[string]int{}
	for _, o := range objects {
		for i := range o.parts() {
			counts[strings.Join(o.parts()[:i+1], ":")]++
		}
	}
	names, used := make([]string, len(objects)), map[string]int{}
	for i, o := range objects {
		parts := o.parts()
		for n := range parts {
			if name := strings.Join(parts[:n+1], ":"); counts[name] == 1 {
				names[i] = name
				break
			}
		}
		if names[i] == "" {
			full := o.key()
			names[i] = fmt.Sprintf("%s:%d", full, used[full])
			used[full]++
		}
	}
	return names
}

// mapAt returns the map at the end of a chain of keys, nil when there is none.
func mapAt(m map[string]any, keys ...string) map[string]any {
	for _, k := range keys {
		m, _ = m[k].(map[string]any)
	}
	return m
}

// podSpecPaths are the places of pod templates in Kubernetes' own kinds.
var podSpecPaths = map[string][]string{
	"Pod": {}, "PodTemplate": {"template"},
	"Deployment": {"spec", "template"}, "ReplicaSet": {"spec", "template"}, "StatefulSet": {"spec", "template"},
	"DaemonSet": {"spec", "template"}, "Job": {"spec", "template"}, "ReplicationController": {"spec", "template"},
	"CronJob": {"spec", "jobTemplate", "spec", "template"},
}

// podTemplate returns the pod template of an object of Kubernetes' own kinds:
// what has the pods' labels and spec. A pod is its own template.
func (o *object) podTemplate() (template map[string]any, path []string, ok bool) {
	path, ok = podSpecPaths[o.kind]
	if !ok || !ownGroup[o.group] {
		return nil, nil, false
	}
	template = mapAt(o.Content, path...)
	return template, path, template != nil
}

// ownGroup are the groups that have Kubernetes' own workloads.
var ownGroup = map[string]bool{"": true, "apps": true, "batch": true, "extensions": true}

// selects reports whether the object is a Service that selects pods with these
// labels, in the namespace of the workload.
func (o *object) selects(workload *object, labels map[string]any) bool {
	if o.kind != "Service" || o.group != "" || o.namespace != workload.namespace {
		return false
	}
	selector := mapAt(o.Content, "spec", "selector")
	for k, v := range selector {
		if labels[k] != v {
			return false
		}
	}
	return len(selector) > 0
}

// findImages fills refs: images of containers, of the paths that k8s_kind and
// k8s_image_json_path name, and of environment variables where an image asks
// for that.
func (r *run) findImages(o *object) error {
	o.refs = nil
	if template, path, ok := o.podTemplate(); ok {
		spec := mapAt(template, "spec")
		for _, list := range []string{"initContainers", "containers"} {
			containers, _ := spec[list].([]any)
			for i, c := range containers {
				container, _ := c.(map[string]any)
				at := append(append([]string{}, path...), "spec", list, fmt.Sprint(i))
				if err := o.addImage(container["image"], append(at, "image")); err != nil {
					return err
				}
				r.findEnvImages(o, container, at)
			}
		}
	}
	for _, k := range r.yaml.kinds {
		if !k.selector.matches(o) {
			continue
		}
		if err := k.findImages(o); err != nil {
			return err
		}
	}
	return nil
}

func (o *object) addImage(v any, path []string) error {
	text, ok := v.(string)
	if !ok || text == "" {
		return nil
	}
	named, err := parseRef(text)
	if err != nil {
		return fmt.Errorf("parsing image %s: %w", text, err)
	}
	o.refs = append(o.refs, foundImage{named: named, ref: config.ImageRef{Path: path}})
	return nil
}

// findEnvImages finds images in values of environment variables that name,
// exactly, an image with match_in_env_vars.
func (r *run) findEnvImages(o *object, container map[string]any, at []string) {
	if !r.images.anyInEnv() {
		return
	}
	vars, _ := container["env"].([]any)
	for i, v := range vars {
		env, _ := v.(map[string]any)
		text, _ := env["value"].(string)
		named, err := parseRef(text)
		if text == "" || err != nil {
			continue
		}
		if img := r.images.find(named); img != nil && img.matchEnv {
			path := append(append([]string{}, at...), "env", fmt.Sprint(i), "value")
			o.refs = append(o.refs, foundImage{named: named, ref: config.ImageRef{Path: path}})
		}
	}
}

func (x *imageIndex) anyInEnv() bool {
	for _, img := range x.all {
		if img.matchEnv {
			return true
		}
	}
	return false
}
