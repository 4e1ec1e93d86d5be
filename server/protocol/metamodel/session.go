package metamodel

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
)

// own is the prefix of the methods that are ours and not the protocol's.
const own = "towline/"

// Session checks what the server of one connection sends. It may be used
// concurrently; a client's request must be passed to FromClient before the
// server can answer it.
type Session struct {
	model *model

	mu     sync.Mutex
	calls  map[string]string // method of each unanswered call of the client, by raw id
	tokens map[string]string // work done progress: the last kind by raw token
}

// NewSession returns a Session of a new connection.
func NewSession() (*Session, error) {
	m, err := load()
	if err != nil {
		return nil, err
	}
	return &Session{model: m, calls: map[string]string{}, tokens: map[string]string{}}, nil
}

// envelope is a message of JSON-RPC.
type envelope struct {
	Version string          `json:"jsonrpc"`
	ID      json.RawMessage `json:"id"`
	Method  *string         `json:"method"`
	Params  json.RawMessage `json:"params"`
	Result  json.RawMessage `json:"result"`
	Error   json.RawMessage `json:"error"`
}

// FromClient notes a message of the client.
func (s *Session) FromClient(raw []byte) error {
	var e envelope
	if err := json.Unmarshal(raw, &e); err != nil {
		return nil // tests send broken messages on purpose
	}
	if e.Method != nil && e.ID != nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.calls[string(e.ID)] = *e.Method
	}
	return nil
}

// FromServer checks a message of the server.
func (s *Session) FromServer(raw []byte) error {
	var e envelope
	if err := json.Unmarshal(raw, &e); err != nil {
		return fmt.Errorf("the message is no JSON object: %w", err)
	}
	switch {
	case e.Version != "2.0":
		return fmt.Errorf("jsonrpc is %q", e.Version)
	case e.Method == nil:
		return s.response(e)
	case strings.HasPrefix(*e.Method, own):
		return nil
	case e.ID != nil:
		return s.message(s.model.requests, e)
	}
	return s.message(s.model.notifications, e)
}

func (s *Session) response(e envelope) error {
	if e.Error != nil {
		return checkError(e)
	}
	if e.Result == nil {
		return fmt.Errorf("the response %s has neither result nor error", e.ID)
	}
	s.mu.Lock()
	method, ok := s.calls[string(e.ID)]
	delete(s.calls, string(e.ID))
	s.mu.Unlock()
	if !ok {
		return fmt.Errorf("the response %s answers no request", e.ID)
	}
	if strings.HasPrefix(method, own) {
		return nil
	}
	msg, ok := s.model.requests[method]
	if !ok {
		return fmt.Errorf("%s, which the protocol does not know, was answered", method)
	}
	return s.checkRaw(*msg.Result, e.Result, method+" result")
}

// checkError checks the shape of an error response; its id may be null.
func checkError(e envelope) error {
	if e.Result != nil {
		return fmt.Errorf("the response %s has a result and an error", e.ID)
	}
	var body struct {
		Code    *int    `json:"code"`
		Message *string `json:"message"`
	}
	if err := json.Unmarshal(e.Error, &body); err != nil {
		return fmt.Errorf("the error of response %s: %w", e.ID, err)
	}
	if body.Code == nil || body.Message == nil || *body.Message == "" {
		return fmt.Errorf("the error of response %s lacks a code or a message: %s", e.ID, e.Error)
	}
	return nil
}

// message checks a request or notification of the server.
func (s *Session) message(known map[string]message, e envelope) error {
	msg, ok := known[*e.Method]
	if !ok {
		return fmt.Errorf("the protocol has no message %s of this kind", *e.Method)
	}
	if msg.Direction == "clientToServer" {
		return fmt.Errorf("%s is a message of the client", *e.Method)
	}
	if msg.Params == nil {
		if e.Params != nil && string(e.Params) != "null" {
			return fmt.Errorf("%s has params: %s", *e.Method, e.Params)
		}
		return nil
	}
	if err := s.checkRaw(*msg.Params, e.Params, *e.Method); err != nil {
		return err
	}
	switch *e.Method {
	case "$/progress":
		return s.progress(e.Params)
	case "client/registerCapability":
		return s.registrations(e.Params)
	}
	return nil
}

// progress checks the value of a $/progress, which the metamodel leaves open,
// as work done progress, and the order begin, report, end.
func (s *Session) progress(raw json.RawMessage) error {
	var params struct {
		Token json.RawMessage `json:"token"`
		Value json.RawMessage `json:"value"`
	}
	var value struct {
		Kind string `json:"kind"`
	}
	if err := errors.Join(json.Unmarshal(raw, &params), json.Unmarshal(params.Value, &value)); err != nil {
		return err
	}
	types := map[string]string{"begin": "WorkDoneProgressBegin", "report": "WorkDoneProgressReport", "end": "WorkDoneProgressEnd"}
	name, ok := types[value.Kind]
	if !ok {
		return fmt.Errorf("$/progress of unknown kind %q", value.Kind)
	}
	s.mu.Lock()
	last, token := s.tokens[string(params.Token)], string(params.Token)
	s.tokens[token] = value.Kind
	s.mu.Unlock()
	if (value.Kind == "begin") != (last == "") || last == "end" {
		return fmt.Errorf("$/progress %s: %q after %q", token, value.Kind, last)
	}
	return s.checkRaw(typ{Kind: "reference", Name: name}, params.Value, "$/progress value")
}

// registrations checks the options of dynamic registrations, which the
// metamodel leaves open, as those of the registered method.
func (s *Session) registrations(raw json.RawMessage) error {
	var params struct {
		Registrations []struct {
			Method          string          `json:"method"`
			RegisterOptions json.RawMessage `json:"registerOptions"`
		} `json:"registrations"`
	}
	if err := json.Unmarshal(raw, &params); err != nil {
		return err
	}
	for _, r := range params.Registrations {
		msg, ok := s.model.requests[r.Method]
		if !ok {
			msg, ok = s.model.notifications[r.Method]
		}
		if !ok {
			return fmt.Errorf("registering %s, which the protocol does not know", r.Method)
		}
		if msg.RegistrationOptions == nil || r.RegisterOptions == nil {
			continue
		}
		if err := s.checkRaw(*msg.RegistrationOptions, r.RegisterOptions, "registering "+r.Method); err != nil {
			return err
		}
	}
	return nil
}

func (s *Session) checkRaw(t typ, raw json.RawMessage, at string) error {
	var v any
	if raw != nil {
		if err := json.Unmarshal(raw, &v); err != nil {
			return fmt.Errorf("%s: %w", at, err)
		}
	}
	return s.model.check(t, v, at)
}
