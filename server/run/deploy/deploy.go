// Package deploy applies and deletes a project's objects, by itself or by a
// resource's own commands.
//
// Applies and deletions of one resource come one after the other, in the order
// in which they were asked for: what is deleted is not applied meanwhile, and
// the other way round.
package deploy

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/towline-dev/towline/server/build"
	"github.com/towline-dev/towline/server/engine"
	"github.com/towline-dev/towline/server/kube"
	"github.com/towline-dev/towline/server/run/command"
	"github.com/towline-dev/towline/server/run/inbox"
	"github.com/towline-dev/towline/server/run/output"
	"github.com/towline-dev/towline/server/run/rollout"
	"github.com/towline-dev/towline/starlark/config"
)

// Cluster changes objects. Its methods are called concurrently, for different
// resources.
type Cluster interface {
	Apply(ctx context.Context, objects []map[string]any, o kube.ApplyOptions) ([]kube.Applied, error)
	Delete(ctx context.Context, objects []map[string]any, o kube.DeleteOptions) error
	Current(ctx context.Context, objects []map[string]any) ([]kube.Applied, error)
	Adopter
	GitOps
}

// Adopter changes what another program applied, and finds it again.
type Adopter interface {
	Patch(ctx context.Context, object, patch map[string]any) (kube.Applied, error)
	Labelled(ctx context.Context, selector string) ([]map[string]any, error)
}

// Images knows what the project's images became.
type Images interface {
	Built(ref string) build.Result
	// Config reads the settings of any image.
	Config(ctx context.Context, image string) (build.ImageConfig, error)
	// Agent makes sure that the cluster can run the agent's image, and returns
	// its name, "" without an agent. near is one of the project's images.
	Agent(ctx context.Context, near string) (string, error)
}

// Options are what a Deployer works with. The functions may be called from any
// goroutine and must not block.
type Options struct {
	WorkspaceID string
	Owner       string                        // of the workspace, for a person who finds its objects
	Take        func(owner string) bool       // see kube.ApplyOptions
	Decided     func(id string) config.GitOps // what a person said of what a Controller holds, by its ID; "": nothing. Nil: never anything
	Paused      func(kube.Controller)         // it is about to be paused. Nil is fine
	Namespace   string                        // where the project lives
	Cluster     Cluster
	Images      Images
	Shell       command.Shell
	Rollout     *rollout.Follower
	Tell        func(engine.Event)
	Deployed    func(config.Resource)  // all of a resource is applied
	Dropped     func([]string)         // nothing of these resources is to stay
	Objects     func([]map[string]any) // what a command applied, which stands in no Tiltfile
}

// Deployer applies and deletes. Its methods may be called concurrently and do
// not wait. One goroutine owns the order; each apply and each deletion has one
// of its own.
type Deployer struct {
	o      Options
	box    *inbox.Inbox[state]
	recall *kube.Recollection
}

// state is what the owner knows.
type state struct {
	project *config.Project
	last    map[string]*inbox.Operation // the last apply or deletion of a resource
	said    map[string]*output.Repeats  // why its applies failed since the last that a person or a change caused
	adopted []map[string]any            // workloads that got the agent
}

// Start returns a Deployer.
func Start(ctx context.Context, o Options) *Deployer {
	return &Deployer{o: o, recall: kube.NewRecollection(o.WorkspaceID), box: inbox.Start(ctx, &state{project: &config.Project{}, last: map[string]*inbox.Operation{}, said: map[string]*output.Repeats{}})}
}

// Close ends all that goes on and waits for it.
func (d *Deployer) Close() { d.box.Close() }

// Configure tells of the project whose objects are applied.
func (d *Deployer) Configure(p *config.Project) {
	d.box.Put(func(_ context.Context, s *state) { s.project = p })
}

// next takes the next turn of a resource; before has ended when it may begin.
func (s *state) next(ctx context.Context, resource string) (own context.Context, o, before *inbox.Operation) {
	own, o = inbox.Begin(ctx)
	before, s.last[resource] = s.last[resource], o
	return own, o, before
}

// Apply applies a resource's objects, and answers with engine.Applied unless
// the resource is dropped meanwhile.
func (d *Deployer) Apply(e engine.Apply) {
	d.box.Put(func(ctx context.Context, s *state) {
		ctx, own, before := s.next(ctx, e.Resource.Name)
		d.box.Go(func() {
			defer own.End()
			before.Wait()
			d.apply(ctx, e)
		})
	})
}

func (d *Deployer) apply(ctx context.Context, e engine.Apply) {
	u, problem, passing := d.deploy(ctx, e)
	if ctx.Err() != nil {
		return // nobody waits for it: the resource is no longer wanted, or nothing is
	}
	if text := d.newMessage(ctx, e, problem); text != "" {
		d.o.Shell.Log.Say(e.Resource.Name, "error", text)
	}
	d.o.Tell(engine.Applied{Resource: e.Resource.Name, Agentless: u.agentless, Ending: u.ending, Problem: problem, Passing: passing})
	if passing {
		d.box.Put(func(context.Context, *state) {
			d.box.After(retryPause, func(context.Context, *state) { d.o.Tell(engine.Retry{Resource: e.Resource.Name}) })
		})
	}
	if problem == nil {
		d.o.Rollout.Observe(e.Resource.Name)
		d.o.Deployed(e.Resource)
	}
}

// newMessage is what to say of the problem of an apply, "" when it was told: what
// is tried again by itself is told once, and counted; what a person did is answered.
func (d *Deployer) newMessage(ctx context.Context, e engine.Apply, problem *config.Problem) string {
	return inbox.Ask(ctx, d.box, func(_ context.Context, s *state) string {
		resource := e.Resource.Name
		if problem == nil || !e.Again {
			delete(s.said, resource)
		}
		if problem == nil {
			return ""
		}
		if s.said[resource] == nil {
			s.said[resource] = &output.Repeats{}
		}
		return s.said[resource].Tell(problem.Error())
	})
}

// retryPause is the time after which an apply that lacked something is tried
// again, if nothing that the engine knows of arrived before.
const retryPause = 10 * time.Second

// deploy applies, and returns the images that no live update reaches, and of a
// problem whether it may pass by itself.
func (d *Deployer) deploy(ctx context.Context, e engine.Apply) (u unreached, problem *config.Problem, passing bool) {
	project := inbox.Ask(ctx, d.box, func(_ context.Context, s *state) *config.Project { return s.project })
	if project == nil {
		return u, nil, false // it has ended
	}
	limit := project.Settings.UpsertTimeout
	ctx, cancel := within(ctx, limit)
	defer cancel()
	defer func() {
		if problem != nil && errors.Is(context.Cause(ctx), errLate) {
			problem, passing = late(e.Resource, limit, problem), false
		}
	}()
	if e.Resource.CustomDeploy != nil {
		u, problem = d.applyByCommand(ctx, e, e.Resource.CustomDeploy)
		return u, problem, false
	}
	o, problem := d.objects(ctx, project, e)
	if problem != nil {
		return u, problem, false
	}
	d.o.Rollout.Begin(e.Resource)
	applied, err := d.o.Cluster.Apply(ctx, o.contents, kube.ApplyOptions{
		Labels: map[string]string{kube.LabelWorkspace: d.o.WorkspaceID, kube.LabelResource: kube.LabelValue(e.Resource.Name)},
		Owner:  d.o.Owner, Take: d.o.Take,
		Held: func(ctx context.Context, by kube.Controller, object kube.Ref) (bool, error) {
			return d.held(ctx, e.Resource.Name, by, object)
		},
		Anew: e.Forced, ClientSide: project.Settings.ServerSideApply == "false",
		Recall:   d.recall,
		Progress: func(p kube.Progress) { d.progress(e.Resource.Name, p) },
	})
	d.o.Rollout.Applied(e.Resource, o.withTemplates(applied), err == nil)
	if err != nil {
		return u, applyProblem(err, o.sources), kube.Passing(err)
	}
	return o.unreached, nil, false
}

// errLate is why an apply ends that takes longer than the Tiltfile allows.
var errLate = errors.New("too late")

// within is a context that ends when an apply has taken as long as the Tiltfile
// allows; 0 is any time.
func within(ctx context.Context, limit time.Duration) (context.Context, context.CancelFunc) {
	if limit == 0 {
		return ctx, func() {}
	}
	return context.WithTimeoutCause(ctx, limit, errLate)
}

// late says so, and what was under way.
func late(res config.Resource, limit time.Duration, under *config.Problem) *config.Problem {
	secs := int(limit / time.Second)
	return &config.Problem{
		Message: fmt.Sprintf("applying took longer than the %ds that update_settings(k8s_upsert_timeout_secs=%d) allows: %s", secs, secs, under.Message),
		Hint:    "allow more there, or look at what it waits for: `towline logs " + res.Name + "`",
		Pos:     res.Pos,
	}
}

// Forget deletes what the project no longer has. Of a resource of which
// nothing stays, an apply that goes on is cancelled, and a later one waits for
// the deletion; of any other, only what was applied before is waited for.
func (d *Deployer) Forget(e engine.Forget) {
	d.box.Put(func(ctx context.Context, s *state) {
		var before, own []*inbox.Operation
		for _, o := range e.Objects {
			if t := s.last[o.Resource]; t != nil && !slices.Contains(e.Dropped, o.Resource) {
				before = append(before, t)
			}
		}
		for _, name := range e.Dropped {
			delete(s.said, name)
			s.last[name].Cancel()
			_, o, last := s.next(ctx, name)
			own, before = append(own, o), append(before, last)
		}
		d.box.Go(func() {
			for _, o := range own {
				defer o.End()
			}
			for _, o := range before {
				o.Wait()
			}
			d.forget(ctx, e)
		})
	})
}

// forget deletes. Namespaces stay: what else is in them is not ours. So does
// what is to outlive the project: whoever keeps data over `down` does not mean
// to lose it with a line of the Tiltfile.
func (d *Deployer) forget(ctx context.Context, e engine.Forget) {
	d.o.Rollout.Dropped(e.Dropped)
	d.o.Dropped(e.Dropped)
	for i := range e.Deploys {
		_ = d.deleteByCommand(ctx, &e.Deploys[i]) // it is in the log
	}
	if len(e.Deploys) > 0 {
		d.removeAgents(ctx, e.Deploys)
	}
	var contents []map[string]any
	for _, o := range e.Objects {
		switch ref := kube.RefOf(o.Content); {
		case ref.Kind == "Namespace":
		case kube.Kept(o.Content):
			d.logRetained(ref)
		default:
			contents = append(contents, o.Content)
		}
	}
	refs := make([]kube.Ref, len(contents))
	for i, o := range contents {
		refs[i] = kube.RefOf(o)
	}
	d.o.Rollout.Leaving(refs)
	if err := d.drop(ctx, contents); err != nil && ctx.Err() == nil {
		d.o.Shell.Log.Say("", "error", fmt.Sprintf("deleting what the Tiltfile no longer has: %v", err))
	}
}

// drop deletes those of some objects that are still ours, or hands them back.
func (d *Deployer) drop(ctx context.Context, objects []map[string]any) error {
	if len(objects) == 0 {
		return nil
	}
	current, err := d.o.Cluster.Current(ctx, objects)
	var ours []map[string]any
	for _, a := range current {
		if kube.WorkspaceOf(a.Content) == d.o.WorkspaceID {
			ours = append(ours, a.Content)
		}
	}
	own, failed := d.handBack(ctx, ours)
	err = errors.Join(err, failed, d.o.Cluster.Delete(ctx, own, kube.DeleteOptions{Progress: func(p kube.Progress) { d.progress("", p) }}))
	borrowed := slices.DeleteFunc(ours, func(o map[string]any) bool { return !kube.Borrowed(o) })
	return errors.Join(err, d.resumeUnused(ctx, borrowed))
}

// progress writes what was done to an object to the resource's log.
func (d *Deployer) progress(resource string, p kube.Progress) {
	if p.Action == kube.Unchanged || p.Action == kube.Left {
		return
	}
	text := fmt.Sprintf("%s %s", p.Object, p.Action)
	if p.Message != "" {
		text += ": " + p.Message
	}
	d.o.Shell.Log.Say(resource, "", text)
}
