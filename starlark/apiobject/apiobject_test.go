package apiobject_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/towline-dev/towline/starlark/apiobject"
	"github.com/towline-dev/towline/starlark/config"
)

type fields = map[string]any

func newSet(t *testing.T, objects ...config.APIObject) *apiobject.Set {
	t.Helper()
	s := apiobject.NewSet("/w")
	for _, o := range objects {
		if err := s.Add(o); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

func button(name string, spec fields) config.APIObject {
	all := fields{"text": "Do", "location": fields{"component_id": "web", "component_type": "Resource"}}
	for k, v := range spec {
		all[k] = v
	}
	return config.APIObject{Kind: "UIButton", Name: name, Spec: all}
}

func TestAddRefuses(t *testing.T) {
	for name, test := range map[string]struct {
		o    config.APIObject
		want string
	}{
		"a name that is taken":        {button("b", nil), `uibuttons "b" already registered`},
		"a name of another kind":      {config.APIObject{Kind: "Cmd", Name: "b"}, ""},
		"a plural":                    {config.APIObject{Kind: "FileWatch", Name: "w"}, `filewatches "w" already`},
		"a button without a text":     {button("c", fields{"text": ""}), "spec.text: Required value"},
		"a button without a parent":   {button("c", fields{"location": fields{"component_type": "Resource"}}), "componentID: Required"},
		"a time that is none":         {config.APIObject{Kind: "Cmd", Name: "c", Spec: fields{"start_on": fields{"start_after": "noon"}}}, "start_on.start_after: got noon"},
		"a number for a time":         {config.APIObject{Kind: "Cmd", Name: "c", Spec: fields{"start_on": fields{"start_after": 7}}}, "start_on.start_after: got 7"},
		"a parent that is of no kind": {button("c", fields{"location": fields{"component_id": "web"}}), "componentType: Required"},
	} {
		s := newSet(t, button("b", nil), config.APIObject{Kind: "FileWatch", Name: "w"})
		err := s.Add(test.o)
		if (err != nil) != (test.want != "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", name, err, test.want)
		}
		if added := len(s.All()) == 3; added != (err == nil) {
			t.Errorf("%s: added %v", name, added)
		}
	}
}

func TestKindOf(t *testing.T) {
	for name, want := range map[string]string{"ui_button": "UIButton", "cmd": "Cmd", "file_watch": "FileWatch", "extension_repo": "ExtensionRepo"} {
		if got := apiobject.KindOf(name); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}

func TestButtons(t *testing.T) {
	s := newSet(t, button("one", fields{"icon_name": "bolt", "requires_confirmation": true}),
		button("two", fields{"disabled": true, "location": fields{"component_id": "nav", "component_type": "Global"}}), config.APIObject{Kind: "Cmd", Name: "c"})
	var got []config.Button
	for _, b := range s.Buttons() {
		b.Spec = nil
		got = append(got, b)
	}
	want := []config.Button{{Name: "one", Text: "Do", Icon: "bolt", RequiresConfirmation: true, Resource: "web"}, {Name: "two", Text: "Do", Disabled: true}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestExtensionArgs(t *testing.T) {
	s := newSet(t, config.APIObject{Kind: "Extension", Name: "x", Spec: fields{"args": []any{"--a", "b"}}}, config.APIObject{Kind: "Cmd", Name: "y", Spec: fields{"args": []any{"c"}}})
	for name, want := range map[string][]string{"x": {"--a", "b"}, "y": nil} {
		if diff := cmp.Diff(want, s.ExtensionArgs(name)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestCommands(t *testing.T) {
	cmd := func(name string, spec fields) config.APIObject {
		return config.APIObject{Kind: "Cmd", Name: name, Spec: spec, Pos: config.Position{File: "/w/sub/Tiltfile"}}
	}
	s := newSet(t,
		button("press", fields{"inputs": []any{fields{"name": "MODE", "text": fields{"default_value": "fast"}}}}),
		cmd("plain", fields{"args": []any{"make"}, "dir": "/abs", "env": []any{"A=1", "A=2=3"}}),
		cmd("pressed", fields{"args": []any{"sh"}, "dir": "here", "start_on": fields{"ui_buttons": []any{"press"}}}),
		cmd("served", fields{"args": []any{"serve"}, "readiness_probe": fields{"handler": fields{"exec": fields{"command": []any{"true"}}}}}),
		cmd("later", fields{"args": []any{"sh"}, "start_on": fields{"start_after": "2026-01-31T08:00:00+01:00"}}),
		cmd("nothing", fields{}),
	)
	type row struct {
		Name, Dir    string
		Env          map[string]string
		Auto, Serves bool
	}
	var got []row
	for _, res := range s.Commands([]config.Resource{{Name: "plain"}}) {
		c := res.Local.Cmd
		if !res.Local.ServeCmd.Empty() {
			c = res.Local.ServeCmd
		}
		got = append(got, row{res.Name, c.Dir, c.Env, res.AutoInit && res.TriggerMode == config.TriggerAuto, !res.Local.ServeCmd.Empty()})
	}
	want := []row{
		{"cmd-plain", "/abs", map[string]string{"A": "2=3"}, true, false},
		{"pressed", "/w/sub/here", map[string]string{"MODE": "fast"}, false, false},
		{"served", "/w/sub", map[string]string{}, true, true},
		{"later", "/w/sub", map[string]string{}, false, false},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
