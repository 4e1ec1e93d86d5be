package rollout

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/towline-dev/towline/agent/wire"
	"github.com/towline-dev/towline/server/engine"
	"github.com/towline-dev/towline/server/kube"
	"github.com/towline-dev/towline/starlark/config"
)

// TestTwoRefsOfOneImage: a container is a target of the ref that its resource
// uses, whichever else became the same image, and of the first without such.
func TestTwoRefsOfOneImage(t *testing.T) {
	f := noFacts("ws", "n")
	for _, ref := range []string{"e", "c", "b", "d", "a", "c"} {
		f.setImage(ref, "img:1")
	}
	f.setImage("a", "img:2")
	for _, test := range []struct {
		uses  []string
		image string
		want  string
	}{
		{[]string{"d"}, "img:1", "d"},
		{[]string{"a", "e"}, "img:1", "e"},
		{nil, "img:1", "b"},
		{[]string{"d"}, "img:2", "a"},
		{[]string{"d"}, "img:3", ""},
	} {
		d := &deployment{readinessSpec: readinessSpecOf(config.Resource{Images: test.uses})}
		if got, pushed := f.imageOf(d, kube.Container{Image: test.image}); got != test.want || got != "" && pushed != test.image {
			t.Errorf("%s of a resource with %q is %q (%s), want %q", test.image, test.uses, got, pushed, test.want)
		}
	}
	f.setImage("a", "img:1")
	if len(f.refs) != 1 || len(f.refs["img:1"]) != 5 {
		t.Errorf("refs %v", f.refs)
	}
}

// TestReplicasLiveTheirMomentTogether: three that started at once are ready a
// moment later, not three.
func TestReplicasLiveTheirMomentTogether(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bench) {
		b.Image("img", "img:1")
		b.Applied(web(), []Object{applied("t1")}, true)
		for _, name := range []string{"web-1", "web-2", "web-3"} {
			p := pod(name, "t1", "img:1")
			p.Containers[0].StartedAt = time.Now()
			b.Agent(Agent{ID: engine.TargetID{Namespace: "n", Pod: name, Container: "app"}, Resource: "web", Process: wire.Process{State: wire.StateRunning, Starts: 1}})
			b.emit(ours, changed(p))
		}
		b.emit(ours, workload(2, kube.Rollout{Ready: true}), kube.Event{Kind: kube.Synced})
		b.is("web", verdict{message: "web-1: container app has just started"})
		time.Sleep(moment - time.Nanosecond)
		synctest.Wait()
		b.is("web", verdict{message: "web-1: container app has just started"})
		time.Sleep(time.Nanosecond)
		b.is("web", verdict{ready: true})
	})
}
