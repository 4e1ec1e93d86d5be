package ide

import (
	"fmt"
	"strings"

	"github.com/towline-dev/towline/starlark/resolve"
)

// Severity says how bad a diagnostic is.
type Severity uint8

// The severities, the worst first.
const (
	Error Severity = iota + 1
	Warning
	Info
	Hint
)

// String returns the severity as a word.
func (s Severity) String() string {
	return [...]string{"", "error", "warning", "info", "hint"}[s]
}

// Code describes a sort of diagnostic. Its ID is stable: people filter by it.
type Code struct {
	ID       string
	Severity Severity
	Doc      string // what it means and what to do, in a sentence or two
}

// The codes of diagnostics, beside those of package resolve.
const (
	CodeSyntax         = "syntax"
	CodeEvaluation     = "evaluation"
	CodeUnknownArg     = "unknown-argument"
	CodeMissingArg     = "missing-argument"
	CodeDuplicateArg   = "duplicate-argument"
	CodeTooManyArgs    = "too-many-arguments"
	CodeWrongType      = "wrong-type"
	CodeUnknownMember  = "unknown-member"
	CodeDeprecated     = "deprecated"
	CodeUnusedLoad     = "unused-load"
	CodeUnusedVariable = "unused-variable"
	CodeUnreachable    = "unreachable"
	CodeLoadCycle      = "load-cycle"
	CodeMissingModule  = "missing-module"
	CodeUnfetched      = "extension-not-fetched"
	CodeUnknownExport  = "unknown-export"
	CodeLiveOrder      = "live-update-order"
	CodeUnusedStep     = "unused-step"
	CodeSyncOutside    = "sync-outside-context"
	CodeRestart        = "restart-container"
	CodeDuplicateImage = "duplicate-image"
	CodeUnknownWork    = "unknown-workload"
	CodeUnknownRes     = "unknown-resource"
	CodePort           = "invalid-port"
	CodeMissingFile    = "missing-file"
	CodeUnknownSetting = "unknown-setting"
	CodeContext        = "context-not-allowed"
	CodeResource       = "resource" // said by the server, of what runs
)

var codes = []Code{
	{CodeSyntax, Error, "The text is not Starlark. The message is the interpreter's."},
	{CodeEvaluation, Error, "The last evaluation stopped here, or warned. The call stack is attached. It is a warning where the machine is at fault and not the Tiltfile: a command that fails, an extension or chart that cannot be fetched."},
	{resolve.CodeUndefined, Error, "Nothing of that name is defined, loaded or built in. At the top level a name must be bound before it is used."},
	{resolve.CodeMisplaced, Error, "break and continue belong in a loop, return in a function, and load stands alone at the top level."},
	{resolve.CodeAssign, Error, "Only names, elements, attributes and lists of these can be assigned to."},
	{resolve.CodeParams, Error, "Parameters come in the order: required, optional, *args, keyword-only, **kwargs; each name once."},
	{resolve.CodeArgs, Error, "Arguments come in the order: positional, named, *args, **kwargs; each name once."},
	{resolve.CodeLoad, Error, "Names that start with an underscore belong to their file and cannot be loaded."},
	{CodeUnknownArg, Error, "The function has no parameter of that name. For some built-ins the code's name differs from the one in Tilt's documentation; the quick fix knows."},
	{CodeMissingArg, Error, "A parameter without a default was not given."},
	{CodeDuplicateArg, Error, "A parameter was given twice, by position and by name."},
	{CodeTooManyArgs, Error, "More positional arguments than the function takes."},
	{CodeWrongType, Error, "A literal of a type that the built-in does not accept."},
	{CodeUnknownMember, Warning, "The module or struct has no such member."},
	{CodeDeprecated, Hint, "The built-in or argument still works, but there is something better."},
	{CodeUnusedLoad, Hint, "A loaded name is used nowhere in the file."},
	{CodeUnusedVariable, Hint, "A local variable is assigned but never read. A name that starts with an underscore says that this is meant."},
	{CodeUnreachable, Hint, "The code can never run, since what stands before it always leaves."},
	{CodeLoadCycle, Error, "The file loads itself, directly or through others."},
	{CodeMissingModule, Warning, "The file or extension that is loaded does not exist."},
	{CodeUnfetched, Hint, "The extension is neither shipped nor in the cache. That is fine: the next evaluation fetches it, and from then on its functions are known here. A name like that of a shipped extension, and not of the public collection, is a typing error most likely: a warning."},
	{CodeUnknownExport, Error, "The loaded file defines no such name, or keeps it to itself with an underscore. Where a shipped extension lacks a name that is like none of its own, evaluating takes the public extension in its place: a warning."},
	{CodeLiveOrder, Error, "Live-update steps come in the order: initial_sync, fall_back_on, sync, run, restart_container."},
	{CodeUnusedStep, Warning, "A live-update step does something only within live_update=[…]; Tilt refuses a step that is not used."},
	{CodeSyncOutside, Warning, "A sync must lie within the image's context or dependencies, or its files are never seen to change; and what only=, ignore= or a .dockerignore leave out with all that it holds is never synced."},
	{CodeRestart, Hint, "Towline restarts Kubernetes containers as restart_container() asks. Tilt does so for Docker Compose only and refuses the file: if both read it, use docker_build_with_restart of ext://restart_process."},
	{CodeDuplicateImage, Error, "An image is declared twice."},
	{CodeUnknownWork, Warning, "The last evaluation saw no workload of that name."},
	{CodeUnknownRes, Warning, "The last evaluation saw no resource of that name."},
	{CodePort, Error, "Ports lie between 1 and 65535 and are written as a number, 'local:container' or 'host:local:container'."},
	{CodeMissingFile, Warning, "The file does not exist, seen from the folder of this Tiltfile. Of what deps= watches and sync() takes it is a hint: it may be made later."},
	{CodeUnknownSetting, Error, "tilt_config.json has a key that no config.define_… defines; config.parse refuses it."},
	{CodeContext, Warning, "The current Kubernetes context is neither a local cluster nor allowed by allow_k8s_contexts, so nothing is deployed there. Allow it if it is meant, or switch to another one."},
	{CodeResource, Error, "A resource that the line declares failed to build, to deploy or to run. The message is the tool's; the resource's log has more."},
}

// Codes returns the table of codes, for the documentation.
func Codes() []Code { return append([]Code(nil), codes...) }

// Docs returns the table of codes as Markdown, with an anchor for each.
func Docs() string {
	var b strings.Builder
	b.WriteString("# Diagnostics\n\nWhat the language server and `towline check` say about a Tiltfile. The codes are stable.\n")
	for _, c := range codes {
		fmt.Fprintf(&b, "\n## %s\n\n*%s.* %s\n", c.ID, c.Severity, c.Doc)
	}
	return b.String()
}

func severityOf(id string) Severity {
	for _, c := range codes {
		if c.ID == id {
			return c.Severity
		}
	}
	return Error
}
