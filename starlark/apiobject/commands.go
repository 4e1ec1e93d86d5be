package apiobject

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/towline-dev/towline/extensions"
	"github.com/towline-dev/towline/starlark/config"
	"github.com/towline-dev/towline/starlark/value"
)

// Commands are local resources for the objects v1alpha1.cmd: they run as others
// do, when what they watch changes, and those of buttons when they are
// triggered. Their names are none of the others'.
func (s *Set) Commands(others []config.Resource) []config.Resource {
	var made []config.Resource
	for _, o := range s.objects {
		if o.Kind != "Cmd" || len(texts(o.Spec["args"])) == 0 || s.disabledBy(o.Spec["disable_source"]) {
			continue
		}
		res := s.command(o)
		for named(others, res.Name) || named(made, res.Name) {
			res.Name = "cmd-" + res.Name
		}
		made = append(made, res)
	}
	return made
}

func named(resources []config.Resource, name string) bool {
	return slices.ContainsFunc(resources, func(res config.Resource) bool { return res.Name == name })
}

func (s *Set) command(o config.APIObject) config.Resource {
	start, restart := fieldsOf(o.Spec["start_on"]), fieldsOf(o.Spec["restart_on"])
	buttons := slices.Concat(texts(start["ui_buttons"]), texts(restart["ui_buttons"]))
	command := config.Command{Argv: texts(o.Spec["args"]), Dir: s.dir(o), Env: s.inputs(buttons)}
	for _, v := range texts(o.Spec["env"]) {
		name, value, _ := strings.Cut(v, "=")
		command.Env[name] = value
	}
	res := config.Resource{
		Name: o.Name, Kind: config.KindLocal, Pos: o.Pos, Enabled: true, AutoInit: true, TriggerMode: config.TriggerAuto,
		Local: &config.Local{Cmd: command, AllowParallel: true, Buttons: buttons},
	}
	if len(start) > 0 {
		res.AutoInit, res.TriggerMode = false, config.TriggerManual
	}
	if p := probeOf(fieldsOf(o.Spec["readiness_probe"])); p != nil {
		res.Local.Cmd, res.Local.ServeCmd, res.Local.Probe = config.Command{}, command, p
	}
	res.Local.StartAfter, _ = startAfter(o) // Add has refused what is no time
	for _, name := range texts(restart["file_watches"]) {
		s.watchFor(res.Local, name)
	}
	return res
}

// startAfter is the time before which nothing starts a command.
func startAfter(o config.APIObject) (time.Time, error) {
	v := fieldsOf(o.Spec["start_on"])["start_after"]
	if v == nil || v == "" {
		return time.Time{}, nil
	}
	text, _ := v.(string)
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return time.Time{}, fmt.Errorf("start_on.start_after: got %v, want a time as \"2026-01-31T08:00:00Z\"", v)
	}
	return t, nil
}

// dir is the folder that an object's command runs in.
func (s *Set) dir(o config.APIObject) string {
	dir, _ := o.Spec["dir"].(string)
	if filepath.IsAbs(dir) {
		return dir
	}
	base := s.base
	if o.Pos.File != "" && !extensions.Shipped(o.Pos.File) {
		base = filepath.Dir(o.Pos.File)
	}
	return filepath.Join(base, dir)
}

// preset is an input's value before anybody changes it.
func preset(input map[string]any) string {
	if hidden := fieldsOf(input["hidden"]); hidden != nil {
		return textOr(hidden, "value", "")
	}
	if choices := texts(fieldsOf(input["choice"])["choices"]); len(choices) > 0 {
		return choices[0]
	}
	if b := fieldsOf(input["bool"]); b != nil {
		if on, _ := b["default_value"].(bool); on {
			return textOr(b, "true_string", "true")
		}
		return textOr(b, "false_string", "false")
	}
	return textOr(fieldsOf(input["text"]), "default_value", "")
}

// watchFor adds what an object v1alpha1.file_watch watches to what runs a
// command again.
func (s *Set) watchFor(l *config.Local, name string) {
	for _, o := range s.objects {
		if o.Kind != "FileWatch" || o.Name != name || s.disabledBy(o.Spec["disable_source"]) {
			continue
		}
		for _, path := range texts(o.Spec["watched_paths"]) {
			if !filepath.IsAbs(path) {
				path = filepath.Join(s.dir(config.APIObject{Pos: o.Pos}), path)
			}
			l.Deps = append(l.Deps, path)
		}
		for _, v := range value.ListOf(o.Spec["ignores"]) {
			ignore := fieldsOf(v)
			base, _ := ignore["base_path"].(string)
			patterns := texts(ignore["patterns"])
			if len(patterns) == 0 {
				patterns = []string{"**"}
			}
			l.Ignore = append(l.Ignore, config.Ignore{Base: base, Patterns: patterns, Source: "v1alpha1.file_watch"})
		}
	}
}

// disabledBy says whether the config maps that an object names switch it off.
func (s *Set) disabledBy(v any) bool {
	source := fieldsOf(v)
	off := func(v any) bool {
		ref := fieldsOf(v)
		for _, o := range s.objects {
			if o.Kind == "ConfigMap" && o.Name == ref["name"] {
				key, _ := ref["key"].(string)
				return fieldsOf(o.Spec["data"])[key] == "true"
			}
		}
		return false
	}
	if one := source["config_map"]; one != nil {
		return off(one)
	}
	every := value.ListOf(source["every_config_map"])
	return len(every) > 0 && !slices.ContainsFunc(every, func(v any) bool { return !off(v) })
}
