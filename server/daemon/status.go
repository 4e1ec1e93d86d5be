package daemon

import (
	"errors"
	"os"
	"strings"
	"time"

	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/server/kube"
	"github.com/towline-dev/towline/server/run"
	"github.com/towline-dev/towline/server/status"
	"github.com/towline-dev/towline/starlark/config"
)

// publish builds the status anew if something changed.
func (c *core) publish() {
	if !c.dirty {
		return
	}
	c.dirty = false
	s := status.Of(status.Facts{
		Daemon: api.DaemonInfo{
			Pid: os.Getpid(), Version: c.o.Version, Workspace: c.o.Endpoint.Workspace,
			Started: started, LogFile: c.o.Endpoint.LogFile(), Path: os.Getenv("PATH"), Unwritten: c.store.unwritten(),
		},
		Tiltfile: c.session.tiltfile(c.o.Endpoint.Workspace), Args: c.session.request.Args,
		Cluster: c.clusterStatus(), Config: c.tiltfile.status(c.session.request.CI),
		Project: c.tiltfile.good, State: &c.state, Stopping: c.requests.down, Left: c.requests.left, Asks: c.sources.asks(),
		Targets: c.session.targets, Forwards: c.session.forwards, Updates: c.progress.updates.resources, Synced: c.progress.updates.synced,
	})
	s = config.Scrubbed(c.secrets.Load(), s)
	c.published.publish(s, c.progress.news.Follow(s, time.Now())...)
}

// clusterStatus says which cluster is used; none where the project needs none.
func (c *core) clusterStatus() api.ClusterStatus {
	if c.tiltfile.good != nil && !c.session.remote && !c.needsCluster(c.tiltfile.good) {
		return api.ClusterStatus{}
	}
	return c.session.status(allowedBy(c.tiltfile.good))
}

func problemOf(err error) *config.Problem {
	var p *config.Problem
	var k *kube.Error
	switch {
	case errors.As(err, &p):
		return p
	case errors.As(err, &k):
		return k.Problem()
	}
	return &config.Problem{Message: err.Error()}
}

// targetFacts are what a runner tells of a container, for the status.
func targetFacts(f *run.TargetFacts) status.Target {
	t := status.Target{
		PodUID: f.PodUID, Image: f.Image, Ready: f.Ready, Restarts: f.Restarts, Process: f.Process, Problem: f.Problem,
	}
	for _, c := range f.Covered {
		t.Covered = append(t.Covered, api.Covered(c))
	}
	return t
}

// forwardsStatus are the ports of a resource that answer on this machine.
func forwardsStatus(forwards []run.Forward) []api.Forward {
	out := make([]api.Forward, len(forwards))
	for i, f := range forwards {
		out[i] = api.Forward{
			Local: f.Local, Remote: f.Remote, Name: f.Spec.Name, Problem: f.Problem,
			URL: "http://" + f.Local + linkPath(f.Spec.Path),
		}
	}
	return out
}

// linkPath is a path as a URL has it.
func linkPath(path string) string {
	if path == "" || strings.HasPrefix(path, "/") {
		return path
	}
	return "/" + path
}
