// Package metamodel checks messages of a language server against the
// metamodel of the Language Server Protocol 3.18, the specification in
// machine-readable form. It is for tests: a Session listens to both sides of a
// connection and says what is wrong with each message that the server sends.
//
// It is stricter than the protocol in one point: a property that the metamodel
// does not know is an error, since it is far more often a mistyped name than
// an extension.
package metamodel

import (
	"bytes"
	"compress/gzip"
	_ "embed"
	"encoding/json"
	"fmt"
	"io"
	"sync"
)

//go:embed metaModel.json.gz
var compressed []byte

// model is the metamodel, indexed.
type model struct {
	requests      map[string]message
	notifications map[string]message
	structures    map[string]structure
	enumerations  map[string]enumeration
	aliases       map[string]typ
}

type message struct {
	Method              string `json:"method"`
	Direction           string `json:"messageDirection"`
	Params              *typ   `json:"params"`
	Result              *typ   `json:"result"`
	RegistrationOptions *typ   `json:"registrationOptions"`
	RegistrationMethod  string `json:"registrationMethod"`
}

type structure struct {
	Name       string     `json:"name"`
	Properties []property `json:"properties"`
	Extends    []typ      `json:"extends"`
	Mixins     []typ      `json:"mixins"`
}

type property struct {
	Name     string `json:"name"`
	Type     typ    `json:"type"`
	Optional bool   `json:"optional"`
}

type enumeration struct {
	Name   string `json:"name"`
	Type   typ    `json:"type"`
	Custom bool   `json:"supportsCustomValues"`
	Values []struct {
		Value any `json:"value"`
	} `json:"values"`
}

// typ is a type expression. Value is a *typ for a map, a structure for a
// literal and a string for a string literal; it is kept raw until it is used.
type typ struct {
	Kind    string          `json:"kind"`
	Name    string          `json:"name"`
	Items   []typ           `json:"items"`
	Element *typ            `json:"element"`
	Key     *typ            `json:"key"`
	Value   json.RawMessage `json:"value"`
}

// load decodes the embedded metamodel once.
var load = sync.OnceValues(func() (*model, error) {
	r, err := gzip.NewReader(bytes.NewReader(compressed))
	if err != nil {
		return nil, fmt.Errorf("reading the metamodel: %w", err)
	}
	data, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("reading the metamodel: %w", err)
	}
	var raw struct {
		Requests      []message     `json:"requests"`
		Notifications []message     `json:"notifications"`
		Structures    []structure   `json:"structures"`
		Enumerations  []enumeration `json:"enumerations"`
		TypeAliases   []struct {
			Name string `json:"name"`
			Type typ    `json:"type"`
		} `json:"typeAliases"`
	}
	if err := json.Unmarshal(data, &raw); err != nil {
		return nil, fmt.Errorf("reading the metamodel: %w", err)
	}
	m := &model{
		requests: map[string]message{}, notifications: map[string]message{},
		structures: map[string]structure{}, enumerations: map[string]enumeration{}, aliases: map[string]typ{},
	}
	for _, v := range raw.Requests {
		m.requests[v.Method] = v
	}
	for _, v := range raw.Notifications {
		m.notifications[v.Method] = v
	}
	for _, v := range raw.Structures {
		m.structures[v.Name] = v
	}
	for _, v := range raw.Enumerations {
		m.enumerations[v.Name] = v
	}
	for _, v := range raw.TypeAliases {
		m.aliases[v.Name] = v.Type
	}
	return m, nil
})

// ClientMethods returns the methods of all messages that a client may send.
func ClientMethods() ([]string, error) {
	m, err := load()
	if err != nil {
		return nil, err
	}
	var out []string
	for _, set := range []map[string]message{m.requests, m.notifications} {
		for name, msg := range set {
			if msg.Direction != "serverToClient" {
				out = append(out, name)
			}
		}
	}
	return out, nil
}
