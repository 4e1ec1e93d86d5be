package wire

import "fmt"

// Code classifies an Error for the machine that reads it.
type Code string

// The codes of errors.
const (
	CodeBadRequest    Code = "bad-request"   // the request itself is wrong: a bad path, an unknown method
	CodeUnwritable    Code = "unwritable"    // the container's user may not write Path
	CodeNoSpace       Code = "no-space"      // the file system of Path is full
	CodeHashMismatch  Code = "hash-mismatch" // the content that arrived is not the content announced
	CodeEscape        Code = "escape"        // Path leads out of its root, by a symbolic link
	CodeNoProcess     Code = "no-process"    // the application does not run
	CodeStartFailed   Code = "start-failed"  // the command could not be started
	CodeRefused       Code = "refused"       // nobody listens on the port
	CodeNotDebuggable Code = "not-debugable" // the debugger cannot attach
	CodeDebugged      Code = "debugged"      // another debugging session has the process
	CodeCanceled      Code = "canceled"      // the daemon gave up
	CodeInternal      Code = "internal"      // a defect of the agent, with its stack in Message
)

// Error is an error that the other side reported. The client returns it as
// *Error from all its methods, so errors.As finds it.
type Error struct {
	Code    Code   `json:"code"`
	Message string `json:"message"`        // what was attempted on what, and why it failed
	Hint    string `json:"hint,omitempty"` // the next step for a person
	Path    string `json:"path,omitempty"` // the path in the container that it is about
	UID     int    `json:"uid,omitempty"`  // the user that the container runs as, with CodeUnwritable
}

// Error returns the message.
func (e *Error) Error() string { return e.Message }

// Errorf returns an Error with the code and a formatted message.
func Errorf(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}
