package engine_test

import (
	"fmt"

	"github.com/towline-dev/towline/server/engine"
	"github.com/towline-dev/towline/starlark/config"
)

// What happened goes in, what is to be done comes out; each effect is answered
// with an event.
func ExampleStep() {
	project := &config.Project{
		Settings:  config.Settings{MaxParallelUpdates: 3},
		Images:    []config.Image{{Ref: "web", Deps: []string{"/shop"}}},
		Resources: []config.Resource{{Name: "web", Kind: config.KindK8s, Enabled: true, AutoInit: true, Images: []string{"web"}}},
	}
	var state engine.State
	for _, event := range []engine.Event{
		engine.Configured{Project: project},
		engine.Wanted{},
		engine.Built{Ref: "web", Pushed: "registry/web:1"},
	} {
		var effects []engine.Effect
		state, effects = engine.Step(state, event)
		fmt.Printf("%T\n", event)
		for _, e := range effects {
			switch e := e.(type) {
			case engine.Build:
				fmt.Println("  build", e.Image.Ref)
			case engine.Apply:
				fmt.Println("  apply", e.Resource.Name, "with", e.Images["web"])
			}
		}
	}
	// Output:
	// engine.Configured
	// engine.Wanted
	//   build web
	// engine.Built
	//   apply web with registry/web:1
}
