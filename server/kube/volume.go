package kube

import (
	"path"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// Mount is a volume in a container.
type Mount struct {
	Path   string // where, in the container
	Volume string // kind and name, for a person: "ConfigMap settings"
}

// mountsOf are a container's mounts by what its pod says of its volumes.
func mountsOf(mounts []corev1.VolumeMount, volumes []corev1.Volume) []Mount {
	var all []Mount
	for _, m := range mounts {
		text := "volume " + m.Name
		if i := slices.IndexFunc(volumes, func(v corev1.Volume) bool { return v.Name == m.Name }); i >= 0 {
			text = volumeText(&volumes[i])
		}
		all = append(all, Mount{Path: path.Clean(m.MountPath), Volume: text})
	}
	return all
}

// volumeText names a volume by what it holds, and by its own name where that
// says no more than its kind.
func volumeText(v *corev1.Volume) string {
	switch {
	case v.ConfigMap != nil:
		return "ConfigMap " + v.ConfigMap.Name
	case v.Secret != nil:
		return "Secret " + v.Secret.SecretName
	case v.Projected != nil:
		return "projected volume " + v.Name + projectedText(v.Projected.Sources)
	case v.DownwardAPI != nil:
		return "downwardAPI volume " + v.Name
	case v.EmptyDir != nil:
		return "emptyDir " + v.Name
	case v.PersistentVolumeClaim != nil:
		return "PersistentVolumeClaim " + v.PersistentVolumeClaim.ClaimName
	case v.HostPath != nil:
		return "hostPath " + v.HostPath.Path
	case v.Ephemeral != nil:
		return "ephemeral volume " + v.Name
	case v.CSI != nil:
		return "CSI volume " + v.Name + " (" + v.CSI.Driver + ")"
	case v.Image != nil:
		return "image volume " + v.Image.Reference
	}
	return "volume " + v.Name
}

// projectedText names what a projected volume holds, "" where that has no name.
func projectedText(sources []corev1.VolumeProjection) string {
	var names []string
	for _, s := range sources {
		switch {
		case s.ConfigMap != nil:
			names = append(names, "ConfigMap "+s.ConfigMap.Name)
		case s.Secret != nil:
			names = append(names, "Secret "+s.Secret.Name)
		}
	}
	if len(names) == 0 {
		return ""
	}
	return " (" + strings.Join(names, ", ") + ")"
}
