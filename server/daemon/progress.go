package daemon

import (
	"time"

	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/server/engine"
	"github.com/towline-dev/towline/server/status"
	"github.com/towline-dev/towline/starlark/config"
)

// progress follows what the engine asks for and what comes of it, for a person:
// the last update of each resource, and saves on their way. The core's goroutine
// alone uses it.
type progress struct {
	updates updates
	news    status.News
	again   bool // the status is to be followed again soon, whether or not it changes
}

// begins notes what an effect begins.
func (p *progress) begins(s *engine.State, e engine.Effect, now time.Time) {
	switch e := e.(type) {
	case engine.Live:
		p.news.SentLive(s.Target(e.Target).Resource, e, now)
		p.updates.sync(e)
	case engine.Build:
		for _, name := range engine.Users(s.Project, e.Image.Ref) {
			p.updates.begin(name, "build", e.Reason)
			p.news.Sent(name, api.WayBuild, now)
		}
	case engine.Apply:
		p.updates.begin(e.Resource.Name, "deploy", "")
	case engine.Restart:
		p.updates.begin(e.Resource.Name, "restart", "")
	case engine.RunLocal:
		p.updates.begin(e.Resource.Name, "local", e.Reason)
		p.news.Sent(e.Resource.Name, api.WayBuild, now)
	}
}

// ends notes what an event of a runner ends. Users of images are those of a
// project.
func (p *progress) ends(project *config.Project, e engine.Event) {
	switch e := e.(type) {
	case engine.LiveDone:
		p.updates.syncEnded(e.Target)
		p.news.Arrived(e)
	case engine.Built:
		if e.Problem == nil {
			return
		}
		for _, name := range engine.Users(project, e.Ref) {
			p.updates.failed(name)
		}
	case engine.Applied:
		if e.Problem != nil {
			p.updates.failed(e.Resource)
		}
	case engine.Observed:
		if e.Ready {
			p.updates.succeeded(e.Resource)
		}
	case engine.LocalDone:
		if e.Problem != nil {
			p.updates.failed(e.Resource)
		}
	}
}
