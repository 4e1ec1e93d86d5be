package deploy

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/towline-dev/towline/server/kube"
	"github.com/towline-dev/towline/server/run/inbox"
	"github.com/towline-dev/towline/starlark/config"
)

// GitOps has Argo CD and Flux leave alone what they hold, and gives it back to them.
type GitOps interface {
	Fight(ctx context.Context, by kube.Controller) (string, error)
	Pause(ctx context.Context, by kube.Controller, who kube.Pauser) (done bool, err error)
	Resume(ctx context.Context, by kube.Controller, workspace string) (done bool, err error)
	HandBack(ctx context.Context, object map[string]any) (deleted bool, err error)
}

// decision is what is to become of what a Controller holds: what a person said of it,
// or else of all, or else the Tiltfile.
func (d *Deployer) decision(ctx context.Context, by kube.Controller) config.GitOps {
	if d.o.Decided != nil {
		if said := d.o.Decided(by.ID()); said != "" {
			return said
		}
	}
	return inbox.Ask(ctx, d.box, func(_ context.Context, s *state) config.GitOps { return s.project.Settings.Ours().Held() })
}

// held decides what becomes of an object that a GitOps tool holds, before it is
// written: it is left, or what holds it is paused first, or a person is asked.
func (d *Deployer) held(ctx context.Context, resource string, by kube.Controller, object kube.Ref) (leave bool, err error) {
	switch d.decision(ctx, by) {
	case config.GitOpsApply:
		return false, nil
	case config.GitOpsLeave:
		d.o.Shell.Log.Say(resource, "", fmt.Sprintf("%s is left to %s, as it is", object, by))
		return true, nil
	case config.GitOpsPause:
		if d.o.Paused != nil {
			d.o.Paused(by) // before it is, so that whoever comes next looks
		}
		done, err := d.o.Cluster.Pause(ctx, by, kube.Pauser{Workspace: d.o.WorkspaceID, Owner: d.o.Owner})
		if done {
			d.o.Shell.Log.Say(resource, "warn", fmt.Sprintf("paused %s, which holds %s: `towline down` resumes it", by, object))
		}
		if err == nil || ctx.Err() != nil {
			return false, err
		}
		return false, asksWhatHolds(by, object, fmt.Sprintf("it is held to a Git repository by %s, which cannot be paused from here: %v", by, cause(err)))
	}
	how, err := d.o.Cluster.Fight(ctx, by)
	if ctx.Err() != nil {
		return false, ctx.Err()
	}
	text := fmt.Sprintf("it is held to a Git repository by %s, which %s", by, how)
	if err != nil {
		text = fmt.Sprintf("it is held to a Git repository by %s; what that does about changes is not known, and it cannot be paused from here: %v", by, cause(err))
	}
	return false, asksWhatHolds(by, object, text)
}

// asksWhatHolds is an error that a person may decide about.
func asksWhatHolds(by kube.Controller, object kube.Ref, text string) error {
	return &kube.Error{Kind: kube.Taken, Op: "writing", Object: object.String(), Asks: by.ID(), Err: errors.New(text)}
}

// cause is an error of the cluster without what was attempted.
func cause(err error) error {
	if e := (*kube.Error)(nil); errors.As(err, &e) {
		return e.Err
	}
	return err
}

// handBack gives what is borrowed back to the tools that held it, and returns the
// other objects.
func (d *Deployer) handBack(ctx context.Context, objects []map[string]any) (own []map[string]any, err error) {
	var errs []error
	for _, o := range objects {
		if !kube.Borrowed(o) {
			own = append(own, o)
			continue
		}
		by, _ := kube.ControllerOf(o)
		deleted, err := d.o.Cluster.HandBack(ctx, o)
		switch {
		case err != nil:
			errs = append(errs, err)
		case deleted:
			d.o.Shell.Log.Say("", "", fmt.Sprintf("%s deleted, since it cannot be changed back: %s makes it anew", kube.RefOf(o), by))
		default:
			d.o.Shell.Log.Say("", "", fmt.Sprintf("%s handed back to %s, as it was", kube.RefOf(o), by))
		}
	}
	return own, errors.Join(errs...)
}

// holders are what holds some objects, each once.
func holders(objects []map[string]any) (found []kube.Controller) {
	for _, o := range objects {
		if by, held := kube.ControllerOf(o); held && !slices.Contains(found, by) {
			found = append(found, by)
		}
	}
	return found
}

// resume ends the pauses of this workspace: those that are known, and any of what
// holds some objects, as far as that may be looked at.
func (d *Deployer) resume(ctx context.Context, known []kube.Controller, objects []map[string]any) error {
	marked := slices.DeleteFunc(holders(objects), func(by kube.Controller) bool { return slices.Contains(known, by) })
	var errs []error
	for i, by := range slices.Concat(known, marked) {
		done, err := d.o.Cluster.Resume(ctx, by, d.o.WorkspaceID)
		if done {
			d.o.Shell.Log.Say("", "", fmt.Sprintf("resumed %s", by))
		}
		if i < len(known) || !kube.IsKind(err, kube.Forbidden) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// resumeUnused ends the pauses of what held objects that went, unless it holds others
// that stay.
func (d *Deployer) resumeUnused(ctx context.Context, gone []map[string]any) error {
	if len(holders(gone)) == 0 {
		return nil
	}
	stay, err := d.o.Cluster.Labelled(ctx, kube.LabelWorkspace+"="+d.o.WorkspaceID)
	if err != nil {
		return err
	}
	used := holders(append(stay, d.adopted(ctx, nil)...))
	return d.resume(ctx, nil, slices.DeleteFunc(gone, func(o map[string]any) bool {
		by, _ := kube.ControllerOf(o)
		return slices.Contains(used, by)
	}))
}
