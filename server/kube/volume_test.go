package kube

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
)

func TestMountsAreNamedByWhatTheyHold(t *testing.T) {
	local := func(name string) corev1.LocalObjectReference { return corev1.LocalObjectReference{Name: name} }
	for want, source := range map[string]corev1.VolumeSource{
		"ConfigMap a":             {ConfigMap: &corev1.ConfigMapVolumeSource{LocalObjectReference: local("a")}},
		"Secret a":                {Secret: &corev1.SecretVolumeSource{SecretName: "a"}},
		"emptyDir v":              {EmptyDir: &corev1.EmptyDirVolumeSource{}},
		"PersistentVolumeClaim a": {PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: "a"}},
		"hostPath /srv":           {HostPath: &corev1.HostPathVolumeSource{Path: "/srv"}},
		"downwardAPI volume v":    {DownwardAPI: &corev1.DownwardAPIVolumeSource{}},
		"ephemeral volume v":      {Ephemeral: &corev1.EphemeralVolumeSource{}},
		"CSI volume v (d)":        {CSI: &corev1.CSIVolumeSource{Driver: "d"}},
		"image volume r":          {Image: &corev1.ImageVolumeSource{Reference: "r"}},
		"volume v":                {NFS: &corev1.NFSVolumeSource{}},
		"projected volume v":      {Projected: &corev1.ProjectedVolumeSource{}},
		"projected volume v (ConfigMap a, Secret b)": {Projected: &corev1.ProjectedVolumeSource{Sources: []corev1.VolumeProjection{
			{ConfigMap: &corev1.ConfigMapProjection{LocalObjectReference: local("a")}}, {Secret: &corev1.SecretProjection{LocalObjectReference: local("b")}},
		}}},
	} {
		got := mountsOf([]corev1.VolumeMount{{Name: "v", MountPath: "/a/b/"}}, []corev1.Volume{{Name: "other"}, {Name: "v", VolumeSource: source}})
		if len(got) != 1 || got[0] != (Mount{Path: "/a/b", Volume: want}) {
			t.Errorf("%+v, want %s", got, want)
		}
	}
}
