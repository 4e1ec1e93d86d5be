package decl

import "sync"

// common are the built-ins in the order of how often Tiltfiles name them.
var common = []string{
	"docker_build", "k8s_resource", "k8s_yaml", "local_resource", "load", "local", "helm", "kustomize",
	"config", "os", "read_yaml", "read_file", "allow_k8s_contexts", "docker_compose", "dc_resource",
	"custom_build", "default_registry", "sync", "run", "update_settings", "include", "str", "print", "len",
	"fail", "struct", "blob", "k8s_context", "port_forward", "link", "probe", "True", "False", "None",
	"read_json", "watch_file", "encode_yaml", "decode_yaml", "secret_settings", "k8s_namespace", "k8s_kind",
	"k8s_custom_deploy", "listdir", "TRIGGER_MODE_MANUAL", "TRIGGER_MODE_AUTO", "trigger_mode", "range",
	"restart_container", "fall_back_on", "http_get_action", "exec_action", "tcp_socket_action", "read_yaml_stream",
	"decode_yaml_stream", "encode_yaml_stream", "decode_json", "encode_json", "filter_yaml", "initial_sync",
	"load_dynamic", "watch_settings", "ci_settings", "docker_prune_settings", "version_settings", "warn", "exit",
	"workload_to_resource_function", "enable_feature", "shlex", "v1alpha1", "towline", "sys",
	"enumerate", "sorted", "list", "dict", "int", "zip", "any", "all", "type", "bool", "getattr", "hasattr",
	"os.path", "os.environ", "os.getenv", "os.getcwd", "os.path.join", "os.path.exists", "os.path.basename", "os.path.dirname",
	"config.parse", "config.define_string_list", "config.define_string", "config.define_bool", "config.clear_enabled_resources",
	"config.set_enabled_resources", "config.main_path", "config.main_dir", "config.tilt_subcommand",
	"str.format", "str.strip", "str.split", "str.join", "str.replace", "str.startswith", "str.endswith", "str.splitlines",
	"list.append", "list.extend", "dict.get", "dict.items", "dict.keys", "dict.values", "dict.update",
}

var commonness = sync.OnceValue(func() map[string]int {
	m := make(map[string]int, len(common))
	for i, name := range common {
		m[name] = i
	}
	return m
})

// Commonness returns the entry's place when all are put in the order of how
// often Tiltfiles name them, from 0; those of which nothing is known share the
// last one.
func (e *Entry) Commonness() int {
	if i, ok := commonness()[e.Name]; ok {
		return i
	}
	return len(common)
}

// noEffect is the purpose of what is there for other programs' files only.
const noEffect = "Accepted, without effect."

// Obscure reports whether hardly anybody means the entry: it is deprecated,
// undocumented or without effect.
func (e *Entry) Obscure() bool { return e.Deprecated != "" || e.Hidden || e.Purpose == noEffect }
