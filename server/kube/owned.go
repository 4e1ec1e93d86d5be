package kube

import (
	"context"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Owned lists every object of the cluster's namespace that carries a
// workspace's label, of all kinds that can be listed and deleted: what a
// Tiltfile applied in the past, whatever it says today. Objects that another
// object owns are left out, since they go with it, and so are kinds that the
// user may not list.
func (c *Cluster) Owned(ctx context.Context, workspace string) ([]map[string]any, error) {
	return c.Labelled(ctx, LabelManagedBy+"="+fieldManager+","+LabelWorkspace+"="+workspace)
}

// Labelled lists every object of the cluster's namespace that a selector
// matches, as Owned does.
func (c *Cluster) Labelled(ctx context.Context, selector string) ([]map[string]any, error) {
	kinds, err := c.deletableKinds()
	if err != nil {
		return nil, err
	}
	var mu sync.Mutex
	var owned []map[string]any
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(parallelApplies)
	for _, kind := range kinds {
		group.Go(func() error {
			list, err := c.dynamic.Resource(kind).Namespace(c.identity.Namespace).List(ctx, metav1.ListOptions{LabelSelector: selector})
			if apierrors.IsForbidden(err) || apierrors.IsNotFound(err) || apierrors.IsMethodNotSupported(err) {
				return nil
			}
			if err != nil {
				return classify("listing", kind.Resource, err)
			}
			mu.Lock()
			defer mu.Unlock()
			for _, item := range list.Items {
				if len(item.GetOwnerReferences()) == 0 {
					owned = append(owned, item.Object)
				}
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	return owned, nil
}

// deletableKinds are the kinds of objects that live in namespaces and that
// people make. A group whose server is down is left out.
func (c *Cluster) deletableKinds() ([]schema.GroupVersionResource, error) {
	lists, err := c.clientset.Discovery().ServerPreferredNamespacedResources()
	if len(lists) == 0 && err != nil {
		return nil, classify("listing the kinds of", c.identity.Context, err)
	}
	var kinds []schema.GroupVersionResource
	for _, list := range lists {
		gv, err := schema.ParseGroupVersion(list.GroupVersion)
		if err != nil || gv.Group == "metrics.k8s.io" {
			continue
		}
		for _, r := range list.APIResources {
			if slices.Contains(r.Verbs, "list") && slices.Contains(r.Verbs, "delete") && !slices.Contains(derivedKinds, r.Kind) {
				kinds = append(kinds, gv.WithResource(r.Name))
			}
		}
	}
	return kinds, nil
}

// derivedKinds are written by Kubernetes itself about other objects, whose
// labels some of them copy.
var derivedKinds = []string{"Event", "Endpoints", "EndpointSlice", "ControllerRevision"}
