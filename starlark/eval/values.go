package eval

import (
	"fmt"
	"strconv"
	"strings"

	"go.starlark.net/starlark"
	"go.starlark.net/starlarkstruct"

	"github.com/towline-dev/towline/starlark/config"
)

// blob is text that is not a path: a file's content, a command's output.
type blob struct {
	text   string
	source string // where it comes from, for messages
}

// String returns the text, so that str() does.
func (b blob) String() string { return b.text }

// PlainText implements limit.Text.
func (b blob) PlainText() string { return b.text }

// Type is "blob".
func (b blob) Type() string { return "blob" }

// Freeze does nothing: a blob does not change.
func (b blob) Freeze() {}

// Truth is whether there is text.
func (b blob) Truth() starlark.Bool { return len(b.text) > 0 }

// Hash is the text's.
func (b blob) Hash() (uint32, error) { return starlark.String(b.text).Hash() }

// triggerMode is the type of TRIGGER_MODE_AUTO and TRIGGER_MODE_MANUAL. Zero
// is "not set".
type triggerMode int

const (
	triggerUnset triggerMode = iota
	triggerAuto
	triggerManual
)

// String returns the constant's name.
func (m triggerMode) String() string {
	if m == triggerManual {
		return "TRIGGER_MODE_MANUAL"
	}
	return "TRIGGER_MODE_AUTO"
}

// Type is "TriggerMode".
func (m triggerMode) Type() string { return "TriggerMode" }

// Freeze does nothing.
func (m triggerMode) Freeze() {}

// Truth is true for the two constants.
func (m triggerMode) Truth() starlark.Bool { return m != triggerUnset }

// Hash is the number's.
func (m triggerMode) Hash() (uint32, error) { return starlark.MakeInt(int(m)).Hash() }

// orElse returns the mode as the project has it, with a default.
func (m triggerMode) orElse(other triggerMode) config.TriggerMode {
	if m == triggerUnset {
		m = other
	}
	if m == triggerManual {
		return config.TriggerManual
	}
	return config.TriggerAuto
}

// objectID is what a workload_to_resource_function gets.
type objectID struct{ name, kind, namespace, group string }

// Attr returns a part.
func (o objectID) Attr(name string) (starlark.Value, error) {
	switch name {
	case "name":
		return starlark.String(o.name), nil
	case "kind":
		return starlark.String(o.kind), nil
	case "namespace":
		return starlark.String(o.namespace), nil
	case "group":
		return starlark.String(o.group), nil
	}
	return nil, nil
}

// AttrNames returns the parts' names.
func (o objectID) AttrNames() []string { return []string{"name", "kind", "namespace", "group"} }

// String returns the parts in lower case, joined by colons.
func (o objectID) String() string {
	return strings.ToLower(o.name + ":" + o.kind + ":" + o.namespace + ":" + o.group)
}

// Type is "K8sObjectID".
func (o objectID) Type() string { return "K8sObjectID" }

// Freeze does nothing.
func (o objectID) Freeze() {}

// Truth is whether any part is set.
func (o objectID) Truth() starlark.Bool { return o != objectID{} }

// Hash is the parts'.
func (o objectID) Hash() (uint32, error) { return starlark.String(o.String()).Hash() }

// portForward is a value of port_forward().
type portForward struct{ config.PortForward }

// String returns the form that a Tiltfile prints.
func (p portForward) String() string {
	return fmt.Sprintf("port_forward(local_port=%d, container_port=%d, name=%q)", p.Local, p.Container, p.Name)
}

// Type is "port_forward".
func (p portForward) Type() string { return "port_forward" }

// Freeze does nothing.
func (p portForward) Freeze() {}

// Truth is whether anything is set.
func (p portForward) Truth() starlark.Bool { return p.PortForward != config.PortForward{} }

// Hash fails.
func (p portForward) Hash() (uint32, error) { return 0, fmt.Errorf("unhashable type: port_forward") }

// link is a value of link(): a struct to the Tiltfile.
type link struct {
	*starlarkstruct.Struct
	link config.Link
}

// probe is a value of probe(): a struct to the Tiltfile.
type probe struct {
	*starlarkstruct.Struct
	probe config.Probe
}

// action is what a probe does; one part of the probe is set.
type action struct {
	*starlarkstruct.Struct
	probe config.Probe
}

// kind is the name of the function that made the action.
func (a action) kind() string {
	name, _ := starlark.AsString(a.Constructor())
	return name
}

// customBuild is what custom_build returns.
type customBuild struct{ ref string }

// String names the image.
func (b customBuild) String() string { return fmt.Sprintf("custom_build(%q)", b.ref) }

// Type is "custom_build".
func (b customBuild) Type() string { return "custom_build" }

// Freeze does nothing.
func (b customBuild) Freeze() {}

// Truth is true.
func (b customBuild) Truth() starlark.Bool { return true }

// Hash fails.
func (b customBuild) Hash() (uint32, error) { return 0, fmt.Errorf("unhashable type: custom_build") }

// gitRepo is a value of local_git_repo().
type gitRepo struct {
	dir string
	run *run
}

// Attr returns the method paths.
func (g *gitRepo) Attr(name string) (starlark.Value, error) {
	if name != "paths" {
		return nil, nil
	}
	return starlark.NewBuiltin("paths", func(_ *starlark.Thread, fn *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
		var path string
		if err := starlark.UnpackArgs(fn.Name(), args, kwargs, "path", &path); err != nil {
			return nil, err
		}
		return starlark.String(joinPath(g.dir, path)), nil
	}), nil
}

// AttrNames returns "paths".
func (g *gitRepo) AttrNames() []string { return []string{"paths"} }

// String names the folder.
func (g *gitRepo) String() string { return fmt.Sprintf("[gitRepo] '%s'", g.dir) }

// Type is "gitRepo".
func (g *gitRepo) Type() string { return "gitRepo" }

// Freeze does nothing.
func (g *gitRepo) Freeze() {}

// Truth is whether there is a folder.
func (g *gitRepo) Truth() starlark.Bool { return g.dir != "" }

// Hash fails.
func (g *gitRepo) Hash() (uint32, error) { return 0, fmt.Errorf("unhashable type: gitRepo") }

// step is a live-update step.
type step struct {
	config.Step
}

// String describes the step.
func (s *step) String() string {
	switch s.Kind {
	case config.StepFallBackOn:
		return fmt.Sprintf("fall_back_on step: %v'", s.Paths)
	case config.StepSync:
		return fmt.Sprintf("sync step: '%s'->'%s'", s.Local, s.Remote)
	case config.StepRun:
		text := "run step: " + strconv.Quote(commandText(s.Argv))
		if len(s.Triggers) > 0 {
			text += " (triggers: " + strings.Join(s.Triggers, "; ") + ")"
		}
		return text
	}
	return string(s.Kind) + " step"
}

// Type is "live_update_" and the kind and "_step".
func (s *step) Type() string { return "live_update_" + string(s.Kind) + "_step" }

// Freeze does nothing.
func (s *step) Freeze() {}

// Truth is true.
func (s *step) Truth() starlark.Bool { return true }

// Hash is the description's.
func (s *step) Hash() (uint32, error) { return starlark.String(s.String()).Hash() }

// commandText is a command as people write it.
func commandText(argv []string) string {
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

func orNone(v starlark.Value) starlark.Value {
	if v == nil {
		return starlark.None
	}
	return v
}
