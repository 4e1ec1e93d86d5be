package bridge

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/towline-dev/towline/dap/message"
	"github.com/towline-dev/towline/dap/rewrite"
	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/starlark/config"
)

// arguments are those of attach and launch that are the bridge's.
type arguments struct {
	Resource       string         `json:"resource"`
	Pod            string         `json:"pod"`
	Container      string         `json:"container"`
	Workspace      string         `json:"workspace"`
	SubstitutePath []substitution `json:"substitutePath"`
}

// substitution is a mapping of the person's; either side may be empty, but not
// left out.
type substitution struct {
	From *string `json:"from"` // local
	To   *string `json:"to"`   // as the program knows it
}

// problem says what is wrong with the arguments, "" when nothing is.
func (a arguments) problem(err error) string {
	var wrong *json.UnmarshalTypeError
	switch {
	case errors.As(err, &wrong):
		return fmt.Sprintf("%q in the debug configuration cannot be of type %s", wrong.Field, wrong.Value)
	case err != nil:
		return fmt.Sprintf("the debug configuration cannot be read: %v", err)
	case a.Resource == "":
		return `the debug configuration names no resource: add "resource": "NAME" with a name of the Tiltfile`
	}
	for _, p := range a.SubstitutePath {
		if p.From == nil || p.To == nil {
			return `each entry of "substitutePath" needs both "from", the folder here, and "to", the folder of the build`
		}
	}
	return ""
}

// attach begins to debug a resource.
func (s *session) attach(m message.Message) {
	if s.phase != idle || s.attachment != nil {
		s.refuse(m, "this session debugs "+s.req.Resource+" already", true)
		return
	}
	var args arguments
	err := json.Unmarshal(m.Payload(), &args)
	if wrong := args.problem(err); wrong != "" {
		s.refuse(m, wrong, true)
		return
	}
	_ = json.Unmarshal(m.Payload(), &s.given) // it is an object, as args shows
	s.req = api.DebugRequest{
		Resource: args.Resource, Pod: args.Pod, Container: args.Container, Launch: m.Command == "launch",
	}
	s.attachment, s.launch = &m, s.req.Launch
	s.spawn(func(ctx context.Context) {
		backend, err := s.opts.Connect(ctx, args.Workspace)
		var space rewrite.Workspace
		if err == nil && s.opts.Describe != nil {
			space = s.opts.Describe(ctx, args.Workspace)
		}
		for _, p := range args.SubstitutePath {
			space.Explicit = append(space.Explicit, rewrite.Pair{Local: *p.From, Remote: *p.To})
		}
		s.do(func() { s.connected(backend, space, err) })
	})
}

// connected goes on with attach when the daemon was reached, or not.
func (s *session) connected(backend Backend, space rewrite.Workspace, err error) {
	if s.phase == ending {
		return
	}
	if err != nil {
		s.failAttach(s.explain(err))
		return
	}
	s.backend, s.space = backend, space
	s.follower = s.spawn(s.follow)
}

// follow tells the owner of each status for as long as the session lasts,
// through daemons that come and go.
func (s *session) follow(ctx context.Context) {
	for delay := firstRetry; ; delay = min(2*delay, lastRetry) {
		err := s.backend.Follow(ctx, func(st api.Status) error {
			delay = firstRetry
			s.do(func() { s.news(st) })
			return ctx.Err()
		})
		if ctx.Err() != nil {
			return
		}
		s.do(func() { s.unfollowed(err) })
		select {
		case <-time.After(delay):
		case <-ctx.Done():
			return
		}
	}
}

// unfollowed notes that the daemon was lost. An attach that has not begun is
// refused; what has begun goes on when the daemon is back.
func (s *session) unfollowed(err error) {
	s.log.Warn("lost the daemon", "error", err)
	if s.phase == idle && s.attachment != nil && !s.opening {
		if err == nil {
			err = errors.New("the daemon ended")
		}
		s.failAttach(s.explain(err))
	}
}

// failAttach refuses the editor's attach; another one may follow.
func (s *session) failAttach(text string) {
	if s.follower != nil {
		s.follower()
		s.follower = nil
	}
	m := *s.attachment
	s.attachment, s.phase, s.status, s.lastPid = nil, idle, nil, process{}
	stop(s.patience)
	s.patience, s.awaiting = nil, false
	s.refuse(m, text, true)
	s.flushHeld()
}

// acceptAttach answers the editor's attach, if that is still to be done, and
// asks for the breakpoints.
func (s *session) acceptAttach() {
	if s.attachment == nil {
		return
	}
	s.answer(*s.attachment, nil)
	s.attachment = nil
	s.event("initialized", nil)
}

// verdict is what a status means to somebody who wants to debug a resource.
type verdict int

const (
	hopeless verdict = iota // it will not come by waiting
	later                   // it will, or may
	now                     // there is a process and an agent beside it
)

// decide judges a status. The problem comes with hopeless.
func decide(st api.Status, req api.DebugRequest) (verdict, *config.Problem) {
	r := resourceOf(st, req.Resource)
	switch {
	case !st.Up:
		return hopeless, &config.Problem{
			Message: "the project is not up",
			Hint:    "bring it up first: towline up, or the command \"Towline: Up\" of the editor",
		}
	case r == nil:
		return hopeless, &config.Problem{
			Message: fmt.Sprintf("no resource is named %q", req.Resource),
			Hint:    "the resources are: " + strings.Join(names(st), ", "),
		}
	case r.Kind == config.KindLocal:
		return hopeless, &config.Problem{
			Message: fmt.Sprintf("%s runs on this machine, not in a pod", req.Resource),
			Hint:    "debug it with the editor's own debugger",
		}
	case r.State == api.StateDisabled || r.State == api.StateStopped || r.State == api.StateStopping:
		return hopeless, &config.Problem{
			Message: fmt.Sprintf("%s is %s", req.Resource, r.State),
			Hint:    "bring it up first: towline up " + req.Resource,
		}
	}
	if r.NoDebug != nil {
		return hopeless, r.NoDebug
	}
	if p := absent(*r, req); p != nil {
		return hopeless, p
	}
	t := chosen(*r, req)
	switch {
	case t == nil && r.Phase == api.PhaseReady:
		return now, nil // the daemon knows best why there is no agent
	case t == nil:
		return later, nil
	case t.Pid != 0 || req.Launch:
		return now, nil
	case ended(*t):
		return hopeless, &config.Problem{
			Message: fmt.Sprintf("the program of %s is not started again: %s", req.Resource, t.Process),
			Hint:    "debug it with \"request\": \"launch\", which starts it, or start it by `towline restart " + req.Resource + "`",
		}
	}
	return later, nil
}

func resourceOf(st api.Status, name string) *api.ResourceStatus {
	for i := range st.Resources {
		if st.Resources[i].Name == name {
			return &st.Resources[i]
		}
	}
	return nil
}

func names(st api.Status) []string {
	list := make([]string, 0, len(st.Resources))
	for _, r := range st.Resources {
		list = append(list, r.Name)
	}
	return list
}

// process is one process of one container.
type process struct {
	pod, container string
	pid            int
}
