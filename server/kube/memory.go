package kube

import (
	"fmt"

	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// MemoryLimits are how much memory, in bytes, the containers of a workload may use, by
// their names; those that may use any are left out.
func MemoryLimits(object map[string]any) map[string]int64 {
	spec := []string{"spec"}
	for _, path := range podTemplatePaths {
		if _, found, _ := unstructured.NestedMap(object, append(path[:len(path):len(path)], "spec")...); found {
			spec = append(path[:len(path):len(path)], "spec")
		}
	}
	limits := map[string]int64{}
	containers, _, _ := unstructured.NestedSlice(object, append(spec[:len(spec):len(spec)], "containers")...)
	for _, c := range containers {
		m, _ := c.(map[string]any)
		limit, found, _ := unstructured.NestedFieldNoCopy(m, "resources", "limits", "memory")
		if q, err := resource.ParseQuantity(fmt.Sprint(limit)); found && err == nil && q.Value() > 0 {
			name, _ := m["name"].(string)
			limits[name] = q.Value()
		}
	}
	return limits
}

// Mebibytes says how much memory that is, as YAML has it: "16Mi".
func Mebibytes(bytes int64) string { return resource.NewQuantity(bytes, resource.BinarySI).String() }
