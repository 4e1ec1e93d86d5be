package eval

import (
	"errors"
	"fmt"
	"strings"

	"go.starlark.net/starlark"

	"github.com/towline-dev/towline/starlark/config"
	"github.com/towline-dev/towline/starlark/fault"
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

// stepRank is the order in which steps must stand.
var stepRank = map[config.StepKind]int{
	config.StepInitialSync: 0, config.StepFallBackOn: 1, config.StepSync: 2, config.StepRun: 3, config.StepRestart: 4,
}

// liveUpdate checks the steps of a live_update argument and marks them used.
func (r *run) liveUpdate(v starlark.Value) ([]config.Step, error) {
	values := value.Elements(v)
	if len(values) == 0 {
		return nil, nil
	}
	steps := make([]config.Step, 0, len(values))
	highest := -1
	for _, x := range values {
		s, ok := x.(*value.Step)
		if !ok {
			return nil, fmt.Errorf("live_update: 'steps' must be a list of live update steps - got value '%v' of type '%s'", x.String(), x.Type())
		}
		rank := stepRank[s.Kind]
		if err := orderError(rank, highest); err != nil {
			return nil, fmt.Errorf("live_update: %w", err)
		}
		highest = max(highest, rank)
		steps = append(steps, s.Step)
		delete(r.steps, s.Made)
	}
	if err := checkSteps(steps); err != nil {
		return nil, fmt.Errorf("live_update: %w", err)
	}
	return steps, nil
}

// orderError says what is wrong with a step of this rank after one of the
// highest rank so far.
func orderError(rank, highest int) error {
	switch {
	case rank == 0 && highest >= 0:
		return errors.New("initial_sync must appear at most once, at the start of the list")
	case rank == 1 && highest > 1:
		return errors.New("fall_back_on steps must appear at the start of the list")
	case highest == 4 && rank < 4:
		return errors.New("restart container is only valid as the last step")
	case rank == 2 && highest > 2:
		return errors.New("all sync steps must precede all run steps")
	}
	return nil
}

// checkSteps checks what can be seen without knowing the image.
func checkSteps(steps []config.Step) error {
	works := len(steps) == 0
	for i, s := range steps {
		works = works || s.Kind == config.StepSync || s.Kind == config.StepRun
		switch {
		case s.Kind == config.StepSync && !strings.HasPrefix(s.Remote, "/"):
			return fmt.Errorf("spec.syncs[%d]: Invalid value: %q: sync destination is not absolute", syncIndex(steps, i), s.Remote)
		case s.Kind == config.StepRun && len(s.Argv) == 0:
			return errors.New("run step has an empty command")
		}
	}
	if !works {
		return errors.New("spec.syncs: Invalid value: must contain at least 1 sync or 1 exec to run on live update")
	}
	return nil
}

// restart makes a restart the last step of an image's live update, as
// towline.restart asks for. Without triggers each update restarts.
func (img *image) restart(policy string, triggers []string, pos config.Position) {
	n := len(img.LiveUpdate)
	switch {
	case n > 0 && img.LiveUpdate[n-1].Kind == config.StepRestart && policy == "never":
		img.LiveUpdate = img.LiveUpdate[:n-1]
	case n > 0 && img.LiveUpdate[n-1].Kind == config.StepRestart:
		img.LiveUpdate[n-1].Triggers = triggers
	case n > 0 && (policy == "on_change" || policy == "on_exit"):
		img.LiveUpdate = append(img.LiveUpdate, config.Step{Kind: config.StepRestart, Triggers: triggers, Pos: pos})
	}
}

// syncIndex is the number of the sync at an index of the steps.
func syncIndex(steps []config.Step, i int) int {
	n := 0
	for _, s := range steps[:i] {
		if s.Kind == config.StepSync {
			n++
		}
	}
	return n
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
		lines = append(lines, fmt.Sprintf("%s: value '%s' of type '%s'", pos, s.String(), s.Type()))
	}
	return &fault.Located{Pos: first, Err: fmt.Errorf("found %d live_update steps that were created but not used in a live_update:\n%s", len(lines), strings.Join(lines, "\n\t"))}
}

// checkSyncs checks that an image's synced and watched paths can change it:
// they must lie below one of the folders that are watched for it.
func (r *run) checkSyncs(img *image) error {
	if len(img.LiveUpdate) == 0 {
		return nil
	}
	watched := r.images.watched(img)
	for _, s := range img.LiveUpdate {
		if s.Kind == config.StepSync && !value.Below(watched, s.Local) {
			return &fault.Located{Pos: s.Pos, Err: fmt.Errorf("sync step source '%s' is not a child of any watched filepaths (%v)", s.Local, watched)}
		}
		for _, p := range s.Paths {
			if !value.Below(watched, p) {
				return &fault.Located{Pos: s.Pos, Err: fmt.Errorf("fall_back_on paths '%s' is not a child of any watched filepaths (%v)", p, watched)}
			}
		}
	}
	return nil
}
