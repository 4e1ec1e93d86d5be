// Package manifest reads Kubernetes objects: what they are called, which images
// and pods they have, whether Kubernetes would take them. It asks no cluster.
//
// Of Kubernetes' own libraries it knows the types of objects (client-go's scheme)
// and nothing else.
package manifest

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/towline-dev/towline/starlark/config"
)

// Manifest is what an object is by its content alone. It may be shared and must
// not be changed.
type Manifest struct {
	Content                                  map[string]any
	Line                                     int // of the stream that it was read from
	Name, Namespace, Kind, Group, APIVersion string

	Key       string    // "name:kind:namespace:group"
	Prefixes  [4]string // name, name:kind, name:kind:namespace, and all with the group, in lower case
	PodRefs   []ImageAt // the images of its containers
	PodErr    error     // why one of them is no image's name
	Removed   []Removed // of the YAML, for people to know
	podLabels []string  // the keys by which a Service that selects its pods is found
	selects   string    // of a Service: one of those keys; "" when it selects nothing
}

// ImageAt is a place in an object that names an image.
type ImageAt struct {
	Name *ImageName
	Ref  config.ImageRef
}

// New reads what an object is by its content. The namespace is
// "default" when none is given, the core group is called "core" in names.
func New(names Names, content map[string]any) Manifest {
	o := Manifest{Content: content, Namespace: "default"}
	o.Kind, _ = content["kind"].(string)
	o.APIVersion, _ = content["apiVersion"].(string)
	if group, _, ok := strings.Cut(o.APIVersion, "/"); ok {
		o.Group = group
	}
	meta, _ := content["metadata"].(map[string]any)
	o.Name, _ = meta["name"].(string)
	if ns, _ := meta["namespace"].(string); ns != "" {
		o.Namespace = ns
	}
	group := o.Group
	if group == "" {
		group = "core"
	}
	full := strings.Join([]string{Escape(o.Name), strings.ToLower(o.Kind), o.Namespace, group}, ":")
	end := len(Escape(o.Name))
	lower := strings.ToLower(full)
	for i, part := range []string{"", o.Kind, o.Namespace, group} {
		if i > 0 {
			end += 1 + len(part)
		}
		o.Prefixes[i] = lower[:end]
	}
	o.Key = full
	o.findPodImages(names)
	o.indexLabels()
	return o
}

// Labels returns the object's own labels.
func (o *Manifest) Labels() map[string]any {
	return MapAt(o.Content, "metadata", "labels")
}

// FullName is what messages call an object.
func (o *Manifest) FullName() string {
	return fmt.Sprintf("%s:%s:%s", Escape(o.Name), o.Kind, o.Namespace)
}

// Escape writes a part of a name so that the parts can be joined by colons.
func Escape(s string) string {
	if !strings.ContainsAny(s, `\:`) {
		return s
	}
	return strings.NewReplacer(`\`, `\\`, ":", `\:`).Replace(s)
}

// MapAt returns the map at the end of a chain of keys, nil when there is none.
func MapAt(m map[string]any, keys ...string) map[string]any {
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

// PodTemplate returns the pod template of an object of Kubernetes' own kinds:
// what has the pods' labels and spec.
func (o *Manifest) PodTemplate() (template map[string]any, path []string, ok bool) {
	path, ok = podTemplatePaths[o.Kind]
	if !ok || !ownGroup[o.Group] {
		return nil, nil, false
	}
	template = MapAt(o.Content, path...)
	return template, path, template != nil
}

// podSpec returns the spec of a pod, or of the pods that an object makes.
func (o *Manifest) podSpec() (spec map[string]any, path []string) {
	if o.Kind == "Pod" && o.Group == "" {
		return MapAt(o.Content, "spec"), []string{"spec"}
	}
	template, path, _ := o.PodTemplate()
	return MapAt(template, "spec"), append(slices.Clone(path), "spec")
}

// findPodImages finds the images of the containers of a pod. A container
// without one is an error.
func (o *Manifest) findPodImages(names Names) {
	o.EachContainer(func(container map[string]any, at []string) {
		text, _ := container["image"].(string)
		name, err := names.ImageName(text)
		if err != nil {
			o.PodErr = fmt.Errorf("parsing %s: %w", text, err)
			return
		}
		o.PodRefs = append(o.PodRefs, ImageAt{Name: name, Ref: config.ImageRef{Path: append(at, "image")}})
	})
}

// EachContainer calls f with the containers of a pod and their place.
func (o *Manifest) EachContainer(f func(container map[string]any, at []string)) {
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

// madeOf are the places of an object's templates: of pods, and of jobs.
func (o *Manifest) madeOf() [][]string {
	path, ok := podTemplatePaths[o.Kind]
	switch {
	case !ok || !ownGroup[o.Group]:
		return nil
	case o.Kind == "CronJob":
		return [][]string{{"spec", "jobTemplate"}, slices.Clone(path)}
	}
	return [][]string{slices.Clone(path)}
}

// HasLabels reports whether an object has labels, and so have all that it makes
// others of: the templates of its pods, jobs and volumes.
func (o *Manifest) HasLabels(labels map[string]string) bool {
	metas := []map[string]any{o.Labels()}
	for _, path := range o.madeOf() {
		metas = append(metas, MapAt(o.Content, append(path, "metadata", "labels")...))
	}
	claims, _ := MapAt(o.Content, "spec")["volumeClaimTemplates"].([]any)
	for _, c := range claims {
		if claim, ok := c.(map[string]any); ok && o.Kind == "StatefulSet" {
			metas = append(metas, MapAt(claim, "metadata", "labels"))
		}
	}
	for k, v := range labels {
		for _, have := range metas {
			if have[k] != v {
				return false
			}
		}
	}
	return true
}
