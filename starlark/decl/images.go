package decl

// Types that many rows share.
const (
	strs     = "str | list[str]"
	command  = "str@command | list[str]"
	envMap   = "dict[str@env, str]"
	linksArg = "str@url | Link | list[str@url | Link]"
	ports    = "int@port | str@port | PortForward | list[int@port | str@port | PortForward]"
	labels   = "str@label | list[str@label]"
	steps    = "list[LiveUpdateStep]"
)

// Documentation that many parameters share.
const (
	docLiveUpdate  = "the steps that bring changed files into the running container, in the order `initial_sync`, `fall_back_on`, `sync`, `run`, `restart_container`"
	docLabels      = "groups that the resource is shown in"
	docLinks       = "URLs shown beside the resource"
	docAutoInit    = "whether the resource starts by itself when the project comes up"
	docTriggerMode = "`TRIGGER_MODE_AUTO` updates on every change of a file, `TRIGGER_MODE_MANUAL` only when asked to"
	docDeps        = "resources that must have been ready once before this one starts"
	docMatchEnv    = "also replace the image's name in environment variables of the YAML"
	docBat         = "the command on Windows"
)

func imageRows() []row {
	return []row{
		{
			name:    "docker_build",
			purpose: "Builds an image from a Dockerfile.",
			doc: `
The image is built whenever a file of its context changes, pushed when the cluster cannot see it otherwise, and its new tag is put in the YAML
wherever *ref* stands. With *live_update*, a changed file goes into the running container in place of a build.

A Dockerfile that starts ` + "`FROM`" + ` another image of the project, or copies from one, makes that image its base: it is built first.
Each *ref* may be declared once.`,
			params: []string{
				"ref: str@image", "the image's name as the YAML writes it, without a tag that changes",
				"context: str@dir", "the folder that is sent to the builder",
				"build_args: dict[str, str] = {}", "values for the Dockerfile's `ARG`s; an empty value passes on the environment variable of that name",
				"dockerfile: str@file | None = 'Dockerfile'", "the Dockerfile; without it, `Dockerfile` in *context*",
				"dockerfile_contents: str | Blob = ''", "the Dockerfile's text, in place of *dockerfile*",
				"cache: str | list[str] = []", "Deprecated: has no effect; use BuildKit's cache mounts",
				"live_update: " + steps + " = []", docLiveUpdate,
				"match_in_env_vars: bool = False", docMatchEnv,
				"ignore: str@glob | list[str@glob] = []", "dockerignore patterns of files that do not matter to the image",
				"only: str@path | list[str@path] = []", "the only paths of *context* that matter; no wildcards",
				"entrypoint: " + command + " = []", "replaces the container's `command` in the YAML; a string is run by `sh -c`",
				"container_args: list[str] | None = None", "replaces the container's `args` in the YAML; an empty list clears them",
				"target: str@stage = ''", "the stage of the Dockerfile to build",
				"ssh: " + strs + " = ''", "SSH agents or keys for `RUN --mount=type=ssh`, as `docker build --ssh` takes them",
				"secret: " + strs + " = ''", "secrets for `RUN --mount=type=secret`, as `docker build --secret` takes them",
				"network: str = ''", "the network of `RUN` steps",
				"extra_tag: str@image | list[str@image] = ''", "further tags that the built image gets",
				"cache_from: str@image | list[str@image] = []", "images to take layers from",
				"pull: bool = False", "ask the registry for a newer base image at each build",
				"platform: str = ''", "the target platform, as `linux/arm64`; the environment's `DOCKER_DEFAULT_PLATFORM` is the fallback",
				"extra_hosts: " + strs + " = []", "further `host:ip` entries for `RUN` steps",
			},
			example: `
docker_build('example/web', './web', live_update=[
    sync('./web/src', '/app/src'),
    run('pip install -r requirements.txt', trigger='./web/requirements.txt'),
])
`,
		},
		{
			name:    "custom_build",
			purpose: "Builds an image with a command of your own.",
			doc: `
The command finds the image's full name with a fresh tag in ` + "`$EXPECTED_REF`" + ` (also ` + "`EXPECTED_REGISTRY`, `EXPECTED_IMAGE`, `EXPECTED_TAG`, `REGISTRY_HOST`" + `) and must leave the
image there. With *tag* it leaves the image under that tag; with *outputs_image_ref_to* it writes the image's name to a file. The images of
*image_deps* are handed over in ` + "`TILT_IMAGE_0`, `TILT_IMAGE_1`" + ` and so on.`,
			params: []string{
				"ref: str@image", "the image's name as the YAML writes it",
				"command: " + command, "what to run, in the Tiltfile's folder or *dir*",
				"deps: str@path | list[str@path]", "files and folders whose change makes a build necessary",
				"tag: str = ''", "the tag under which the command leaves the image; not together with *outputs_image_ref_to*",
				"disable_push: bool = False", "do not push: the command has done it, or the cluster sees the image anyway",
				"skips_local_docker: bool = False", "the command does not leave the image in the local Docker (it pushes by itself)",
				"live_update: " + steps + " = []", docLiveUpdate,
				"match_in_env_vars: bool = False", docMatchEnv,
				"ignore: str@glob | list[str@glob] = []", "dockerignore patterns of files below *deps* that do not matter",
				"entrypoint: " + command + " = []", "replaces the container's `command` in the YAML; a string is run by `sh -c`",
				"container_args: list[str] | None = None", "replaces the container's `args` in the YAML; an empty list clears them",
				"command_bat_val: str = ''", "Deprecated: use *command_bat*",
				"outputs_image_ref_to: str@file = ''", "a file to which the command writes the name of the image that it made",
				"command_bat: " + command + " = ''", docBat,
				"image_deps: list[str@image] = []", "images of the project that the command needs",
				"env: " + envMap + " = {}", "further environment variables of the command",
				"dir: str@dir = ''", "the command's working folder; without it, the Tiltfile's",
			},
			returns: "CustomBuild",
			example: `
custom_build('example/web', 'bazel run //web:push -- $EXPECTED_REF', deps=['web'], skips_local_docker=True)
`,
		},
		{
			name:    "default_registry",
			purpose: "Pushes all images to a registry of the developer's.",
			doc: `
Images are renamed: everything before the host's path is escaped and put below *host*. Clusters that come with a registry (kind, k3d, microk8s) need no call.
It cannot be combined with Docker Compose.`,
			params: []string{
				"host: str", "the registry's host, with a path if it has one: `gcr.io/my-project`",
				"host_from_cluster: str | None = None", "the host as the cluster's nodes reach it, when that is another",
				"single_name: str = ''", "put every image under this one name and the original name in the tag, as ECR needs it",
			},
			example: "default_registry('registry.example.com/dev', host_from_cluster='registry:5000')\n",
		},
	}
}

func liveUpdateRows() []row {
	return []row{
		{
			name:    "initial_sync",
			purpose: "Brings all synced files up to date when a container starts.",
			doc:     "It must be the first step of a live update, and there can be one.",
			returns: "LiveUpdateStep",
			example: "docker_build('web', '.', live_update=[initial_sync(), sync('.', '/app')])\n",
		},
		{
			name:    "fall_back_on",
			purpose: "Names files whose change needs a whole image build.",
			doc:     "It stands before the `sync` steps.",
			params:  []string{"paths|files: str@path | list[str@path]", "files or folders"},
			returns: "LiveUpdateStep",
			example: "docker_build('web', '.', live_update=[fall_back_on('package.json'), sync('.', '/app')])\n",
		},
		{
			name:    "sync",
			purpose: "Copies changed files into the running container.",
			doc:     "The local path must lie in the image's context or dependencies. Files that are deleted here are deleted there.",
			params: []string{
				"local_path: str@path", "a file or folder",
				"remote_path: str@remote", "the absolute path in the container that it becomes",
			},
			returns: "LiveUpdateStep",
			example: "docker_build('web', '.', live_update=[sync('./src', '/app/src')])\n",
		},
		{
			name:    "run",
			purpose: "Runs a command in the container after the files are synced.",
			doc:     "It stands after the `sync` steps. A command that fails leaves the container as it is; the next change tries again.",
			params: []string{
				"cmd: " + command, "a string is run by the container's `sh -c`, a list as it is",
				"trigger: str@path | list[str@path] = []", "run only when one of these changed; they must be synced too",
				"echo_off: bool = False", "do not print the command in the log",
			},
			returns: "LiveUpdateStep",
			example: "docker_build('web', '.', live_update=[sync('.', '/app'), run('npm install', trigger='package.json')])\n",
		},
		{
			name:    "restart_container",
			purpose: "Restarts the application after an update.",
			returns: "LiveUpdateStep",
			doc:     "It is the last step.",
			differs: "On Kubernetes, Tilt refuses this step and asks for the restart_process extension. Here it restarts the process in place, inside the same container. A Tiltfile that must load in Tilt too uses `docker_build_with_restart` of that extension.",
			example: "docker_build('web', '.', live_update=[sync('.', '/app'), restart_container()])\n",
		},
	}
}
