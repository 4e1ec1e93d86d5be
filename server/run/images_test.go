package run

import (
	"context"
	"fmt"
	"io"
	"slices"
	"sync"
	"testing"

	"github.com/towline-dev/towline/internal/podtest"
	"github.com/towline-dev/towline/server/build"
	"github.com/towline-dev/towline/server/engine"
	"github.com/towline-dev/towline/server/run/output"
	"github.com/towline-dev/towline/starlark/config"
)

// agentImages names the agent's image by the registry that is in force.
type agentImages struct {
	Images
	registry string
	pushed   int
}

func (a *agentImages) Configure(p *config.Project) { a.registry = p.Settings.DefaultRegistry.Host }

func (a *agentImages) AgentImage(context.Context, map[string][]byte, string) (string, error) {
	a.pushed++
	return a.registry + "/agent", nil
}

// TestAgentGoesToTheRegistryInForce: default_registry() is changed while the
// project is up, and the agent goes there as the project's images do; it is
// pushed once to each.
func TestAgentGoesToTheRegistryInForce(t *testing.T) {
	fake := &agentImages{}
	m := startImages(t.Context(), Options{Images: fake, Agent: map[string][]byte{"amd64": {1}}}, output.Log{}, func(string, string) {})
	defer m.Close()
	for i, host := range []string{"one:5000", "one:5000", "two:5000"} {
		p := &config.Project{}
		p.Settings.DockerPrune.Disable = true
		p.Settings.DefaultRegistry = &config.Registry{Host: host}
		m.configure(p)
		if got, err := m.Agent(t.Context(), "web"); got != host+"/agent" || err != nil {
			t.Errorf("evaluation %d: %q, %v, want it in %s", i, got, err, host)
		}
	}
	if fake.pushed != 2 {
		t.Errorf("pushed %d times, want once to each registry", fake.pushed)
	}
}

// sayingImages builds by saying a few lines.
type sayingImages struct{ Images }

func (sayingImages) Build(_ context.Context, r build.Request) (build.Result, error) {
	_, err := io.WriteString(r.Output, "#5 [1/2] FROM base\n#5 DONE 0.1s\n#6 [2/2] RUN make\n#6 0.2 making\n#6 [2/2] RUN make\n")
	return build.Result{Ref: "r/web:1"}, err
}

// steps notes what a runner tells of builds' steps, until the build has ended.
type steps struct {
	mu    sync.Mutex
	told  []string
	ended chan struct{}
}

func (s *steps) Event(e engine.Event) {
	if _, is := e.(engine.Built); is {
		close(s.ended)
	}
}

func (s *steps) Log(Line) {}

func (s *steps) Facts(f Facts) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f.Step != nil {
		s.told = append(s.told, fmt.Sprintf("%s: %s", f.Step.Image, f.Step.Text))
	}
}

// TestStepsAreTold: each step of a build is told once, and that there is none any more.
func TestStepsAreTold(t *testing.T) {
	sink := &steps{ended: make(chan struct{})}
	m := startImages(t.Context(), Options{Images: sayingImages{}, Sink: sink}, output.Log{Emit: sink.Log}, func(string, string) {})
	defer m.Close()
	m.build(engine.Build{Image: config.Image{Ref: "web"}}, []string{"web"})
	podtest.Within(t, sink.ended, "the end of the build")
	sink.mu.Lock()
	defer sink.mu.Unlock()
	if want := []string{"web: 1/2 FROM base", "web: 2/2 RUN make", "web: "}; !slices.Equal(sink.told, want) {
		t.Errorf("told %q, want %q", sink.told, want)
	}
}
