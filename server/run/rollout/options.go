package rollout

import (
	"context"
	"time"

	"github.com/towline-dev/towline/server/engine"
	"github.com/towline-dev/towline/server/kube"
	"github.com/towline-dev/towline/server/run/agents"
	"github.com/towline-dev/towline/server/run/output"
)

// Kube is what a Follower asks of the cluster. Watch ends only with its
// context, as WatchKind does for a kind that the cluster knows; both call emit
// for one event after the other.
type Kube interface {
	WatchKind(ctx context.Context, kind kube.Ref, selector string, emit func(kube.Event)) error
	Watch(ctx context.Context, namespace, selector string, emit func(kube.Event)) error
	Logs(ctx context.Context, o kube.LogOptions, line func(kube.LogLine)) error
}

// Reader is a Kube that says what some objects are by now: one that is ours no
// longer may be another workspace's.
type Reader interface {
	Current(ctx context.Context, objects []map[string]any) ([]kube.Applied, error)
}

// What agents say of containers, and what faces are told of them.
type (
	Agent     = agents.Status
	Container = agents.Container
	Covered   = agents.Covered
)

// Options are what a Follower works with. The functions may be called from any
// goroutine and must not block.
type Options struct {
	WorkspaceID string // by which our own objects are found
	Namespace   string // the project's, "" where it is not known
	Kube        Kube
	Log         output.Log
	Reached     func(output.Place) time.Time // of the last line that is known already; nil: none is
	Tell        func(engine.Event)
	Container   func(Container)
	Cluster     func(err error) // the cluster answers, or why it does not
}
