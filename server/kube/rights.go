package kube

import (
	"context"
	"fmt"
	"strings"

	authorizationv1 "k8s.io/api/authorization/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Right is a verb on the objects of a resource, in the cluster's namespace.
type Right struct {
	Verb     string
	Group    string // "" is the core group
	Resource string // "pods" or, of a subresource, "pods/exec"
}

func (r Right) String() string {
	resource := r.Resource
	if r.Group != "" {
		resource += "." + r.Group
	}
	return r.Verb + " " + resource
}

// rule is what a Role grants: each verb on each resource of a group.
type rule struct {
	group            string
	resources, verbs []string
}

// rules are what Towline does in a namespace; docs/permissions.md has them with
// the reasons.
func rules() []rule {
	all := []string{"get", "list", "watch", "create", "patch", "delete"}
	return []rule{
		{"apps", []string{"deployments", "statefulsets", "daemonsets", "replicasets"}, all},
		{"batch", []string{"jobs", "cronjobs"}, all},
		{"", []string{"pods"}, all},
		{"", []string{"pods/log"}, []string{"get"}},
		{"", []string{"events"}, []string{"get", "list", "watch"}},
		{"", []string{"pods/exec", "pods/portforward"}, []string{"create", "get"}},
		{"", []string{"services", "configmaps", "secrets", "serviceaccounts", "persistentvolumeclaims"}, all},
		{"networking.k8s.io", []string{"ingresses", "networkpolicies"}, all},
	}
}

// Rights are what Towline does in a namespace.
func Rights() []Right {
	var rights []Right
	for _, rule := range rules() {
		for _, resource := range rule.resources {
			for _, verb := range rule.verbs {
				rights = append(rights, Right{Verb: verb, Group: rule.group, Resource: resource})
			}
		}
	}
	return rights
}

// Role is the YAML of a Role that grants the Rights in a namespace.
func Role(namespace string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata:\n  name: towline\n  namespace: %s\nrules:\n", namespace)
	for _, rule := range rules() {
		group := rule.group
		if group == "" {
			group = `""`
		}
		fmt.Fprintf(&b, "  - apiGroups: [%s]\n    resources: [%s]\n    verbs: [%s]\n", group, strings.Join(rule.resources, ", "), strings.Join(rule.verbs, ", "))
	}
	return b.String()
}

// May asks the cluster whether the kubeconfig's user has a right.
func (c *Cluster) May(ctx context.Context, r Right) (bool, error) {
	resource, sub, _ := strings.Cut(r.Resource, "/")
	review, err := c.clientset.AuthorizationV1().SelfSubjectAccessReviews().Create(ctx, &authorizationv1.SelfSubjectAccessReview{
		Spec: authorizationv1.SelfSubjectAccessReviewSpec{ResourceAttributes: &authorizationv1.ResourceAttributes{
			Namespace: c.identity.Namespace, Verb: r.Verb, Group: r.Group, Resource: resource, Subresource: sub,
		}},
	}, metav1.CreateOptions{})
	if err != nil {
		return false, classify("asking for the right to", r.String(), err)
	}
	return review.Status.Allowed, nil
}
