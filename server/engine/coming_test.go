package engine

import (
	"maps"
	"strings"
	"testing"

	"github.com/towline-dev/towline/starlark/config"
)

// TestComing: what is about to be updated, though nothing of it goes on yet, is known
// with what that waits for.
func TestComing(t *testing.T) {
	local := func(name string, change func(*config.Resource)) config.Resource {
		r := config.Resource{Name: name, Kind: config.KindLocal, Enabled: true, AutoInit: true, Local: &config.Local{
			Cmd: config.Command{Argv: []string{name}}, AllowParallel: true,
		}}
		change(&r)
		return r
	}
	ends := func(name string) []Event {
		return []Event{LocalDone{Resource: name}, Observed{Resource: name, Ready: true}}
	}
	none := map[string]Wait{}
	byCompile := map[string]Wait{"api": {Resource: "compile"}}
	for name, test := range map[string]struct {
		change func(*config.Project)
		tell   []Event
		want   map[string]Wait
	}{
		"nothing changed": {unchanged, nil, none},
		"what it names runs, and nobody knows what that writes": {unchanged, []Event{source()}, byCompile},
		"and has ended":  {unchanged, append([]Event{source()}, ends("compile")...), none},
		"and has failed": {unchanged, []Event{source(), LocalDone{Resource: "compile", Problem: &config.Problem{Message: "exit 1"}}}, none},
		"named by what it names": {func(p *config.Project) {
			p.Resources[1].ResourceDeps = []string{"between"}
			p.Resources = append(p.Resources, config.Resource{
				Name: "between", Kind: config.KindLocal, Enabled: true, AutoInit: true, Local: &config.Local{}, ResourceDeps: []string{"compile"},
			})
		}, []Event{source()}, byCompile},
		"not named, and nothing is known":    {independent, []Event{source()}, none},
		"not named, and it wrote there once": {independent, append(append([]Event{source(), wrote("a")}, ends("compile")...), source()), byCompile},
		"it declares to write there": {func(p *config.Project) {
			independent(p)
			p.Resources[2].Local.Outputs = []string{"/w/build"}
		}, []Event{source()}, byCompile},
		"it declares to write elsewhere": {func(p *config.Project) { p.Resources[2].Local.Outputs = []string{"/w/docs"} }, []Event{source()}, none},
		"without files of its own": {func(p *config.Project) {
			independent(p)
			p.Resources = append(p.Resources, config.Resource{Name: "db", Kind: config.KindK8s, Enabled: true, AutoInit: true, ResourceDeps: []string{"compile"}})
		}, []Event{Applied{Resource: "db"}, Observed{Resource: "db", Ready: true}, source()}, none},
		"a command that leads to another one": {func(p *config.Project) {
			p.Resources[2].ResourceDeps = []string{"generate"}
			p.Resources = append(p.Resources, local("generate", func(*config.Resource) {}))
		}, append(ends("generate"), append(append(ends("compile"), Built{Ref: "api", Pushed: "api:1"}, Applied{Resource: "api"},
			Observed{Resource: "api", Ready: true}), Changed{Locals: []string{"generate"}})...),
			map[string]Wait{"compile": {Resource: "generate"}, "api": {Resource: "generate"}}},
		"a command that may not run beside another one": {func(p *config.Project) {
			independent(p)
			p.Resources = append(p.Resources, local("lint", func(r *config.Resource) { r.Local.AllowParallel = false }))
		}, append(ends("lint"), Changed{Locals: []string{"compile", "lint"}}), map[string]Wait{"lint": {Resource: "compile"}}},
		"an image whose turn has not come": {independent, []Event{source(), Changed{Images: map[string][]string{"web": {"/w/web/package.json"}}}}, map[string]Wait{"web": {Slot: true}}},
		"a command whose turn has not come": {func(p *config.Project) {
			independent(p)
			p.Resources = append(p.Resources, local("lint", func(*config.Resource) {}))
		}, append(ends("lint"), source(), Changed{Locals: []string{"lint"}}), map[string]Wait{"lint": {Slot: true}}},
		"a manual one": {func(p *config.Project) {
			independent(p)
			p.Resources[0].TriggerMode = config.TriggerManual
		}, []Event{source(), Changed{Images: map[string][]string{"web": {"/w/web/package.json"}}}}, none},
	} {
		t.Run(name, func(t *testing.T) {
			w := compiled(t, test.change)
			for i, e := range test.tell {
				if strings.Contains(name, "turn") && i == len(test.tell)-2 {
					narrow := *w.state.Project
					narrow.Settings.MaxParallelUpdates = 1
					w.do(Configured{Project: &narrow})
				}
				w.do(e)
			}
			if got := w.state.Coming(); !maps.Equal(got, test.want) {
				t.Errorf("comes %+v, want %+v", got, test.want)
			}
		})
	}
}
