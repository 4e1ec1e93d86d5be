package eval

import (
	"fmt"

	"go.starlark.net/starlark"
)

// moduleValue is a module such as os: a value with members.
type moduleValue struct {
	name    string
	members starlark.StringDict
}

// Attr returns a member.
func (m *moduleValue) Attr(name string) (starlark.Value, error) {
	if v, ok := m.members[name]; ok {
		return v, nil
	}
	return nil, starlark.NoSuchAttrError(fmt.Sprintf("module has no .%s attribute", name))
}

// AttrNames returns the members' names.
func (m *moduleValue) AttrNames() []string { return m.members.Keys() }

// String returns the form that a Tiltfile prints.
func (m *moduleValue) String() string { return fmt.Sprintf("<module %q>", m.name) }

// Type is "module".
func (m *moduleValue) Type() string { return "module" }

// Freeze does nothing: members do not change.
func (m *moduleValue) Freeze() {}

// Truth is true.
func (m *moduleValue) Truth() starlark.Bool { return true }

// Hash fails: modules are no keys.
func (m *moduleValue) Hash() (uint32, error) { return 0, fmt.Errorf("unhashable: module") }
