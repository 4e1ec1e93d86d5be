// Package extensions holds the Starlark modules that are shipped with the
// program: load('ext://NAME', …) finds them here, offline, in the program's own
// version. Each is a folder with a Tiltfile, written on the built-ins, and is
// run by a test (testdata/NAME.txtar of starlark/eval).
package extensions

import (
	"embed"
	"io/fs"
	"path"
	"strings"
)

//go:embed */Tiltfile */*/Tiltfile
var files embed.FS

// Source returns the text of an extension, as "restart_process" or
// "tests/golang".
func Source(name string) (source []byte, ok bool) {
	source, err := files.ReadFile(path.Join(name, "Tiltfile"))
	return source, err == nil
}

// Names returns the names of all extensions, in order.
func Names() []string {
	var names []string
	_ = fs.WalkDir(files, ".", func(file string, _ fs.DirEntry, err error) error {
		if name, ok := strings.CutSuffix(file, "/Tiltfile"); ok && err == nil {
			names = append(names, name)
		}
		return err
	})
	return names
}

// Left are the extensions of the public collection that are left out, with the
// reason: what they need is a built-in here, or they are tied to a service or
// to Tilt's own API server.
func Left() map[string]string {
	return map[string]string{
		"api_server_logs":         "an example that reads Tilt's own API server",
		"conftest":                "one local_resource: `conftest test`",
		"coreos_prometheus":       "a pinned copy of a chart: use helm_resource with kube-prometheus-stack",
		"docker_build_sub":        "its one function is docker_build(dockerfile_contents=…)",
		"earthly":                 "one custom_build: `earthly --image`",
		"get_obj":                 "one local(): `kubectl get -o json`",
		"hasura":                  "tied to one product; deploy its chart with helm_resource",
		"honeycomb":               "sends usage to a service",
		"jest_test_runner":        "replaced by tests/javascript",
		"kim":                     "its builder is no longer maintained",
		"knative":                 "a pinned copy of a release: apply it with k8s_yaml",
		"kubectl_build":           "its builder is no longer maintained",
		"kubefwd":                 "changes /etc/hosts as root",
		"list_port_forwards":      "reads Tilt's own API server; `towline status` lists them",
		"nerdctl":                 "one custom_build: `nerdctl build`",
		"ngrok":                   "tied to one service",
		"restart_container_alpha": "replaced by restart_process",
		"run_once":                "local_resource with TRIGGER_MODE_MANUAL and auto_init does it",
		"snyk":                    "tied to one service",
		"syncback":                "the cluster never writes to the developer's machine here",
		"tarfetch":                "the cluster never writes to the developer's machine here",
		"tilt_inspector":          "reads Tilt's own API server",
		"vault_client":            "tied to one service",
	}
}
