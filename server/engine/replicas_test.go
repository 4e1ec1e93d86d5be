package engine

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/towline-dev/towline/starlark/config"
)

// replicas has one folder in two images, of two containers of each of its pods.
type replicas struct {
	*world
	instances map[TargetID]string // that run
}

// pods tells what runs: a pod's name and, behind a colon, how often its containers
// were started.
func (r *replicas) pods(names ...string) Observed {
	o := Observed{Resource: "web", Ready: true}
	r.instances = map[TargetID]string{}
	for _, name := range names {
		pod, _, _ := strings.Cut(name, ":")
		for _, image := range []string{"web", "worker"} {
			id := TargetID{Namespace: "ns", Pod: pod, Container: image}
			r.instances[id] = name + image
			o.Targets = append(o.Targets, Seen{ID: id, Image: image, Pushed: image + ":1", Instance: name + image, Running: true})
		}
	}
	return o
}

// sent plays the cluster until nothing is left to do, and returns which files came
// to which container.
func (r *replicas) sent(e Event) []string {
	r.t.Helper()
	var got []string
	for events := []Event{e}; len(events) > 0; events = events[1:] {
		r.do(events[0])
		for _, effect := range r.effects {
			switch e := effect.(type) {
			case Build:
				events = append(events, Built{Ref: e.Image.Ref, Pushed: e.Image.Ref + ":1"})
			case Apply:
				events = append(events, Applied{Resource: "web"})
			case Attach:
				events = append(events, Attached{Target: e.Target, Instance: r.instances[e.Target]})
			case Live:
				events = append(events, LiveDone{Target: e.Target, Batch: e.Batch})
				for _, f := range e.Files {
					got = append(got, e.Target.Pod+" "+f.Remote)
				}
			}
		}
	}
	slices.Sort(got)
	for id := range r.instances {
		if !InSync(r.state.Image(id.Container), r.state.Target(id)) {
			r.t.Errorf("%s of %s is not in sync", id.Container, id.Pod)
		}
	}
	return got
}

// TestEveryReplicaHasTheNewestFiles: those that are there at a save, and those
// that come later from the image of before: by another manifest, by scaling, and
// where a container was started anew.
func TestEveryReplicaHasTheNewestFiles(t *testing.T) {
	synced := func(remote string) []config.Step {
		return []config.Step{{Kind: config.StepSync, Local: "/w/shared", Remote: remote}}
	}
	p := &config.Project{
		Settings: config.Settings{MaxParallelUpdates: 3},
		Images: []config.Image{
			{Ref: "web", Deps: []string{"/w/shared"}, LiveUpdate: synced("/srv")},
			{Ref: "worker", Deps: []string{"/w/shared"}, LiveUpdate: synced("/app")},
		},
		Resources: []config.Resource{{Name: "web", Kind: config.KindK8s, Enabled: true, AutoInit: true, Images: []string{"web", "worker"}}},
	}
	r := &replicas{world: newWorld(t)}
	r.sent(Configured{Project: p})
	r.sent(Wanted{})
	for _, step := range []struct {
		what  string
		event func() Event
		want  []string
	}{
		{"up", func() Event { return r.pods("a", "b") }, nil},
		{"a save", func() Event {
			return Changed{Images: map[string][]string{"web": {"/w/shared/f"}, "worker": {"/w/shared/f"}}}
		}, []string{"a /app/f", "a /srv/f", "b /app/f", "b /srv/f"}},
		{"another manifest", func() Event { return r.pods("c", "d") }, []string{"c /app/f", "c /srv/f", "d /app/f", "d /srv/f"}},
		{"a third", func() Event { return r.pods("c", "d", "e") }, []string{"e /app/f", "e /srv/f"}},
		{"a container that is started anew", func() Event { return r.pods("c", "d:2", "e") }, []string{"d /app/f", "d /srv/f"}},
	} {
		if diff := cmp.Diff(step.want, r.sent(step.event())); diff != "" {
			t.Errorf("%s: sent (-want +got):\n%s", step.what, diff)
		}
	}
}
