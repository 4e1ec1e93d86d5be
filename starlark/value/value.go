// Package value has the values that built-ins give a Tiltfile, beside Starlark's
// own: texts that are no paths, live-update steps, probes, the environment. It
// converts to and from what JSON and YAML decode to.
package value

import (
	"fmt"
	"strconv"
	"strings"

	"go.starlark.net/starlark"
	"go.starlark.net/starlarkstruct"

	"github.com/towline-dev/towline/starlark/config"
)

// TypeOf is what a Tiltfile calls the type of a value.
func TypeOf(v starlark.Value) string {
	if v == nil {
		return "nothing"
	}
	return v.Type()
}

// Blob is text that is not a path: a file's content, a command's output.
type Blob struct {
	Text   string
	Source string // where it comes from, for messages
}

// String returns the text, so that str() does.
func (b Blob) String() string { return b.Text }

// PlainText implements limit.Text.
func (b Blob) PlainText() string { return b.Text }

// Type is "blob".
func (b Blob) Type() string { return "blob" }

// Freeze does nothing: a blob does not change.
func (b Blob) Freeze() {}

// Truth is whether there is text.
func (b Blob) Truth() starlark.Bool { return len(b.Text) > 0 }

// Hash is the text's.
func (b Blob) Hash() (uint32, error) { return starlark.String(b.Text).Hash() }

// TriggerMode is the type of TRIGGER_MODE_AUTO and TRIGGER_MODE_MANUAL. Zero
// is "not set".
type TriggerMode int

const (
	TriggerUnset TriggerMode = iota
	TriggerAuto
	TriggerManual
)

// String returns the constant's name.
func (m TriggerMode) String() string {
	if m == TriggerManual {
		return "TRIGGER_MODE_MANUAL"
	}
	return "TRIGGER_MODE_AUTO"
}

// Type is "TriggerMode".
func (m TriggerMode) Type() string { return "TriggerMode" }

// Freeze does nothing.
func (m TriggerMode) Freeze() {}

// Truth is true for the two constants.
func (m TriggerMode) Truth() starlark.Bool { return m != TriggerUnset }

// Hash is the number's.
func (m TriggerMode) Hash() (uint32, error) { return starlark.MakeInt(int(m)).Hash() }

// OrElse returns the mode as the project has it, with a default.
func (m TriggerMode) OrElse(other TriggerMode) config.TriggerMode {
	if m == TriggerUnset {
		m = other
	}
	if m == TriggerManual {
		return config.TriggerManual
	}
	return config.TriggerAuto
}

// ObjectID is what a workload_to_resource_function gets.
type ObjectID struct{ Name, Kind, Namespace, Group string }

// Attr returns a part.
func (o ObjectID) Attr(name string) (starlark.Value, error) {
	switch name {
	case "name":
		return starlark.String(o.Name), nil
	case "kind":
		return starlark.String(o.Kind), nil
	case "namespace":
		return starlark.String(o.Namespace), nil
	case "group":
		return starlark.String(o.Group), nil
	}
	return nil, nil
}

// AttrNames returns the parts' names.
func (o ObjectID) AttrNames() []string { return []string{"name", "kind", "namespace", "group"} }

// String returns the parts in lower case, joined by colons.
func (o ObjectID) String() string {
	return strings.ToLower(o.Name + ":" + o.Kind + ":" + o.Namespace + ":" + o.Group)
}

// Type is "K8sObjectID".
func (o ObjectID) Type() string { return "K8sObjectID" }

// Freeze does nothing.
func (o ObjectID) Freeze() {}

// Truth is whether any part is set.
func (o ObjectID) Truth() starlark.Bool { return o != ObjectID{} }

// Hash is the parts'.
func (o ObjectID) Hash() (uint32, error) { return starlark.String(o.String()).Hash() }

// PortForward is a value of port_forward().
type PortForward struct{ config.PortForward }

// String returns the form that a Tiltfile prints.
func (p PortForward) String() string {
	return fmt.Sprintf("port_forward(local_port=%d, container_port=%d, name=%q)", p.Local, p.Container, p.Name)
}

// Type is "port_forward".
func (p PortForward) Type() string { return "port_forward" }

// Freeze does nothing.
func (p PortForward) Freeze() {}

// Truth is whether anything is set.
func (p PortForward) Truth() starlark.Bool { return p.PortForward != config.PortForward{} }

// Hash fails.
func (p PortForward) Hash() (uint32, error) { return 0, fmt.Errorf("unhashable type: port_forward") }

// Link is a value of link(): a struct to the Tiltfile.
type Link struct {
	*starlarkstruct.Struct
	Link config.Link
}

// Probe is a value of probe(): a struct to the Tiltfile.
type Probe struct {
	*starlarkstruct.Struct
	Probe config.Probe
}

// Type is "Probe".
func (p Probe) Type() string { return "Probe" }

// Action is what a probe does; one part of the probe is set.
type Action struct {
	*starlarkstruct.Struct
	Probe config.Probe
}

// Kind is the name of the function that made the action.
func (a Action) Kind() string {
	name, _ := starlark.AsString(a.Constructor())
	return name
}

// Type is the kind's, as "ExecAction".
func (a Action) Type() string {
	return map[string]string{"exec_action": "ExecAction", "http_get_action": "HTTPGetAction", "tcp_socket_action": "TCPSocketAction"}[a.Kind()]
}

// CustomBuild is what custom_build returns.
type CustomBuild struct{ Ref string }

// String names the image.
func (b CustomBuild) String() string { return fmt.Sprintf("custom_build(%q)", b.Ref) }

// Type is "custom_build".
func (b CustomBuild) Type() string { return "custom_build" }

// Freeze does nothing.
func (b CustomBuild) Freeze() {}

// Truth is true.
func (b CustomBuild) Truth() starlark.Bool { return true }

// Hash fails.
func (b CustomBuild) Hash() (uint32, error) { return 0, fmt.Errorf("unhashable type: custom_build") }

// GitRepo is a value of local_git_repo().
type GitRepo struct {
	Dir string
}

// Attr returns the method paths.
func (g *GitRepo) Attr(name string) (starlark.Value, error) {
	if name != "paths" {
		return nil, nil
	}
	return starlark.NewBuiltin("paths", func(_ *starlark.Thread, fn *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
		var path string
		if err := starlark.UnpackArgs(fn.Name(), args, kwargs, "path", &path); err != nil {
			return nil, err
		}
		return starlark.String(JoinPath(g.Dir, path)), nil
	}), nil
}

// AttrNames returns "paths".
func (g *GitRepo) AttrNames() []string { return []string{"paths"} }

// String names the folder.
func (g *GitRepo) String() string { return fmt.Sprintf("[gitRepo] '%s'", g.Dir) }

// Type is "gitRepo".
func (g *GitRepo) Type() string { return "gitRepo" }

// Freeze does nothing.
func (g *GitRepo) Freeze() {}

// Truth is whether there is a folder.
func (g *GitRepo) Truth() starlark.Bool { return g.Dir != "" }

// Hash fails.
func (g *GitRepo) Hash() (uint32, error) { return 0, fmt.Errorf("unhashable type: gitRepo") }

// Step is a live-update step.
type Step struct {
	config.Step
	Made config.Position // where the built-in was called, be it in an extension
}

// String describes the step.
func (s *Step) String() string {
	switch s.Kind {
	case config.StepFallBackOn:
		return fmt.Sprintf("fall_back_on step: %v'", s.Paths)
	case config.StepSync:
		return fmt.Sprintf("sync step: '%s'->'%s'", s.Local, s.Remote)
	case config.StepRun:
		text := "run step: " + strconv.Quote(CommandText(s.Argv))
		if len(s.Triggers) > 0 {
			text += " (triggers: " + strings.Join(s.Triggers, "; ") + ")"
		}
		return text
	}
	return string(s.Kind) + " step"
}

// Type is "live_update_" and the kind and "_step".
func (s *Step) Type() string { return "live_update_" + string(s.Kind) + "_step" }

// Freeze does nothing.
func (s *Step) Freeze() {}

// Truth is true.
func (s *Step) Truth() starlark.Bool { return true }

// Hash is the description's.
func (s *Step) Hash() (uint32, error) { return starlark.String(s.String()).Hash() }

// CommandText is a command as people write it.
func CommandText(argv []string) string {
	if len(argv) == 3 && argv[0] == "sh" && argv[1] == "-c" {
		return argv[2]
	}
	words := make([]string, len(argv))
	for i, a := range argv {
		words[i] = a
		if strings.Contains(a, " ") {
			words[i] = strconv.Quote(a)
		}
	}
	return strings.Join(words, " ")
}

// OrNone is a value, or None for none.
func OrNone(v starlark.Value) starlark.Value {
	if v == nil {
		return starlark.None
	}
	return v
}
