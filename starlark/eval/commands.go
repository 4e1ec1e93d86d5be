package eval

import (
	"cmp"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/towline-dev/towline/extensions"
	"github.com/towline-dev/towline/starlark/config"
	"github.com/towline-dev/towline/starlark/value"
)

// addCommands makes local resources of the objects v1alpha1.cmd: they run as
// others do, when what they watch changes, and those of buttons when they are
// triggered.
func (r *run) addCommands() {
	for _, o := range r.api.objects {
		if o.Kind != "Cmd" || len(texts(o.Spec["args"])) == 0 || r.disabledBy(o.Spec["disable_source"]) {
			continue
		}
		r.project.Resources = append(r.project.Resources, r.commandResource(o))
	}
}

func (r *run) commandResource(o config.APIObject) config.Resource {
	start, restart := fieldsOf(o.Spec["start_on"]), fieldsOf(o.Spec["restart_on"])
	buttons := append(texts(start["ui_buttons"]), texts(restart["ui_buttons"])...)
	command := config.Command{Argv: texts(o.Spec["args"]), Dir: r.objectDir(o), Env: r.inputs(buttons)}
	for _, v := range texts(o.Spec["env"]) {
		name, value, _ := strings.Cut(v, "=")
		command.Env[name] = value
	}
	res := config.Resource{
		Name: r.freeName(o.Name), Kind: config.KindLocal, Pos: o.Pos, Enabled: true, AutoInit: true, TriggerMode: config.TriggerAuto,
		Local: &config.Local{Cmd: command, AllowParallel: true},
	}
	if len(start) > 0 {
		res.AutoInit, res.TriggerMode = false, config.TriggerManual
	}
	if p := probeOf(fieldsOf(o.Spec["readiness_probe"])); p != nil {
		res.Local.Cmd, res.Local.ServeCmd, res.Local.Probe = config.Command{}, command, p
	}
	for _, name := range texts(restart["file_watches"]) {
		r.watchFor(res.Local, name)
	}
	return res
}

// freeName returns an object's name, changed where a resource has it already.
func (r *run) freeName(name string) string {
	for slices.ContainsFunc(r.project.Resources, func(res config.Resource) bool { return res.Name == name }) {
		name = "cmd-" + name
	}
	return name
}

// objectDir is the folder that an object's command runs in.
func (r *run) objectDir(o config.APIObject) string {
	dir, _ := o.Spec["dir"].(string)
	if filepath.IsAbs(dir) {
		return dir
	}
	base := filepath.Dir(r.opts.Tiltfile)
	if o.Pos.File != "" && !extensions.Shipped(o.Pos.File) {
		base = filepath.Dir(o.Pos.File)
	}
	return filepath.Join(base, dir)
}

// inputs are the variables of what buttons ask for, as they are preset.
func (r *run) inputs(buttons []string) map[string]string {
	env := map[string]string{}
	for _, o := range r.api.objects {
		if o.Kind != "UIButton" || !slices.Contains(buttons, o.Name) {
			continue
		}
		for _, v := range value.ListOf(o.Spec["inputs"]) {
			input := fieldsOf(v)
			if name, _ := input["name"].(string); name != "" {
				env[name] = preset(input)
			}
		}
	}
	return env
}

// preset is an input's value before anybody changes it.
func preset(input map[string]any) string {
	text := func(m map[string]any, key, without string) string {
		if s, ok := m[key].(string); ok {
			return s
		}
		return without
	}
	if hidden := fieldsOf(input["hidden"]); hidden != nil {
		return text(hidden, "value", "")
	}
	if choices := texts(fieldsOf(input["choice"])["choices"]); len(choices) > 0 {
		return choices[0]
	}
	if b := fieldsOf(input["bool"]); b != nil {
		if on, _ := b["default_value"].(bool); on {
			return text(b, "true_string", "true")
		}
		return text(b, "false_string", "false")
	}
	return text(fieldsOf(input["text"]), "default_value", "")
}

// watchFor adds what an object v1alpha1.file_watch watches to what runs a
// command again.
func (r *run) watchFor(l *config.Local, name string) {
	for _, o := range r.api.objects {
		if o.Kind != "FileWatch" || o.Name != name || r.disabledBy(o.Spec["disable_source"]) {
			continue
		}
		for _, path := range texts(o.Spec["watched_paths"]) {
			if !filepath.IsAbs(path) {
				path = filepath.Join(r.objectDir(config.APIObject{Pos: o.Pos}), path)
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
func (r *run) disabledBy(v any) bool {
	source := fieldsOf(v)
	off := func(v any) bool {
		ref := fieldsOf(v)
		for _, o := range r.api.objects {
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

// fieldsOf is a value's fields, nil where it has none.
func fieldsOf(v any) map[string]any {
	switch v := v.(type) {
	case map[string]any:
		return v
	case map[string]string:
		m := make(map[string]any, len(v))
		for k, s := range v {
			m[k] = s
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

// probeOf is what a v1alpha1.probe says; nil where there is none that can be asked.
func probeOf(spec map[string]any) *config.Probe {
	number := func(m map[string]any, key string, without int) int {
		switch n := m[key].(type) {
		case int:
			return n
		case int64:
			return int(n)
		case float64:
			return int(n)
		}
		return without
	}
	seconds := func(key string, without int) time.Duration {
		return time.Duration(number(spec, key, without)) * time.Second
	}
	text := func(m map[string]any, key, without string) string {
		s, _ := m[key].(string)
		return cmp.Or(s, without)
	}
	p := config.Probe{
		InitialDelay: seconds("initial_delay_seconds", 0), Timeout: seconds("timeout_seconds", 1), Period: seconds("period_seconds", 10),
		SuccessThreshold: number(spec, "success_threshold", 1), FailureThreshold: number(spec, "failure_threshold", 3),
	}
	handler := fieldsOf(spec["handler"])
	if run := texts(fieldsOf(handler["exec"])["command"]); len(run) > 0 {
		p.Exec = run
	} else if get := fieldsOf(handler["http_get"]); get != nil {
		p.HTTP = &config.HTTPGet{
			Scheme: strings.ToLower(text(get, "scheme", "http")), Host: text(get, "host", "localhost"), Port: number(get, "port", 0), Path: text(get, "path", ""),
		}
		for _, v := range value.ListOf(get["http_headers"]) {
			h := fieldsOf(v)
			p.HTTP.Headers = append(p.HTTP.Headers, config.Header{Name: text(h, "name", ""), Value: text(h, "value", "")})
		}
	} else if tcp := fieldsOf(handler["tcp_socket"]); tcp != nil {
		p.TCP = &config.TCPSocket{Host: text(tcp, "host", "localhost"), Port: number(tcp, "port", 0)}
	} else {
		return nil
	}
	return &p
}
