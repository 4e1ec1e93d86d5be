package status

import (
	"testing"

	"github.com/towline-dev/towline/server/engine"
)

// TestStepOfABuild: what a build is at stands where the build is told of.
func TestStepOfABuild(t *testing.T) {
	s := newScene(t)
	s.tell(engine.LocalDone{Resource: "compile"}, engine.Observed{Resource: "compile", Ready: true})
	s.says("web", "building: building web")
	s.f.Steps = map[string]string{"web": "2/3 RUN npm ci", "other": "1/1 RUN x"}
	s.says("web", "building: building web: 2/3 RUN npm ci")
}
