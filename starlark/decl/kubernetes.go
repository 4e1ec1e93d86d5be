package decl

import "slices"

const yamlArg = "str@file | Blob | list[str@file | Blob]"

func kubernetesRows() []row {
	return []row{
		{
			name:    "k8s_yaml",
			purpose: "Adds Kubernetes objects to the project.",
			doc: `
A string is the *path* of a YAML file; YAML as text comes as a ` + "`Blob`, from `blob()`, `read_file()`, `local()`, `helm()` or `kustomize()`" + `.
Workloads become resources named after them; what belongs to a workload by its labels joins it; the rest is applied first.`,
			params: []string{
				"yaml: " + yamlArg, "files or contents",
				"allow_duplicates: bool = False", "accept an object that was added before",
			},
			example: "k8s_yaml(['deploy/web.yaml', 'deploy/db.yaml'])\n",
		},
		{
			name:    "k8s_resource",
			purpose: "Configures or makes a resource of Kubernetes objects.",
			doc: `
With *workload* it configures the resource of that workload; without, it makes a resource of *objects* under *new_name*. Several calls for one workload add up:
lists grow and later single values win. Calls may stand before the ` + "`k8s_yaml`" + ` that they mean.`,
			params: []string{
				"workload: str@workload = ''", "the resource's present name, as shown",
				"new_name: str@newname = ''", "what to call it instead",
				"port_forwards: " + ports + " = []", "`8080`, `'8080:80'` (local:container), `'host:8080:80'` or `port_forward(…)`",
				"extra_pod_selectors: dict[str, str] | list[dict[str, str]] = []", "labels of further pods that belong to the resource, such as those that an operator makes",
				"trigger_mode: TriggerMode = TRIGGER_MODE_AUTO", docTriggerMode,
				"resource_deps: list[str@resource] = []", docDeps,
				"objects: list[str@object] = []", "objects to take in, as `name[:kind[:namespace]]`; each must match exactly one",
				"auto_init: bool = True", docAutoInit,
				"pod_readiness: 'ignore' | 'wait' | 'succeeded' | str = ''", "what counts as ready: `wait` for ready pods, `ignore` pods, or pods that have `succeeded`",
				"links: " + linksArg + " = []", docLinks,
				"labels: " + labels + " = []", docLabels,
				"discovery_strategy: 'default' | 'selectors-only' | str = ''", "`selectors-only` finds pods by *extra_pod_selectors* alone",
			},
			example: `
k8s_yaml(blob('{apiVersion: v1, kind: Pod, metadata: {name: web}, spec: {containers: [{name: c, image: nginx}]}}'))
k8s_resource('web', port_forwards='8080:80', labels='frontend')
`,
		},
		{
			name:    "k8s_custom_deploy",
			purpose: "Deploys with commands of your own.",
			doc: `
*apply_cmd* prints the YAML of the objects that it applied; those are followed as any others. *delete_cmd* removes them at ` + "`down`" + `.
Both find ` + "`KUBECONFIG`" + ` in their environment, and the images of *image_deps* in ` + "`TILT_IMAGE_0`" + ` and so on.`,
			params: []string{
				"name: str@newname", "the resource's name",
				"apply_cmd: " + command, "deploys, and prints what it applied as YAML",
				"delete_cmd: " + command, "removes",
				"deps: str@path | list[str@path]", "files and folders whose change deploys again",
				"image_selector: str@image = ''", "the image of the containers to live update",
				"live_update: " + steps + " = []", docLiveUpdate,
				"apply_dir: str@dir = ''", "the working folder of *apply_cmd*",
				"apply_env: " + envMap + " = {}", "further environment variables of *apply_cmd*",
				"apply_cmd_bat: " + command + " = ''", docBat,
				"delete_dir: str@dir = ''", "the working folder of *delete_cmd*",
				"delete_env: " + envMap + " = {}", "further environment variables of *delete_cmd*",
				"delete_cmd_bat: " + command + " = ''", docBat,
				"container_selector: str = ''", "the name of the containers to live update",
				"image_deps: list[str@image] = []", "images of the project that are built first",
			},
			example: "k8s_custom_deploy('web', 'make -s deploy', 'make -s undeploy', deps=['deploy'])\n",
		},
		{
			name:    "k8s_kind",
			purpose: "Says that objects of a kind are workloads, and where they name images.",
			doc:     "Needed for custom resources. Only *kind* may be given by position.",
			params: []string{
				"kind: str@kind", "a regular expression that the kind must match",
				"*",
				"image_json_path: " + strs + " = []", "JSONPath templates to strings that are image names: `{.spec.image}`",
				"api_version: str = ''", "a regular expression that the API version must match",
				"image_object|image_object_json_path: dict[str, str] | None = None", "for images in two fields: `{'json_path': '{.spec.image}', 'repo_field': 'repository', 'tag_field': 'tag'}`",
				"pod_readiness: 'ignore' | 'wait' | 'succeeded' | str = ''", "what counts as ready for such objects",
			},
			example: "k8s_kind('Machine', image_json_path='{.spec.template.image}')\n",
		},
		{
			name:    "k8s_image_json_path",
			hidden:  true,
			purpose: "Says where objects name images.",
			doc:     "At least one of *kind*, *name* and *namespace* is needed. `k8s_kind` says the same for a kind.",
			params: []string{
				"paths: " + strs, "JSONPath templates to strings that are image names",
				"api_version: str = ''", "a regular expression",
				"kind: str@kind = ''", "a regular expression",
				"name: str = ''", "a regular expression",
				"namespace: str@namespace = ''", "a regular expression",
			},
			example: "k8s_image_json_path('{.spec.image}', kind='Machine')\n",
		},
		{
			name:    "filter_yaml",
			purpose: "Splits YAML in the objects that match and the rest.",
			params: []string{
				"yaml: " + yamlArg, "files or contents",
				"labels: dict[str, str] | None = None", "labels that the object must have",
				"name: str | None = None", "a regular expression, of any case",
				"namespace: str@namespace | None = None", "a regular expression, of any case",
				"kind: str@kind | None = None", "a regular expression, of any case",
				"api_version: str | None = None", "a regular expression, of any case",
			},
			returns: "tuple[Blob, Blob]",
			example: `
secrets, rest = filter_yaml(blob('{apiVersion: v1, kind: Secret, metadata: {name: token}}'), kind='^secret$')
k8s_yaml(secrets)
`,
		},
		{
			name:    "workload_to_resource_function",
			purpose: "Names resources by a function of yours.",
			params:  []string{"func|fn: callable", "takes one `K8sObjectID` and returns the resource's name"},
			example: "workload_to_resource_function(lambda id: id.name + '-' + id.namespace)\n",
		},
		{
			name:    "k8s_context",
			purpose: "Returns the name of the Kubernetes context.",
			returns: "str@context",
			example: "print(k8s_context())\n",
		},
		{
			name:    "k8s_namespace",
			purpose: "Returns the namespace that objects without one go to.",
			returns: "str@namespace",
			example: "print(k8s_namespace())\n",
		},
		{
			name:    "allow_k8s_contexts",
			purpose: "Allows deploying to Kubernetes contexts that are not local clusters.",
			doc: `
Local clusters (kind, k3d, minikube, Docker Desktop, Rancher Desktop, Colima, OrbStack, microk8s, CRC) are allowed without it.
` + "`local()`" + ` runs only in an allowed context: this call comes before it.`,
			params:  []string{"contexts: str@context | list[str@context]", "names of contexts"},
			example: "allow_k8s_contexts('staging')\n",
		},
		{
			name:    "port_forward",
			purpose: "Describes a port-forward with all its options.",
			params: []string{
				"local_port: int@port", "the port on this machine",
				"container_port: int@port | None = None", "the container's port; without it, the same or the first that it exposes",
				"name: str | None = None", "the text of its link",
				"link_path: str | None = None", "the path of its link",
				"host: str | None = None", "the address to listen on",
			},
			returns: "PortForward",
			example: "pf = port_forward(8080, 80, name='web', link_path='/admin')\n",
		},
		{
			name:    "link",
			purpose: "Describes a link with a name of its own.",
			params: []string{
				"url: str@url", "the URL",
				"name: str | None = None", "the text that is shown",
			},
			returns: "Link",
			example: "l = link('http://localhost:8080/docs', 'Docs')\n",
		},
	}
}

func composeRows() []row {
	return []row{
		{
			name:    "docker_compose",
			purpose: "Adds the services of Docker Compose files.",
			doc:     "Each service becomes a resource. `towline up` builds its image where the file has `build`, and brings it up by the `docker compose` that you have (v2.20 or newer); a project of Compose services and local resources needs no cluster. A service with a health check is ready when it is healthy; one that ends with 0 and is not to be restarted is done, and what waits for its success (`service_completed_successfully`) starts then. Images stay in docker. With `live_update` on the service's image, saves are synced into its container by the agent, as into a pod, and its program can be debugged; `towline.agent(resource='NAME')` brings the agent without that. Several files are merged as Compose does it; several calls with the same project name add up.",
			params: []string{
				"configPaths: str@file | Blob | list[str@file | Blob]", "Compose files, or their contents",
				"env_file: str@file | None = None", "the file of variables, in place of `.env`",
				"project_name: str = ''", "the Compose project's name, in place of the folder's; a `name:` in the files counts only when it is given here",
				"profiles: " + strs + " = []", "Compose profiles to switch on",
				"wait: bool = False", "wait for health checks before a service counts as ready",
			},
			example: "docker_compose(blob('{services: {db: {image: redis}}}'))\n",
		},
		{
			name:    "dc_resource",
			purpose: "Configures the resource of a Compose service.",
			params: []string{
				"name: str@service", "the service's name",
				"image: str@image = ''", "the image of the Tiltfile that the service runs, in place of the one that the Compose file names",
				"trigger_mode: TriggerMode = TRIGGER_MODE_AUTO", docTriggerMode,
				"resource_deps: list[str@resource] = []", docDeps,
				"links: " + linksArg + " = []", docLinks,
				"labels: " + labels + " = []", docLabels,
				"auto_init: bool = True", docAutoInit,
				"project_name: str = ''", "the Compose project, when there are several",
				"new_name: str@newname = ''", "what to call the resource instead",
				"infer_links: bool = True", "make links of the published ports",
			},
			example: `
docker_compose(blob('{services: {db: {image: redis}}}'))
dc_resource('db', labels='storage')
`,
		},
	}
}

func localRows() []row {
	resource := []string{
		"name: str@newname", "the resource's name",
		"cmd: " + command + " = ''", "what to run when *deps* change; a string is run by `sh -c`",
		"deps: str@path | list[str@path] | None = None", "files and folders whose change runs *cmd* again",
		"trigger_mode: TriggerMode = TRIGGER_MODE_AUTO", docTriggerMode,
		"resource_deps: list[str@resource] = []", docDeps,
		"ignore: str@glob | list[str@glob] = []", "dockerignore patterns of files below *deps* that do not matter",
		"auto_init: bool = True", docAutoInit,
		"serve_cmd: " + command + " = ''", "what to keep running; restarted after each *cmd*",
		"cmd_bat: " + command + " = ''", docBat,
		"serve_cmd_bat: " + command + " = ''", docBat,
		"allow_parallel: bool = False", "may run while other local resources run",
		"links: " + linksArg + " = []", docLinks,
		"labels: " + labels + " = []", docLabels,
		"env: " + envMap + " = {}", "further environment variables of *cmd*",
		"serve_env: " + envMap + " = {}", "further environment variables of *serve_cmd*",
		"readiness_probe: Probe | None = None", "how to see that *serve_cmd* is ready",
		"dir: str@dir = ''", "the working folder of *cmd*; without it, the Tiltfile's",
		"serve_dir: str@dir = ''", "the working folder of *serve_cmd*; without it, the Tiltfile's",
	}
	test := append([]string(nil), resource...)
	for i, p := range test {
		if p == "allow_parallel: bool = False" {
			test[i] = "allow_parallel: bool = True"
		}
	}
	outputs := []string{"outputs: str@path | list[str@path] | None = None", "files and folders that *cmd* writes. Only Towline has it: Tilt refuses a Tiltfile with it"}
	test = append(test, "tags: "+strs+" = []", "Deprecated: has no effect; use *labels*")
	return []row{
		{
			name:    "local_resource",
			purpose: "Runs commands on the developer's machine, as a resource.",
			doc: `
At least one of *cmd* and *serve_cmd* is needed. While *cmd* runs, what it writes into images of resources that depend on it, or into a folder that it wrote to before, waits for its end and is then one update; what a failed *cmd* wrote waits for its success, and those resources are stale.

*outputs* says it in place of what is learnt, from the first run on: what changes below them waits for the end of *cmd*, whoever reads it. An image, a
*k8s_custom_deploy* or another local resource that depends on files below them comes after the first run, and is updated once after each. They do not
start *cmd* again where they lie below *deps*. A Tiltfile that Tilt has to read as well goes without: *resource_deps* holds from the first run on too, and what
is learnt from the second.`,
			params: slices.Concat(resource, outputs),
			example: `
local_resource('codegen', 'make gen', deps=['api'])
local_resource('docs', serve_cmd='mkdocs serve', links='http://localhost:8000', resource_deps=['codegen'])
`,
		},
		{
			name:    "test",
			hidden:  true,
			purpose: "Runs a test on the developer's machine, as a resource.",
			old:     "use `local_resource(…, allow_parallel=True)`",
			params:  test,
			example: "test('unit', 'go test ./...', deps=['.'])\n",
		},
		{
			name:    "local",
			purpose: "Runs a command now and returns what it prints.",
			doc: `
It runs in the Tiltfile's folder, each time that the Tiltfile is evaluated, and only in an allowed Kubernetes context. A command that fails is an error.
Files that it reads are not watched: say them with ` + "`watch_file`" + `.`,
			params: []string{
				"command: " + command, "a string is run by `sh -c`, a list as it is",
				"quiet: bool = False", "do not log its output",
				"command_bat: " + command + " = ''", docBat,
				"echo_off: bool = False", "do not log the command itself",
				"env: " + envMap + " = {}", "further environment variables",
				"dir: str@dir = ''", "its working folder",
				"stdin: str | Blob | None = None", "what it reads",
			},
			returns: "Blob",
			example: "version = str(local('echo v1', quiet=True)).strip()\n",
		},
		{
			name:    "probe",
			purpose: "Describes how to see that a local server is ready.",
			doc:     "Exactly one of *exec*, *http_get* and *tcp_socket* is needed.",
			params: []string{
				"initial_delay_secs: int = 0", "seconds before the first try",
				"timeout_secs: int = 1", "seconds after which a try has failed",
				"period_secs: int = 10", "seconds between tries",
				"success_threshold: int = 1", "tries in a row that make it ready",
				"failure_threshold: int = 3", "tries in a row that make it not ready",
				"exec: ExecAction | None = None", "a command that must succeed",
				"http_get: HTTPGetAction | None = None", "a request that must be answered with 200 to 399",
				"tcp_socket: TCPSocketAction | None = None", "a port that must accept a connection",
			},
			returns: "Probe",
			example: "local_resource('docs', serve_cmd='serve', readiness_probe=probe(period_secs=5, http_get=http_get_action(8000)))\n",
		},
		{
			name:    "exec_action",
			purpose: "A probe's command.",
			params:  []string{"command: list[str]", "the program and its arguments"},
			returns: "ExecAction",
			example: "p = probe(exec=exec_action(['curl', '-f', 'localhost:8000']))\n",
		},
		{
			name:    "http_get_action",
			purpose: "A probe's HTTP request.",
			params: []string{
				"port: int@port", "the port",
				"host: str = 'localhost'", "the host",
				"scheme: 'http' | 'https' | str = 'http'", "`http` or `https`",
				"path: str = ''", "the path",
			},
			returns: "HTTPGetAction",
			example: "p = probe(http_get=http_get_action(8000, path='/healthz'))\n",
		},
		{
			name:    "tcp_socket_action",
			purpose: "A probe's TCP connection.",
			params: []string{
				"port: int@port", "the port",
				"host: str = 'localhost'", "the host",
			},
			returns: "TCPSocketAction",
			example: "p = probe(tcp_socket=tcp_socket_action(5432))\n",
		},
	}
}
