package eval

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/distribution/reference"

	"github.com/towline-dev/towline/starlark/config"
)

// object is a Kubernetes object of the project.
type object struct {
	config.Object
	name, namespace, kind, group, apiVersion string

	prefixes  [4]string    // name, name:kind, name:kind:namespace, and all with the group
	fragments [4]string    // the same in lower case
	podRefs   []foundImage // the images of its containers
	podErr    error        // why one of them is no image's name

	refs  []foundImage // all images that it names
	taken bool         // it belongs to a resource
}

// foundImage is a place in an object that names an image.
type foundImage struct {
	named reference.Named
	ref   config.ImageRef
}

// newObject reads what an object is by its content. The namespace is "default"
// when none is given, the core group is called "core" in names.
func newObject(content map[string]any) object {
	o := object{namespace: "default"}
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
	group := o.group
	if group == "" {
		group = "core"
	}
	full := strings.Join([]string{escapeColons(o.name), strings.ToLower(o.kind), o.namespace, group}, ":")
	end := len(escapeColons(o.name))
	for i, part := range []string{"", o.kind, o.namespace, group} {
		if i > 0 {
			end += 1 + len(part)
		}
		o.prefixes[i] = full[:end]
		o.fragments[i] = strings.ToLower(full[:end])
	}
	o.Key = full
	o.findPodImages()
	return o
}

// labels returns the object's own labels.
func (o *object) labels() map[string]any {
	return mapAt(o.Content, "metadata", "labels")
}

// key is "name:kind:namespace:group".
func (o *object) key() string { return o.Key }

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
		for _, p := range o.prefixes {
			counts[p]++
		}
	}
	names, used := make([]string, len(objects)), map[string]int{}
	for i, o := range objects {
		for _, p := range o.prefixes {
			if counts[p] == 1 {
				names[i] = p
				break
			}
		}
		if names[i] == "" {
			names[i] = fmt.Sprintf("%s:%d", o.key(), used[o.key()])
			used[o.key()]++
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

// findPodImages finds the images of the containers of a pod template.
func (o *object) findPodImages() {
	o.eachContainer(func(container map[string]any, at []string) {
		if found, err := imageAt(container["image"], append(at, "image")); err != nil {
			o.podErr = err
		} else if found != nil {
			o.podRefs = append(o.podRefs, *found)
		}
	})
}

// eachContainer calls f with the containers of a pod template and their place.
func (o *object) eachContainer(f func(container map[string]any, at []string)) {
	template, path, ok := o.podTemplate()
	if !ok {
		return
	}
	spec := mapAt(template, "spec")
	for _, list := range []string{"initContainers", "containers"} {
		containers, _ := spec[list].([]any)
		for i, c := range containers {
			container, _ := c.(map[string]any)
			at := make([]string, 0, len(path)+6)
			f(container, append(append(at, path...), "spec", list, strconv.Itoa(i)))
		}
	}
}

// findImages fills refs: images of containers, of the paths that k8s_kind and
// k8s_image_json_path name, and of environment variables where an image asks
// for that.
func (r *run) findImages(o *object, inEnv bool) error {
	if o.podErr != nil {
		return o.podErr
	}
	o.refs = slices.Clone(o.podRefs)
	if inEnv {
		o.eachContainer(func(container map[string]any, at []string) { r.findEnvImages(o, container, at) })
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

// imageAt reads an image's name; an empty one is none.
func imageAt(v any, path []string) (*foundImage, error) {
	text, ok := v.(string)
	if !ok || text == "" {
		return nil, nil
	}
	named, err := parseRef(text)
	if err != nil {
		return nil, fmt.Errorf("parsing image %s: %w", text, err)
	}
	return &foundImage{named: named, ref: config.ImageRef{Path: path}}, nil
}

func (o *object) addImage(v any, path []string) error {
	found, err := imageAt(v, path)
	if found != nil {
		o.refs = append(o.refs, *found)
	}
	return err
}

// findEnvImages finds images in values of environment variables that name,
// exactly, an image with match_in_env_vars.
func (r *run) findEnvImages(o *object, container map[string]any, at []string) {
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
