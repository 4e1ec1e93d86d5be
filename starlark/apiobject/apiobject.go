// Package apiobject says what the objects of Tilt's own API that a Tiltfile
// makes mean here: which commands run and when, which buttons there are.
package apiobject

import (
	"errors"
	"fmt"
	"strings"

	"github.com/towline-dev/towline/starlark/config"
	"github.com/towline-dev/towline/starlark/value"
)

// Set are the objects of a Tiltfile.
type Set struct {
	base    string // the folder of the root Tiltfile
	objects []config.APIObject
}

// NewSet returns a set without objects, for the Tiltfile in a folder.
func NewSet(base string) *Set { return &Set{base: base} }

// All returns the objects in the order in which they were made.
func (s *Set) All() []config.APIObject { return s.objects }

// Add adds an object, unless Tilt's API server would refuse it.
func (s *Set) Add(o config.APIObject) error {
	for _, other := range s.objects {
		if other.Kind == o.Kind && other.Name == o.Name {
			return fmt.Errorf("%s %q already registered", plural(o.Kind), o.Name)
		}
	}
	if err := check(&o); err != nil {
		return err
	}
	s.objects = append(s.objects, o)
	return nil
}

// plural is what Tilt's API server calls the objects of a kind.
func plural(kind string) string {
	kind = strings.ToLower(kind)
	if strings.HasSuffix(kind, "ch") {
		return kind + "es"
	}
	return kind + "s"
}

// check refuses what Tilt's API server would.
func check(o *config.APIObject) error {
	if o.Kind == "Cmd" {
		_, err := startAfter(*o)
		return err
	}
	if o.Kind != "UIButton" {
		return nil
	}
	location, _ := o.Spec["location"].(map[string]any)
	if o.Spec["text"] == nil || o.Spec["text"] == "" {
		return errors.New("spec.text: Required value: Button text cannot be empty")
	}
	if location["component_id"] == nil || location["component_id"] == "" {
		return errors.New("spec.location.componentID: Required value: Parent component ID is required")
	}
	if location["component_type"] == nil || location["component_type"] == "" {
		return errors.New("spec.location.componentType: Required value: Parent component type is required")
	}
	return nil
}

// KindOf is the kind of a constructor's objects: that of "ui_button" is
// "UIButton".
func KindOf(name string) string {
	var b strings.Builder
	for part := range strings.SplitSeq(name, "_") {
		if part == "ui" {
			b.WriteString("UI")
			continue
		}
		b.WriteString(strings.ToUpper(part[:1]) + part[1:])
	}
	return b.String()
}

// Buttons are the objects v1alpha1.ui_button.
func (s *Set) Buttons() []config.Button {
	var buttons []config.Button
	for _, o := range s.objects {
		if o.Kind != "UIButton" {
			continue
		}
		b := config.Button{Name: o.Name, Spec: o.Spec, Inputs: inputsOf(o)}
		b.Text, _ = o.Spec["text"].(string)
		b.Icon, _ = o.Spec["icon_name"].(string)
		b.Disabled, _ = o.Spec["disabled"].(bool)
		b.RequiresConfirmation, _ = o.Spec["requires_confirmation"].(bool)
		location := fieldsOf(o.Spec["location"])
		if kind, _ := location["component_type"].(string); strings.EqualFold(kind, "resource") {
			b.Resource, _ = location["component_id"].(string)
		}
		buttons = append(buttons, b)
	}
	return buttons
}

// ExtensionArgs are the arguments that an extension was registered with. It
// finds them in config in place of the developer's, and its settings are its
// own.
func (s *Set) ExtensionArgs(name string) []string {
	for _, o := range s.objects {
		if o.Kind == "Extension" && o.Name == name {
			return texts(o.Spec["args"])
		}
	}
	return nil
}

// fieldsOf is a value's fields, nil where it has none.
func fieldsOf(v any) map[string]any {
	switch v := v.(type) {
	case map[string]any:
		return v
	case map[string]string:
		m := make(map[string]any, len(v))
		for k, text := range v {
			m[k] = text
		}
		return m
	}
	return nil
}

// texts are the strings of a list.
func texts(v any) []string {
	var all []string
	for _, x := range value.ListOf(v) {
		if s, ok := x.(string); ok {
			all = append(all, s)
		}
	}
	return all
}
