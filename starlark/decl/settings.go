package decl

func settingsRows() []row {
	return []row{
		{
			name:    "update_settings",
			purpose: "Sets how updates run.",
			params: []string{
				"max_parallel_updates: int = 3", "updates that may run at once, 1 or more",
				"k8s_upsert_timeout_secs: int = 30", "seconds after which applying a resource has failed, 1 or more",
				"suppress_unused_image_warnings: str@image | list[str@image] | None = None", "images that may be unused; `'*'` for all",
				"k8s_server_side_apply: 'auto' | 'true' | 'false' | str = 'auto'", "`'false'` applies on the client's side, as `kubectl apply` does; else the server does it, where it can",
			},
			differs: "Objects are applied on the server's side unless *k8s_server_side_apply* is `'false'`. Without *k8s_upsert_timeout_secs* applying takes as long as it takes.",
			example: "update_settings(max_parallel_updates=5, suppress_unused_image_warnings=['tools'])\n",
		},
		{
			name:    "ci_settings",
			purpose: "Sets the limits of `towline ci`.",
			params: []string{
				"k8s_grace_period: str = ''", "how long a failing pod may recover, as `'30s'`",
				"timeout: str = '30m'", "how long all of it may take",
				"readiness_timeout: str = '5m'", "how long a resource may take to become ready",
			},
			example: "ci_settings(timeout='10m')\n",
		},
		{
			name:    "watch_settings",
			purpose: "Names files whose changes never matter.",
			params:  []string{"ignore: str@glob | list[str@glob] = []", "dockerignore patterns, relative to the Tiltfile's folder"},
			example: "watch_settings(ignore=['**/node_modules'])\n",
		},
		{
			name:    "version_settings",
			purpose: "Requires a version.",
			params: []string{
				"check_updates: bool = True", "tell the developer of new versions",
				"constraint: str = ''", "a semantic version constraint, as `'>=0.30.0'`",
			},
			differs: "The constraint is compared with the Tilt version that this release is compatible with. Updates are not looked for.",
			example: "version_settings(constraint='>=0.30.0')\n",
		},
		{
			name:    "secret_settings",
			purpose: "Sets whether values of Secrets are hidden.",
			doc: `
They are hidden, decoded ones too, in logs, in messages and in everything that the daemon says and ` + "`towline eval`" + ` prints. What is
hidden and what is too common a word is said in docs/secrets.md.`,
			params:  []string{"disable_scrub: bool", "`True` shows them"},
			example: "secret_settings(disable_scrub=True)\n",
		},
		{
			name:    "analytics_settings",
			purpose: "Accepted, without effect.",
			params:  []string{"enable: bool", "whether usage is reported"},
			differs: "Nothing is ever reported.",
			example: "analytics_settings(enable=False)\n",
		},
		{
			name:    "docker_prune_settings",
			purpose: "Sets when images that were built are removed.",
			doc: `
Of the images that docker built for this workspace, those that were built longer ago than *max_age_mins* go, but for the
latest of each name, those that the project uses now and those that a container is of, running or not. Others' images, those of
custom_build and those that somebody gave a further name stay. It is looked after the first build, then by *num_builds* or *interval_hrs*,
and never while an image is built.`,
			differs: "The build cache and stopped containers stay: docker does not say whose cache a record is, and limits it by itself.",
			params: []string{
				"disable: bool = False", "never remove any",
				"max_age_mins: int = 360", "minutes after which an image may go",
				"num_builds: int = 0", "look every so many builds; 0 looks by time",
				"interval_hrs: int = 1", "hours between looks",
				"keep_recent: int = 2", "images of each name that stay",
			},
			example: "docker_prune_settings(max_age_mins=60, keep_recent=1)\n",
		},
		{
			name:    "disable_snapshots",
			purpose: "Forbids sharing snapshots.",
			example: "disable_snapshots()\n",
		},
		{
			name:    "set_team",
			purpose: "Accepted, without effect.",
			params:  []string{"team_id: str", "a team of Tilt Cloud; not empty, and set once"},
			differs: "There is no Tilt Cloud here.",
			example: "set_team('abc')\n",
		},
		{
			name:    "enable_feature",
			purpose: "Switches a feature flag on.",
			params:  []string{"msg|feature_name: str@feature", "`snapshots` or `cluster_refresh`; names of older flags only warn"},
			example: "enable_feature('snapshots')\n",
		},
		{
			name:    "disable_feature",
			hidden:  true,
			purpose: "Switches a feature flag off.",
			params:  []string{"msg: str@feature", "the flag"},
			example: "disable_feature('snapshots')\n",
		},
		{
			name:    "trigger_mode",
			purpose: "Sets the trigger mode of resources that do not set it.",
			doc:     "It can be called once.",
			params:  []string{"trigger_mode: TriggerMode", docTriggerMode},
			example: "trigger_mode(TRIGGER_MODE_MANUAL)\n",
		},
		{
			name: "TRIGGER_MODE_AUTO", kind: Constant, returns: "TriggerMode",
			purpose: "Update on every change of a file.",
			example: "trigger_mode(TRIGGER_MODE_AUTO)\n",
		},
		{
			name: "TRIGGER_MODE_MANUAL", kind: Constant, returns: "TriggerMode",
			purpose: "Update only when asked to.",
			example: "local_resource('lint', 'make lint', trigger_mode=TRIGGER_MODE_MANUAL)\n",
		},
		{
			name:    "experimental_analytics_report",
			hidden:  true,
			purpose: "Accepted, without effect.",
			params:  []string{"tags: dict[str, str]", "what would be reported"},
			differs: "Nothing is ever reported.",
			example: "experimental_analytics_report({'1': '2'})\n",
		},
		{
			name:    "experimental_metrics_settings",
			hidden:  true,
			purpose: "Accepted, without effect.",
			params: []string{
				"enabled: bool = False", "no effect",
				"address: str = ''", "no effect",
				"insecure: bool = False", "no effect",
				"reporting_period: str = ''", "no effect",
				"allow_anonymous: bool = False", "no effect",
			},
			differs: "Nothing is ever reported.",
			example: "experimental_metrics_settings(enabled=False)\n",
		},
		{
			name:    "experimental_telemetry_cmd",
			hidden:  true,
			purpose: "Accepted, without effect.",
			params: []string{
				"cmd: " + command, "would be run with usage data",
				"cmd_bat: " + command + " = ''", docBat,
				"period: str = ''", "how often",
				"dir: str@dir = ''", "its working folder",
			},
			differs: "Nothing is ever reported, and the command does not run.",
			example: "experimental_telemetry_cmd('true')\n",
		},
	}
}

func controlRows() []row {
	return []row{
		{
			name:    "warn",
			purpose: "Shows a warning.",
			params:  []string{"msg: str", "the text"},
			example: "warn('this is slow')\n",
		},
		{
			name:    "fail",
			purpose: "Stops the evaluation with an error.",
			params:  []string{"msg: str", "the text"},
			example: "if not True:\n    fail('impossible')\n",
		},
		{
			name:    "exit",
			purpose: "Stops the evaluation without an error.",
			doc:     "What was declared before stays.",
			params:  []string{"code: any = None", "a text to print; nothing else is made of it"},
			example: "exit()\n",
		},
		{
			name: "__file__", kind: Constant, returns: "str@file",
			purpose: "The absolute path of the Tiltfile that this stands in.",
			example: "print(__file__)\n",
		},
		{
			name: "__name__", kind: Constant, returns: "str",
			purpose: "`'__main__'` in the root Tiltfile, else the file's name.",
			example: "if __name__ == '__main__':\n    print('root')\n",
		},
	}
}

func configRows() []row {
	define := []string{
		"name: str@setting", "the setting's name; a flag of that name sets it",
		"args: bool = False", "take the arguments that are not flags; one setting may",
		"usage: str = ''", "what `-- --help` says about it",
	}
	return []row{
		{name: "config", kind: Module, purpose: "Settings of the project, from `tilt_config.json` and the command line."},
		{
			name: "config.tilt_subcommand", kind: Constant, returns: "str",
			purpose: "The subcommand that evaluates: `up`, `down`, `ci` or another.",
			example: "if config.tilt_subcommand == 'down':\n    print('bye')\n",
		},
		{name: "config.main_path", kind: Constant, returns: "str@file", purpose: "The absolute path of the root Tiltfile.", example: "print(config.main_path)\n"},
		{name: "config.main_dir", kind: Constant, returns: "str@dir", purpose: "The folder of the root Tiltfile.", example: "print(config.main_dir)\n"},
		{
			name: "config.define_string_list", params: define,
			purpose: "Declares a setting that is a list of strings.",
			doc:     "The flag may be repeated.",
			example: "config.define_string_list('to-run', args=True)\ncfg = config.parse()\n",
		},
		{
			name: "config.define_string", params: define,
			purpose: "Declares a setting that is a string.",
			example: "config.define_string('registry')\ncfg = config.parse()\n",
		},
		{
			name: "config.define_bool", params: define,
			purpose: "Declares a setting that is a boolean.",
			example: "config.define_bool('debug')\ndebug = config.parse().get('debug', False)\n",
		},
		{
			name: "config.define_object", params: define, hidden: true,
			purpose: "Declares a setting that is any JSON value.",
			example: "config.define_object('limits')\ncfg = config.parse()\n",
		},
		{
			name:    "config.parse",
			purpose: "Reads the settings.",
			doc: `
` + "`tilt_config.json`" + ` beside the Tiltfile is read first, then the arguments after ` + "`--`" + `. Settings that neither gives are absent. All are defined before it is called.`,
			returns: "dict[str, any]",
			example: "config.define_bool('debug')\nif config.parse().get('debug'):\n    print('debugging')\n",
		},
		{
			name:    "config.set_enabled_resources",
			purpose: "Enables these resources, and what they depend on, alone.",
			doc:     "An empty list enables all.",
			params:  []string{"resources: list[str@resource]", "names"},
			example: "config.set_enabled_resources([])\n",
		},
		{
			name:    "config.clear_enabled_resources",
			purpose: "Enables no resource.",
			example: "config.clear_enabled_resources()\n",
		},
	}
}

func osRows() []row {
	return []row{
		{name: "os", kind: Module, purpose: "The operating system: environment, folders, paths."},
		{name: "os.name", kind: Constant, returns: "str", purpose: "`'posix'`, or `'nt'` on Windows.", example: "print(os.name)\n"},
		{
			name: "os.environ", kind: Constant, returns: "dict[str, str]", purpose: "The environment, as a dictionary that may be changed.",
			example: "home = os.environ.get('HOME', '')\n",
		},
		{name: "os.getcwd", returns: "str@dir", purpose: "The folder of the Tiltfile that is being evaluated.", example: "print(os.getcwd())\n"},
		{
			name: "os.getenv", returns: "str | None", purpose: "An environment variable's value.",
			params: []string{
				"key: str@env", "its name",
				"default: any = None", "the value when it is not set",
			},
			example: "home = os.getenv('HOME', '/')\n",
		},
		{
			name: "os.putenv", purpose: "Sets an environment variable.",
			params: []string{
				"key: str@env", "its name",
				"value: str", "its value",
			},
			example: "os.putenv('STAGE', 'dev')\n",
		},
		{
			name: "os.unsetenv", purpose: "Removes an environment variable.",
			params:  []string{"key: str@env", "its name"},
			example: "os.unsetenv('STAGE')\n",
		},
		{name: "os.path", kind: Module, purpose: "Operations on paths."},
		{
			name: "os.path.abspath", returns: "str", purpose: "The path, absolute and clean.",
			params:  []string{"path: str@path", "relative to the Tiltfile's folder"},
			example: "print(os.path.abspath('web'))\n",
		},
		{
			name: "os.path.relpath", returns: "str", purpose: "The path, relative to a folder.",
			params: []string{
				"targpath: str@path", "the path",
				"basepath: str@dir = ''", "the folder; without it, the Tiltfile's",
			},
			example: "print(os.path.relpath('web/src', 'web'))\n",
		},
		{
			name: "os.path.basename", returns: "str", purpose: "The last part of a path.",
			params: []string{"path: str@path", "the path"}, example: "print(os.path.basename('a/b'))\n",
		},
		{
			name: "os.path.dirname", returns: "str", purpose: "The path without its last part.",
			params: []string{"path: str@path", "the path"}, example: "print(os.path.dirname('a/b'))\n",
		},
		{
			name: "os.path.exists", returns: "bool", purpose: "Whether there is such a file or folder.",
			doc:    "The path is not watched: use `watch_file` for that.",
			params: []string{"path: str@path", "the path"}, example: "if os.path.exists('local.tiltfile'):\n    include('local.tiltfile')\n",
		},
		{
			name: "os.path.join", returns: "str", purpose: "Joins parts of a path.",
			params: []string{
				"path: str@path", "the first part",
				"*paths: str", "further parts; an absolute one drops what came before",
			},
			example: "print(os.path.join('a', 'b'))\n",
		},
		{
			name: "os.path.realpath", returns: "str", purpose: "The path with symbolic links resolved.",
			params: []string{"path: str@path", "the path"}, example: "print(os.path.realpath('.'))\n",
		},
		{name: "shlex", kind: Module, purpose: "Quoting for shells."},
		{
			name: "shlex.quote", returns: "str", purpose: "Quotes a text so that a shell takes it as one word.",
			params: []string{"name|s: str", "the text"}, example: "print('echo ' + shlex.quote('a b'))\n",
		},
		{name: "sys", kind: Module, purpose: "The program that evaluates."},
		{name: "sys.argv", kind: Constant, returns: "list[str]", purpose: "Its command line.", example: "print(len(sys.argv))\n"},
		{name: "sys.executable", kind: Constant, returns: "str@file", purpose: "Its file.", example: "print(sys.executable)\n"},
	}
}
