package eval

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"

	"go.starlark.net/starlark"
	"go.starlark.net/starlarkstruct"

	"github.com/towline-dev/towline/starlark/config"
	"github.com/towline-dev/towline/starlark/fault"
	"github.com/towline-dev/towline/starlark/unpack"
	"github.com/towline-dev/towline/starlark/value"
)

func (c *call) localResource() (starlark.Value, error) { return c.declareLocal(false) }

func (c *call) test() (starlark.Value, error) {
	c.run.warnOnce("test() is deprecated and will be removed in a future release.\nChange this call to use `local_resource(..., allow_parallel=True)`")
	return c.declareLocal(true)
}

// localArgs are the arguments of local_resource and test.
type localArgs struct {
	Name          unpack.ResourceName `arg:"name"`
	Cmd           starlark.Value      `arg:"cmd"`
	Deps          unpack.Paths        `arg:"deps"`
	TriggerMode   value.TriggerMode   `arg:"trigger_mode"`
	ResourceDeps  unpack.Sequence     `arg:"resource_deps"`
	Ignore        starlark.Value      `arg:"ignore"`
	AutoInit      unpack.Bool         `arg:"auto_init"`
	ServeCmd      starlark.Value      `arg:"serve_cmd"`
	CmdBat        starlark.Value      `arg:"cmd_bat"`
	ServeCmdBat   starlark.Value      `arg:"serve_cmd_bat"`
	AllowParallel unpack.Bool         `arg:"allow_parallel"`
	Links         unpack.Links        `arg:"links"`
	Labels        unpack.Labels       `arg:"labels"`
	Env           unpack.StringMap    `arg:"env"`
	ServeEnv      unpack.StringMap    `arg:"serve_env"`
	Probe         starlark.Value      `arg:"readiness_probe"`
	Dir           unpack.OptionalPath `arg:"dir"`
	ServeDir      unpack.OptionalPath `arg:"serve_dir"`
	Outputs       unpack.Paths        `arg:"outputs"`
	Tags          unpack.Strings      `arg:"tags"`
}

func (c *call) declareLocal(test bool) (starlark.Value, error) {
	var in localArgs
	if err := c.Into(&in); err != nil {
		return nil, err
	}
	l := &config.Local{Deps: in.Deps.Value, Outputs: in.Outputs.Value, AllowParallel: test, Test: test}
	if in.AllowParallel.Set {
		l.AllowParallel = in.AllowParallel.Value
	}
	if err := c.localCommands(l, &in); err != nil {
		return nil, err
	}
	if err := c.localIgnores(l, in.Ignore); err != nil {
		return nil, err
	}
	if err := c.run.conflict(string(in.Name)); err != nil {
		return nil, err
	}
	c.run.local = append(c.run.local, &localDecl{name: string(in.Name), triggerMode: in.TriggerMode, res: config.Resource{
		Name: string(in.Name), Kind: config.KindLocal, Pos: c.pos(), Labels: in.Labels.Sorted(), Links: in.Links, ResourceDeps: in.ResourceDeps,
		AutoInit: !in.AutoInit.Set || in.AutoInit.Value, Local: l,
	}})
	return starlark.None, nil
}

// localCommands sets what a local resource runs, and how it is seen that it serves.
func (c *call) localCommands(l *config.Local, in *localArgs) (err error) {
	if l.Cmd, err = c.run.hostCommand(in.Cmd, in.CmdBat, in.Dir.Value, in.Env); err != nil {
		return err
	}
	if l.ServeCmd, err = c.run.hostCommand(in.ServeCmd, in.ServeCmdBat, in.ServeDir.Value, in.ServeEnv); err != nil {
		return err
	}
	switch {
	case l.Cmd.Empty() && l.ServeCmd.Empty():
		return errors.New("local_resource must have a cmd and/or a serve_cmd, but both were empty")
	case l.Cmd.Empty() && in.Dir.Value != "":
		return errors.New("local_resource: dir was specified without cmd")
	case l.Cmd.Empty() && len(l.Outputs) > 0:
		return errors.New("local_resource: outputs was specified without cmd")
	case l.ServeCmd.Empty() && in.ServeDir.Value != "":
		return errors.New("local_resource: serve_dir was specified without serve_cmd")
	}
	l.AllowParallel = l.AllowParallel || l.Cmd.Empty() // there is nothing to wait for
	l.Probe, err = c.readinessProbe(in.Probe, string(in.Name), l.ServeCmd)
	return err
}

// localIgnores sets what of its dependencies a local resource leaves out.
func (c *call) localIgnores(l *config.Local, ignore starlark.Value) error {
	patterns, err := unpack.Patterns("ignore", ignore)
	if err != nil {
		return err
	}
	if len(patterns) > 0 {
		l.Ignore = []config.Ignore{{Base: c.run.dir(), Patterns: patterns, Source: "ignore"}}
	}
	if len(l.Deps) > 0 {
		l.Ignore = append(l.Ignore, c.ignoreItself()...)
		l.Ignore = append(l.Ignore, ignoreOutputs(l.Outputs)...)
	}
	return nil
}

// ignoreOutputs are patterns for what a command itself writes: it would run for
// ever.
func ignoreOutputs(outputs []string) []config.Ignore {
	var ignores []config.Ignore
	for _, p := range outputs {
		name := strings.NewReplacer(`\`, `\\`, "*", `\*`, "?", `\?`, "[", `\[`).Replace(filepath.Base(p))
		ignores = append(ignores, config.Ignore{Base: filepath.Dir(p), Patterns: []string{name}, Source: "outputs"})
	}
	return ignores
}

func (c *call) local(ctx context.Context) (starlark.Value, error) {
	var in struct {
		Command    starlark.Value      `arg:"command"`
		Quiet      bool                `arg:"quiet"`
		CommandBat starlark.Value      `arg:"command_bat"`
		EchoOff    bool                `arg:"echo_off"`
		Env        unpack.StringMap    `arg:"env"`
		Dir        unpack.OptionalPath `arg:"dir"`
		Stdin      unpack.Text         `arg:"stdin"`
	}
	if err := c.run.kube.refuse(c.Name()); err != nil {
		return nil, err
	}
	if err := c.Into(&in); err != nil {
		return nil, err
	}
	command, err := c.run.hostCommand(in.Command, in.CommandBat, in.Dir.Value, in.Env)
	if err != nil {
		return nil, fault.Tiltf("Argument 1 (command): %w", err)
	}
	if command.Empty() {
		return nil, fmt.Errorf("command %q failed.\nerror: empty cmd: the command can't be empty", "")
	}
	text := value.CommandText(command.Argv)
	if c.run.held("the command " + strconv.Quote(text)) {
		return value.Blob{Source: "local: " + text}, nil
	}
	if !in.EchoOff {
		c.run.log("local: " + text)
	}
	var stderr strings.Builder
	stdout, err := c.run.command(ctx, command, in.Stdin.Value, func(s string) { stderr.WriteString(s) })
	out := string(stdout)
	if !in.Quiet {
		for _, shown := range []string{stderr.String(), out} {
			if shown != "" {
				c.run.log(shown)
			}
		}
	}
	switch {
	case err != nil && in.Quiet:
		return nil, commandFailed(text, err, out, stderr.String())
	case err != nil:
		return nil, fmt.Errorf("command %q failed.\nerror: %w", text, err)
	case !in.Quiet && !in.EchoOff && out == "" && stderr.Len() == 0:
		c.run.log("[no output]")
	}
	return value.Blob{Text: out, Source: "local: " + text}, nil
}

func (c *call) link() (starlark.Value, error) {
	var in struct {
		URL  string `arg:"url"`
		Name string `arg:"name"`
	}
	if err := c.Into(&in); err != nil {
		return nil, err
	}
	u, err := unpack.LinkURL(in.URL)
	if err != nil {
		return nil, err
	}
	l := config.Link{URL: u, Name: in.Name}
	fields := starlark.StringDict{"url": starlark.String(l.URL), "name": starlark.String(l.Name)}
	return value.Link{Struct: starlarkstruct.FromStringDict(starlark.String("link"), fields), Link: l}, nil
}

func (c *call) localGitRepo() (starlark.Value, error) {
	var in struct {
		Path unpack.Path `arg:"path"`
	}
	if err := c.Into(&in); err != nil {
		return nil, err
	}
	c.run.outside()
	if !c.run.files.IsDir(in.Path.Value) {
		return nil, fmt.Errorf("stat %s: no such folder", in.Path.Value)
	}
	if !c.run.files.Exists(filepath.Join(in.Path.Value, ".git")) {
		return nil, fmt.Errorf("%s isn't a valid git repo: it doesn't have a .git/ directory", in.Path.Value)
	}
	return &value.GitRepo{Dir: in.Path.Value}, nil
}
