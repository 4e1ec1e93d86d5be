// Package config is the evaluated project: what a Tiltfile says should be, as
// plain data. It is produced by starlark/eval, read by the engine and every
// face, and knows no Starlark, no cluster and no file system.
//
// The JSON form of a Project is the document that `towline eval --json`
// prints; its field names are a public, versioned interface
// (docs/eval.schema.json).
package config

import "time"

// SchemaVersion is the version of the JSON form of Project. It grows when a
// field changes its meaning or goes; a new field does not change it.
const SchemaVersion = 1

// Project is what one evaluation of a Tiltfile resolved to.
type Project struct {
	SchemaVersion int         `json:"schema_version"`
	Tiltfile      string      `json:"tiltfile" secrets:"name"`     // absolute path of the root Tiltfile
	Resources     []Resource  `json:"resources"`                   // in Tilt's order: k8s, compose, local, then uncategorized objects
	Images        []Image     `json:"images"`                      // in order of declaration
	YAML          []Object    `json:"yaml"`                        // objects as they would be applied, before image tags
	Settings      Settings    `json:"settings"`                    //
	ConfigFiles   []string    `json:"config_files" secrets:"name"` // absolute paths whose change re-evaluates
	Buttons       []Button    `json:"buttons"`                     // v1alpha1.ui_button objects
	API           []APIObject `json:"api,omitempty"`               // all v1alpha1 objects, buttons included
	Warnings      []Problem   `json:"warnings"`                    // what went on despite a complaint
	Error         *Problem    `json:"error"`                       // why the evaluation failed, nil when it did not

	Compose []ComposeProject    `json:"-"` // what the files of docker_compose make, values of variables included
	Read    map[string]Content  `json:"-"` // what the files of ConfigFiles held that were read
	Listed  map[string][]string `json:"-"` // names in folders that were listed, not watched as a whole
	Secrets *Secrets            `json:"-"` // values of Secrets that the evaluation saw, of those that are not in YAML too
}

// Content is what a file held when it was read: the BLAKE3 sum, or nothing
// where there was no file.
type Content struct {
	Exists bool
	Sum    [32]byte
}

// Kind says which machinery runs a resource.
type Kind string

// The kinds of resources.
const (
	KindK8s     Kind = "k8s"
	KindLocal   Kind = "local"
	KindCompose Kind = "compose"
)

// TriggerMode says what makes a resource update.
type TriggerMode string

// The trigger modes, by Tilt's constants TRIGGER_MODE_AUTO and TRIGGER_MODE_MANUAL.
const (
	TriggerAuto   TriggerMode = "auto"
	TriggerManual TriggerMode = "manual"
)

// PodReadiness says which state of a resource's pods counts as ready.
type PodReadiness string

// The pod readiness modes. ReadinessWait is the default of workloads with pods.
const (
	ReadinessWait      PodReadiness = "wait"
	ReadinessIgnore    PodReadiness = "ignore"
	ReadinessSucceeded PodReadiness = "succeeded"
)

// Resource is a named unit that the developer sees.
type Resource struct {
	Name         string        `json:"name" secrets:"name"`
	Kind         Kind          `json:"kind"`
	Pos          Position      `json:"pos"`
	Labels       []string      `json:"labels" secrets:"name"`
	TriggerMode  TriggerMode   `json:"trigger_mode"`
	AutoInit     bool          `json:"auto_init"`
	Enabled      bool          `json:"enabled"`
	ResourceDeps []string      `json:"resource_deps" secrets:"name"`
	Links        []Link        `json:"links"`
	PortForwards []PortForward `json:"port_forwards"`
	Images       []string      `json:"images" secrets:"name"`  // refs of Project.Images that the objects use
	Objects      []string      `json:"objects" secrets:"name"` // "name:kind:namespace:group", keys of Project.YAML

	PodReadiness      PodReadiness        `json:"pod_readiness"`
	ExtraPodSelectors []map[string]string `json:"extra_pod_selectors"`
	DiscoveryStrategy string              `json:"discovery_strategy,omitempty"` // "", "default" or "selectors-only"
	CustomDeploy      *CustomDeploy       `json:"custom_deploy,omitempty"`      // k8s_custom_deploy only
	Compose           *Compose            `json:"compose,omitempty"`            // compose only
	Local             *Local              `json:"-"`                            // local only; its JSON fields stand beside these
}

// Local is the part of a resource that only local ones have.
type Local struct {
	Cmd           Command  `json:"cmd"`
	ServeCmd      Command  `json:"serve_cmd"`
	Deps          []string `json:"deps"`                             // absolute paths
	Ignore        []Ignore `json:"ignore"`                           //
	Outputs       []string `json:"outputs,omitempty" secrets:"name"` // absolute paths that Cmd writes
	AllowParallel bool     `json:"allow_parallel"`
	Probe         *Probe   `json:"probe"`
	Test          bool     `json:"test,omitempty"`                   // declared by test()
	Buttons       []string `json:"buttons,omitempty" secrets:"name"` // that start it

	StartAfter time.Time `json:"start_after,omitzero"` // a button that is pressed before does not start it
}

// Command is a program to run on the developer's machine. A zero Argv means
// that there is none.
type Command struct {
	Argv []string          `json:"argv"`
	Dir  string            `json:"dir"` // absolute
	Env  map[string]string `json:"env"`
}

// Empty reports whether there is nothing to run.
func (c Command) Empty() bool { return len(c.Argv) == 0 }

// Probe is a readiness probe of a local resource's serve command. Exactly one
// of Exec, HTTP and TCP is set.
type Probe struct {
	InitialDelay     time.Duration `json:"initial_delay_ns"`
	Timeout          time.Duration `json:"timeout_ns"`
	Period           time.Duration `json:"period_ns"`
	SuccessThreshold int           `json:"success_threshold"`
	FailureThreshold int           `json:"failure_threshold"`
	Exec             []string      `json:"exec,omitempty"`
	HTTP             *HTTPGet      `json:"http_get,omitempty"`
	TCP              *TCPSocket    `json:"tcp_socket,omitempty"`
}

// HTTPGet is a probe's HTTP request; a status from 200 to 399 is a success.
type HTTPGet struct {
	Scheme string `json:"scheme"`
	Host   string `json:"host"`
	Port   int    `json:"port"`
	Path   string `json:"path"`

	Headers []Header `json:"headers,omitempty"`
}

// Header is a header of an HTTP request.
type Header struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// TCPSocket is a probe's TCP connection.
type TCPSocket struct {
	Host string `json:"host"`
	Port int    `json:"port"`
}

// BuilderNone stands for what runs and is not built.
const BuilderNone Builder = "none"

// LiveImage is how the live update of a k8s_custom_deploy is planned: as that
// of an image that runs in the chosen containers and that nothing builds.
func (r *Resource) LiveImage() (img Image, ok bool) {
	d := r.CustomDeploy
	if d == nil || len(d.LiveUpdate) == 0 {
		return Image{}, false
	}
	return Image{Ref: "live_update of " + r.Name, Builder: BuilderNone, Pos: r.Pos, Deps: d.Deps, Ignores: d.Ignores, LiveUpdate: d.LiveUpdate}, true
}

// LiveImages are the project's images and the LiveImages of its resources.
func (p *Project) LiveImages() []Image {
	images := p.Images[:len(p.Images):len(p.Images)]
	for i := range p.Resources {
		if img, ok := p.Resources[i].LiveImage(); ok {
			images = append(images, img)
		}
	}
	return images
}

// CustomDeploy is what k8s_custom_deploy adds to a resource.
type CustomDeploy struct {
	Apply             Command  `json:"apply"`
	Delete            Command  `json:"delete"`
	Deps              []string `json:"deps"`
	ImageSelector     string   `json:"image_selector,omitempty"`
	ContainerSelector string   `json:"container_selector,omitempty"`
	ImageDeps         []string `json:"image_deps,omitempty"`
	LiveUpdate        []Step   `json:"live_update,omitempty"`
	Ignores           []Ignore `json:"ignores,omitempty"` // of Deps
}

// Compose names the Docker Compose service behind a resource.
type Compose struct {
	Project     string   `json:"project" secrets:"name"`
	Service     string   `json:"service" secrets:"name"`
	ConfigFiles []string `json:"config_files" secrets:"name"`
	EnvFile     string   `json:"env_file,omitempty"`
	Profiles    []string `json:"profiles,omitempty"`
	Wait        bool     `json:"wait,omitempty"`

	PublishedPorts  []int `json:"published_ports,omitempty"`   // on this machine
	NoInferredLinks bool  `json:"no_inferred_links,omitempty"` // show no links to them

	Ends       bool   `json:"-"` // others wait for its end, not for its being up
	Definition string `json:"-"` // hash of what the files say of the service, and of what services share
}

// ComposeProject is a Compose project as its files, its variables and its
// profiles make it.
type ComposeProject struct {
	Name    string
	Dir     string // absolute: relative paths of the files were of it
	EnvFile string // "" for .env of Dir
	Model   []byte // the whole of it as a JSON document that Compose reads again
}

// Link is a URL that the faces show beside a resource.
type Link struct {
	URL  string `json:"url"`
	Name string `json:"name"`
}

// PortForward makes a container's port reachable on the developer's machine.
type PortForward struct {
	Local     int    `json:"local"`
	Container int    `json:"container"` // 0: chosen from the container's exposed ports
	Host      string `json:"host"`      // "" is loopback
	Name      string `json:"name"`
	Path      string `json:"path"`
}

// Builder says what makes an image.
type Builder string

// The builders.
const (
	BuilderDocker  Builder = "docker"
	BuilderCustom  Builder = "custom"
	BuilderCompose Builder = "compose" // the build section of a Compose file
)

// Image is one docker_build or custom_build.
type Image struct {
	Ref     string   `json:"ref" secrets:"name"` // as written in the Tiltfile and the YAML
	Builder Builder  `json:"builder"`
	Pos     Position `json:"pos"`

	Context            string            `json:"context" secrets:"name"`        // absolute folder; docker only
	Dockerfile         string            `json:"dockerfile" secrets:"name"`     // absolute path; docker only
	DockerfileText     string            `json:"-"`                             // what either of them holds
	DockerfileContents string            `json:"dockerfile_contents,omitempty"` // docker only, in place of Dockerfile
	Args               map[string]string `json:"args"`                          // an empty value passes the variable of that name
	Target             string            `json:"target"`
	SSH                []string          `json:"ssh,omitempty"`
	Network            string            `json:"network,omitempty"`
	Secrets            []string          `json:"secret,omitempty"`
	ExtraTags          []string          `json:"extra_tag,omitempty"`
	CacheFrom          []string          `json:"cache_from,omitempty"`
	Pull               bool              `json:"pull,omitempty"`
	Platform           string            `json:"platform,omitempty"`
	ExtraHosts         []string          `json:"extra_hosts,omitempty"`
	Only               []string          `json:"only,omitempty"` // absolute paths

	Command           *Command `json:"command"`      // custom only
	Go                *GoBuild `json:"go,omitempty"` // custom only, in place of Command
	Tag               string   `json:"tag,omitempty"`
	DisablePush       bool     `json:"disable_push,omitempty"`
	SkipsLocalDocker  bool     `json:"skips_local_docker,omitempty"`
	LiveUpdateOnly    bool     `json:"live_update_only,omitempty"` // never built: objects keep the name that they give it
	DeployedAs        string   `json:"deployed_as,omitempty"`      // that name, when it is never built
	OutputsImageRefTo string   `json:"outputs_image_ref_to,omitempty"`
	ImageDeps         []string `json:"image_deps,omitempty" secrets:"name"`
	MatchInEnvVars    bool     `json:"match_in_env_vars,omitempty"`
	Entrypoint        []string `json:"entrypoint"`               // overrides the container's command
	ContainerArgs     []string `json:"container_args,omitempty"` // overrides the container's args; see HasContainerArgs
	HasContainerArgs  bool     `json:"has_container_args,omitempty"`
	BaseImages        []string `json:"base_images" secrets:"name"`   // refs of other Images that it is built from
	Deps              []string `json:"deps" secrets:"name"`          // absolute paths whose change makes it stale
	Ignores           []Ignore `json:"ignores"`                      //
	LiveUpdate        []Step   `json:"live_update"`                  // empty: every change is a full build
	RestartEntrypoint []string `json:"restart_entrypoint,omitempty"` // set by docker_build_with_restart
}

// GoBuild is a Go program of which an image is made without a Dockerfile.
type GoBuild struct {
	ImportPath string            `json:"import_path" secrets:"name"` // such as "./cmd/web"
	Dir        string            `json:"dir" secrets:"name"`         // absolute; go build runs there
	Base       string            `json:"base,omitempty"`             // image; "": ko's default
	Flags      []string          `json:"flags,omitempty"`
	LDFlags    []string          `json:"ldflags,omitempty"`
	Env        map[string]string `json:"env,omitempty"`
}

// StepKind names a live-update step.
type StepKind string

// The live-update steps, in the order in which Tilt requires them.
const (
	StepInitialSync StepKind = "initial_sync"
	StepFallBackOn  StepKind = "fall_back_on"
	StepSync        StepKind = "sync"
	StepRun         StepKind = "run"
	StepRestart     StepKind = "restart_container"
)

// Step is one step of a live update.
type Step struct {
	Kind     StepKind `json:"kind"`
	Pos      Position `json:"pos"`
	Paths    []string `json:"paths,omitempty"`    // fall_back_on: absolute
	Local    string   `json:"local,omitempty"`    // sync: absolute file or folder
	Remote   string   `json:"remote,omitempty"`   // sync: absolute path in the container
	Argv     []string `json:"argv,omitempty"`     // run
	Triggers []string `json:"triggers,omitempty"` // run, and restart_container of restart_process: absolute paths; none means each update
	EchoOff  bool     `json:"echo_off,omitempty"` // run
}

// Ignore is a set of dockerignore patterns relative to a folder.
type Ignore struct {
	Base     string   `json:"base" secrets:"name"` // absolute folder
	Patterns []string `json:"patterns"`
	Source   string   `json:"source,omitempty" secrets:"name"` // the file or argument that they come from
}

// SourceVolume is the Source of an Ignore for what a Compose service mounts: a
// change needs no new image, though the image holds the files too.
const SourceVolume = "volume"

// SourceTiltfile is the Source of an Ignore for the file that declares an image:
// a change to it needs no new image either.
const SourceTiltfile = "Tiltfile"

// Object is one Kubernetes object of the project. Content is the decoded
// YAML; readers must not change it.
type Object struct {
	Key       string         `json:"key" secrets:"name"` // "name:kind:namespace:group"
	Resource  string         `json:"resource" secrets:"name"`
	Pos       Position       `json:"pos"`
	Source    string         `json:"source,omitempty" secrets:"name"` // file that it was read from, "" for generated YAML
	Line      int            `json:"line,omitempty"`                  // 1-based line in Source
	Content   map[string]any `json:"content"`
	ImageRefs []ImageRef     `json:"image_refs,omitempty"` // where it names images
}

// ImageRef is a place in an object that names one of the project's images.
type ImageRef struct {
	Ref  string   `json:"ref" secrets:"name"`  // the Image's Ref
	Path []string `json:"path" secrets:"name"` // keys and indexes from the object's root to the string (or object, for k8s_kind's image_object)
	// RepoField and TagField are set when Path leads to an object that holds
	// repository and tag in two fields (k8s_kind(image_object=…)).
	RepoField string `json:"repo_field,omitempty"`
	TagField  string `json:"tag_field,omitempty"`
}

// Settings are the project's switches.
type Settings struct {
	AllowedContexts    []string          `json:"allowed_contexts" secrets:"name"`
	DefaultRegistry    *Registry         `json:"default_registry"`
	MaxParallelUpdates int               `json:"max_parallel_updates"`
	UpsertTimeout      time.Duration     `json:"k8s_upsert_timeout_ns"` // 0: applying takes as long as it takes
	ServerSideApply    string            `json:"k8s_server_side_apply"`
	UnusedImagesOK     []string          `json:"suppress_unused_image_warnings" secrets:"name"`
	CI                 CI                `json:"ci"`
	WatchIgnores       []Ignore          `json:"watch_ignores"`
	SecretScrub        bool              `json:"secret_scrub"`
	DockerPrune        DockerPrune       `json:"docker_prune"`
	VersionConstraint  string            `json:"version_constraint,omitempty"`
	Features           map[string]bool   `json:"features,omitempty"`
	EnabledResources   []string          `json:"enabled_resources,omitempty" secrets:"name"`
	Towline            map[string]any    `json:"towline,omitempty"` // what the towline module set
	Extensions         map[string]string `json:"extensions,omitempty"`
}

// Registry is where images are pushed, and how the cluster names it.
type Registry struct {
	Host            string `json:"host"`
	HostFromCluster string `json:"host_from_cluster,omitempty"`
	SingleName      string `json:"single_name,omitempty"`
	HostFromPods    string `json:"-"` // that pods find it by, where the cluster says so; "": as nodes do
}

// CI holds the limits of a batch run.
type CI struct {
	GracePeriod      time.Duration `json:"k8s_grace_period_ns"`
	Timeout          time.Duration `json:"timeout_ns"`
	ReadinessTimeout time.Duration `json:"readiness_timeout_ns"`
}

// DockerPrune says when old images are removed.
type DockerPrune struct {
	Disable    bool          `json:"disable"`
	MaxAge     time.Duration `json:"max_age_ns"`
	NumBuilds  int           `json:"num_builds"`
	Interval   time.Duration `json:"interval_ns"`
	KeepRecent int           `json:"keep_recent"`
}

// Button is a button that the faces show.
type Button struct {
	Name                 string         `json:"name" secrets:"name"`
	Text                 string         `json:"text"`
	Resource             string         `json:"resource,omitempty" secrets:"name"` // "" for the global bar
	Icon                 string         `json:"icon,omitempty"`
	Disabled             bool           `json:"disabled,omitempty"`
	RequiresConfirmation bool           `json:"requires_confirmation,omitempty"`
	Inputs               []ButtonInput  `json:"inputs,omitempty"`
	Spec                 map[string]any `json:"spec,omitempty"` // inputs, as declared
}

// APIObject is an object of Tilt's own API that the Tiltfile made by hand. Its
// Spec has the names of the constructor's parameters.
type APIObject struct {
	Kind        string            `json:"kind" secrets:"name"` // "Cmd", "ConfigMap", "UIButton", …
	Name        string            `json:"name" secrets:"name"`
	Pos         Position          `json:"pos"`
	Labels      map[string]string `json:"labels,omitempty"`
	Annotations map[string]string `json:"annotations,omitempty"`
	Spec        map[string]any    `json:"spec"`
}

// Position is a place in a file, 1-based; columns count characters, as
// go.starlark.net does. The zero Position is "unknown".
type Position struct {
	File string `json:"file,omitempty" secrets:"name"`
	Line int    `json:"line,omitempty"`
	Col  int    `json:"col,omitempty"`
}

// Problem is something a person has to know about a Tiltfile: what is wrong,
// where, and what to do next.
type Problem struct {
	Message string   `json:"message" secrets:"own"`
	Cause   Cause    `json:"cause,omitempty"`
	Asks    string   `json:"asks,omitempty" secrets:"name"` // with CauseTaken: which question a person answers, "" for whether to take it over
	Hint    string   `json:"hint,omitempty" secrets:"own"`
	Pos     Position `json:"pos"`
	Stack   []Frame  `json:"stack,omitempty"` // innermost call last
}

// Cause says what a problem comes from, as far as that is known.
type Cause string

// CauseEnvironment is a command that failed, or a program or repository that
// could not be had: the Tiltfile may be right elsewhere. Any other problem has
// no cause, and is the Tiltfile's.
const CauseEnvironment Cause = "environment"

// CauseHeld is something that an evaluation did not do because nobody had asked
// for it yet. Nothing is wrong; what depends on it is not known.
const CauseHeld Cause = "held"

// CauseTaken is something that was not done since it belongs to somebody else. A
// person who is asked may say that it is to be taken all the same.
const CauseTaken Cause = "taken"

// Frame is one call of a Starlark call stack.
type Frame struct {
	Name string   `json:"name" secrets:"name"`
	Pos  Position `json:"pos"`
	Text string   `json:"text,omitempty"` // the source line
}
