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

// Owned lists every object that carries a workspace's label, in all
// namespaces and outside of them, of all kinds that can be listed and deleted:
// what a Tiltfile applied in the past, whatever it says today. Who may not
// list in all namespaces gets those of the cluster's own. Objects that another
// object owns are left out, since they go with it, and so are kinds that the
// user may not list.
func (c *Cluster) Owned(ctx context.Context, workspace string) ([]map[string]any, error) {
	return c.Labelled(ctx, LabelManagedBy+"="+fieldManager+","+LabelWorkspace+"="+workspace)
}

// Labelled lists every object that a selector matches, as Owned does.
func (c *Cluster) Labelled(ctx context.Context, selector string) ([]map[string]any, error) {
	return c.listAll(ctx, "", selector)
}

// Others lists what is in a namespace beside what Kubernetes itself puts into
// each: it tells whether a namespace is empty. What may not be listed is an
// error, since there may be some.
func (c *Cluster) Others(ctx context.Context, namespace string) ([]map[string]any, error) {
	all, err := c.listAll(ctx, namespace, "")
	return slices.DeleteFunc(all, func(o map[string]any) bool {
		switch ref := RefOf(o); ref.Kind {
		case "ServiceAccount":
			return ref.Name == "default"
		case "ConfigMap":
			return ref.Name == "kube-root-ca.crt"
		}
		return false
	}), err
}

// listAll lists the objects of a selector, of all kinds: in one namespace, or
// everywhere when none is named.
func (c *Cluster) listAll(ctx context.Context, namespace, selector string) ([]map[string]any, error) {
	kinds, err := c.deletableKinds(namespace == "")
	if err != nil {
		return nil, err
	}
	var mu sync.Mutex
	var found []map[string]any
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(parallelApplies)
	for _, kind := range kinds {
		group.Go(func() error {
			options := metav1.ListOptions{LabelSelector: selector}
			list, err := c.dynamic.Resource(kind.resource).Namespace(namespace).List(ctx, options)
			if apierrors.IsForbidden(err) && namespace == "" && kind.namespaced {
				list, err = c.dynamic.Resource(kind.resource).Namespace(c.identity.Namespace).List(ctx, options)
			}
			if apierrors.IsForbidden(err) && namespace != "" {
				return classify("listing", kind.resource.Resource, err)
			}
			if apierrors.IsForbidden(err) || apierrors.IsNotFound(err) || apierrors.IsMethodNotSupported(err) {
				return nil
			}
			if err != nil {
				return classify("listing", kind.resource.Resource, err)
			}
			mu.Lock()
			defer mu.Unlock()
			for _, item := range list.Items {
				if len(item.GetOwnerReferences()) == 0 {
					found = append(found, item.Object)
				}
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	return found, nil
}

// deletableKind is a kind of objects that people make.
type deletableKind struct {
	resource   schema.GroupVersionResource
	namespaced bool
}

// deletableKinds are the kinds of objects that people make, those outside of
// namespaces only if they are wanted. A group whose server is down is left out.
func (c *Cluster) deletableKinds(all bool) ([]deletableKind, error) {
	lists, err := c.clientset.Discovery().ServerPreferredResources()
	if len(lists) == 0 && err != nil {
		return nil, classify("listing the kinds of", c.identity.Context, err)
	}
	var kinds []deletableKind
	for _, list := range lists {
		gv, err := schema.ParseGroupVersion(list.GroupVersion)
		if err != nil || gv.Group == "metrics.k8s.io" {
			continue
		}
		for _, r := range list.APIResources {
			if (all || r.Namespaced) && slices.Contains(r.Verbs, "list") && slices.Contains(r.Verbs, "delete") && !slices.Contains(derivedKinds, r.Kind) {
				kinds = append(kinds, deletableKind{resource: gv.WithResource(r.Name), namespaced: r.Namespaced})
			}
		}
	}
	return kinds, nil
}

// derivedKinds are written by Kubernetes itself about other objects, whose
// labels some of them copy.
var derivedKinds = []string{"Event", "Endpoints", "EndpointSlice", "ControllerRevision"}
