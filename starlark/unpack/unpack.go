// Package unpack checks the arguments of a built-in against the table of
// starlark/decl and puts them in the fields of a struct, whose types say what
// they take: a string or a list of them, a path, a port.
package unpack

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"go.starlark.net/starlark"

	"github.com/towline-dev/towline/starlark/decl"
)

// Call is the arguments of one call of a built-in.
type Call struct {
	Entry  *decl.Entry
	Args   starlark.Tuple
	Kwargs []starlark.Tuple
	Abs    func(path string) string // makes a path of the Tiltfile absolute
	Plan   *Plan                    // of the last call of the built-in; nil: it is worked out anew
}

// Name is the built-in's name as it stands in messages.
func (c *Call) Name() string { return c.Entry.Name }

// Errorf returns an error whose text starts with the built-in's name.
func (c *Call) Errorf(format string, args ...any) error {
	return fmt.Errorf(c.Name()+": "+format, args...)
}

// Nothing refuses arguments.
func (c *Call) Nothing() error {
	return starlark.UnpackArgs(c.Name(), c.Args, c.Kwargs)
}

// Into unpacks the arguments in the fields of a struct: the tag `arg:"ref"`
// names the parameter of the table that a field takes. Which parameters there
// are, in which order and which of them are required, comes from the table
// alone. A parameter without a field is checked and dropped.
func (c *Call) Into(dst any) error {
	v := reflect.ValueOf(dst).Elem()
	plan := c.plan(v.Type())
	if len(c.Args) > 1 {
		if err := c.checkKeywordOnly(); err != nil {
			return err
		}
	}
	if c.fill(v, plan) {
		return nil
	}
	pairs := make([]any, 2*len(plan))
	for i, p := range plan {
		pairs[2*i] = p.marked
		if p.field < 0 {
			pairs[2*i+1] = &dropped{p.want}
			continue
		}
		target := v.Field(p.field).Addr().Interface()
		if p.binds {
			target.(interface{ bind(*Call) }).bind(c)
		}
		pairs[2*i+1] = target
	}
	if err := starlark.UnpackArgs(c.Name(), c.Args, c.Kwargs, pairs...); err != nil {
		return c.suggestArgument(err)
	}
	return nil
}

// suggestArgument adds what an unknown keyword argument probably meant.
func (c *Call) suggestArgument(err error) error {
	_, rest, ok := strings.Cut(err.Error(), "unexpected keyword argument ")
	if !ok || strings.Contains(rest, "did you mean") {
		return err
	}
	given := strings.Trim(rest, `"`)
	var names []string
	for _, p := range c.Entry.Params {
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

// Plan is how arguments are unpacked in a struct; the zero value is none yet.
type Plan struct {
	typ    reflect.Type
	params []planParam
}

// planParam is how one parameter is unpacked.
type planParam struct {
	name     string // as a caller writes it
	marked   any    // with the mark that UnpackArgs wants behind an optional one
	field    int    // of the struct; -1: checked and dropped
	want     decl.Type
	binds    bool
	required bool
	skipNone bool // None is as if it was not given
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

// plan returns how arguments are unpacked in a struct, worked out once for a
// built-in and a run.
func (c *Call) plan(t reflect.Type) []planParam {
	if c.Plan != nil && c.Plan.typ == t {
		return c.Plan.params
	}
	fields := make(map[string]int, t.NumField())
	for i := range t.NumField() {
		fields[t.Field(i).Tag.Get("arg")] = i
	}
	params := []planParam{}
	for _, p := range c.Entry.Params {
		if p.Kind >= decl.VarArgs {
			continue
		}
		field, ok := fields[p.Name]
		step := planParam{name: p.Name, field: -1, want: p.Type, required: p.Required}
		var target any
		if ok {
			target = reflect.New(t.Field(field).Type).Interface()
			step.field = field
			_, step.binds = target.(interface{ bind(*Call) })
		}
		mark := optionalMark(p, target)
		step.marked, step.skipNone = p.Name+mark, mark == "??"
		params = append(params, step)
	}
	if c.Plan != nil {
		*c.Plan = Plan{t, params}
	}
	return params
}

// fill unpacks arguments that are right in every way, which is nearly all that
// it is given. It returns false on any others, for UnpackArgs to find the words.
func (c *Call) fill(dst reflect.Value, params []planParam) bool {
	if len(c.Args) > len(params) || len(params) > 64 {
		return false
	}
	var given uint64
	for i, arg := range c.Args {
		if !c.fillOne(dst, &params[i], arg) {
			return false
		}
		given |= 1 << i
	}
	for _, kw := range c.Kwargs {
		name, _ := kw[0].(starlark.String)
		i := slices.IndexFunc(params, func(p planParam) bool { return p.name == string(name) })
		if i < 0 || given&(1<<i) != 0 || !c.fillOne(dst, &params[i], kw[1]) {
			return false
		}
		given |= 1 << i
	}
	for i := range params {
		if params[i].required && given&(1<<i) == 0 {
			return false
		}
	}
	return true
}

func (c *Call) fillOne(dst reflect.Value, p *planParam, arg starlark.Value) bool {
	switch {
	case p.skipNone && arg == starlark.None:
		return true
	case p.field < 0:
		return (&dropped{p.want}).Unpack(arg) == nil
	}
	target := dst.Field(p.field).Addr().Interface()
	if p.binds {
		target.(interface{ bind(*Call) }).bind(c)
	}
	switch target := target.(type) {
	case starlark.Unpacker:
		return target.Unpack(arg) == nil
	case *starlark.Value:
		*target = arg
	case *string:
		s, ok := arg.(starlark.String)
		*target = string(s)
		return ok
	case *bool:
		b, ok := arg.(starlark.Bool)
		*target = bool(b)
		return ok
	default:
		return false
	}
	return true
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
func (c *Call) checkKeywordOnly() error {
	positional := 0
	for _, p := range c.Entry.Params {
		if p.Kind == decl.Normal || p.Kind == decl.Positional {
			positional++
		}
	}
	if len(c.Args) > positional && positional < len(c.Entry.Params) {
		return fmt.Errorf("%s: got %d arguments, want at most %d", c.Name(), len(c.Args), positional)
	}
	return nil
}
