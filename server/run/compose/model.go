package compose

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/towline-dev/towline/server/inject"
)

// model returns a project's document in which a service runs another image, which
// is not built and, once it is there, not pulled, under the agent if it has one.
// Dollar signs are doubled: all variables are replaced already.
func (u Up) model() ([]byte, error) {
	service := u.Service
	var doc struct {
		Services map[string]map[string]json.RawMessage `json:"services"`
	}
	var whole map[string]json.RawMessage
	if err := errorOf(json.Unmarshal(u.Project.Model, &whole), json.Unmarshal(u.Project.Model, &doc)); err != nil {
		return nil, fmt.Errorf("reading the Compose project: %w", err)
	}
	s := doc.Services[service]
	if s == nil {
		return nil, fmt.Errorf("the Compose project has no service %q", service)
	}
	if u.Image.Pushed != "" {
		delete(s, "build")
		s["image"], _ = json.Marshal(u.Image.Pushed) // a text can be written
		s["pull_policy"] = json.RawMessage(`"missing"`)
	}
	if u.Agent != "" {
		if err := inject.Service(service, s, u.Image, u.Agent); err != nil {
			return nil, err
		}
	}
	services, err := json.Marshal(doc.Services)
	if err != nil {
		return nil, fmt.Errorf("writing the Compose project: %w", err)
	}
	whole["services"] = services
	out, err := json.Marshal(whole)
	return bytes.ReplaceAll(out, []byte("$"), []byte("$$")), err
}

// errorOf returns the first error.
func errorOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
