// Package schema holds messages to the JSON schema of the Debug Adapter
// Protocol, which its own types in Go are made from and lies beside them.
package schema

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/towline-dev/towline/dap/message"
)

const url = "dap.json"

// Schema is that of the protocol. Its methods may be called concurrently.
type Schema struct {
	names map[string]string // of definitions, by "event NAME" and "command NAME"

	mu       sync.Mutex // guards what follows
	compiler *jsonschema.Compiler
}

// Load reads the schema from the module github.com/google/go-dap.
func Load() (*Schema, error) {
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/google/go-dap").Output()
	if err != nil {
		return nil, fmt.Errorf("finding the protocol's schema: %w", err)
	}
	data, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(dir)), "cmd", "gentypes", "debugProtocol.json"))
	if err != nil {
		return nil, err
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	s := &Schema{compiler: jsonschema.NewCompiler(), names: map[string]string{}}
	whole, _ := doc.(map[string]any)
	definitions, _ := whole["definitions"].(map[string]any)
	for name, d := range definitions {
		for _, kind := range []string{"event", "command"} {
			if of := constant(d, kind); of != "" {
				s.names[kind+" "+of] = name
			}
		}
	}
	if len(s.names) < 50 {
		return nil, fmt.Errorf("the protocol's schema names %d messages only", len(s.names))
	}
	return s, s.compiler.AddResource(url, doc)
}

// constant returns the one value that a definition gives a property, "" when it
// does not.
func constant(definition any, property string) string {
	d, _ := definition.(map[string]any)
	all, _ := d["allOf"].([]any)
	for _, part := range all {
		part, _ := part.(map[string]any)
		properties, _ := part["properties"].(map[string]any)
		p, _ := properties[property].(map[string]any)
		if values, _ := p["enum"].([]any); len(values) == 1 {
			value, _ := values[0].(string)
			return value
		}
	}
	return ""
}

// Check says what is wrong with a message. Events and requests that the protocol
// does not have are a debugger's own.
func (s *Schema) Check(m message.Message) error {
	name := ""
	switch m.Type {
	case message.Event:
		name = s.names["event "+m.Event]
	case message.Request:
		name = s.names["command "+m.Command]
	case message.Response:
		name = "Response"
		if request := s.names["command "+m.Command]; m.Success && request != "" {
			name = strings.TrimSuffix(request, "Request") + "Response"
		}
	}
	if name == "" {
		name = "ProtocolMessage"
	}
	s.mu.Lock()
	compiled, err := s.compiler.Compile(url + "#/definitions/" + name)
	s.mu.Unlock()
	if err != nil {
		return err
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(m.Bytes()))
	if err != nil {
		return err
	}
	if err := compiled.Validate(value); err != nil {
		return fmt.Errorf("%s: %w", m.Bytes(), err)
	}
	return nil
}

// Problems is Check for all that was received.
func (s *Schema) Problems(all []message.Message) (problems []error) {
	for _, m := range all {
		if err := s.Check(m); err != nil {
			problems = append(problems, err)
		}
	}
	return problems
}
