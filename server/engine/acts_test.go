package engine

import (
	"testing"

	"github.com/towline-dev/towline/starlark/config"
)

// TestManualCommandIsLeftToAPerson: a save brings up what auto_init=False keeps
// down, except where a person alone is to start it.
func TestManualCommandIsLeftToAPerson(t *testing.T) {
	for mode, want := range map[config.TriggerMode][]string{config.TriggerAuto: {"run lint"}, config.TriggerManual: nil} {
		w := newWorld(t)
		w.do(Configured{Project: &config.Project{Resources: []config.Resource{{
			Name: "lint", Kind: config.KindLocal, Enabled: true, TriggerMode: mode,
			Local: &config.Local{Cmd: config.Command{Argv: []string{"lint"}}, Deps: []string{"/w"}},
		}}}})
		w.want(Wanted{})
		w.want(Changed{Locals: []string{"lint"}}, want...)
		if mode == config.TriggerManual {
			w.want(Triggered{Resource: "lint"}, "run lint")
		}
	}
}

// TestCommandsThatRunBesideOthers: one that may holds none back, and none holds it
// back.
func TestCommandsThatRunBesideOthers(t *testing.T) {
	local := func(name string, parallel bool) config.Resource {
		return config.Resource{Name: name, Kind: config.KindLocal, Enabled: true, AutoInit: true, Local: &config.Local{AllowParallel: parallel}}
	}
	w := newWorld(t)
	w.do(Configured{Project: &config.Project{
		Settings: config.Settings{MaxParallelUpdates: 9}, Resources: []config.Resource{local("beside", true), local("first", false), local("second", false), local("late", true)},
	}})
	w.want(Wanted{}, "run beside", "run first", "run late")
	w.want(LocalDone{Resource: "first"}, "run second")
}
