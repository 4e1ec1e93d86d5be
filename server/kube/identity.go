package kube

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"slices"
	"strings"

	"k8s.io/client-go/rest"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/towline-dev/towline/starlark/config"
)

// Product is what runs a cluster, guessed from its context. "" is unknown.
type Product string

// The products that are made for development on one's own machine.
const (
	ProductKind           Product = "kind"
	ProductMinikube       Product = "minikube"
	ProductK3D            Product = "k3d"
	ProductDockerDesktop  Product = "docker-desktop"
	ProductMicroK8s       Product = "microk8s"
	ProductCRC            Product = "crc"
	ProductRancherDesktop Product = "rancher-desktop"
	ProductColima         Product = "colima"
	ProductOrbStack       Product = "orbstack"
	ProductKrucible       Product = "krucible"
	ProductTestbed        Product = "towline-testbed" // this project's own test bed
)

// Identity names a cluster beyond doubt: a context's name alone may point
// elsewhere tomorrow.
type Identity struct {
	Context   string
	Cluster   string // the kubeconfig's name of the cluster entry
	Namespace string
	Server    string // URL of the API server
	CAHash    string // hex SHA-256 of the cluster's CA, "" when it has none of its own
	Product   Product
}

// Pin is the text that an answer "yes, use this cluster" is remembered under:
// the same context name with another CA (or, without a CA, another server) has
// another Pin.
func (id Identity) Pin() string {
	proof := id.CAHash
	if proof == "" {
		proof = "server:" + id.Server
	}
	return id.Context + "@" + proof
}

// Local reports whether the cluster is one for development by its kind, which
// needs no permission.
func (id Identity) Local() bool { return id.Product != "" }

// Allowed says whether a cluster may be used: it is local by its kind, or its
// context's name is in the list of allow_k8s_contexts (or its Pin, for a
// remembered answer). When it is not, the problem names the context and what
// to write.
func Allowed(id Identity, allowed []string) (bool, *config.Problem) {
	if id.Local() || slices.Contains(allowed, id.Context) || slices.Contains(allowed, id.Pin()) {
		return true, nil
	}
	return false, &config.Problem{
		Message: fmt.Sprintf("the Kubernetes context %q (%s) is not allowed", id.Context, id.Server),
		Hint: fmt.Sprintf("if you mean to deploy there, add allow_k8s_contexts('%s') to the Tiltfile; else switch: kubectl config use-context NAME",
			strings.ReplaceAll(id.Context, "'", `\'`)),
	}
}

// identify describes a context of a kubeconfig.
func identify(name, namespace string, raw *clientcmdapi.Config, cfg *rest.Config) Identity {
	id := Identity{Context: name, Namespace: namespace, Server: cfg.Host}
	if ctx := raw.Contexts[name]; ctx != nil {
		id.Cluster = ctx.Cluster
	}
	ca := cfg.CAData
	if len(ca) == 0 && cfg.CAFile != "" {
		ca, _ = os.ReadFile(cfg.CAFile)
	}
	if len(ca) > 0 {
		sum := sha256.Sum256(ca)
		id.CAHash = hex.EncodeToString(sum[:])
	}
	id.Product = guessProduct(name, id.Cluster, raw.Clusters[id.Cluster])
	return id
}

// guessProduct tells a product by the names that it gives its kubeconfig
// entries. The cluster's name is asked first, since users rename contexts.
func guessProduct(context, clusterName string, cluster *clientcmdapi.Cluster) Product {
	if cluster != nil && hasMinikubeExtension(cluster) {
		return ProductMinikube
	}
	for _, name := range []string{clusterName, context} {
		if p := productOfName(name); p != "" {
			return p
		}
	}
	return ""
}

// productOfName knows each product's names and prefixes.
func productOfName(name string) Product {
	switch name {
	case "minikube":
		return ProductMinikube
	case "docker-desktop", "docker-for-desktop", "docker-for-desktop-cluster":
		return ProductDockerDesktop
	case "microk8s", "microk8s-cluster":
		return ProductMicroK8s
	case "rancher-desktop":
		return ProductRancherDesktop
	case "colima":
		return ProductColima
	case "orbstack":
		return ProductOrbStack
	case "kind":
		return ProductKind
	case "towline-testbed":
		return ProductTestbed
	}
	for prefix, product := range map[string]Product{
		"kind-": ProductKind, "k3d-": ProductK3D, "colima-": ProductColima, "krucible-": ProductKrucible,
		"api-crc-testing": ProductCRC,
	} {
		if strings.HasPrefix(name, prefix) {
			return product
		}
	}
	return ""
}

// hasMinikubeExtension recognises the marker that minikube leaves on cluster
// entries, whatever the profile is called.
func hasMinikubeExtension(cluster *clientcmdapi.Cluster) bool {
	for name, ext := range cluster.Extensions {
		if name != "cluster_info" {
			continue
		}
		if text := fmt.Sprint(ext); strings.Contains(text, "minikube") {
			return true
		}
		if u, ok := ext.(interface{ MarshalJSON() ([]byte, error) }); ok {
			body, err := u.MarshalJSON()
			return err == nil && strings.Contains(string(body), "minikube")
		}
	}
	return false
}

// contextProblem says why a context cannot be opened, nil when it can.
func contextProblem(raw *clientcmdapi.Config, name, path string) *config.Problem {
	known := make([]string, 0, len(raw.Contexts))
	for n := range raw.Contexts {
		known = append(known, n)
	}
	slices.Sort(known)
	switch {
	case len(known) == 0:
		return &config.Problem{
			Message: fmt.Sprintf("no Kubernetes cluster is configured (looked in %s)", path),
			Hint:    "set KUBECONFIG to the file of your cluster, or start a local one (`make cluster-up`, `kind create cluster`)",
		}
	case name == "":
		return &config.Problem{
			Message: fmt.Sprintf("the kubeconfig %s has no current context", path),
			Hint:    "choose one: kubectl config use-context " + strings.Join(known, " | "),
		}
	case !slices.Contains(known, name):
		return &config.Problem{
			Message: fmt.Sprintf("the kubeconfig %s has no context %q", path, name),
			Hint:    "it has: " + strings.Join(known, ", "),
		}
	}
	ctx := raw.Contexts[name]
	if raw.Clusters[ctx.Cluster] == nil {
		return &config.Problem{
			Message: fmt.Sprintf("the context %q of %s names the cluster %q, which is not there", name, path, ctx.Cluster),
			Hint:    "check it with `kubectl config view`",
		}
	}
	return nil
}

// kubeconfigFile is the file that defines a context.
func kubeconfigFile(raw *clientcmdapi.Config, name, fallback string) string {
	if ctx := raw.Contexts[name]; ctx != nil && ctx.LocationOfOrigin != "" {
		return ctx.LocationOfOrigin
	}
	return fallback
}
