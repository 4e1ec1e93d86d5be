package kube

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/towline-dev/towline/starlark/config"
	"github.com/towline-dev/towline/starlark/kubeconfig"
)

// Identity names a cluster beyond doubt: a context's name alone may point
// elsewhere tomorrow.
type Identity struct {
	Context   string
	Cluster   string // the kubeconfig's name of the cluster entry
	Namespace string
	Server    string // URL of the API server
	CAHash    string // hex SHA-256 of the cluster's CA, "" when it has none of its own
	Product   kubeconfig.Product
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
func (id Identity) Local() bool { return id.Product.Local() }

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
		Hint:    "if you mean to deploy there, add " + kubeconfig.Allowing(id.Context) + " to the Tiltfile; else switch: kubectl config use-context NAME",
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
	id.CAHash = kubeconfig.HashCA(ca)
	id.Product = kubeconfig.Cluster{Name: id.Cluster, Marks: marksOf(raw.Clusters[id.Cluster])}.Product()
	return id
}

// marksOf are the extensions of a cluster's entry, as text.
func marksOf(cluster *clientcmdapi.Cluster) []string {
	if cluster == nil {
		return nil
	}
	var marks []string
	for name, extension := range cluster.Extensions {
		marks = append(marks, name)
		if unknown, ok := extension.(*runtime.Unknown); ok {
			marks = append(marks, string(unknown.Raw))
		}
	}
	return marks
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
			Hint:    "set KUBECONFIG to the file of your cluster, or start a local one (`kind create cluster`, `minikube start`)",
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
