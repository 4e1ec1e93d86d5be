// Package message reads, writes and renumbers messages of the Debug Adapter
// Protocol without decoding them.
//
// A bridge between an editor and a debugger must pass on what it does not
// know: a debugger's own requests, events and fields. So a Message keeps its
// bytes as they came. Only the header is looked at (what it is, its number,
// which request it answers), and what is rewritten is cut out of the bytes and
// replaced in place.
package message

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
)

// The three kinds of messages.
const (
	Request  = "request"
	Response = "response"
	Event    = "event"
)

// ErrMalformed is wrapped by every error about bytes that are no message. The
// stream itself is still in step: the next message can be read.
var ErrMalformed = errors.New("malformed DAP message")

// Message is one message. It is immutable: the methods that change something
// return a new one. The zero Message is not valid.
type Message struct {
	Type       string // Request, Response or Event
	Seq        int
	RequestSeq int    // of a response: the request that it answers
	Command    string // of a request or response
	Event      string // of an event
	Success    bool   // of a response

	raw                 []byte
	seqAt, answersAt    span
	payloadAt, failedAt span
}

// span is a part of a message's bytes; the zero span is none.
type span struct{ from, to int }

// Decode looks at the header of a message. It keeps raw.
func Decode(raw []byte) (Message, error) {
	m := Message{raw: raw}
	if !json.Valid(raw) {
		return m, fmt.Errorf("%w: not JSON", ErrMalformed)
	}
	start := space(raw, 0)
	if raw[start] != '{' {
		return m, fmt.Errorf("%w: not an object", ErrMalformed)
	}
	var bad error
	var arguments, body span
	members(raw, start, func(key string, v span) {
		var err error
		switch key {
		case "type":
			m.Type, err = text(raw, v)
		case "command":
			m.Command, err = text(raw, v)
		case "event":
			m.Event, err = text(raw, v)
		case "seq":
			m.Seq, err = number(raw, v)
			m.seqAt = v
		case "request_seq":
			m.RequestSeq, err = number(raw, v)
			m.answersAt = v
		case "success":
			m.Success = string(raw[v.from:v.to]) == "true"
		case "message":
			m.failedAt = v
		case "arguments":
			arguments = v
		case "body":
			body = v
		}
		if err != nil && bad == nil {
			bad = fmt.Errorf("%w: %s: %v", ErrMalformed, key, err)
		}
	})
	if bad != nil {
		return m, bad
	}
	m.payloadAt = body
	if m.Type == Request {
		m.payloadAt = arguments
	}
	return m, m.check()
}

// check says what a message of its type lacks.
func (m Message) check() error {
	switch {
	case m.seqAt == span{}:
		return fmt.Errorf("%w: no seq", ErrMalformed)
	case m.Type == Request && m.Command == "":
		return fmt.Errorf("%w: a request without command", ErrMalformed)
	case m.Type == Response && m.answersAt == span{}:
		return fmt.Errorf("%w: a response without request_seq", ErrMalformed)
	case m.Type == Event && m.Event == "":
		return fmt.Errorf("%w: an event without a name", ErrMalformed)
	case m.Type != Request && m.Type != Response && m.Type != Event:
		return fmt.Errorf("%w: type %q", ErrMalformed, m.Type)
	}
	return nil
}

// Bytes returns the message as JSON. The caller does not change it.
func (m Message) Bytes() []byte { return m.raw }

// Payload returns a request's arguments, or the body of a response or event;
// nil when there is none.
func (m Message) Payload() json.RawMessage {
	if m.payloadAt == (span{}) {
		return nil
	}
	return m.raw[m.payloadAt.from:m.payloadAt.to]
}

// FailureText returns what a response that is not a success says went wrong:
// the text for a person if there is one, else the short message.
func (m Message) FailureText() string {
	var body struct {
		Error struct {
			Format    string            `json:"format"`
			Variables map[string]string `json:"variables"`
		} `json:"error"`
	}
	if json.Unmarshal(m.Payload(), &body) == nil && body.Error.Format != "" {
		return expand(body.Error.Format, body.Error.Variables)
	}
	if short, err := text(m.raw, m.failedAt); err == nil && short != "" {
		return short
	}
	return m.Command + " failed"
}

// Renumbered returns the message with another number and, for a response,
// another number of the request that it answers.
func (m Message) Renumbered(seq, requestSeq int) Message {
	cuts := []cut{{m.seqAt, strconv.AppendInt(nil, int64(seq), 10)}}
	if m.Type == Response {
		cuts = append(cuts, cut{m.answersAt, strconv.AppendInt(nil, int64(requestSeq), 10)})
	}
	return must(splice(m.raw, cuts))
}

// WithPayload returns the message with other arguments or another body. A
// message without any gets one.
func (m Message) WithPayload(payload json.RawMessage) Message {
	if m.payloadAt != (span{}) {
		return must(splice(m.raw, []cut{{m.payloadAt, payload}}))
	}
	name := `"body":`
	if m.Type == Request {
		name = `"arguments":`
	}
	end := len(m.raw) - 1
	for m.raw[end] != '}' {
		end--
	}
	tail := append([]byte(","+name), payload...)
	return must(splice(m.raw, []cut{{span{end, end}, tail}}))
}

// must decodes bytes that were made from a valid message.
func must(raw []byte) Message {
	m, err := Decode(raw)
	if err != nil {
		panic(fmt.Sprintf("message: %v in %s", err, raw))
	}
	return m
}
