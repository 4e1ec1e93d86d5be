package buildpod

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"github.com/towline-dev/towline/server/build"
)

// DefaultImage is BuildKit's own, at the version that is tested.
const DefaultImage = "docker.io/moby/buildkit:v0.25.2"

// container is the name of the pod's one container.
const container = "buildkitd"

// cacheMB is how much of the pod's folder BuildKit keeps of earlier builds.
const cacheMB = "10000"

// nameOf is the pod's name: one for each workspace, so that nobody's `down` takes
// away what another one builds with.
func nameOf(workspace string) string {
	sum := sha256.Sum256([]byte(workspace))
	return "towline-buildkit-" + hex.EncodeToString(sum[:4])
}

// objects are the pod and, where its registry has to be described, the ConfigMap
// that does.
func objects(name, namespace string, o build.RemoteOptions) []map[string]any {
	args := []any{"--allow-insecure-entitlement", "network.host", "--oci-worker-gc-keepstorage", cacheMB}
	mounts := []any{map[string]any{"name": "cache", "mountPath": "/var/lib/buildkit"}}
	volumes := []any{map[string]any{"name": "cache", "emptyDir": map[string]any{}}}
	var all []map[string]any
	if o.Plain {
		all = append(all, map[string]any{
			"apiVersion": "v1", "kind": "ConfigMap", "metadata": map[string]any{"name": name, "namespace": namespace},
			"data": map[string]any{"buildkitd.toml": fmt.Sprintf("[registry.%q]\n  http = true\n", o.Registry)},
		})
		args = append(args, "--config", "/etc/towline/buildkitd.toml")
		mounts = append(mounts, map[string]any{"name": "config", "mountPath": "/etc/towline", "readOnly": true})
		volumes = append(volumes, map[string]any{"name": "config", "configMap": map[string]any{"name": name}})
	}
	answers := map[string]any{"exec": map[string]any{"command": []any{"buildctl", "debug", "workers"}}, "periodSeconds": int64(2), "timeoutSeconds": int64(5)}
	spec := map[string]any{
		"restartPolicy":                 "Always",
		"automountServiceAccountToken":  false,
		"enableServiceLinks":            false,
		"terminationGracePeriodSeconds": int64(2),
		"containers": []any{map[string]any{
			"name": container, "image": o.Image, "imagePullPolicy": "IfNotPresent", "args": args,
			"securityContext": map[string]any{"privileged": true},
			"readinessProbe":  answers,
			"volumeMounts":    mounts,
		}},
		"volumes": volumes,
	}
	if o.OnNode {
		spec["hostNetwork"] = true
	}
	return append(all, map[string]any{
		"apiVersion": "v1", "kind": "Pod",
		"metadata": map[string]any{"name": name, "namespace": namespace, "labels": map[string]any{"app.kubernetes.io/name": "towline-buildkit"}},
		"spec":     spec,
	})
}
