package inject

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/towline-dev/towline/agent/client"
	"github.com/towline-dev/towline/agent/wire"
)

// Before is the annotation of a workload that another program applied and that
// got the agent: what its pod template was. By it the workload gets back what
// it had.
const Before = "towline.dev/before"

// LabelAdopted marks such a workload with the workspace that brought the agent,
// and ByResource, an annotation, with the resource.
const (
	LabelAdopted = "towline.dev/agent-of"
	ByResource   = "towline.dev/agent-of-resource"
)

// Adopter is who brings an agent.
type Adopter struct{ WorkspaceID, Resource string }

// AdoptedBy returns the resource that brought the agent into a workload, ""
// when none did.
func AdoptedBy(o map[string]any) string {
	name, _ := at(o, "metadata", "annotations")[ByResource].(string)
	return name
}

// AdoptedFor returns the workspace that brought the agent into a workload, ""
// when none did.
func AdoptedFor(o map[string]any) string {
	workspace, _ := at(o, "metadata", "labels")[LabelAdopted].(string)
	return workspace
}

// Adoptable reports whether the pods of a workload that another program
// applied can get the agent: its template can be changed, and its pods go on.
func Adoptable(o map[string]any) bool {
	kind, _ := o["kind"].(string)
	return slices.Contains([]string{"Deployment", "StatefulSet", "DaemonSet"}, kind) && at(o, "spec", "template", "spec") != nil
}

// Containers returns the names and images of the containers of a workload's
// pods.
func Containers(o map[string]any) map[string]string {
	found := map[string]string{}
	spec := at(o, "spec", "template", "spec")
	if o["kind"] == "Pod" {
		spec = at(o, "spec")
	}
	list, _ := spec["containers"].([]any)
	for _, c := range list {
		if container, ok := c.(map[string]any); ok {
			name, _ := container["name"].(string)
			image, _ := container["image"].(string)
			found[name] = image
		}
	}
	return found
}

// template is what an adoption changes of a pod template's spec.
type template struct {
	InitContainers []any `json:"initContainers"`
	Containers     []any `json:"containers"`
	Volumes        []any `json:"volumes"`
}

func templateOf(o map[string]any) template {
	spec := at(o, "spec", "template", "spec")
	var t template
	t.InitContainers, _ = spec["initContainers"].([]any)
	t.Containers, _ = spec["containers"].([]any)
	t.Volumes, _ = spec["volumes"].([]any)
	return t
}

// Adopt returns the merge patch that brings the agent into containers of a
// workload, by their names, and nil when they have it. Nothing else of the
// pods changes, their labels neither.
func Adopt(o map[string]any, images map[string]Image, agentImage string, by Adopter) (map[string]any, error) {
	whole := deepCopy(o).(map[string]any)
	if err := restore(whole); err != nil {
		return nil, err
	}
	before := deepCopy(whole).(map[string]any)
	spec := at(whole, "spec", "template", "spec")
	var first map[string]any
	n := 0
	list, _ := spec["containers"].([]any)
	for _, c := range list {
		container, _ := c.(map[string]any)
		name, _ := container["name"].(string)
		img, wanted := images[name]
		if !wanted {
			continue
		}
		argv, err := command(container, img)
		if err != nil {
			return nil, err
		}
		run := runVolume + strconv.Itoa(n)
		supervise(container, argv, client.InitOptions{NoStart: waits(spec, container, img.Spec)}, run)
		addVolume(spec, run)
		n++
		if first == nil {
			first = container
		}
	}
	if first == nil {
		return nil, fmt.Errorf("none of its containers is meant")
	}
	addInstaller(spec, first, agentImage)
	if same(templateOf(o), templateOf(whole)) {
		return nil, nil
	}
	old, err := json.Marshal(templateOf(before))
	if err != nil {
		return nil, err
	}
	return patchOf(whole, string(old), by.WorkspaceID, by.Resource), nil
}

// Restore returns the merge patch that gives an adopted workload back what it
// had, nil when it has it.
func Restore(o map[string]any) (map[string]any, error) {
	if at(o, "metadata", "annotations")[Before] == nil {
		return nil, nil
	}
	whole := deepCopy(o).(map[string]any)
	if err := restore(whole); err != nil {
		return nil, err
	}
	return patchOf(whole, nil, nil, nil), nil
}

// patchOf is the merge patch that makes a workload's template that of another
// value of it, unless somebody changed it meanwhile.
func patchOf(o map[string]any, before, workspace, resource any) map[string]any {
	t := templateOf(o)
	spec := map[string]any{"containers": t.Containers, "initContainers": t.InitContainers, "volumes": t.Volumes}
	return map[string]any{
		"metadata": map[string]any{
			"resourceVersion": at(o, "metadata")["resourceVersion"],
			"annotations":     map[string]any{Before: before, ByResource: resource}, "labels": map[string]any{LabelAdopted: workspace},
		},
		"spec": map[string]any{"template": map[string]any{"spec": spec}},
	}
}

// restore takes the agent out of a workload's template. A container that the
// other program changed since keeps the change.
func restore(o map[string]any) error {
	text, ok := at(o, "metadata", "annotations")[Before].(string)
	if !ok {
		return nil
	}
	var before template
	if err := json.Unmarshal([]byte(text), &before); err != nil {
		return fmt.Errorf("annotation %s cannot be read: %w", Before, err)
	}
	spec := at(o, "spec", "template", "spec")
	if spec == nil {
		return fmt.Errorf("it has annotation %s, and no template of pods", Before)
	}
	now := templateOf(o)
	for _, c := range now.Containers {
		container, _ := c.(map[string]any)
		release(container, named(before.Containers, container["name"]))
	}
	spec["initContainers"] = without(now.InitContainers)
	spec["volumes"] = without(now.Volumes)
	return nil
}

// release takes the agent out of a container that it begins.
func release(container, before map[string]any) {
	if mounts, ok := container["volumeMounts"].([]any); ok {
		container["volumeMounts"] = without(mounts)
		if len(container["volumeMounts"].([]any)) == 0 {
			delete(container, "volumeMounts")
		}
	}
	if cmd := texts(container["command"]); len(cmd) == 0 || cmd[0] != wire.BinPath {
		return
	}
	for _, key := range []string{"command", "args", "livenessProbe", "startupProbe"} {
		if v, had := before[key]; had {
			container[key] = v
		} else if key == "command" || key == "args" {
			delete(container, key)
		}
	}
}

func named(list []any, name any) map[string]any {
	for _, e := range list {
		if m, _ := e.(map[string]any); m["name"] == name {
			return m
		}
	}
	return nil
}

// without drops what is named as Towline's own things are.
func without(list []any) []any {
	out := []any{}
	for _, e := range list {
		m, _ := e.(map[string]any)
		name, _ := m["name"].(string)
		if name != InstallerName && name != binVolume && !strings.HasPrefix(name, runVolume) {
			out = append(out, e)
		}
	}
	return out
}

// same reports whether the containers of two templates run the same, under the
// same agent. The server's defaults are no difference.
func same(a, b template) bool {
	return sameIn(a.Containers, b.Containers, "command", "args") &&
		sameIn([]any{named(a.InitContainers, InstallerName)}, []any{named(b.InitContainers, InstallerName)}, "image", "command")
}

func sameIn(a, b []any, keys ...string) bool {
	return slices.EqualFunc(a, b, func(a, b any) bool {
		x, _ := a.(map[string]any)
		y, _ := b.(map[string]any)
		return !slices.ContainsFunc(keys, func(k string) bool { return !reflect.DeepEqual(x[k], y[k]) })
	})
}
