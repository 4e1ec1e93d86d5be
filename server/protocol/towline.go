package protocol

import (
	"time"

	lsp "go.lsp.dev/protocol"

	"github.com/towline-dev/towline/server/api"
)

// The methods of our own messages. All but MethodStatus are requests of the
// client.
const (
	// MethodStatus is a notification of the server with a StatusParams: sent
	// at first and with each change to clients that ask for it.
	MethodStatus = "towline/status"
	// MethodGetStatus asks for the same, once: params ProjectParams, result
	// StatusParams.
	MethodGetStatus = "towline/getStatus"
	// MethodAnswer answers one of the status's asks: params AnswerParams, result
	// null.
	MethodAnswer = "towline/answer"
	// MethodLogs asks for kept log lines: params LogsParams, result
	// LogsResult.
	MethodLogs = "towline/logs"
	// MethodDebugTarget asks for what a debugging client needs: params
	// DebugTargetParams, result DebugConfiguration.
	MethodDebugTarget = "towline/debugTarget"
)

// The commands of workspace/executeCommand. Their one argument is a
// CommandArguments; a bare string is taken for the resource.
const (
	CommandUp            = "towline.up"            // result: the api.Status once the Tiltfile and the cluster allow it
	CommandAllow         = "towline.allow"         // result: the api.Status once the Tiltfile is evaluated with its effects
	CommandArgs          = "towline.args"          // result: the api.Status once the Tiltfile is evaluated with Args
	CommandDown          = "towline.down"          // result: null
	CommandTrigger       = "towline.trigger"       // result: null
	CommandButton        = "towline.button"        // result: null; Resource runs the button's command
	CommandRestart       = "towline.restart"       // result: null
	CommandRestartDaemon = "towline.restartDaemon" // result: null
	CommandAnswer        = "towline.answer"        // result: null; what is asked is shown again
	CommandDebug         = "towline.debug"         // result: DebugConfiguration
	CommandLogs          = "towline.logs"          // result: LogsResult
	CommandStatus        = "towline.status"        // result: StatusParams
)

// InitializationOptions is what a client may send as initializationOptions.
type InitializationOptions struct {
	Status bool `json:"status,omitempty"` // send MethodStatus notifications
	Static bool `json:"static,omitempty"` // nothing is run and no daemon asked: nobody trusts the workspace
}

// DidSaveParams are those of textDocument/didSave, and what a client may add that
// sends no edits of the file.
type DidSaveParams struct {
	TextDocument lsp.TextDocumentIdentifier `json:"textDocument"`
	Typed        time.Time                  `json:"typed,omitzero"` // when the person last typed into it
}

// ProjectParams names a project by any of its files or folders; "" is the
// workspace's first.
type ProjectParams struct {
	URI string `json:"uri,omitempty"`
}

// StatusParams is a project's state.
type StatusParams struct {
	Folder    string      `json:"folder"`            // absolute path of the project's folder
	Connected bool        `json:"connected"`         // a daemon answers
	Problem   string      `json:"problem,omitempty"` // why none does
	Status    *api.Status `json:"status,omitempty"`  // nil until a daemon answered
}

// AnswerParams answer an api.Ask, as an api.AnswerRequest does.
type AnswerParams struct {
	ProjectParams
	ID     string `json:"id"`
	Choice string `json:"choice"`
	Text   string `json:"text,omitempty"` // of the ask that the person read
}

// LogsParams selects log lines.
type LogsParams struct {
	ProjectParams
	Resource string `json:"resource,omitempty"` // "": all
	Tail     int    `json:"tail,omitempty"`     // 0: DefaultTail
}

// DefaultTail is how many log lines are returned unless LogsParams say
// otherwise.
const DefaultTail = 500

// LogsResult is the answer to MethodLogs.
type LogsResult struct {
	Lines []api.LogLine `json:"lines"`
}

// DebugTargetParams names what to debug: a resource, or by its URI a source file
// of one.
type DebugTargetParams struct {
	ProjectParams
	Resource string `json:"resource"`
}

// DebugConfiguration is a launch configuration for the editor's debugger: it
// starts `towline dap` or what the editor maps the type to.
type DebugConfiguration struct {
	Type      string `json:"type"`    // "towline"
	Request   string `json:"request"` // "attach"
	Name      string `json:"name"`
	Resource  string `json:"resource"`
	Workspace string `json:"workspace"` // the project's folder
}

// CommandArguments is the argument of a command.
type CommandArguments struct {
	ProjectParams
	Resource  string   `json:"resource,omitempty"`
	Resources []string `json:"resources,omitempty"`
	Args      []string `json:"args,omitempty"` // for the Tiltfile, after --
	Context   string   `json:"context,omitempty"`
	Namespace string   `json:"namespace,omitempty"`
	Tail      int      `json:"tail,omitempty"`
	// Button is pressed with what is filled in: Inputs, by their names.
	Button string            `json:"button,omitempty"`
	Inputs map[string]string `json:"inputs,omitempty"`
	// Wait has up, down and trigger answered when all is done, instead of as
	// soon as it has begun.
	Wait bool `json:"wait,omitempty"`
}
