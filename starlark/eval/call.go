package eval

import (
	"context"
	"fmt"

	"go.starlark.net/starlark"

	"github.com/towline-dev/towline/extensions"
	"github.com/towline-dev/towline/starlark/config"
	"github.com/towline-dev/towline/starlark/decl"
	"github.com/towline-dev/towline/starlark/limit"
	"github.com/towline-dev/towline/starlark/unpack"
)

// call is one call of a built-in.
type call struct {
	unpack.Call
	run    *run
	thread *starlark.Thread
}

// pos is the place of the call in the user's file: where an extension that is
// shipped makes it, that of the extension's call.
func (c *call) pos() config.Position {
	for depth := 1; depth < c.thread.CallStackDepth(); depth++ {
		if pos := position(c.thread.CallFrame(depth).Pos); !extensions.Shipped(pos.File) && pos.File != "<builtin>" {
			return pos
		}
	}
	return c.calledAt()
}

// calledAt is the place of the call, wherever it is.
func (c *call) calledAt() config.Position {
	if c.thread.CallStackDepth() < 2 {
		return config.Position{}
	}
	return position(c.thread.CallFrame(1).Pos)
}

// builtin is the Go half of a function of the table.
type builtin func(c *call) (starlark.Value, error)

// within makes a built-in of one that waits for what is outside, until ctx ends.
func within(ctx context.Context, f func(c *call, ctx context.Context) (starlark.Value, error)) builtin {
	return func(c *call) (starlark.Value, error) { return f(c, ctx) }
}

// predeclared returns the names that every file finds defined.
func (r *run) predeclared(ctx context.Context) starlark.StringDict {
	functions, values := r.builtins(ctx), r.constants()
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
		plan := &unpack.Plan{}
		return starlark.NewBuiltin(e.Name, func(t *starlark.Thread, _ *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
			c := &call{unpack.Call{Entry: e, Args: args, Kwargs: kwargs, Abs: r.abs, Plan: plan}, r, t}
			v, err := f(c)
			if err != nil {
				return nil, err
			}
			c.warnNoEffect()
			return v, r.meter.Took(limit.Size(v))
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

// ignored accepts a call that has no meaning here, and says so once in the log:
// the Tiltfile is right, so that there is nothing to warn of.
func ignored(c *call) (starlark.Value, error) {
	if err := c.Into(&struct{}{}); err != nil {
		return nil, err
	}
	c.run.logOnce(c.Name() + "() is accepted and has no effect")
	return starlark.None, nil
}
