package eval

import (
	"fmt"
	"strings"
	"time"

	"go.starlark.net/starlark"

	"github.com/towline-dev/towline/starlark/liveupdate"
	"github.com/towline-dev/towline/starlark/unpack"
	"github.com/towline-dev/towline/starlark/value"
)

// note adds an entry to a list of the towline module's settings.
func (r *run) note(name string, entry map[string]any) {
	list, _ := r.ours[name].([]any)
	r.ours[name] = append(list, entry)
}

func (c *call) ourDebug() (starlark.Value, error) {
	var in struct {
		Resource  string           `arg:"resource"`
		Container string           `arg:"container"`
		PathMap   unpack.StringMap `arg:"path_map"`
	}
	if err := c.Into(&in); err != nil {
		return nil, err
	}
	paths := map[string]string{}
	for local, remote := range in.PathMap {
		paths[c.run.abs(local)] = remote
	}
	c.run.note("debug", map[string]any{"resource": in.Resource, "container": in.Container, "path_map": paths})
	return starlark.None, nil
}

func (c *call) ourSync() (starlark.Value, error) {
	var in struct {
		Ref    string      `arg:"ref"`
		Mode   string      `arg:"mode"`
		Delete unpack.Bool `arg:"delete"`
	}
	if err := c.Into(&in); err != nil {
		return nil, err
	}
	mode, err := c.oneOf("mode", in.Mode, "auto")
	if err != nil {
		return nil, err
	}
	c.run.note("sync", map[string]any{"ref": in.Ref, "mode": mode, "delete": !in.Delete.Set || in.Delete.Value})
	return starlark.None, nil
}

// oneOf checks a string against the literals that the table lists.
func (c *call) oneOf(name, value, def string) (string, error) {
	if value == "" {
		return def, nil
	}
	p, _ := c.Entry.Param(name)
	for _, e := range p.Type.Enums() {
		if e == value {
			return value, nil
		}
	}
	return "", c.Errorf("for parameter %s: got %q, want one of %q", name, value, p.Type.Enums())
}

func (c *call) ourRestart() (starlark.Value, error) {
	var in struct {
		Ref     string          `arg:"ref"`
		Policy  string          `arg:"policy"`
		Command starlark.Value  `arg:"command"`
		Trigger unpack.Paths    `arg:"trigger"`
		Signal  string          `arg:"signal"`
		Grace   unpack.Duration `arg:"grace"`
	}
	in.Signal, in.Grace.Value = "TERM", 2*time.Second
	if err := c.Into(&in); err != nil {
		return nil, err
	}
	policy, err := c.oneOf("policy", in.Policy, "on_change")
	if err != nil {
		return nil, err
	}
	argv, err := unpack.PlainCommand(in.Command)
	if err != nil {
		return nil, err
	}
	img := c.run.images.FindText(in.Ref)
	if img == nil {
		return nil, c.Errorf("image %q is not declared above", in.Ref)
	}
	if len(argv) > 0 {
		img.RestartEntrypoint = argv
	}
	img.LiveUpdate = liveupdate.Restart(img.LiveUpdate, policy, in.Trigger.Value, c.pos())
	c.run.note("restart", map[string]any{"ref": img.Ref, "policy": policy, "signal": in.Signal, "grace_ns": int64(in.Grace.Value)})
	return starlark.None, nil
}

func (c *call) isDir() (starlark.Value, error) {
	var in struct {
		Path unpack.Path `arg:"path"`
	}
	if err := c.Into(&in); err != nil {
		return nil, err
	}
	return starlark.Bool(c.run.files.IsDir(in.Path.Value)), nil
}

func (c *call) ourAgent() (starlark.Value, error) {
	var in struct {
		Resource string      `arg:"resource"`
		Enabled  unpack.Bool `arg:"enabled"`
		Image    string      `arg:"image"`
	}
	if err := c.Into(&in); err != nil {
		return nil, err
	}
	c.run.note("agent", map[string]any{"resource": in.Resource, "enabled": !in.Enabled.Set || in.Enabled.Value, "image": in.Image})
	return starlark.None, nil
}

func (c *call) ourFollow() (starlark.Value, error) {
	var in struct {
		Resource string      `arg:"resource"`
		RunAgain unpack.Bool `arg:"run_again"`
	}
	if err := c.Into(&in); err != nil {
		return nil, err
	}
	c.run.follows[in.Resource] = c.pos()
	c.run.note("follow", map[string]any{"resource": in.Resource, "run_again": in.RunAgain.Value})
	return starlark.None, nil
}

func (c *call) ourBuilder() (starlark.Value, error) {
	var in struct {
		Where     string `arg:"where"`
		Image     string `arg:"image"`
		Namespace string `arg:"namespace"`
	}
	if err := c.Into(&in); err != nil {
		return nil, err
	}
	where, err := c.oneOf("where", in.Where, "auto")
	if err != nil {
		return nil, err
	}
	if where == "auto" {
		where = ""
	}
	c.run.note("builder", map[string]any{"where": where, "image": in.Image, "namespace": in.Namespace})
	return starlark.None, nil
}

func (c *call) ourGitOps() (starlark.Value, error) {
	var in struct {
		Mode string `arg:"mode"`
	}
	if err := c.Into(&in); err != nil {
		return nil, err
	}
	mode, err := c.oneOf("mode", in.Mode, "ask")
	if err != nil {
		return nil, err
	}
	c.run.note("gitops", map[string]any{"mode": mode})
	return starlark.None, nil
}

func (c *call) ourForwards() (starlark.Value, error) {
	var in struct {
		InUse string `arg:"in_use"`
	}
	if err := c.Into(&in); err != nil {
		return nil, err
	}
	inUse, err := c.oneOf("in_use", in.InUse, "wait")
	if err != nil {
		return nil, err
	}
	c.run.note("forwards", map[string]any{"in_use": inUse})
	return starlark.None, nil
}

func (c *call) ourContexts() (starlark.Value, error) {
	if len(c.Args) > 0 {
		return nil, c.Errorf("unexpected positional arguments")
	}
	for _, kw := range c.Kwargs {
		sum, ok := value.AsString(kw[1])
		if !ok || len(sum) != 64 {
			return nil, c.Errorf("for parameter %s: want the SHA-256 of a certificate authority, 64 hexadecimal digits", kw[0])
		}
		name, sum := string(kw[0].(starlark.String)), strings.ToLower(sum)
		if c.run.kube.pinned == nil {
			c.run.kube.pinned = map[string]string{}
		}
		c.run.kube.pinned[name] = sum
		c.run.note("contexts", map[string]any{"context": name, "ca_sha256": sum})
	}
	return starlark.None, nil
}

func (c *call) ourLimits() (starlark.Value, error) {
	var in struct {
		Steps  int `arg:"steps"`
		Memory int `arg:"memory_mb"`
	}
	if err := c.Into(&in); err != nil {
		return nil, err
	}
	if in.Steps < 0 || in.Memory < 0 {
		return nil, fmt.Errorf("%s: limits must not be negative", c.Name())
	}
	if in.Steps > 0 {
		c.run.opts.MaxSteps = uint64(in.Steps)
	}
	if in.Memory > 0 {
		c.run.meter.SetLimit(uint64(in.Memory) << 20)
	}
	return starlark.None, nil
}
