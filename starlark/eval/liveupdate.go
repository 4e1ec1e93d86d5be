package eval

import (
	"fmt"
	"strings"

	"go.starlark.net/starlark"

	"github.com/towline-dev/towline/starlark/config"
	"github.com/towline-dev/towline/starlark/fault"
	"github.com/towline-dev/towline/starlark/liveupdate"
	"github.com/towline-dev/towline/starlark/unpack"
	"github.com/towline-dev/towline/starlark/value"
)

// newStep makes a step and notes it as unused.
func (c *call) newStep(s config.Step) starlark.Value {
	s.Pos = c.pos()
	made := &value.Step{Step: s, Made: c.calledAt()}
	c.run.steps[made.Made] = made
	return made
}

func (c *call) initialSync() (starlark.Value, error) {
	if err := c.Nothing(); err != nil {
		return nil, err
	}
	return c.newStep(config.Step{Kind: config.StepInitialSync}), nil
}

func (c *call) restartContainer() (starlark.Value, error) {
	if err := c.Nothing(); err != nil {
		return nil, err
	}
	return c.newStep(config.Step{Kind: config.StepRestart}), nil
}

func (c *call) fallBackOn() (starlark.Value, error) {
	var in struct {
		Paths unpack.Paths `arg:"paths"`
	}
	if err := c.Into(&in); err != nil {
		return nil, err
	}
	return c.newStep(config.Step{Kind: config.StepFallBackOn, Paths: in.Paths.Value}), nil
}

func (c *call) sync() (starlark.Value, error) {
	var in struct {
		Local  string `arg:"local_path"`
		Remote string `arg:"remote_path"`
	}
	if err := c.Into(&in); err != nil {
		return nil, err
	}
	return c.newStep(config.Step{Kind: config.StepSync, Local: c.run.abs(in.Local), Remote: in.Remote}), nil
}

func (c *call) runStep() (starlark.Value, error) {
	var in struct {
		Cmd     starlark.Value `arg:"cmd"`
		Trigger starlark.Value `arg:"trigger"`
		EchoOff bool           `arg:"echo_off"`
	}
	if err := c.Into(&in); err != nil {
		return nil, err
	}
	argv, err := unpack.ShellCommand(in.Cmd, false)
	if err != nil {
		return nil, err
	}
	s := config.Step{Kind: config.StepRun, Argv: argv, EchoOff: in.EchoOff}
	for _, x := range value.Elements(in.Trigger) {
		t, ok := x.(starlark.String)
		if !ok {
			return nil, fmt.Errorf("run cmd '%s' triggers contained value '%s' of type '%s'. it may only contain strings", value.CommandText(argv), x.String(), x.Type())
		}
		s.Triggers = append(s.Triggers, c.run.abs(string(t)))
	}
	return c.newStep(s), nil
}

// liveUpdate checks the steps of a live_update argument and marks them used.
func (r *run) liveUpdate(v starlark.Value) ([]config.Step, error) {
	values := value.Elements(v)
	if len(values) == 0 {
		return nil, nil
	}
	steps := make([]config.Step, 0, len(values))
	var order liveupdate.Order
	for _, x := range values {
		s, ok := x.(*value.Step)
		if !ok {
			return nil, fmt.Errorf("live_update must be a list of steps, such as sync() and run(): got value '%v' of type '%s'", x.String(), x.Type())
		}
		if err := order.Next(s.Step); err != nil {
			return nil, fmt.Errorf("live_update: %w", err)
		}
		steps = append(steps, s.Step)
		delete(r.steps, s.Made)
	}
	if err := liveupdate.Check(steps); err != nil {
		return nil, fmt.Errorf("live_update: %w", err)
	}
	return steps, nil
}

// checkUnusedSteps reports steps that were made and never used: they would
// silently have no effect.
func (r *run) checkUnusedSteps() error {
	if len(r.steps) == 0 {
		return nil
	}
	var lines []string
	var first config.Position
	byText := make(map[string]*value.Step, len(r.steps))
	for pos, s := range r.steps {
		byText[pos.String()] = s
	}
	for i, pos := range value.SortedKeys(byText) {
		s := byText[pos]
		if i == 0 {
			first = s.Pos
		}
		lines = append(lines, fmt.Sprintf("%s: %s", pos, s.String()))
	}
	return &fault.Located{
		Pos: first, Err: fmt.Errorf("found %d live_update steps that were created but not used in a live_update:\n%s", len(lines), strings.Join(lines, "\n\t")),
		Hint: "put them in the live_update list of an image, as in docker_build(…, live_update=[…])",
	}
}
