package eval

import (
	"context"
	"maps"
	"strings"

	"github.com/towline-dev/towline/starlark/decl"
)

// builtins is the Go half of every function of the table; a test compares the
// two.
func (r *run) builtins(ctx context.Context) map[string]builtin {
	all := map[string]builtin{
		"docker_build":     (*call).dockerBuild,
		"custom_build":     (*call).customBuild,
		"default_registry": (*call).defaultRegistry,

		"initial_sync":      (*call).initialSync,
		"fall_back_on":      (*call).fallBackOn,
		"sync":              (*call).sync,
		"run":               (*call).runStep,
		"restart_container": (*call).restartContainer,

		"k8s_yaml":                      (*call).k8sYAML,
		"k8s_resource":                  (*call).k8sResource,
		"k8s_custom_deploy":             (*call).k8sCustomDeploy,
		"k8s_kind":                      (*call).k8sKind,
		"k8s_image_json_path":           (*call).k8sImageJSONPath,
		"filter_yaml":                   (*call).filterYAML,
		"workload_to_resource_function": (*call).workloadToResourceFunction,
		"k8s_context":                   (*call).k8sContext,
		"k8s_namespace":                 (*call).k8sNamespace,
		"allow_k8s_contexts":            (*call).allowContexts,
		"port_forward":                  (*call).portForward,
		"link":                          (*call).link,

		"docker_compose": within(ctx, (*call).dockerCompose),
		"dc_resource":    (*call).dcResource,

		"local_resource":    (*call).localResource,
		"test":              (*call).test,
		"local":             within(ctx, (*call).local),
		"probe":             (*call).probe,
		"exec_action":       (*call).execAction,
		"http_get_action":   (*call).httpGetAction,
		"tcp_socket_action": (*call).tcpSocketAction,

		"read_file":      (*call).readFile,
		"watch_file":     (*call).watchFile,
		"listdir":        (*call).listdir,
		"blob":           (*call).blob,
		"kustomize":      within(ctx, (*call).kustomize),
		"helm":           within(ctx, (*call).helm),
		"include":        within(ctx, (*call).include),
		"load_dynamic":   within(ctx, (*call).loadDynamic),
		"local_git_repo": (*call).localGitRepo,

		"read_json":          (*call).readJSON,
		"decode_json":        (*call).decodeJSON,
		"encode_json":        (*call).encodeJSON,
		"read_yaml":          (*call).readYAML,
		"read_yaml_stream":   (*call).readYAMLStream,
		"decode_yaml":        (*call).decodeYAML,
		"decode_yaml_stream": (*call).decodeYAMLStream,
		"encode_yaml":        (*call).encodeYAML,
		"encode_yaml_stream": (*call).encodeYAMLStream,
		"struct":             (*call).structOf,
		"module":             (*call).moduleOf,

		"update_settings":               (*call).updateSettings,
		"ci_settings":                   (*call).ciSettings,
		"watch_settings":                (*call).watchSettings,
		"version_settings":              (*call).versionSettings,
		"secret_settings":               (*call).secretSettings,
		"analytics_settings":            ignored,
		"docker_prune_settings":         (*call).dockerPruneSettings,
		"disable_snapshots":             (*call).disableSnapshots,
		"set_team":                      (*call).setTeam,
		"enable_feature":                (*call).enableFeature,
		"disable_feature":               (*call).disableFeature,
		"trigger_mode":                  (*call).setTriggerMode,
		"experimental_analytics_report": ignored,
		"experimental_metrics_settings": ignored,
		"experimental_telemetry_cmd":    ignored,

		"warn": (*call).warn,
		"fail": (*call).fail,
		"exit": (*call).exit,

		"config.define_string_list":      define("string_list"),
		"config.define_string":           define("string"),
		"config.define_bool":             define("bool"),
		"config.define_object":           define("object"),
		"config.parse":                   (*call).parseConfig,
		"config.set_enabled_resources":   (*call).setEnabledResources,
		"config.clear_enabled_resources": (*call).clearEnabledResources,

		"os.getcwd":   (*call).getcwd,
		"os.getenv":   (*call).getenv,
		"os.putenv":   (*call).putenv,
		"os.unsetenv": (*call).unsetenv,
		"shlex.quote": (*call).quote,

		"towline.debug":    (*call).ourDebug,
		"towline.sync":     (*call).ourSync,
		"towline.restart":  (*call).ourRestart,
		"towline.agent":    (*call).ourAgent,
		"towline.follow":   (*call).ourFollow,
		"towline.builder":  (*call).ourBuilder,
		"towline.go_build": (*call).ourGoBuild,
		"towline.contexts": (*call).ourContexts,
		"towline.forwards": (*call).ourForwards,
		"towline.gitops":   (*call).ourGitOps,
		"towline.is_dir":   (*call).isDir,
		"towline.chart":    within(ctx, (*call).ourChart),
		"towline.limits":   (*call).ourLimits,
	}
	maps.Copy(all, pathBuiltins())
	for _, e := range decl.Members("v1alpha1") {
		if strings.HasPrefix(e.Type.Name, "v1alpha1.") {
			all[e.Name] = apiConstructor
		} else {
			all[e.Name] = apiObject
		}
	}
	return all
}
