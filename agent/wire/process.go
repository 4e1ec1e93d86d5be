package wire

import "fmt"

// Facts describes the agent and its container. It does not change while a
// connection lives, but for Process.
type Facts struct {
	Agent        string   `json:"agent"`    // version of the binary
	Protocol     uint16   `json:"protocol"` // Version
	Boot         string   `json:"boot"`     // random, new for each start of the agent: files may have changed when it differs
	OS           string   `json:"os"`
	Arch         string   `json:"arch"`
	UID          int      `json:"uid"`
	GID          int      `json:"gid"`
	ReadOnlyRoot bool     `json:"read_only_root"`
	Entrypoint   []string `json:"entrypoint"` // command and arguments of the application
	Dir          string   `json:"dir"`        // its working directory
	Started      int64    `json:"started"`    // of the agent, nanoseconds since 1970
	Process      Process  `json:"process"`
}

// State is the state of the application.
type State string

// The states of the application.
const (
	StateHeld    State = "held"    // not yet started: waits for a first change set
	StateRunning State = "running" //
	StateExited  State = "exited"  // ended by itself; Exit says how
	StateBackoff State = "backoff" // ended by itself and starts again at Next
	StateStopped State = "stopped" // ended because the daemon asked for it
)

// Process describes the application's process.
type Process struct {
	State   State    `json:"state"`
	PID     int      `json:"pid,omitempty"`    // while running, as the container sees it
	Starts  int      `json:"starts"`           // how often it was started since Boot
	Started int64    `json:"started"`          // nanoseconds since 1970
	Argv    []string `json:"argv,omitempty"`   // command and arguments as last started
	Exit    *Exit    `json:"exit,omitempty"`   // of the last process that ended
	Next    int64    `json:"next,omitempty"`   // with StateBackoff, nanoseconds since 1970
	Debug   bool     `json:"debug,omitempty"`  // the embedded debugger is attached
	Paused  bool     `json:"paused,omitempty"` // it stands still in the debugger, at a breakpoint for example
	// Language is that of the program, or of the one that it runs when it is a
	// shell or the like: "Go", "Python"; "" when it is not known.
	Language string `json:"language,omitempty"`
}

// Exit says how a process ended.
type Exit struct {
	Code   int    `json:"code"`             // -1 when a signal ended it or it never started
	Signal string `json:"signal,omitempty"` // "SIGKILL"
	OOM    bool   `json:"oom,omitempty"`    // the kernel killed it for want of memory
	Asked  bool   `json:"asked,omitempty"`  // it ended because we asked it to
	Error  string `json:"error,omitempty"`  // why it could not be started
	At     int64  `json:"at,omitempty"`     // nanoseconds since 1970
}

// OK reports a success.
func (e Exit) OK() bool { return e.Code == 0 && e.Signal == "" && e.Error == "" }

// String says in a few words how the process ended.
func (e Exit) String() string {
	switch {
	case e.Error != "":
		return e.Error
	case e.OOM:
		return "killed by the kernel: out of memory"
	case e.Signal != "":
		return "killed by " + e.Signal
	}
	return fmt.Sprintf("exit code %d", e.Code)
}

// Command is a command to run in the container.
type Command struct {
	Argv []string `json:"argv"`
	Dir  string   `json:"dir,omitempty"` // the application's if empty
	Env  []string `json:"env,omitempty"` // additions to the application's, "NAME=value"
}

// StartOptions are the options of a start or restart.
type StartOptions struct {
	// Argv replaces the command and its arguments until a start with
	// Original. Empty keeps what ran last.
	Argv     []string `json:"argv,omitempty"`
	Env      []string `json:"env,omitempty"`      // additions, kept as Argv is
	Original bool     `json:"original,omitempty"` // back to the image's command
}

// SignalRequest sends a signal to the application's process group.
type SignalRequest struct {
	Signal string `json:"signal"` // "SIGHUP"
}

// RestartMode says when the agent starts an application again by itself.
type RestartMode string

// The restart modes.
const (
	RestartOnFailure RestartMode = "on-failure"
	RestartAlways    RestartMode = "always"
	RestartNever     RestartMode = "never"
)

// Policy supervises the application's process. A field's zero value leaves what
// was in force, and the agent begins with DefaultPolicy.
type Policy struct {
	Restart      RestartMode `json:"restart,omitempty"`
	BackoffMS    int64       `json:"backoff_ms,omitempty"`     // before the first start again; doubles
	BackoffMaxMS int64       `json:"backoff_max_ms,omitempty"` // and ends there
	GraceMS      int64       `json:"grace_ms,omitempty"`       // between StopSignal and SIGKILL
	StopSignal   string      `json:"stop_signal,omitempty"`    // "SIGTERM"
	HealthyMS    int64       `json:"healthy_ms,omitempty"`     // a process that lived as long resets the backoff
}

// DefaultPolicy returns the policy of a new agent. It starts an application
// again however it ended, as the kubelet would, for whom it stands in.
func DefaultPolicy() Policy {
	return Policy{
		Restart: RestartAlways, BackoffMS: 1000, BackoffMaxMS: 30_000,
		GraceMS: 2000, StopSignal: "SIGTERM", HealthyMS: 10_000,
	}
}

// DialRequest asks for a connection to a port on the pod's loopback.
type DialRequest struct {
	Port int `json:"port"`
}

// CutRequest ends a stream of this connection that goes on with raw bytes: the
// daemon neither reads nor writes it any more. One that has ended is no error.
type CutRequest struct {
	Stream uint32 `json:"stream"`
}

// DebugMode says what a debugger attaches to.
type DebugMode string

// The debug modes.
const (
	// DebugAttach attaches to the process that runs.
	DebugAttach DebugMode = "attach"
	// DebugRestart stops the process and starts a new one that stands at its
	// first instruction until the debugger lets it go, so that breakpoints in
	// early initialisation hit.
	DebugRestart DebugMode = "restart"
)

// DebugRequest asks for a debugging session of the application. The stream
// then carries the protocol of the debugger that the answer names, which already
// has the process: to delve the client's attach request says {"mode": "remote"}.
type DebugRequest struct {
	Mode DebugMode `json:"mode"`
}

// DebugReady is the answer to DebugRequest.
type DebugReady struct {
	PID     int    `json:"pid"`               // of the application
	Child   int    `json:"child,omitempty"`   // of the process that is debugged, when it is one that the application started
	Program string `json:"program,omitempty"` // path of what is debugged, in the container

	Language string `json:"language,omitempty"` // of the program: "Go", "Python"

	// Started says that the process was started for the debugger, asked for or
	// because it could not be joined as it ran.
	Started bool `json:"started,omitempty"`

	// Debugger names who speaks on the stream: "delve", "debugpy". Agents of
	// before do not say it; with them the language tells.
	Debugger string `json:"debugger,omitempty"`
}

// EventKind says what happened.
type EventKind string

// The kinds of events.
const (
	EventState   EventKind = "state"   // sent first on each events stream
	EventStarted EventKind = "started" // the application was started
	EventExited  EventKind = "exited"  // the application ended, Process.Exit says how
	EventDebug   EventKind = "debug"   // a debugging session began or ended, or what is known for one changed
)

// Event is something that happened to the application, and its state since.
type Event struct {
	Kind    EventKind `json:"kind"`
	At      int64     `json:"at"` // nanoseconds since 1970
	Process Process   `json:"process"`
}

// Enrolled is the line that `towline-agent enroll` prints as JSON.
type Enrolled struct {
	Port     int    `json:"port"` // on the pod's loopback
	Agent    string `json:"agent"`
	Protocol uint16 `json:"protocol"`
	Boot     string `json:"boot"`
}
