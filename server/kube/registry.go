package kube

import (
	"context"
	"errors"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/towline-dev/towline/starlark/config"
	"github.com/towline-dev/towline/starlark/kubeconfig"
)

// DiscoverRegistry finds the registry that a local cluster says it pulls
// from: by the ConfigMap that KEP-1755 describes, by the annotations that older
// scripts leave on nodes, or by MicroK8s' add-on. It returns nil when there is
// none. Where that may not be read, unread says which right is missing: there
// may be one.
func (c *Cluster) DiscoverRegistry(ctx context.Context) (found *config.Registry, unread string, err error) {
	places := []struct {
		look func(context.Context) (*config.Registry, error)
		what string
	}{
		{c.documentedRegistry, "get configmaps in the namespace kube-public"},
		{c.annotatedRegistry, "list nodes"},
		{c.addonRegistry, "get services in the namespace container-registry"},
	}
	if c.identity.Product != kubeconfig.MicroK8s {
		places = places[:2]
	}
	for _, place := range places {
		found, err := place.look(ctx)
		switch {
		case apierrors.IsForbidden(err):
			unread = "you may not " + place.what + ", where it would say so"
		case err != nil && !apierrors.IsNotFound(err):
			return nil, "", classify("looking for the registry of", c.identity.Context, err)
		case found != nil:
			return found, "", nil
		}
	}
	return nil, unread, nil
}

// PullSecrets returns the Docker configurations in a namespace, by which its pods may
// pull images: none where they may not be read.
func (c *Cluster) PullSecrets(ctx context.Context, namespace string) [][]byte {
	list, err := c.clientset.CoreV1().Secrets(namespace).List(ctx, metav1.ListOptions{FieldSelector: "type=" + string(corev1.SecretTypeDockerConfigJson)})
	if err != nil {
		return nil // a registry that asks for a login says so
	}
	var all [][]byte
	for _, secret := range list.Items {
		all = append(all, secret.Data[corev1.DockerConfigJsonKey])
	}
	return all
}

// documentedRegistry reads the ConfigMap local-registry-hosting.
func (c *Cluster) documentedRegistry(ctx context.Context) (*config.Registry, error) {
	m, err := c.clientset.CoreV1().ConfigMaps(metav1.NamespacePublic).Get(ctx, "local-registry-hosting", metav1.GetOptions{})
	if err != nil {
		return nil, err
	}
	return parseRegistryHosting(m.Data["localRegistryHosting.v1"])
}

// parseRegistryHosting reads the document of KEP-1755. Its host is empty when
// the registry cannot be pushed to from outside.
func parseRegistryHosting(text string) (*config.Registry, error) {
	var hosting struct {
		Host                     string `json:"host"`
		HostFromContainerRuntime string `json:"hostFromContainerRuntime"`
		HostFromClusterNetwork   string `json:"hostFromClusterNetwork"`
	}
	if err := yaml.Unmarshal([]byte(text), &hosting); err != nil {
		return nil, errors.New("the ConfigMap kube-public/local-registry-hosting cannot be read: " + err.Error())
	}
	if hosting.Host == "" {
		return nil, nil
	}
	r := newRegistry(hosting.Host, hosting.HostFromContainerRuntime)
	r.HostFromPods = strings.TrimSuffix(hosting.HostFromClusterNetwork, "/")
	return r, nil
}

// annotatedRegistry reads the nodes' annotations.
func (c *Cluster) annotatedRegistry(ctx context.Context) (*config.Registry, error) {
	nodes, err := c.clientset.CoreV1().Nodes().List(ctx, metav1.ListOptions{ResourceVersion: "0", Limit: 10})
	if err != nil {
		return nil, err
	}
	for _, node := range nodes.Items {
		if r := registryOfNode(node); r != nil {
			return r, nil
		}
	}
	return nil, nil
}

// registryOfNode knows the annotations in use.
func registryOfNode(node corev1.Node) *config.Registry {
	if host := node.Annotations["tilt.dev/registry"]; host != "" {
		return newRegistry(host, node.Annotations["tilt.dev/registry-from-cluster"])
	}
	if host := node.Annotations["kind.x-k8s.io/registry"]; host != "" {
		return newRegistry(host, "")
	}
	return nil
}

// addonRegistry looks for MicroK8s' registry, which listens on each node.
func (c *Cluster) addonRegistry(ctx context.Context) (*config.Registry, error) {
	service, err := c.clientset.CoreV1().Services("container-registry").Get(ctx, "registry", metav1.GetOptions{})
	if err != nil {
		return nil, err
	}
	for _, port := range service.Spec.Ports {
		if port.NodePort == 32000 {
			return newRegistry("localhost:32000", ""), nil
		}
	}
	return nil, nil
}

// newRegistry leaves the cluster's name of the registry out when it is the
// host's too.
func newRegistry(host, fromCluster string) *config.Registry {
	host, fromCluster = strings.TrimSuffix(host, "/"), strings.TrimSuffix(fromCluster, "/")
	if fromCluster == host {
		fromCluster = ""
	}
	return &config.Registry{Host: host, HostFromCluster: fromCluster}
}
