package decl

func fileRows() []row {
	return []row{
		{
			name:    "read_file",
			purpose: "Reads a file.",
			doc:     "A change of the file evaluates the Tiltfile again.",
			params: []string{
				"paths|file_path: str@file", "the file",
				"default: str | None = None", "what to return when it does not exist; without it, that is an error",
			},
			returns: "Blob",
			example: "text = str(read_file('settings.txt', default=''))\n",
		},
		{
			name:    "watch_file",
			purpose: "Evaluates the Tiltfile again when a file changes.",
			params:  []string{"paths|file_path: str@path", "a file or folder"},
			example: "watch_file('charts')\n",
		},
		{
			name:    "listdir",
			purpose: "Lists the files of a folder.",
			doc: `
The paths are absolute; folders are not listed, and a folder that does not exist is empty. With *recursive* any change in the
folder evaluates the Tiltfile again, without it a change of the names in it.`,
			params: []string{
				"dir|directory: str@dir", "the folder",
				"recursive: bool = False", "the files of its folders too",
			},
			returns: "list[str@file]",
			example: "for path in listdir('.'):\n    print(path)\n",
		},
		{
			name:    "blob",
			purpose: "Makes a Blob of a text.",
			doc:     "Functions that take YAML take a string for a path, and a Blob for the YAML itself.",
			params:  []string{"input|contents: str", "the text"},
			returns: "Blob",
			example: "k8s_yaml(blob('{apiVersion: v1, kind: Namespace, metadata: {name: dev}}'))\n",
		},
		{
			name:    "kustomize",
			purpose: "Renders a Kustomize folder.",
			doc:     "Every file that it reads is watched.",
			params: []string{
				"paths|pathToDir: str@dir", "the folder of the kustomization",
				"kustomize_bin: str@file | None = None", "a program to use in place of the library that is built in",
				"flags: list[str] = []", "further flags, as `['--enable-helm']`",
			},
			returns: "Blob",
			example: "k8s_yaml(kustomize('overlays/dev'))\n",
		},
		{
			name:    "helm",
			purpose: "Renders a Helm chart of this repository.",
			doc: `
Test hooks are left out. The chart's folder is watched. For charts of a repository see the extensions helm_remote and helm_resource.`,
			params: []string{
				"paths|pathToChartDir: str@dir", "the chart's folder",
				"name: str = ''", "the release's name; without it, `chart`",
				"namespace: str@namespace = ''", "the release's namespace, which objects without one get",
				"values: str@file | list[str@file] = []", "files of values",
				"set: " + strs + " = []", "single values, as `['image.tag=dev']`",
				"kube_version: str = ''", "the version that templates see as the cluster's",
				"skip_crds: bool = False", "leave out the chart's `crds/`",
			},
			returns: "Blob",
			example: "k8s_yaml(helm('charts/web', name='web', values=['dev-values.yaml']))\n",
		},
		{
			name:    "include",
			purpose: "Runs another Tiltfile for its effects.",
			doc:     "Relative paths in it are relative to its own folder. It runs once, however often it is included.",
			params:  []string{"path: str@tiltfile", "the Tiltfile"},
			example: "include('web/Tiltfile')\n",
		},
		{
			name:    "load",
			purpose: "Runs another Tiltfile and takes names from it.",
			doc: `
A statement of Starlark: the path must be a literal, names that start with an underscore are not visible, and the values are frozen.
` + "`ext://NAME`" + ` loads an extension.`,
			params: []string{
				"path: str@tiltfile", "the Tiltfile, or `ext://NAME`",
				"*names: str", "the names to take",
				"**renamed: str", "names to take under another name",
			},
			example: "load('ext://restart_process', 'docker_build_with_restart')\n",
		},
		{
			name:    "load_dynamic",
			purpose: "Runs another Tiltfile and returns its names as a dictionary.",
			doc:     "As `load`, but the path may be computed, and it can stand in an `if`.",
			params:  []string{"path: str@tiltfile", "the Tiltfile"},
			returns: "dict[str, any]",
			example: "tools = load_dynamic('tools/Tiltfile')\n",
		},
		{
			name:    "local_git_repo",
			hidden:  true,
			purpose: "Names a folder in a git repository.",
			params:  []string{"path: str@dir", "the repository's folder; it must hold `.git`"},
			returns: "GitRepo",
			example: "repo = local_git_repo('.')\n",
		},
	}
}

func dataRows() []row {
	const structured = "dict | list | str | int | float | bool | None"
	return []row{
		{
			name:    "read_json",
			purpose: "Reads a JSON file as Starlark values.",
			params: []string{
				"paths|path: str@file", "the file",
				"default: any = None", "what to return when it does not exist",
			},
			returns: structured,
			example: "settings = read_json('settings.json', default={})\n",
		},
		{
			name:    "decode_json",
			purpose: "Turns JSON into Starlark values.",
			params:  []string{"json: str | Blob", "the text"},
			returns: structured,
			example: "n = decode_json('{\"n\": 1}')['n']\n",
		},
		{
			name:    "encode_json",
			purpose: "Turns Starlark values into JSON.",
			params:  []string{"obj: any", "dictionaries with strings as keys, lists, strings, numbers, booleans, None"},
			returns: "Blob",
			example: "print(encode_json({'n': 1}))\n",
		},
		{
			name:    "read_yaml",
			purpose: "Reads a YAML file of one document as Starlark values.",
			params: []string{
				"paths|path: str@file", "the file",
				"default: any = None", "what to return when it does not exist",
			},
			returns: structured,
			example: "settings = read_yaml('settings.yaml', default={})\n",
		},
		{
			name:    "read_yaml_stream",
			purpose: "Reads a YAML file of several documents as a list.",
			params: []string{
				"paths|path: str@file", "the file",
				"default: list | None = None", "what to return when it does not exist",
			},
			returns: "list",
			example: "objects = read_yaml_stream('objects.yaml', default=[])\n",
		},
		{
			name:    "decode_yaml",
			purpose: "Turns YAML of one document into Starlark values.",
			params:  []string{"yaml: str | Blob", "the text"},
			returns: structured,
			example: "n = decode_yaml('a: 1')['a']\n",
		},
		{
			name:    "decode_yaml_stream",
			purpose: "Turns YAML of several documents into a list.",
			params:  []string{"yaml: str | Blob", "the text"},
			returns: "list",
			example: "objects = decode_yaml_stream('a: 1\\n---\\nb: 2')\n",
		},
		{
			name:    "encode_yaml",
			purpose: "Turns Starlark values into YAML.",
			params:  []string{"obj: any", "dictionaries with strings as keys, lists, strings, numbers, booleans, None"},
			returns: "Blob",
			example: "k8s_yaml(encode_yaml({'apiVersion': 'v1', 'kind': 'Namespace', 'metadata': {'name': 'dev'}}))\n",
		},
		{
			name:    "encode_yaml_stream",
			purpose: "Turns a list into YAML of several documents.",
			params:  []string{"objs: list", "the documents"},
			returns: "Blob",
			example: "print(encode_yaml_stream([{'a': 1}, {'b': 2}]))\n",
		},
		{
			name:    "struct",
			purpose: "Makes a value with the given attributes.",
			params:  []string{"**kwargs: any", "the attributes"},
			returns: "struct",
			example: "point = struct(x=1, y=2)\nprint(point.x)\n",
		},
		{
			name:    "module",
			hidden:  true,
			purpose: "Makes a named value with the given attributes.",
			params: []string{
				"name: str", "the module's name, as `str()` shows it",
				"**kwargs: any", "the attributes",
			},
			returns: "module",
			example: "tools = module('tools', version='1')\nprint(tools.version)\n",
		},
	}
}
