package compose

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// withImage returns a project's document in which a service runs another image,
// which is not built and, once it is there, not pulled; "" leaves it as it is.
// Dollar signs are doubled: all variables are replaced already.
func withImage(model []byte, service, image string) ([]byte, error) {
	var doc struct {
		Services map[string]map[string]json.RawMessage `json:"services"`
	}
	var whole map[string]json.RawMessage
	if err := errorOf(json.Unmarshal(model, &whole), json.Unmarshal(model, &doc)); err != nil {
		return nil, fmt.Errorf("reading the Compose project: %w", err)
	}
	s := doc.Services[service]
	if s == nil {
		return nil, fmt.Errorf("the Compose project has no service %q", service)
	}
	if image != "" {
		delete(s, "build")
		s["image"], _ = json.Marshal(image) // a text can be written
		s["pull_policy"] = json.RawMessage(`"missing"`)
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
