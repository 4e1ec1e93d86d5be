package deploy

import (
	"context"
	"slices"

	"github.com/towline-dev/towline/server/kube"
	"github.com/towline-dev/towline/starlark/config"
)

// Owner finds what a workspace has applied.
type Owner interface {
	Owned(ctx context.Context, workspace string) ([]map[string]any, error)
	Identity() kube.Identity
}

// Down deletes all that the workspace has applied, whatever the project says
// today, and returns when it is gone. Namespaces stay unless they are asked
// for.
func (d *Deployer) Down(ctx context.Context, owner Owner, p *config.Project, namespaces bool) error {
	owned, err := owner.Owned(ctx, d.o.Workspace)
	if err != nil {
		return err
	}
	seen := map[kube.Ref]bool{}
	var doomed []map[string]any
	add := func(o map[string]any) {
		ref := kube.RefOf(o)
		if seen[ref] || ref.Kind == "Namespace" && !namespaces {
			return
		}
		seen[ref] = true
		doomed = append(doomed, o)
	}
	for _, o := range owned {
		add(o)
	}
	if p != nil {
		for _, o := range p.YAML {
			// The search by label looks at one namespace.
			if ns := kube.RefOf(o.Content).Namespace; ns == "" || ns != owner.Identity().Namespace {
				add(o.Content)
			}
		}
		for i := range slices.Backward(p.Resources) {
			d.deleteByCommand(ctx, &p.Resources[i])
		}
	}
	d.takeAgentsOut(ctx, d.adopted(ctx))
	return d.o.Cluster.Delete(ctx, doomed, kube.DeleteOptions{Progress: func(p kube.Progress) { d.progress("", p) }})
}
