package daemon

import (
	"github.com/towline-dev/towline/starlark/config"
)

// This file is where the values of Secrets end: all that leaves the daemon
// (the log, the status, problems, the project) passes config.Scrubbed or
// config.Secrets.Scrub with what hide keeps.

// hide takes the values of a project's Secrets out of all that leaves the
// daemon from now on, and out of the log that is kept. What an earlier project
// had stays hidden too: its containers may still print it.
func (s *shared) hide(p *config.Project) {
	values := config.SecretsOf(p)
	if p.Settings.SecretScrub {
		values = s.secrets.Load().Merge(values)
	}
	s.secrets.Store(values)
	s.logs.Hide(values)
}

// hideObjects is hide for objects that no evaluation saw.
func (s *shared) hideObjects(objects []map[string]any) {
	if len(objects) == 0 {
		return
	}
	var values *config.Secrets
	for _, o := range objects {
		values = values.With(o)
	}
	values = s.secrets.Load().Merge(values)
	s.secrets.Store(values)
	s.logs.Hide(values)
}
