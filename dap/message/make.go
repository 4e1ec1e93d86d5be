package message

import (
	"encoding/json"
	"fmt"
	"strings"
)

// header is a message as this package writes it. The numbers are 0 until
// Renumbered.
type header struct {
	Seq        int             `json:"seq"`
	Type       string          `json:"type"`
	RequestSeq *int            `json:"request_seq,omitempty"`
	Success    *bool           `json:"success,omitempty"`
	Command    string          `json:"command,omitempty"`
	Event      string          `json:"event,omitempty"`
	Message    string          `json:"message,omitempty"`
	Arguments  json.RawMessage `json:"arguments,omitempty"`
	Body       json.RawMessage `json:"body,omitempty"`
}

// NewRequest returns a request. A nil args leaves the arguments out. It panics
// when args cannot be marshalled, as do the other constructors.
func NewRequest(command string, args any) Message {
	return build(header{Type: Request, Command: command, Arguments: marshal(args)})
}

// NewEvent returns an event.
func NewEvent(event string, body any) Message {
	return build(header{Type: Event, Event: event, Body: marshal(body)})
}

// NewResponse returns a successful response to a request.
func NewResponse(to Message, body any) Message {
	yes := true
	return build(header{Type: Response, RequestSeq: &to.Seq, Success: &yes, Command: to.Command, Body: marshal(body)})
}

// NewFailure returns a response that says why a request was not done. A
// visible one is shown to the person by the editor.
func NewFailure(to Message, text string, visible bool) Message {
	type failure struct {
		ID       int    `json:"id"`
		Format   string `json:"format"`
		ShowUser bool   `json:"showUser"`
	}
	// Braces in a format are variables; a literal text must not have any.
	format := strings.NewReplacer("{", "(", "}", ")").Replace(text)
	body := map[string]failure{"error": {ID: failureID, Format: format, ShowUser: visible}}
	no := false
	return build(header{Type: Response, RequestSeq: &to.Seq, Success: &no, Command: to.Command, Message: text, Body: marshal(body)})
}

// failureID is the id of every failure that is ours; debuggers use 2000 to 9999.
const failureID = 10001

func build(h header) Message { return must(marshal(h)) }

func marshal(v any) json.RawMessage {
	if v == nil {
		return nil
	}
	data, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("message: %v", err))
	}
	return data
}

// expand fills the {variables} of a DAP error text in.
func expand(format string, variables map[string]string) string {
	for name, value := range variables {
		format = strings.ReplaceAll(format, "{"+name+"}", value)
	}
	return format
}
