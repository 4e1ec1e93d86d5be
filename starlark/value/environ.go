package value

import (
	"fmt"
	"maps"
	"strings"

	"go.starlark.net/starlark"

	"github.com/towline-dev/towline/starlark/fault"
)

// Environ is os.environ: the environment of this run, as a dictionary. It is
// a copy; a change reaches commands of this run and nothing else.
type Environ struct {
	vars map[string]string
}

// NewEnviron returns the environment of "NAME=value" pairs.
func NewEnviron(env []string) *Environ {
	e := &Environ{vars: make(map[string]string, len(env)+1)}
	for _, kv := range env {
		if name, value, ok := strings.Cut(kv, "="); ok && name != "" {
			e.vars[name] = value
		}
	}
	e.vars["TOWLINE"] = "1"
	return e
}

// Var returns a variable; "" when it is not set.
func (e *Environ) Var(name string) string { return e.vars[name] }

// Lookup returns a variable, and whether it is set.
func (e *Environ) Lookup(name string) (string, bool) {
	v, ok := e.vars[name]
	return v, ok
}

// Unset takes a variable away.
func (e *Environ) Unset(name string) { delete(e.vars, name) }

// Copy returns the variables.
func (e *Environ) Copy() map[string]string { return maps.Clone(e.vars) }

// List returns "NAME=value" pairs with some variables added, in order.
func (e *Environ) List(extra map[string]string) []string {
	all := e.Copy()
	maps.Copy(all, extra)
	list := make([]string, 0, len(all))
	for _, k := range SortedKeys(all) {
		list = append(list, k+"="+all[k])
	}
	return list
}

// Dict returns the variables as a dictionary.
func (e *Environ) Dict() *starlark.Dict {
	d := starlark.NewDict(len(e.vars))
	for _, k := range SortedKeys(e.vars) {
		_ = d.SetKey(starlark.String(k), starlark.String(e.vars[k]))
	}
	return d
}

// String returns the dictionary's text.
func (e *Environ) String() string { return e.Dict().String() }

// Type is "environ".
func (e *Environ) Type() string { return "environ" }

// Freeze does nothing: the environment stays changeable in loaded files.
func (e *Environ) Freeze() {}

// Truth is whether there is any variable.
func (e *Environ) Truth() starlark.Bool { return len(e.vars) > 0 }

// Hash fails.
func (e *Environ) Hash() (uint32, error) { return 0, fmt.Errorf("unhashable: environ") }

// Get returns a variable.
func (e *Environ) Get(k starlark.Value) (starlark.Value, bool, error) {
	s, ok := starlark.AsString(k)
	v, found := e.vars[s]
	if ok && !found { // whether the operator in sees an error makes no difference
		return nil, false, fault.Environment(fmt.Errorf("key %s not in %s", k, e.Type()))
	}
	return starlark.String(v), ok && found, nil
}

// SetKey sets a variable.
func (e *Environ) SetKey(k, v starlark.Value) error {
	key, ok := starlark.AsString(k)
	if !ok {
		return fmt.Errorf("putenv() key must be a string, not %s", k.Type())
	}
	value, ok := AsString(v)
	if !ok {
		return fmt.Errorf("putenv() value must be a string, not %s", v.Type())
	}
	e.vars[key] = value
	return nil
}

// Iterate iterates over the names.
func (e *Environ) Iterate() starlark.Iterator { return e.Dict().Iterate() }

// Len is the number of variables.
func (e *Environ) Len() int { return len(e.vars) }

// Items returns pairs of name and value.
func (e *Environ) Items() []starlark.Tuple { return e.Dict().Items() }

// Attr returns a method of dictionaries; those that change the dictionary
// change the environment.
func (e *Environ) Attr(name string) (starlark.Value, error) {
	d := e.Dict()
	method, err := d.Attr(name)
	b, ok := method.(*starlark.Builtin)
	if err != nil || !ok {
		return method, err
	}
	return starlark.NewBuiltin(name, func(t *starlark.Thread, _ *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
		v, err := b.CallInternal(t, args, kwargs)
		if err != nil {
			return nil, err
		}
		return v, e.take(d)
	}), nil
}

// take makes the environment what a changed dictionary says.
func (e *Environ) take(d *starlark.Dict) error {
	vars := make(map[string]string, d.Len())
	for _, item := range d.Items() {
		k, ok := starlark.AsString(item[0])
		v, okValue := AsString(item[1])
		if !ok || !okValue {
			return fmt.Errorf("environment variables are strings, got %s=%s", item[0], item[1])
		}
		vars[k] = v
	}
	e.vars = vars
	return nil
}

// AttrNames returns the methods' names.
func (e *Environ) AttrNames() []string { return new(starlark.Dict).AttrNames() }
