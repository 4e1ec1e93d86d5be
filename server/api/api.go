// Package api is what a daemon offers every face: the types that travel over
// its unix socket, and a client for them.
//
// A face (the language server, the debugging bridge, the command line, the
// dashboard) never touches the cluster. It asks the daemon of its workspace,
// which it finds, or starts, through an Endpoint. The wire is HTTP/1.1 with
// JSON bodies, so that it can be read with curl; what streams (Events, Logs)
// is one JSON value a line, and what is raw (Debug, Dial) is an upgraded
// connection. Routes are listed beside the method that calls them.
package api

import (
	"time"

	"github.com/towline-dev/towline/starlark/config"
)

// Phase is where a resource, or the whole project, stands, for programs that
// wait for it. What a person is shown is its State, which says more.
type Phase string

// The phases. A resource walks from PhasePending to PhaseReady or PhaseError;
// PhaseUpdating is a live update of a running one.
const (
	PhaseStopped   Phase = "stopped"   // not brought up, or taken down
	PhaseDisabled  Phase = "disabled"  // left out by the Tiltfile's settings
	PhasePending   Phase = "pending"   // waits for its turn, its dependencies or a trigger
	PhaseBuilding  Phase = "building"  // an image or a local command is being made
	PhaseDeploying Phase = "deploying" // its objects are being applied
	PhaseStarting  Phase = "starting"  // pods or the serve command are not ready yet
	PhaseReady     Phase = "ready"     //
	PhaseUpdating  Phase = "updating"  // a change set or run step is on its way
	PhaseError     Phase = "error"     // see ResourceStatus.Problem
	PhaseStopping  Phase = "stopping"  // being taken down
)

// SyncState says what is known of a container's files.
type SyncState string

// The sync states. SyncInSync is said only when the agent said so with hashes.
const (
	SyncNone    SyncState = ""        // the target has no live update
	SyncUnknown SyncState = "unknown" // no agent has answered yet
	SyncPending SyncState = "pending" // changes are on their way
	SyncInSync  SyncState = "in-sync" //
	SyncFailed  SyncState = "failed"  // see Target.Problem
	SyncStale   SyncState = "stale"   // it has what could be sent, and the rest failed to be made
)

// Status is a snapshot of everything that a daemon knows. It is replaced as a
// whole, never changed.
type Status struct {
	Seq       uint64           `json:"seq"` // grows with each change
	Daemon    DaemonInfo       `json:"daemon"`
	Tiltfile  string           `json:"tiltfile" secrets:"name"` // absolute path
	Args      []string         `json:"args,omitempty"`
	Up        bool             `json:"up"`             // between Up and Down
	Left      string           `json:"left,omitempty"` // why the last Down did not end
	Phase     Phase            `json:"phase"`
	State     State            `json:"state"`
	Text      string           `json:"text" secrets:"own"` // how the whole fares, one line
	Counts    map[State]int    `json:"counts"`             // resources in each state
	Next      *Action          `json:"next,omitempty"`     // what a person does about it
	Asks      []Ask            `json:"asks,omitempty"`     // what waits for a person's answer
	Cluster   ClusterStatus    `json:"cluster"`
	Config    ConfigStatus     `json:"config"`
	Resources []ResourceStatus `json:"resources"`
}

// DaemonInfo identifies the process behind the socket.
type DaemonInfo struct {
	Pid       int       `json:"pid"`
	Version   string    `json:"version" secrets:"name"`
	Workspace string    `json:"workspace" secrets:"name"`       // absolute folder
	Label     string    `json:"label,omitempty" secrets:"name"` // towline.dev/workspace of all that it brings up
	Started   time.Time `json:"started"`
	LogFile   string    `json:"log_file" secrets:"name"`
	Path      string    `json:"path" secrets:"name"` // where its commands are looked for: the PATH in force

	// Unwritten says why what is done is not written down, for the next daemon to
	// go on with; nil while it is.
	Unwritten *config.Problem `json:"unwritten,omitempty"`
	// Unwatched says which folders the system does not tell all changes of, within
	// how many seconds those are noticed, and what helps; nil: all are watched.
	Unwatched *config.Problem `json:"unwatched,omitempty"`
}

// ClusterStatus says which cluster is used and whether it answers.
type ClusterStatus struct {
	Context   string `json:"context" secrets:"name"`
	Namespace string `json:"namespace" secrets:"name"`
	Product   string `json:"product,omitempty" secrets:"name"` // kind, minikube, …

	Kubeconfig string `json:"kubeconfig,omitempty" secrets:"name"` // the file that names the context

	MadeNamespace bool `json:"made_namespace,omitempty"` // it was not there, and Down deletes it

	Allowed   bool            `json:"allowed"`
	Connected bool            `json:"connected"`
	Problem   *config.Problem `json:"problem,omitempty"`
}

// ConfigStatus says how the last evaluation of the Tiltfile went. When it
// failed, the last good project stays in force.
type ConfigStatus struct {
	Evaluating  bool             `json:"evaluating"`
	EvaluatedAt time.Time        `json:"evaluated_at"`
	Took        time.Duration    `json:"took_ns"`
	Error       *config.Problem  `json:"error,omitempty"`
	Held        *config.Problem  `json:"held,omitempty"` // what was not done since nobody asked for it yet
	Warnings    []config.Problem `json:"warnings,omitempty"`
	Files       []string         `json:"files,omitempty" secrets:"name"` // every file that was read, absolute
	CI          *config.CI       `json:"ci,omitempty"`                   // what ci_settings() says, where a build server is served
}

// ResourceStatus is one resource as the developer sees it.
type ResourceStatus struct {
	Name        string             `json:"name" secrets:"name"`
	Kind        config.Kind        `json:"kind"`
	Labels      []string           `json:"labels,omitempty" secrets:"name"`
	Pos         config.Position    `json:"pos"` // where the Tiltfile declares it
	Phase       Phase              `json:"phase"`
	State       State              `json:"state"`
	Was         State              `json:"was,omitempty"`                   // before it went out of reach
	Text        string             `json:"text" secrets:"own"`              // state, reason and proof, one line for a person
	Proof       Proof              `json:"proof,omitempty"`                 // of its files
	WaitsFor    []Wait             `json:"waits_for,omitempty"`             // while pending, or stale: until a trigger, or since another one failed
	Next        *Action            `json:"next,omitempty"`                  // what a person does about it
	Message     string             `json:"message,omitempty" secrets:"own"` // what it does or waits for, one line
	Coming      string             `json:"coming,omitempty" secrets:"own"`  // what is about to mend it by itself: a file on its way, a command's end
	Problem     *config.Problem    `json:"problem,omitempty"`
	TriggerMode config.TriggerMode `json:"trigger_mode"`
	Ends        bool               `json:"ends,omitempty"`    // it is done when its pods or its command have ended
	Changed     bool               `json:"changed,omitempty"` // files changed and a manual trigger is awaited
	Crashed     *time.Time         `json:"crashed,omitempty"` // when one of its programs did last and was started again, by its node's clock
	LastUpdate  *Update            `json:"last_update,omitempty"`
	LastSave    *LastSave          `json:"last_save,omitempty"`
	Images      []ImageStatus      `json:"images,omitempty"`
	Sources     []string           `json:"sources,omitempty" secrets:"name"` // what its images are made of here: absolute folders and files
	Targets     []Target           `json:"targets,omitempty"`
	Forwards    []Forward          `json:"forwards,omitempty"`
	NoDebug     *config.Problem    `json:"no_debug,omitempty"` // why no debugger can attach; nil when one can, or may later
	Links       []config.Link      `json:"links,omitempty"`
	Buttons     []config.Button    `json:"buttons,omitempty"`    // that start its command
	Spoken      string             `json:"spoken" secrets:"own"` // for a screen reader: "api, ready, in sync, 2 pods, port 8080"
}

// Action is something that a person may do, as a button or a command.
type Action struct {
	Title   string   `json:"title"`
	Command string   `json:"command" secrets:"name"` // "up", "trigger", "logs" or "problem"
	Args    []string `json:"args,omitempty" secrets:"name"`
}

// Update is the last thing that was done to a resource.
type Update struct {
	Kind   string        `json:"kind"` // "build", "deploy", "live-update", "restart", "local"
	Began  time.Time     `json:"began"`
	Took   time.Duration `json:"took_ns"`
	Files  int           `json:"files,omitempty"`
	Reason string        `json:"reason,omitempty"` // the file or trigger that caused it
}

// ImageStatus says what an image of the Tiltfile became.
type ImageStatus struct {
	Ref    string `json:"ref" secrets:"name"`              // as in the Tiltfile
	Pushed string `json:"pushed,omitempty" secrets:"name"` // as in the applied objects
}

// Target is one container of one pod that a resource runs in.
type Target struct {
	Namespace string          `json:"namespace" secrets:"name"`
	Pod       string          `json:"pod" secrets:"name"`
	PodUID    string          `json:"pod_uid" secrets:"name"`
	Container string          `json:"container" secrets:"name"`
	Image     string          `json:"image" secrets:"name"`
	Ready     bool            `json:"ready"`
	Restarts  int             `json:"restarts"` // of the container, as the kubelet counts
	Agent     bool            `json:"agent"`    // an agent is connected
	Pid       int             `json:"pid"`      // of the application inside the container, 0: not running
	Process   string          `json:"process"`  // "running", "exited (1)", "held", …
	Started   time.Time       `json:"-"`        // since when it runs, or ran, by its node's clock
	Sync      SyncState       `json:"sync"`
	Debugging bool            `json:"debugging,omitempty"`
	Paused    bool            `json:"paused,omitempty"`   // it stands still in its debugger, at a breakpoint for example
	Language  string          `json:"language,omitempty"` // that its program is written in: "Go", "Python"; "" when it is not known
	LastSync  *Update         `json:"last_sync,omitempty"`
	Problem   *config.Problem `json:"problem,omitempty"`
	Covered   []Covered       `json:"covered,omitempty"` // files that are not brought there
}

// Covered is a file that cannot be brought into a container, since something is
// mounted over it there. What Sync says holds for all others.
type Covered struct {
	Local  string `json:"local" secrets:"name"`  // the file here, absolute
	Path   string `json:"path" secrets:"name"`   // its place in the container
	Mount  string `json:"mount" secrets:"name"`  // the mount point that hinders: Path, or one above or below it
	Volume string `json:"volume" secrets:"name"` // what is mounted there, for a person: "ConfigMap settings"
}

// Forward is a port of a container that answers on the developer's machine.
type Forward struct {
	Local   string `json:"local" secrets:"name"` // host:port
	Remote  int    `json:"remote"`
	URL     string `json:"url"`
	Name    string `json:"name,omitempty" secrets:"name"`
	Problem string `json:"problem,omitempty"` // nothing listens here
	Moved   string `json:"moved,omitempty"`   // why it is another port here than was asked for
	Silent  string `json:"silent,omitempty"`  // why nothing in the pod answered the last connection
}

// LogSource says who wrote a log line.
type LogSource string

// The log sources.
const (
	LogRuntime LogSource = "runtime" // the application
	LogBuild   LogSource = "build"   // an image build or local command
	LogTowline LogSource = "towline" // the daemon, on behalf of the resource
)

// LogLine is one line of a resource's log. Resource "" is the Tiltfile's own.
type LogLine struct {
	// Seq grows from line to line, also from one daemon to the next; Run is the run
	// of the project that it belongs to.
	Seq uint64 `json:"seq,omitempty"`
	Run int    `json:"run,omitempty"`

	Time      time.Time `json:"time"` // when it was written, by the clock of the node or of this machine
	Resource  string    `json:"resource"`
	Source    LogSource `json:"source"`
	Namespace string    `json:"namespace,omitempty"` // of the pod
	Pod       string    `json:"pod,omitempty"`       // or container of Compose
	UID       string    `json:"uid,omitempty"`       // of the pod: the next one may have its name
	Container string    `json:"container,omitempty"`
	Stream    string    `json:"stream,omitempty"` // "stdout" or "stderr", "" where nobody tells
	Save      uint64    `json:"save,omitempty"`   // number of the save whose code wrote it, 0: not known
	Head      uint64    `json:"head,omitempty"`   // Seq of the line that it goes on with, of a stack trace; 0: it is its own
	Level     string    `json:"level,omitempty"`  // one of LogLevels, "" where it has none
	Text      string    `json:"text"`             // as it was written
	Raw       []byte    `json:"raw,omitempty"`    // the same where it is no UTF-8

	// What was recognised in the text of a structured line. With no Message and no
	// Fields it is plain.
	Message string     `json:"message,omitempty"`
	Fields  []LogField `json:"fields,omitempty"`
	Logged  *time.Time `json:"logged,omitempty"` // the time that it states itself
}

// LogField is a field of a structured line, in the order of the line.
type LogField struct {
	Key   string `json:"key"`
	Value string `json:"value"` // as text, JSON where it is no single value
}

// LogLevels are the levels of lines, the least first.
var LogLevels = [...]string{"trace", "debug", "info", "warn", "error", "fatal"}

// UpRequest brings the project, or some of its resources, up.
type UpRequest struct {
	Tiltfile  string   `json:"tiltfile,omitempty"`  // absolute; "" is the workspace's Tiltfile
	Args      []string `json:"args,omitempty"`      // after --, for config.parse or as resource names; none keeps those of a project that is up
	Resources []string `json:"resources,omitempty"` // none: all that are enabled
	Context   string   `json:"context,omitempty"`   // of the kubeconfig; "" is the current one
	Namespace string   `json:"namespace,omitempty"` // "" is the context's
	// Env is the caller's environment, "NAME=value"; none: what the daemon was
	// started with. It is whole, since a Tiltfile may read any of it, and is sent
	// only to a daemon of the caller's own.
	Env      []string      `json:"env,omitempty"`
	TakeOver bool          `json:"take_over,omitempty"` // objects of other workspaces too
	GitOps   config.GitOps `json:"gitops,omitempty"`    // of all objects that a GitOps tool holds; "" as the Tiltfile or an answer says
	Keep     bool          `json:"keep,omitempty"`      // the daemon stays without faces until Down
	CI       bool          `json:"ci,omitempty"`        // once, for a build server: see config.Project.Unattended
}

// ArgsRequest changes the Tiltfile's arguments while the project is up.
type ArgsRequest struct {
	Args []string `json:"args"` // in place of all that were given before; none clears them
}

// DownRequest takes the project down.
type DownRequest struct {
	Tiltfile         string   `json:"tiltfile,omitempty"`
	Args             []string `json:"args,omitempty"`
	Context          string   `json:"context,omitempty"`
	Namespace        string   `json:"namespace,omitempty"`
	DeleteNamespaces bool     `json:"delete_namespaces,omitempty"`
	Forget           bool     `json:"forget,omitempty"` // delete nothing: the cluster is gone
	Env              []string `json:"env,omitempty"`    // as of UpRequest
}

// HintRequest says that files may have changed. A hint twice, late or wrong
// does no harm: content decides.
type HintRequest struct {
	Paths   []string `json:"paths"`             // absolute
	Outside bool     `json:"outside,omitempty"` // something else than a person's save changed them
	// Typed is when the person last typed into what was saved; zero where nobody saw it.
	Typed time.Time `json:"typed,omitzero"`
}

// SwitchRequest turns resources on or off.
type SwitchRequest struct {
	Resources []string `json:"resources"`
	On        bool     `json:"on"`
}

// ButtonRequest presses a button of a resource, with what a person filled in.
type ButtonRequest struct {
	Resource string            `json:"resource"`
	Button   string            `json:"button"`
	Inputs   map[string]string `json:"inputs,omitempty"`
}

// ResourceRequest names a resource for Trigger and Restart.
type ResourceRequest struct {
	Resource string `json:"resource"`
}

// Ask is a question that the daemon waits for a person to answer, with
// Client.Answer. It goes with its cause.
type Ask struct {
	ID      string   `json:"id" secrets:"name"`
	Text    string   `json:"text" secrets:"own"`
	Choices []string `json:"choices"`
	Titles  []string `json:"titles"`           // what each of the Choices does, for a button
	Danger  bool     `json:"danger,omitempty"` // a choice cannot be taken back
}

// AnswerRequest answers an Ask.
type AnswerRequest struct {
	ID     string `json:"id"`
	Choice string `json:"choice"` // one of its Choices
	// Text is the ask's, as the person read it: one that says something else by now is
	// not answered. "" is for a person who looks at what is asked now.
	Text string `json:"text,omitempty"`
}

// LogsRequest asks for log lines.
type LogsRequest struct {
	LogFilter
	Follow bool   `json:"follow,omitempty"`
	Tail   int    `json:"tail,omitempty"`  // 0: all that is kept, -1: only what comes
	After  uint64 `json:"after,omitempty"` // only what came after this Seq
	Run    int    `json:"run,omitempty"`   // of the project; 0: this one, -1: the one before it
}

// LogFilter selects log lines. A line has to meet all that is said. A stack trace
// is selected as a whole.
type LogFilter struct {
	Resources []string `json:"resources,omitempty"` // names or patterns ("api*"); with Labels: what either picks; none: all
	Labels    []string `json:"labels,omitempty"`

	Text  string   `json:"text,omitempty"`  // a part of the line, whatever the case
	Regex string   `json:"regex,omitempty"` // RE2
	Level string   `json:"level,omitempty"` // this one of LogLevels and what is above it
	Field []string `json:"field,omitempty"` // "key=value", or "key": it has that field

	Since     time.Time `json:"since,omitzero"`
	Until     time.Time `json:"until,omitzero"`
	SinceSave bool      `json:"since_save,omitempty"` // what came after the last save
	// SinceStart leaves out what an earlier daemon was told.
	SinceStart bool `json:"since_start,omitempty"`

	Context int `json:"context,omitempty"` // lines around a match, of what wrote it
}

// DebugRequest opens a debugger's stream on a resource's process.
type DebugRequest struct {
	Resource  string `json:"resource"`
	Pod       string `json:"pod,omitempty"`       // "": the newest ready one
	Container string `json:"container,omitempty"` // "": the one with an agent
	Launch    bool   `json:"launch,omitempty"`    // restart the process under the debugger, stopped at entry
}

// DialRequest opens a connection to a port of a resource's newest ready pod.
type DialRequest struct {
	Resource string             `json:"resource"`
	Forward  config.PortForward `json:"forward"` // its ports say which; the others are the face's
	// Why asks, in place of a connection, why nothing answered on the last one to that
	// port: a Failure says it.
	Why bool `json:"why,omitempty"`
}

// DebugSession describes what a debugger's stream is attached to.
type DebugSession struct {
	Resource  string     `json:"resource"`
	Pod       string     `json:"pod"`
	Container string     `json:"container"`
	Pid       int        `json:"pid"`                // of the application, as in Target
	Child     int        `json:"child,omitempty"`    // of the process that is debugged, when it is one that the application started
	Program   string     `json:"program"`            // path of the executable in the container
	Language  string     `json:"language,omitempty"` // of the program: "Go", "Python"
	Debugger  string     `json:"debugger,omitempty"` // who speaks on the stream: "delve", "debugpy"; "" if the language is to tell
	Started   bool       `json:"started,omitempty"`  // the process was started for the debugger
	Paths     []PathPair `json:"paths"`              // from the live-update sync steps
}

// PathPair maps a folder of the developer's machine to one of the container.
type PathPair struct {
	Local  string `json:"local"`
	Remote string `json:"remote"`
}

// Failure is the body of every answer that is not a success. It carries a
// problem, so that a face can say where and what next.
type Failure struct {
	Problem config.Problem `json:"problem"`
}
