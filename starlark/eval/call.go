package eval

import (
	"fmt"
	"reflect"
	"strings"

	"go.starlark.net/starlark"

	"github.com/towline-dev/towline/starlark/config"
	"github.com/towline-dev/towline/starlark/decl"
)

// call is one call of a built-in.
type call struct {
	run    *run
	thread *starlark.Thread
	entry  *decl.Entry
	args   starlark.Tuple
	kwargs []starlark.Tuple
}

// name is the built-in's name as it stands in messages.
func (c *call) name() string { return c.entry.Name }

// pos is the place of the call in the user's file.
func (c *call) pos() config.Position {
	if c.thread.CallStackDepth() < 2 {
		return config.Position{}
	}
	return position(c.thread.CallFrame(1).Pos)
}

// errorf returns an error whose text starts with the built-in's name.
func (c *call) errorf(format string, args ...any) error {
	return fmt.Errorf(c.name()+": "+format, args...)
}

// into unpacks the arguments in the fields of a struct: the tag `arg:"ref"`
// names the parameter of the table that a field takes. Which parameters there
// are, in which order and which of them are required, comes from the table
// alone. A parameter without a field is checked and dropped.
func (c *call) into(dst any) error {
	v := reflect.ValueOf(dst).Elem()
	plan := c.plan(v.Type())
	if len(c.args) > 1 {
		if err := c.checkKeywordOnly(); err != nil {
			return err
		}
	}
	pairs := make([]any, 2*len(plan))
	for i, p := range plan {
		pairs[2*i] = p.name
		if p.field < 0 {
			pairs[2*i+1] = &dropped{p.want}
			continue
		}
		target := v.Field(p.field).Addr().Interface()
		if p.binds {
			target.(interface{ bind(*call) }).bind(c)
		}
		pairs[2*i+1] = target
	}
	if err := starlark.UnpackArgs(c.name(), c.args, c.kwargs, pairs...); err != nil {
		return c.suggestArgument(err)
	}
	return nil
}

// suggestArgument adds what an unknown keyword argument probably meant.
func (c *call) suggestArgument(err error) error {
	_, rest, ok := strings.Cut(err.Error(), "unexpected keyword argument ")
	if !ok || strings.Contains(rest, "did you mean") {
		return err
	}
	given := strings.Trim(rest, `"`)
	var names []string
	for _, p := range c.entry.Params {
		if p.DocName == given {
			return fmt.Errorf("%w (did you mean %s?)", err, p.Name)
		}
		names = append(names, p.Name)
	}
	if near := decl.Nearest(given, names); near != "" {
		return fmt.Errorf("%w (did you mean %s?)", err, near)
	}
	return err
}

// planKey is a function and the struct that takes its arguments.
type planKey struct {
	entry *decl.Entry
	typ   reflect.Type
}

// planParam is how one parameter is unpacked.
type planParam struct {
	name  any // with the mark that UnpackArgs wants behind an optional one
	field int // of the struct; -1: checked and dropped
	binds bool
	want  decl.Type
}

// dropped takes a value that nothing uses. Of values of one plain type it is
// checked that they have it.
type dropped struct{ want decl.Type }

// Unpack implements starlark.Unpacker.
func (d *dropped) Unpack(v starlark.Value) error {
	types := map[string]string{"str": "string", "bool": "bool", "int": "int"}
	if want := types[d.want.Name]; want != "" && v.Type() != want {
		return fmt.Errorf("got %s, want %s", v.Type(), want)
	}
	return nil
}

// plan works out how arguments are unpacked in a struct, once in a run.
func (c *call) plan(t reflect.Type) []planParam {
	key := planKey{c.entry, t}
	if plan, ok := c.run.plans[key]; ok {
		return plan
	}
	fields := make(map[string]int, t.NumField())
	for i := range t.NumField() {
		fields[t.Field(i).Tag.Get("arg")] = i
	}
	plan := []planParam{}
	for _, p := range c.entry.Params {
		if p.Kind >= decl.VarArgs {
			continue
		}
		field, ok := fields[p.Name]
		step := planParam{field: -1, want: p.Type}
		var target any
		if ok {
			target = reflect.New(t.Field(field).Type).Interface()
			step.field = field
			_, step.binds = target.(interface{ bind(*call) })
		}
		step.name = p.Name + optionalMark(p, target)
		plan = append(plan, step)
	}
	c.run.plans[key] = plan
	return plan
}

// optionalMark is what UnpackArgs wants behind an optional parameter's name.
func optionalMark(p decl.Param, target any) string {
	switch {
	case p.Required:
		return ""
	case p.Type.Accepts("None"):
		if _, ok := target.(starlark.Unpacker); !ok {
			return "??"
		}
	}
	return "?"
}

// checkKeywordOnly refuses positional arguments for keyword-only parameters.
func (c *call) checkKeywordOnly() error {
	positional := 0
	for _, p := range c.entry.Params {
		if p.Kind == decl.Normal || p.Kind == decl.Positional {
			positional++
		}
	}
	if len(c.args) > positional && positional < len(c.entry.Params) {
		return fmt.Errorf("%s: got %d arguments, want at most %d", c.name(), len(c.args), positional)
	}
	return nil
}

// builtin is the Go half of a function of the table.
type builtin func(c *call) (starlark.Value, error)

// predeclared returns the names that every file finds defined.
func (r *run) predeclared() starlark.StringDict {
	functions, values := r.builtins(), r.constants()
	names := starlark.StringDict{}
	for _, e := range decl.Globals() {
		if e.Universe && e.Name != "fail" || e.Name == "load" {
			continue
		}
		if v := r.member(e, functions, values); v != nil {
			names[e.Name] = v
		}
	}
	return names
}

// member makes the value of an entry; nil for a constant that each file has
// its own of.
func (r *run) member(e *decl.Entry, functions map[string]builtin, values map[string]starlark.Value) starlark.Value {
	switch e.Kind {
	case decl.Function:
		f := functions[e.Name]
		if f == nil {
			panic("eval: no function for " + e.Name)
		}
		return starlark.NewBuiltin(e.Name, func(t *starlark.Thread, _ *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
			return f(&call{run: r, thread: t, entry: e, args: args, kwargs: kwargs})
		})
	case decl.Module:
		members := starlark.StringDict{}
		for _, m := range decl.Members(e.Name) {
			members[m.Short()] = r.member(m, functions, values)
		}
		return &moduleValue{name: e.Name, members: members}
	}
	return values[e.Name]
}

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

// noArgs refuses arguments.
func (c *call) noArgs() error {
	return starlark.UnpackArgs(c.name(), c.args, c.kwargs)
}

// ignored accepts a call that has no meaning here, and says so once in the log:
// the Tiltfile is right, so that there is nothing to warn of.
func ignored(c *call) (starlark.Value, error) {
	if err := c.into(&struct{}{}); err != nil {
		return nil, err
	}
	c.run.logOnce(c.name() + "() is accepted and has no effect")
	return starlark.None, nil
}
