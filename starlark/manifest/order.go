package manifest

import "slices"

// order are the kinds that are applied before others, in this order, since
// others need them.
var order = []string{
	"Namespace", "ResourceQuota", "StorageClass", "CustomResourceDefinition", "MutatingWebhookConfiguration",
	"ServiceAccount", "PodSecurityPolicy", "Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding",
	"PersistentVolume", "PersistentVolumeClaim", "ConfigMap", "Secret", "Service", "LimitRange", "PriorityClass",
	"Deployment", "StatefulSet", "CronJob", "PodDisruptionBudget",
}

// Rank is where a kind stands in the order in which objects are applied.
func Rank(kind string) int {
	if i := slices.Index(order, kind); i >= 0 {
		return i
	}
	return len(order)
}
