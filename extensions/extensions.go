// Package extensions holds the Starlark modules that are shipped with the
// program: load('ext://NAME', …) finds them here, offline, in the program's own
// version. Each is a folder with a Tiltfile, written on the built-ins, and is
// run by a test (testdata/extensions*.txtar of starlark/eval).
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
	if !fs.ValidPath(name) || name == "." {
		return nil, false
	}
	source, err := files.ReadFile(path.Join(name, "Tiltfile"))
	return source, err == nil
}

// Example returns the Tiltfile that an extension's documentation shows.
func Example(name string) string {
	source, _ := Source(name)
	doc, _, _ := strings.Cut(strings.TrimPrefix(string(source), `"""`), `"""`)
	_, block, ok := strings.Cut(doc, "\nExample:\n")
	if !ok {
		return ""
	}
	var example strings.Builder
	for line := range strings.Lines(block) {
		example.WriteString(strings.TrimPrefix(line, "    "))
	}
	return example.String()
}

// Names returns the names of all extensions, in order, without those that only
// others load.
func Names() []string {
	var names []string
	_ = fs.WalkDir(files, ".", func(file string, _ fs.DirEntry, err error) error {
		name, ok := strings.CutSuffix(file, "/Tiltfile")
		if ok && err == nil && !strings.HasPrefix(name, "internal/") {
			names = append(names, name)
		}
		return err
	})
	return names
}

// Left are the extensions of the public collection that are not shipped, with
// the reason. They are fetched by git when they are first loaded, as those of
// any other repository, and kept.
func Left() map[string]string {
	return map[string]string{
		"api_server_logs":         "an example that reads Tilt's own API server, which there is not here",
		"conftest":                "runs conftest; a local_resource does: `conftest test DIR`",
		"coreos_prometheus":       "a copy of a chart's objects: helm_remote with kube-prometheus-stack is the chart itself",
		"get_obj":                 "reads objects of the cluster: `local('kubectl get -o json …')` and decode_json do",
		"github_token":            "asks the gh program for a token: `local('gh auth token')` does",
		"global_vars":             "keeps values in environment variables: os.putenv and os.getenv do",
		"hasura":                  "one product's chart: helm_resource with its repository",
		"jest_test_runner":        "replaced by tests/javascript",
		"knative":                 "applies files of a release from the network: helm_remote or k8s_yaml of a copy",
		"kubefwd":                 "changes /etc/hosts as root, driven through Tilt's own API server, which there is not here",
		"list_dependencies":       "draws a graph by Tilt's own API server, which there is not here",
		"list_port_forwards":      "reads Tilt's own API server, which there is not here; `towline status` lists them",
		"logger":                  "prints by levels; it works when it is fetched",
		"ngrok":                   "its buttons are made through Tilt's own API server, which there is not here",
		"nix":                     "runs nix; a custom_build does",
		"nix_flake":               "runs nix; a custom_build does",
		"podman/test_restart":     "a test of the collection",
		"pulumi":                  "runs pulumi and reads its state; it works when it is fetched",
		"pypiserver":              "one product's container; a local_resource does: `docker run …`",
		"restart_container_alpha": "replaced by restart_process",
		"run_once":                "a local_resource does, with TRIGGER_MODE_MANUAL and auto_init",
		"snyk":                    "runs snyk against its service; it works when it is fetched",
		"tests":                   "holds tests/golang and tests/javascript, which are shipped",
		"tilt_inspector":          "reads Tilt's own API server, which there is not here",
		"vault_client":            "runs vault; `local('vault kv get -field=…')` does",
		"workflow":                "chains local resources; it works when it is fetched",
		"yarn":                    "makes resources of yarn's workspaces; it works when it is fetched",
	}
}
