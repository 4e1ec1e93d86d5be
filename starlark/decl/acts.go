package decl

import (
	"strings"
	"sync"
)

// Act says what a built-in or parameter comes to once a Tiltfile was evaluated.
// Exactly one of its fields is set.
type Act struct {
	Evaluated bool   // all that it does is done in the evaluation: a value, a file's content, which objects and names there are
	Field     string // of starlark/config, as "Image.Platform"
	Warned    bool   // nothing yet: the call warns
	Nothing   string // nothing, and rightly: why
}

// ActOf returns what a parameter comes to; with the zero Param, what the call
// itself does. ok is false where the table below does not
// say it, which a test does not let pass.
func ActOf(e *Entry, p Param) (act Act, ok bool) {
	switch {
	case e.Idle != "":
		return Act{Warned: true}, true
	case p.Deprecated:
		return Act{Nothing: "deprecated"}, true
	case e.Kind != Function:
		return Act{Evaluated: true}, true
	}
	for _, key := range []string{e.Name + "." + p.Name, e.Name} {
		if act, ok := acts()[key]; ok {
			return act, true
		}
	}
	return Act{}, false
}

// acts parses actsTable.
var acts = sync.OnceValue(func() map[string]Act {
	m := map[string]Act{}
	for line := range strings.Lines(actsTable) {
		key, what, ok := strings.Cut(strings.TrimSpace(line), ": ")
		if !ok {
			continue
		}
		var act Act
		switch {
		case what == "evaluated":
			act.Evaluated = true
		case strings.HasPrefix(what, "nothing, "):
			act.Nothing = strings.TrimPrefix(what, "nothing, ")
		default:
			act.Field = what
		}
		for name := range strings.SplitSeq(key, " ") {
			entry, _, _ := strings.Cut(key, ".")
			if strings.HasPrefix(name, ".") {
				name = entry + name
			}
			m[name] = act
		}
	}
	return m
})

// ActorsOf returns the functions that act on a field of starlark/config, as
// "server/build.dockerArgs". Who only reads it, to compare or to print, is none.
func ActorsOf(field string) []string { return actors()[field] }

// actors parses actorsTable.
var actors = sync.OnceValue(func() map[string][]string {
	m := map[string][]string{}
	for line := range strings.Lines(actorsTable) {
		who, fields, _ := strings.Cut(strings.TrimSpace(line), ": ")
		for field := range strings.FieldsSeq(fields) {
			m[field] = append(m[field], strings.Fields(who)...)
		}
	}
	return m
})

// actorsTable has a line for each function, or several of one kind, that act on
// fields: without the field it would do something else, and a test of its
// package goes red (go test ./internal/acts -run Without -without).
const actorsTable = `
server/build.dockerArgs: Image.Target Image.SSH Image.Secrets Image.Network Image.ExtraTags Image.CacheFrom Image.Pull Image.Platform Image.ExtraHosts
server/build.job.buildctlArgs: Image.Target Image.SSH Image.Secrets Image.Network Image.CacheFrom Image.Pull Image.Platform Image.ExtraHosts
server/build.builder.buildctl: Image.ExtraTags
server/build.job.dockerBuild server/build.job.args: Image.Args
server/build.builder.docker server/build.builder.custom: Image.Ref
server/build.job.narrow: Image.Context
server/build.readDockerfile: Image.Dockerfile Image.DockerfileContents
server/build.newFilter server/daemon.interestsOf: Image.Ignores Image.Only
server/build.builder.runCustom: Image.Command Command.Dir
server/build.customEnv: Command.Env
server/build.builder.custom: Image.Tag Image.DisablePush Image.SkipsLocalDocker Image.OutputsImageRefTo
server/build.customEnv server/run.images.build: Image.ImageDeps
server/build.NamesFor: Registry.Host Registry.SingleName
server/build.clusterName: Registry.HostFromCluster
server/inject.override: Image.Entrypoint Image.ContainerArgs Image.RestartEntrypoint
server/inject.Object: Object.ImageRefs
server/daemon.interestsOf: Image.Deps CustomDeploy.Deps Local.Deps Local.Ignore Settings.WatchIgnores Project.ConfigFiles
server/daemon.allowedBy: Settings.AllowedContexts Ours.Pins
server/daemon.shared.hide: Settings.SecretScrub
server/daemon.tiltfile.status: Project.Warnings
server/daemon.forwardsStatus: PortForward.Name PortForward.Path
server/engine.SyncFiles server/engine.LivePlan: Image.LiveUpdate
server/engine.LivePlan: Step.Paths
server/engine.SyncFiles server/engine.steps server/engine.hasStep: Step.Kind
server/engine.syncPath: Step.Local Step.Remote
server/engine.steps: Step.Triggers
server/engine.localWanted server/engine.may: Resource.AutoInit Resource.TriggerMode
server/engine.view.needs: Resource.ResourceDeps
server/engine.want: Resource.Enabled
cmd/towline/ci.Judge.See: CI.Timeout CI.GracePeriod CI.ReadinessTimeout
server/engine.slotsOf: Settings.MaxParallelUpdates
server/build.old: DockerPrune.MaxAge DockerPrune.KeepRecent
server/run.pruning.due: DockerPrune.Disable DockerPrune.NumBuilds DockerPrune.Interval
server/engine.view.place: Local.AllowParallel
server/engine.view.findMakers server/engine.noteWrites server/engine.deferChange: Local.Outputs
server/engine.objectsOf: Object.Resource
server/engine.agentless: AgentSetting.Enabled
server/engine.view.findFollowers: Ours.FollowOf
server/engine.runAgain: FollowSetting.RunAgain
server/run.Runner.Debug: DebugSetting.Container
server/run.sessionOf: DebugSetting.PathMap
server/run/agents.changeOf: Step.Argv SyncSetting.Delete
server/run/agents.Agents.live: SyncSetting.Mode
server/run/agents.policyOf: RestartSetting.Policy RestartSetting.Signal RestartSetting.Grace
server/run/command.Shell.Run: Command.Env Command.Dir
server/run/compose.projectOf: Project.Compose
server/run/compose.CLI.Up: ComposeProject.Name ComposeProject.Dir ComposeProject.EnvFile
server/run/compose.Up.model: ComposeProject.Model
server/run/compose.supervised: AgentSetting.Enabled
server/engine.resourceSpecs: Compose.Definition
server/run/deploy.Deployer.objects: Project.YAML
server/run/deploy.Deployer.deploy: Settings.UpsertTimeout Settings.ServerSideApply
server/run/deploy.Deployer.decision: Ours.Held
server/run/deploy.Deployer.injection: AgentSetting.Enabled AgentSetting.Image
server/build.builder.findTool: BuilderSetting.Where
server/build.builder.goProgram: GoBuild.ImportPath GoBuild.Dir GoBuild.Flags GoBuild.LDFlags GoBuild.Env
server/build.builder.goBase: GoBuild.Base
server/build.builder.buildThere: BuilderSetting.Image BuilderSetting.Namespace
server/run/deploy.Deployer.applyByCommand: CustomDeploy.Apply CustomDeploy.ImageDeps
server/run/deploy.Deployer.deleteByCommand: CustomDeploy.Delete
server/run/deploy.adoption.selects: CustomDeploy.ContainerSelector CustomDeploy.ImageSelector
server/run/forward.Forwards.Follow: Resource.PortForwards Ours.TakesNextPort
server/run/forward.place: PortForward.Local PortForward.Host
server/run.containerPort: PortForward.Container
server/run/local.Commands.update: Local.Cmd
server/run/local.Commands.serveToEnd: Local.ServeCmd
server/run/local.Commands.probe: Local.Probe Probe.InitialDelay Probe.Period Probe.SuccessThreshold Probe.FailureThreshold
server/run/local.Commands.try: Probe.Timeout Probe.Exec Probe.HTTP Probe.TCP TCPSocket.Port TCPSocket.Host
server/run/local.tryHTTP: HTTPGet.Scheme HTTPGet.Host HTTPGet.Port HTTPGet.Path HTTPGet.Headers Header.Name Header.Value
server/run/rollout.readinessSpecOf: Resource.PodReadiness Resource.ExtraPodSelectors Resource.DiscoveryStrategy
server/status.Facts.resource: Resource.Labels Local.Buttons
server/daemon.core.runButton: Local.StartAfter
server/status.Facts.buttons: Project.Buttons
cmd/towline.printButtons: Button.Disabled Button.Inputs
cmd/towline.buttonCommand: Button.RequiresConfirmation
server/status.links: Resource.Links Compose.NoInferredLinks
`

// actsTable has a line for each parameter, or for all of a built-in's that have
// none of their own: what acts on it. Parameters that do the same stand in one line.
const actsTable = `
docker_build.ref: Image.Ref
docker_build.context: Image.Context
docker_build.build_args: Image.Args
docker_build.dockerfile: Image.Dockerfile
docker_build.dockerfile_contents: Image.DockerfileContents
docker_build.live_update custom_build.live_update k8s_custom_deploy.live_update: Image.LiveUpdate
docker_build.match_in_env_vars custom_build.match_in_env_vars: Object.ImageRefs
docker_build.ignore custom_build.ignore: Image.Ignores
docker_build.only: Image.Only
docker_build.entrypoint custom_build.entrypoint: Image.Entrypoint
docker_build.container_args custom_build.container_args: Image.ContainerArgs
docker_build.target: Image.Target
docker_build.ssh: Image.SSH
docker_build.secret: Image.Secrets
docker_build.network: Image.Network
docker_build.extra_tag: Image.ExtraTags
docker_build.cache_from: Image.CacheFrom
docker_build.pull: Image.Pull
docker_build.platform: Image.Platform
docker_build.extra_hosts: Image.ExtraHosts

custom_build.ref: Image.Ref
custom_build.command custom_build.command_bat: Image.Command
custom_build.deps: Image.Deps
custom_build.tag: Image.Tag
custom_build.disable_push: Image.DisablePush
custom_build.skips_local_docker: Image.SkipsLocalDocker
custom_build.outputs_image_ref_to: Image.OutputsImageRefTo
custom_build.image_deps: Image.ImageDeps
custom_build.env: Command.Env
custom_build.dir: Command.Dir

default_registry.host: Registry.Host
default_registry.host_from_cluster: Registry.HostFromCluster
default_registry.single_name: Registry.SingleName

initial_sync: Step.Kind
fall_back_on: Step.Paths
sync.local_path: Step.Local
sync.remote_path: Step.Remote
run.cmd: Step.Argv
run.trigger: Step.Triggers
run.echo_off: nothing, commands of live updates are not logged
restart_container: Step.Kind

k8s_yaml: Project.YAML
k8s_yaml.allow_duplicates: evaluated
k8s_resource.workload k8s_resource.new_name: evaluated
k8s_resource.port_forwards: Resource.PortForwards
k8s_resource.extra_pod_selectors: Resource.ExtraPodSelectors
k8s_resource.discovery_strategy: Resource.DiscoveryStrategy
k8s_resource.trigger_mode dc_resource.trigger_mode local_resource.trigger_mode test.trigger_mode: Resource.TriggerMode
k8s_resource.resource_deps dc_resource.resource_deps local_resource.resource_deps test.resource_deps: Resource.ResourceDeps
k8s_resource.objects: Object.Resource
k8s_resource.auto_init dc_resource.auto_init local_resource.auto_init test.auto_init: Resource.AutoInit
k8s_resource.pod_readiness k8s_kind.pod_readiness: Resource.PodReadiness
k8s_resource.links dc_resource.links local_resource.links test.links: Resource.Links
k8s_resource.labels dc_resource.labels local_resource.labels test.labels: Resource.Labels

k8s_custom_deploy.name: evaluated
k8s_custom_deploy.apply_cmd k8s_custom_deploy.apply_cmd_bat: CustomDeploy.Apply
k8s_custom_deploy.delete_cmd k8s_custom_deploy.delete_cmd_bat: CustomDeploy.Delete
k8s_custom_deploy.apply_dir k8s_custom_deploy.delete_dir: Command.Dir
k8s_custom_deploy.apply_env k8s_custom_deploy.delete_env: Command.Env
k8s_custom_deploy.deps: CustomDeploy.Deps
k8s_custom_deploy.image_deps: CustomDeploy.ImageDeps
k8s_custom_deploy.image_selector: CustomDeploy.ImageSelector
k8s_custom_deploy.container_selector: CustomDeploy.ContainerSelector

k8s_kind: Object.ImageRefs
k8s_image_json_path: Object.ImageRefs
filter_yaml: evaluated
workload_to_resource_function: evaluated
k8s_context: evaluated
k8s_namespace: evaluated
allow_k8s_contexts: Settings.AllowedContexts
port_forward.local_port: PortForward.Local
port_forward.container_port: PortForward.Container
port_forward.name: PortForward.Name
port_forward.link_path: PortForward.Path
port_forward.host: PortForward.Host
link: Resource.Links

docker_compose.env_file: ComposeProject.EnvFile
docker_compose.wait: nothing, a service with a health check is ready when it is healthy, always
docker_compose: Project.Compose
dc_resource.infer_links: Compose.NoInferredLinks
dc_resource: evaluated

local_resource.name test.name: evaluated
local_resource.cmd local_resource.cmd_bat test.cmd test.cmd_bat: Local.Cmd
local_resource.serve_cmd local_resource.serve_cmd_bat test.serve_cmd test.serve_cmd_bat: Local.ServeCmd
local_resource.deps test.deps: Local.Deps
local_resource.ignore test.ignore: Local.Ignore
local_resource.outputs: Local.Outputs
local_resource.allow_parallel test.allow_parallel: Local.AllowParallel
local_resource.env local_resource.serve_env test.env test.serve_env: Command.Env
local_resource.dir local_resource.serve_dir test.dir test.serve_dir: Command.Dir
local_resource.readiness_probe test.readiness_probe: Local.Probe
local: evaluated
probe.initial_delay_secs v1alpha1.probe.initial_delay_seconds: Probe.InitialDelay
probe.timeout_secs v1alpha1.probe.timeout_seconds: Probe.Timeout
probe.period_secs v1alpha1.probe.period_seconds: Probe.Period
probe.success_threshold v1alpha1.probe.success_threshold: Probe.SuccessThreshold
probe.failure_threshold v1alpha1.probe.failure_threshold: Probe.FailureThreshold
probe.exec v1alpha1.handler.exec: Probe.Exec
probe.http_get v1alpha1.handler.http_get: Probe.HTTP
probe.tcp_socket v1alpha1.handler.tcp_socket: Probe.TCP
exec_action v1alpha1.exec_action: Probe.Exec
http_get_action.port v1alpha1.http_get_action.port: HTTPGet.Port
http_get_action.host v1alpha1.http_get_action.host: HTTPGet.Host
http_get_action.scheme v1alpha1.http_get_action.scheme: HTTPGet.Scheme
http_get_action.path v1alpha1.http_get_action.path: HTTPGet.Path
tcp_socket_action.port v1alpha1.tcp_socket_action.port: TCPSocket.Port
tcp_socket_action.host v1alpha1.tcp_socket_action.host: TCPSocket.Host

read_file watch_file listdir read_json read_yaml read_yaml_stream: Project.ConfigFiles
kustomize helm include load load_dynamic local_git_repo: Project.ConfigFiles
blob decode_json encode_json decode_yaml decode_yaml_stream encode_yaml encode_yaml_stream struct module: evaluated

update_settings.max_parallel_updates: Settings.MaxParallelUpdates
update_settings.k8s_upsert_timeout_secs: Settings.UpsertTimeout
update_settings.suppress_unused_image_warnings: evaluated
update_settings.k8s_server_side_apply: Settings.ServerSideApply
ci_settings.timeout: CI.Timeout
ci_settings.k8s_grace_period: CI.GracePeriod
ci_settings.readiness_timeout: CI.ReadinessTimeout
watch_settings: Settings.WatchIgnores
docker_prune_settings.disable: DockerPrune.Disable
docker_prune_settings.max_age_mins: DockerPrune.MaxAge
docker_prune_settings.num_builds: DockerPrune.NumBuilds
docker_prune_settings.interval_hrs: DockerPrune.Interval
docker_prune_settings.keep_recent: DockerPrune.KeepRecent
version_settings.check_updates: nothing, new versions are not looked for
version_settings.constraint: evaluated
secret_settings: Settings.SecretScrub
analytics_settings experimental_analytics_report experimental_metrics_settings experimental_telemetry_cmd: nothing, nothing is ever reported
disable_snapshots enable_feature disable_feature: nothing, there are no snapshots
set_team: nothing, there is no Tilt Cloud
trigger_mode: Resource.TriggerMode

warn: Project.Warnings
fail exit: evaluated
config.define_string_list config.define_string config.define_bool config.define_object config.parse: evaluated
config.set_enabled_resources config.clear_enabled_resources: Resource.Enabled
os.getcwd os.getenv os.putenv os.unsetenv shlex.quote: evaluated
os.path.abspath os.path.relpath os.path.basename os.path.dirname os.path.exists os.path.join os.path.realpath: evaluated

v1alpha1.cmd.name v1alpha1.cmd.disable_source: evaluated
v1alpha1.cmd.args: Local.Cmd
v1alpha1.cmd.dir: Command.Dir
v1alpha1.cmd.env: Command.Env
v1alpha1.cmd.readiness_probe: Local.Probe
v1alpha1.cmd.restart_on: Local.Deps
v1alpha1.cmd.start_on: Resource.TriggerMode
v1alpha1.cmd.labels v1alpha1.cmd.annotations: nothing, they say where Tilt's page shows the object
v1alpha1.config_map: evaluated
v1alpha1.extension v1alpha1.extension_repo: evaluated
v1alpha1.file_watch: Local.Deps
v1alpha1.file_watch.labels v1alpha1.file_watch.annotations: nothing, they say where Tilt's page shows the object
v1alpha1.config_map_disable_source v1alpha1.disable_source: evaluated
v1alpha1.ignore_def: Local.Ignore
v1alpha1.restart_on_spec: Local.Deps
v1alpha1.restart_on_spec.ui_buttons: Command.Env
v1alpha1.start_on_spec.ui_buttons: Resource.TriggerMode
v1alpha1.start_on_spec.start_after: Local.StartAfter
v1alpha1.ui_input_spec.name v1alpha1.ui_input_spec.text v1alpha1.ui_input_spec.bool v1alpha1.ui_input_spec.hidden v1alpha1.ui_input_spec.choice: Command.Env
v1alpha1.ui_text_input_spec.default_value v1alpha1.ui_bool_input_spec v1alpha1.ui_choice_input_spec v1alpha1.ui_hidden_input_spec: Command.Env
v1alpha1.ui_button.name: Local.Buttons
v1alpha1.ui_button.text v1alpha1.ui_button.location v1alpha1.ui_component_location: Project.Buttons
v1alpha1.ui_button.disabled: Button.Disabled
v1alpha1.ui_button.requires_confirmation: Button.RequiresConfirmation
v1alpha1.ui_button.inputs: Button.Inputs
v1alpha1.ui_button.labels v1alpha1.ui_button.annotations v1alpha1.ui_button.icon_name v1alpha1.ui_button.icon_svg: nothing, a terminal shows no icons
v1alpha1.ui_input_spec.label v1alpha1.ui_text_input_spec.placeholder: nothing, a terminal asks by the input's name
v1alpha1.forward v1alpha1.port_forward_template_spec v1alpha1.pod_log_stream_template_spec: nothing, v1alpha1.kubernetes_apply and v1alpha1.kubernetes_discovery warn
v1alpha1.kubernetes_apply_cmd v1alpha1.kubernetes_discovery_template_spec v1alpha1.kubernetes_image_locator: nothing, v1alpha1.kubernetes_apply warns
v1alpha1.kubernetes_image_object_descriptor v1alpha1.kubernetes_watch_ref v1alpha1.label_selector: nothing, v1alpha1.kubernetes_apply and v1alpha1.kubernetes_discovery warn
v1alpha1.label_selector_requirement v1alpha1.object_selector: nothing, v1alpha1.kubernetes_apply and v1alpha1.kubernetes_discovery warn
v1alpha1.http_get_action.http_headers: HTTPGet.Headers
v1alpha1.http_header.name: Header.Name
v1alpha1.http_header.value: Header.Value
v1alpha1.probe.handler: Local.Probe

towline.debug.resource towline.debug.path_map: DebugSetting.PathMap
towline.debug.container: DebugSetting.Container
towline.sync.ref towline.sync.mode: SyncSetting.Mode
towline.sync.delete: SyncSetting.Delete
towline.restart.ref towline.restart.policy: RestartSetting.Policy
towline.restart.command: Image.RestartEntrypoint
towline.restart.trigger: Step.Triggers
towline.restart.signal: RestartSetting.Signal
towline.restart.grace: RestartSetting.Grace
towline.agent.resource towline.agent.enabled: AgentSetting.Enabled
towline.agent.image: AgentSetting.Image
towline.follow.resource: Ours.FollowOf
towline.follow.run_again: FollowSetting.RunAgain
towline.go_build.ref: Image.Ref
towline.go_build.import_path: GoBuild.ImportPath
towline.go_build.deps: Image.Deps
towline.go_build.base: GoBuild.Base
towline.go_build.flags: GoBuild.Flags
towline.go_build.ldflags: GoBuild.LDFlags
towline.go_build.env: GoBuild.Env
towline.go_build.dir: GoBuild.Dir
towline.go_build.live_update: Image.LiveUpdate
towline.go_build.match_in_env_vars: Object.ImageRefs
towline.go_build.ignore: Image.Ignores
towline.go_build.entrypoint: Image.Entrypoint
towline.go_build.container_args: Image.ContainerArgs
towline.go_build.image_deps: Image.ImageDeps
towline.builder.where: BuilderSetting.Where
towline.builder.image: BuilderSetting.Image
towline.builder.namespace: BuilderSetting.Namespace
towline.contexts: Ours.Pins
towline.gitops: Ours.Held
towline.forwards: Ours.TakesNextPort
towline.is_dir towline.chart towline.limits: evaluated
`
