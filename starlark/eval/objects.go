package eval

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/towline-dev/towline/starlark/config"
	"github.com/towline-dev/towline/starlark/fault"
	"github.com/towline-dev/towline/starlark/value"
)

// object is a Kubernetes object of the project.
type object struct {
	config.Object
	*objectTemplate

	kinds []*kindRule  // the rules that hold for it
	refs  []foundImage // all images that it names
	order int          // among those of the project
	taken bool         // it belongs to a resource
}

// objectTemplate is what an object is by its content alone. It is shared by
// all evaluations that read the same content.
type objectTemplate struct {
	content                                  map[string]any
	line                                     int
	name, namespace, kind, group, apiVersion string

	key       string       // "name:kind:namespace:group"
	prefixes  [4]string    // name, name:kind, name:kind:namespace, and all with the group, in lower case
	podRefs   []foundImage // the images of its containers
	podErr    error        // why one of them is no image's name
	podLabels []string     // the keys by which a Service that selects its pods is found
	selects   string       // of a Service: one of those keys; "" when it selects nothing
}

// foundImage is a place in an object that names an image.
type foundImage struct {
	name *imageName
	ref  config.ImageRef
}

// newTemplate reads what an object is by its content. The namespace is
// "default" when none is given, the core group is called "core" in names.
func newTemplate(c *Cache, content map[string]any) objectTemplate {
	o := objectTemplate{content: content, namespace: "default"}
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
	lower := strings.ToLower(full)
	for i, part := range []string{"", o.kind, o.namespace, group} {
		if i > 0 {
			end += 1 + len(part)
		}
		o.prefixes[i] = lower[:end]
	}
	o.key = full
	o.findPodImages(c)
	o.indexLabels()
	return o
}

// labels returns the object's own labels.
func (o *objectTemplate) labels() map[string]any {
	return mapAt(o.content, "metadata", "labels")
}

// fullName is what messages call an object.
func (o *objectTemplate) fullName() string {
	return fmt.Sprintf("%s:%s:%s", escapeColons(o.name), o.kind, o.namespace)
}

func escapeColons(s string) string { return strings.ReplaceAll(s, ":", `\:`) }

func (o *objectTemplate) id() value.ObjectID {
	return value.ObjectID{Name: o.name, Kind: o.kind, Namespace: o.namespace, Group: o.group}
}

// uniqueNames returns the shortest name of each object that no other of them
// has: name, name:kind, name:kind:namespace and so on. Those that are the same
// to the last part have their number behind it.
func uniqueNames(objects []*object) []string {
	counts := make(map[string]int, 4*len(objects))
	for _, o := range objects {
		for _, p := range o.prefixes {
			counts[p]++
		}
	}
	names := make([]string, len(objects))
	for i, o := range objects {
		names[i] = fmt.Sprintf("%s:%d", o.prefixes[len(o.prefixes)-1], i)
		for _, p := range o.prefixes {
			if counts[p] == 1 {
				names[i] = p
				break
			}
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

// podTemplatePaths are the places of pod templates in Kubernetes' own kinds. A
// Pod is none: nothing makes pods of it.
var podTemplatePaths = map[string][]string{
	"PodTemplate": {"template"},
	"Deployment":  {"spec", "template"}, "ReplicaSet": {"spec", "template"}, "StatefulSet": {"spec", "template"},
	"DaemonSet": {"spec", "template"}, "Job": {"spec", "template"}, "ReplicationController": {"spec", "template"},
	"CronJob": {"spec", "jobTemplate", "spec", "template"},
}

// ownGroup are the groups that have Kubernetes' own workloads.
var ownGroup = map[string]bool{"": true, "apps": true, "batch": true, "extensions": true}

// podTemplate returns the pod template of an object of Kubernetes' own kinds:
// what has the pods' labels and spec.
func (o *objectTemplate) podTemplate() (template map[string]any, path []string, ok bool) {
	path, ok = podTemplatePaths[o.kind]
	if !ok || !ownGroup[o.group] {
		return nil, nil, false
	}
	template = mapAt(o.content, path...)
	return template, path, template != nil
}

// podSpec returns the spec of a pod, or of the pods that an object makes.
func (o *objectTemplate) podSpec() (spec map[string]any, path []string) {
	if o.kind == "Pod" && o.group == "" {
		return mapAt(o.content, "spec"), []string{"spec"}
	}
	template, path, _ := o.podTemplate()
	return mapAt(template, "spec"), append(slices.Clone(path), "spec")
}

// findPodImages finds the images of the containers of a pod. A container
// without one is an error.
func (o *objectTemplate) findPodImages(c *Cache) {
	o.eachContainer(func(container map[string]any, at []string) {
		text, _ := container["image"].(string)
		name, err := parseName(c, text)
		if err != nil {
			o.podErr = fmt.Errorf("parsing %s: %w", text, err)
			return
		}
		o.podRefs = append(o.podRefs, foundImage{name: name, ref: config.ImageRef{Path: append(at, "image")}})
	})
}

// eachContainer calls f with the containers of a pod and their place.
func (o *objectTemplate) eachContainer(f func(container map[string]any, at []string)) {
	spec, path := o.podSpec()
	for _, list := range []string{"initContainers", "containers"} {
		containers, _ := spec[list].([]any)
		for i, c := range containers {
			if container, ok := c.(map[string]any); ok {
				at := make([]string, 0, len(path)+5)
				f(container, append(append(at, path...), list, strconv.Itoa(i)))
			}
		}
	}
}

// findImages fills kinds and refs: images of containers, of the paths that
// k8s_kind and k8s_image_json_path name, and of environment variables where an
// image asks for that.
func (r *run) findImages(o *object, inEnv bool) error {
	for _, k := range r.yaml.kinds {
		if k.selector.matches(o) {
			o.kinds = append(o.kinds, k)
		}
	}
	at := func(err error) error {
		if len(o.kinds) > 0 {
			err = fmt.Errorf("finding image in %s/%s: %w", o.kind, o.name, err)
		} else {
			err = fmt.Errorf("finding images in %s: %w", o.name, err)
		}
		return &fault.Located{Pos: o.Pos, Err: err}
	}
	if o.podErr != nil {
		return at(o.podErr)
	}
	o.refs = slices.Clone(o.podRefs)
	for _, k := range o.kinds {
		if err := k.findImages(r.opts.Cache, o); err != nil {
			return at(err)
		}
	}
	if inEnv {
		o.eachContainer(func(container map[string]any, at []string) { r.findEnvImages(o, container, at) })
	}
	return nil
}

// findEnvImages finds images in values of environment variables that name,
// exactly, an image with match_in_env_vars.
func (r *run) findEnvImages(o *object, container map[string]any, at []string) {
	vars, _ := container["env"].([]any)
	for i, v := range vars {
		env, _ := v.(map[string]any)
		text, _ := env["value"].(string)
		name, err := parseName(r.opts.Cache, text)
		if text == "" || err != nil {
			continue
		}
		if img := r.images.find(name); img != nil && img.matchEnv {
			path := append(append([]string{}, at...), "env", strconv.Itoa(i), "value")
			o.refs = append(o.refs, foundImage{name: name, ref: config.ImageRef{Path: path}})
		}
	}
}

// isWorkload reports whether an object names images or is of a kind that a
// k8s_kind names.
func (o *object) isWorkload() bool { return len(o.kinds) > 0 || len(o.refs) > 0 }

func (x *imageIndex) anyInEnv() bool {
	for _, img := range x.all {
		if img.matchEnv {
			return true
		}
	}
	return false
}
