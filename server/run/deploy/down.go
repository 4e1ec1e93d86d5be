package deploy

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/towline-dev/towline/server/kube"
	"github.com/towline-dev/towline/starlark/config"
)

// Owner finds what a workspace has applied.
type Owner interface {
	Owned(ctx context.Context, workspace string) ([]map[string]any, error)
	Others(ctx context.Context, namespace string) ([]map[string]any, error)
	Identity() kube.Identity
}

// End says what is to be taken down.
type End struct {
	Applied    []map[string]any  // what is known to have been applied, beside what the labels show
	Deploys    []config.Resource // of k8s_custom_deploy, by their own commands
	Adopted    []map[string]any  // workloads that such commands named: some have got the agent
	Namespaces bool              // those of the YAML too
	Paused     []kube.Controller // of GitOps tools, for this workspace
}

// Down deletes what the workspace has applied and returns when it is gone.
// Only what carries its label is deleted, and not what the annotation
// tilt.dev/down-policy keeps. Of namespaces go those that were made for the
// workspace, once nothing of others is in them, and any if they are asked for.
// What a GitOps tool held before is handed back to it, and the tool resumed.
// The error joins all that was not deleted; nothing else was left out for it.
func (d *Deployer) Down(ctx context.Context, owner Owner, end End) error {
	owned, err := owner.Owned(ctx, d.o.WorkspaceID)
	if err != nil {
		return err
	}
	var errs []error
	for i := range slices.Backward(end.Deploys) {
		errs = append(errs, d.deleteByCommand(ctx, &end.Deploys[i]))
	}
	rest, theirs, err := d.unlisted(ctx, owner, owned, end.Applied)
	errs = append(errs, err)
	ours := slices.Concat(owned, rest)
	mine, err := d.handBack(ctx, ours)
	errs = append(errs, err)
	var doomed []map[string]any
	var made []string
	for _, o := range mine {
		ref := kube.RefOf(o)
		switch {
		case kube.Kept(o):
			d.logRetained(ref)
		case ref.Kind == "Namespace" && !end.Namespaces:
			if kube.MadeFor(o) == d.o.WorkspaceID {
				made = append(made, ref.Name)
			}
		default:
			doomed = append(doomed, o)
		}
	}
	adopted := d.adopted(ctx, end.Adopted)
	d.restoreWorkloads(ctx, adopted)
	errs = append(errs, d.o.Cluster.Delete(ctx, doomed, d.deletion()))
	for _, namespace := range made {
		errs = append(errs, d.deleteMade(ctx, owner, namespace))
	}
	errs = append(errs, d.resume(ctx, end.Paused, slices.Concat(ours, theirs, adopted)))
	return errors.Join(errs...)
}

func (d *Deployer) logRetained(ref kube.Ref) {
	d.o.Shell.Log.Say("", "", fmt.Sprintf("%s stays: its annotation %s says so", ref, kube.AnnotationDownPolicy))
}

func (d *Deployer) deletion() kube.DeleteOptions {
	return kube.DeleteOptions{Progress: func(p kube.Progress) { d.progress("", p) }}
}

// unlisted are the workspace's objects among those that are known, as far as
// the search by label did not show them: who may not list may still delete. Beside
// them are those that others have by now.
func (d *Deployer) unlisted(ctx context.Context, owner Owner, owned, applied []map[string]any) (ours, theirs []map[string]any, err error) {
	listed := map[kube.Ref]bool{}
	for _, o := range owned {
		listed[d.place(owner, o)] = true
	}
	var unknown []map[string]any
	for _, o := range applied {
		if ref := d.place(owner, o); !listed[ref] {
			listed[ref] = true
			unknown = append(unknown, o)
		}
	}
	current, err := d.o.Cluster.Current(ctx, unknown)
	for _, a := range current {
		if kube.WorkspaceOf(a.Content) == d.o.WorkspaceID {
			ours = append(ours, a.Content)
		} else {
			theirs = append(theirs, a.Content)
		}
	}
	return ours, theirs, err
}

// place names an object whatever version it is written in.
func (d *Deployer) place(owner Owner, o map[string]any) kube.Ref {
	ref := kube.RefOf(o)
	if kube.HasNamespace(ref) {
		ref.Namespace = cmp.Or(ref.Namespace, owner.Identity().Namespace)
	}
	return kube.Ref{Group: ref.Group, Kind: ref.Kind, Namespace: ref.Namespace, Name: ref.Name}
}

// deleteMade deletes a namespace that was made for the workspace, unless
// something else is in it by now, or may be: who may not look does not delete.
func (d *Deployer) deleteMade(ctx context.Context, owner Owner, namespace string) error {
	others, err := owner.Others(ctx, namespace)
	if kube.IsKind(err, kube.Forbidden) {
		d.o.Shell.Log.Say("", "warn", fmt.Sprintf("namespace %s stays, since it may not be empty: %v", namespace, err))
		return nil
	}
	if err != nil {
		return err
	}
	if heir := heirOf(others); heir != nil {
		return d.bequeath(ctx, namespace, heir)
	}
	if len(others) > 0 {
		d.o.Shell.Log.Say("", "warn", fmt.Sprintf("namespace %s stays: %s is in it", namespace, kube.RefOf(others[0])))
		return nil
	}
	object := map[string]any{"apiVersion": "v1", "kind": "Namespace", "metadata": map[string]any{"name": namespace}}
	return d.o.Cluster.Delete(ctx, []map[string]any{object}, d.deletion())
}

// heirOf is an object of the one other workspace that has all that is in a namespace,
// nil where others have.
func heirOf(others []map[string]any) map[string]any {
	for _, o := range others {
		if workspace := kube.WorkspaceOf(o); workspace == "" || workspace != kube.WorkspaceOf(others[0]) {
			return nil
		}
	}
	if len(others) == 0 {
		return nil
	}
	return others[0]
}

// bequeath leaves a namespace that was made for the workspace to the one that took over
// what was in it, whose down deletes it.
func (d *Deployer) bequeath(ctx context.Context, namespace string, heir map[string]any) error {
	object := map[string]any{"apiVersion": "v1", "kind": "Namespace", "metadata": map[string]any{"name": namespace}}
	workspace := kube.WorkspaceOf(heir)
	_, err := d.o.Cluster.Patch(ctx, object, map[string]any{"metadata": map[string]any{
		"labels":      map[string]any{kube.LabelMade: workspace, kube.LabelWorkspace: workspace},
		"annotations": map[string]any{kube.AnnotationOwner: kube.OwnedBy(heir)},
	}})
	if err == nil {
		d.o.Shell.Log.Say("", "", fmt.Sprintf("namespace %s stays, and is left to %s, whose objects are in it", namespace, kube.OwnedBy(heir)))
	}
	return err
}
