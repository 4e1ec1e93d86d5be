package decl

func towlineRows() []row {
	const ours = "Tilt has no such module. A Tiltfile that both read asks `towline` first: `if os.getenv('TOWLINE'): include('Tiltfile.towline')`, and uses the module in that file alone."
	return []row{
		{name: "towline", kind: Module, purpose: "What this program has beyond Tilt.", differs: ours},
		{name: "towline.version", kind: Constant, returns: "str", purpose: "The version of this program.", differs: ours, example: "print(towline.version)\n"},
		{
			name: "towline.debug", differs: ours,
			purpose: "Says how a resource is debugged.",
			params: []string{
				"resource: str@resource", "the resource",
				"container: str = ''", "the container, unless the debug configuration names one; without it, the one that is live updated",
				"path_map: dict[str@path, str] = {}", "folders here to folders in the container, where the live update does not say it",
			},
			example: "towline.debug('web', path_map={'src': '/app/src'})\n",
		},
		{
			name: "towline.sync", differs: ours,
			purpose: "Sets how files are synced to an image's containers.",
			params: []string{
				"ref: str@image", "the image",
				"mode: 'auto' | 'whole' | 'delta' | str = 'auto'", "send files whole, as differences, or as the link's speed suggests",
				"delete: bool = True", "delete in the container what is deleted here; `False` leaves it there until the next build",
			},
			example: "docker_build('web', '.')\ntowline.sync('web', mode='delta')\n",
		},
		{
			name: "towline.restart", differs: ours,
			purpose: "Sets how the application of an image is restarted.",
			params: []string{
				"ref: str@image", "the image",
				"policy: 'step' | 'on_change' | 'on_exit' | 'never' | str = 'on_change'", "restart only where the live update says so; after each live update; after each and when it exits by itself; or never",
				"command: " + command + " = []", "what to run in place of the image's command; a string is split in words, and run by `sh -c` when it needs a shell",
				"trigger: str@path | list[str@path] | None = None", "restart only when one of these changed; without it, after each update",
				"signal: str = 'TERM'", "the signal that asks it to end",
				"grace: str = '2s'", "how long it may take to end",
			},
			example: "docker_build('web', '.')\ntowline.restart('web')\n",
		},
		{
			name: "towline.agent", differs: ours,
			purpose: "Sets how the agent comes into the pods of a resource.",
			params: []string{
				"resource: str@resource = ''", "the resource; without it, all",
				"enabled: bool = True", "`False` leaves the pods as they are: every change is a full build",
				"image: str@image = ''", "the agent's image, when the cluster cannot pull the default",
			},
			example: "towline.agent(enabled=True)\n",
		},
		{
			name: "towline.follow", differs: ours,
			purpose: "Has each update of a resource wait until its *resource_deps* are updated and ready, and not only the first one: a test runs against the newest of what it tests.",
			params: []string{
				"resource: str@resource", "the resource; what a person triggers does not wait",
				"run_again: bool = False", "its command runs again, too, each time when one of them was updated",
			},
			example: "local_resource('e2e', 'make e2e', deps=['e2e'], resource_deps=['web'])\ntowline.follow('e2e', run_again=True)\n",
		},
		{
			name: "towline.builder", differs: ours,
			purpose: "Says where `docker_build` builds.",
			doc:     "In the cluster: by BuildKit in a pod that Towline makes at the first build and `towline down` deletes. The build's context goes there as the difference to the last one, and the image from there to the registry, never over your uplink. It needs the program `buildctl` here, and a namespace in which a privileged pod may run; see docs/builds.md.",
			params: []string{
				"where: 'auto' | 'local' | 'cluster' = 'auto'", "`'local'` builds on this machine, or where DOCKER_HOST or BUILDKIT_HOST say; `'auto'` does, too, and in the cluster where there is no docker, but `buildctl`",
				"image: str@image = ''", "BuildKit's image, when the cluster cannot pull the default",
				"namespace: str = ''", "the namespace that it runs in; without it, the project's",
			},
			example: "towline.builder('cluster')\n",
		},
		{
			name: "towline.go_build", differs: ours, returns: "CustomBuild",
			purpose: "Makes the image of a Go program, without a Dockerfile and without Docker.",
			doc:     "As ko does it: `go build` here, for the nodes' platform, and one layer with the program at `/ko-app/NAME` on a base image; a folder `kodata` beside the program's source comes to `$KO_DATA_PATH`. The same sources give the same image, so that nothing restarts for a comment. What the compiler complains of stands at its line.",
			params: []string{
				"ref: str@image", "the image's name as the YAML writes it",
				"import_path: str", "the program: a folder with `package main`, as `go build` takes it",
				"deps: str@path | list[str@path] = []", "files and folders whose change makes a build necessary; without it, *dir*",
				"base: str = ''", "the image that the program is put on; 'scratch' for none; without it, ko's `cgr.dev/chainguard/static`",
				"flags: str | list[str] = []", "further flags of `go build`",
				"ldflags: str | list[str] = []", "flags of the linker",
				"env: " + envMap + " = {}", "environment variables of `go build`; CGO_ENABLED is 0",
				"dir: str@dir = ''", "the folder that `go build` runs in; without it, the Tiltfile's",
				"live_update: " + steps + " = []", docLiveUpdate,
				"match_in_env_vars: bool = False", docMatchEnv,
				"ignore: str@glob | list[str@glob] = []", "dockerignore patterns of files below *deps* that do not matter",
				"entrypoint: " + command + " = []", "replaces the container's `command` in the YAML; a string is run by `sh -c`",
				"container_args: list[str] | None = None", "replaces the container's `args` in the YAML; an empty list clears them",
				"image_deps: list[str@image] = []", "images of the project that are built before; *base* may be one",
			},
			example: "towline.go_build('example/web', './cmd/web')\n",
		},
		{
			name: "towline.gitops", differs: ours,
			purpose: "Says what becomes of objects that Argo CD or Flux holds to a Git repository, when the project is to write them.",
			doc:     "By their marks they are noticed before anything of theirs is written. What a person answers, or `--gitops` says, comes before this.",
			params: []string{
				"mode: 'ask' | 'pause' | 'leave' | 'apply' | str", "ask a person; pause what holds them (an Application, Kustomization or HelmRelease) until `towline down`; leave them as they are; or write them all the same",
			},
			example: "towline.gitops('pause')\n",
		},
		{
			name: "towline.forwards", differs: ours,
			purpose: "Says what becomes of port-forwards whose port on this machine is in use.",
			params: []string{
				"in_use: 'wait' | 'next' | str", "wait until the port is free, which is what happens without this; or take the next free one, which the status and the log say",
			},
			example: "towline.forwards(in_use='next')\n",
		},
		{
			name: "towline.contexts", differs: ours,
			purpose: "Names further Kubernetes contexts, by the cluster's certificate and not by name alone.",
			params:  []string{"**contexts: str", "the context's name and the SHA-256 of its certificate authority"},
			example: "towline.contexts(staging='5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef')\n",
		},
		{
			name: "towline.is_dir", differs: ours, returns: "bool",
			purpose: "Whether a path is a folder.",
			params:  []string{"path: str@path", "the path"},
			example: "print(towline.is_dir('.'))\n",
		},
		{
			name: "towline.chart", differs: ours, returns: "str",
			purpose: "Fetches a Helm chart, once, and returns its folder. No helm program is needed.",
			params: []string{
				"chart: str", "the chart's name; 'repository/name', 'oci://…' or an archive's URL when no repository is named",
				"dir: str@path", "the folder to keep it in; a chart that is in it already is not fetched again",
				"repo_url: str = ''", "the repository's URL, https:// or oci://",
				"repo_name: str = ''", "a repository that helm knows, when there is no repo_url",
				"version: str = ''", "a version or a constraint; '' is the newest",
				"username: str = ''", "for repositories that are not public",
				"password: str = ''", "for repositories that are not public",
			},
			example: "k8s_yaml(helm(towline.chart('web', dir='charts', repo_url='https://charts.example.com')))\n",
		},
		{
			name: "towline.limits", differs: ours,
			purpose: "Sets the limits of the evaluation.",
			params: []string{
				"steps: int = 0", "steps of Starlark; 0 keeps the default",
				"memory_mb: int = 0", "megabytes that the evaluation may hold; 0 keeps the default of 512",
			},
			example: "towline.limits(steps=1000000000)\n",
		},
	}
}
