package eval

import (
	"fmt"
	"slices"
	"strings"

	"go.starlark.net/starlark"

	"github.com/towline-dev/towline/starlark/apiobject"
	"github.com/towline-dev/towline/starlark/config"
	"github.com/towline-dev/towline/starlark/decl"
	"github.com/towline-dev/towline/starlark/unpack"
	"github.com/towline-dev/towline/starlark/value"
)

// apiValue is a value of a v1alpha1 constructor: a dictionary to the Tiltfile,
// which knows what it was made as.
type apiValue struct {
	*starlark.Dict
	made string // the constructor's result, as "v1alpha1.Probe"
}

// apiConstructor makes a value such as v1alpha1.label_selector(…).
func apiConstructor(c *call) (starlark.Value, error) {
	fields, err := c.apiFields()
	if err != nil {
		return nil, err
	}
	dict := starlark.NewDict(len(fields))
	for _, f := range fields {
		if err := dict.SetKey(starlark.String(f.name), f.value); err != nil {
			return nil, err
		}
	}
	return &apiValue{Dict: dict, made: c.Entry.Type.String()}, nil
}

// apiObject makes an object such as v1alpha1.ui_button(…).
func apiObject(c *call) (starlark.Value, error) {
	fields, err := c.apiFields()
	if err != nil {
		return nil, err
	}
	o := config.APIObject{Kind: apiobject.KindOf(c.Entry.Short()), Pos: c.pos(), Spec: map[string]any{}}
	for _, f := range fields {
		switch f.name {
		case "name":
			o.Name, _ = value.AsString(f.value)
		case "labels":
			o.Labels = stringsOf(f.value)
		case "annotations":
			o.Annotations = stringsOf(f.value)
		default:
			v, err := c.run.fromStarlark(f.value)
			if err != nil {
				return nil, c.Errorf("for parameter %s: %w", f.name, err)
			}
			o.Spec[f.name] = v
		}
	}
	if o.Kind == "Cmd" && o.Spec["dir"] == nil {
		o.Spec["dir"] = c.run.dir()
	}
	return starlark.None, c.run.api.Add(o)
}

func stringsOf(v starlark.Value) map[string]string {
	var m unpack.StringMap
	_ = m.Unpack(v)
	return m
}

type apiField struct {
	name  string
	value starlark.Value
}

// apiFields unpacks the arguments by the table's types; arguments that were
// not given or are None are left out.
func (c *call) apiFields() ([]apiField, error) {
	values := make([]unpack.Any, len(c.Entry.Params))
	pairs := make([]any, 0, 2*len(values))
	for i, p := range c.Entry.Params {
		mark := "?"
		if p.Required {
			mark = ""
		}
		pairs = append(pairs, p.Name+mark, &values[i])
	}
	if err := starlark.UnpackArgs(c.Name(), c.Args, c.Kwargs, pairs...); err != nil {
		return nil, err
	}
	var fields []apiField
	for i, p := range c.Entry.Params {
		v := values[i].Value
		if v == nil || v == starlark.None {
			continue
		}
		converted, err := c.run.apiConvert(v, p.Type)
		if err != nil {
			return nil, c.Errorf("for parameter %s: %w", p.Name, err)
		}
		fields = append(fields, apiField{p.Name, converted})
	}
	return fields, nil
}

// apiConvert checks a value against a type of the table. A dictionary in the
// place of a constructor's value is checked as that constructor's arguments.
func (r *run) apiConvert(v starlark.Value, want decl.Type) (starlark.Value, error) {
	var firstErr error
	for _, t := range want.Alternatives() {
		switch {
		case t.Name == "any":
			return v, nil
		case t.Name == "str":
			if s, ok := value.PathText(v); ok {
				return starlark.String(r.absRole(s, t.Role)), nil
			}
		case t.Name == "int":
			if _, ok := v.(starlark.Int); ok {
				return v, nil
			}
		case t.Name == "bool":
			if _, ok := v.(starlark.Bool); ok {
				return v, nil
			}
		case t.Name == "list":
			if list, ok, err := r.apiList(v, t.Args[0]); ok {
				return list, err
			}
		case t.Name == "dict" && len(t.Args) == 2:
			var m unpack.StringMap
			if err := m.Unpack(v); err != nil {
				firstErr = err
				continue
			}
			return v, nil
		case strings.HasPrefix(t.Name, "v1alpha1."):
			made, ok, err := r.apiStruct(v, t.Name)
			if ok {
				return made, err
			}
		}
	}
	if firstErr == nil {
		firstErr = fmt.Errorf("got %s, want %s", v.Type(), want)
	}
	return nil, firstErr
}

// absRole makes a text absolute that names a file or a folder: what reads an
// object later does not know of which file it is.
func (r *run) absRole(text string, role decl.Role) string {
	if text == "" || role != decl.RoleDir && role != decl.RolePath && role != decl.RoleFile {
		return text
	}
	return r.abs(text)
}

func (r *run) apiList(v starlark.Value, elem decl.Type) (starlark.Value, bool, error) {
	switch v.(type) {
	case *starlark.List, starlark.Tuple:
	default:
		return nil, false, nil
	}
	var all []starlark.Value
	for i, x := range value.Elements(v) {
		converted, err := r.apiConvert(x, elem)
		if err != nil {
			return nil, true, fmt.Errorf("at index %d: %w", i, err)
		}
		all = append(all, converted)
	}
	return starlark.NewList(all), true, nil
}

// apiStruct accepts a constructor's value, or a dictionary of its arguments.
func (r *run) apiStruct(v starlark.Value, want string) (starlark.Value, bool, error) {
	switch v := v.(type) {
	case *apiValue:
		if v.made == want {
			return v.Dict, true, nil
		}
		return r.apiStruct(v.Dict, want)
	case *starlark.Dict:
		entry := constructorOf(want)
		if entry == nil {
			return v, true, nil
		}
		kwargs := make([]starlark.Tuple, 0, v.Len())
		for _, item := range v.Items() {
			key, ok := item[0].(starlark.String)
			if !ok {
				return nil, true, fmt.Errorf("key is not a string: %s", item[0])
			}
			if _, known := entry.Param(string(key)); !known {
				return nil, true, fmt.Errorf("unexpected attribute name: %s", string(key))
			}
			kwargs = append(kwargs, starlark.Tuple{key, item[1]})
		}
		c := &call{unpack.Call{Entry: entry, Kwargs: kwargs, Abs: r.abs}, r, r.thread}
		made, err := apiConstructor(c)
		if err != nil {
			return nil, true, err
		}
		c.warnNoEffect()
		return made.(*apiValue).Dict, true, nil
	case value.Probe:
		if want == "v1alpha1.Probe" {
			return probeDict(v.Probe), true, nil
		}
	}
	return nil, false, nil
}

// probeDict is a value of probe() as a v1alpha1.probe has it.
func probeDict(p config.Probe) *starlark.Dict {
	handler := starlark.NewDict(1)
	switch {
	case p.HTTP != nil:
		d := starlark.NewDict(4)
		_ = d.SetKey(starlark.String("host"), starlark.String(p.HTTP.Host))
		_ = d.SetKey(starlark.String("path"), starlark.String(p.HTTP.Path))
		_ = d.SetKey(starlark.String("port"), starlark.MakeInt(p.HTTP.Port))
		_ = d.SetKey(starlark.String("scheme"), starlark.String(p.HTTP.Scheme))
		_ = handler.SetKey(starlark.String("http_get"), d)
	case p.TCP != nil:
		d := starlark.NewDict(2)
		_ = d.SetKey(starlark.String("host"), starlark.String(p.TCP.Host))
		_ = d.SetKey(starlark.String("port"), starlark.MakeInt(p.TCP.Port))
		_ = handler.SetKey(starlark.String("tcp_socket"), d)
	default:
		d := starlark.NewDict(1)
		_ = d.SetKey(starlark.String("command"), value.StringList(p.Exec))
		_ = handler.SetKey(starlark.String("exec"), d)
	}
	dict := starlark.NewDict(6)
	_ = dict.SetKey(starlark.String("handler"), handler)
	for name, n := range map[string]int{
		"initial_delay_seconds": int(p.InitialDelay.Seconds()), "timeout_seconds": int(p.Timeout.Seconds()),
		"period_seconds": int(p.Period.Seconds()), "success_threshold": p.SuccessThreshold, "failure_threshold": p.FailureThreshold,
	} {
		_ = dict.SetKey(starlark.String(name), starlark.MakeInt(n))
	}
	return dict
}

// constructorOf finds the constructor of a type such as "v1alpha1.Probe".
func constructorOf(typ string) *decl.Entry {
	members := decl.Members("v1alpha1")
	i := slices.IndexFunc(members, func(e *decl.Entry) bool { return e.Type.Name == typ })
	if i < 0 {
		return nil
	}
	return members[i]
}

// addAPI adds the objects to the project, the buttons among them, and the
// commands as resources.
func (r *run) addAPI() {
	r.project.API, r.project.Buttons = r.api.All(), r.api.Buttons()
	r.project.Resources = append(r.project.Resources, r.api.Commands(r.project.Resources)...)
	if len(r.ours) > 0 {
		r.project.Settings.Towline = r.ours
	}
}
