package eval

import (
	"context"

	"go.starlark.net/starlark"

	"github.com/towline-dev/towline/starlark/decl"
	"github.com/towline-dev/towline/starlark/limit"
	"github.com/towline-dev/towline/starlark/unpack"
)

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
