package run

import (
	"context"
	"testing"

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
