// Package kube is the one place that knows Kubernetes' API: it opens a
// cluster, applies and deletes objects, watches pods, streams their logs, runs
// commands in them and dials their ports.
//
// What goes in and comes out is plain data: objects are decoded YAML
// (map[string]any, as in config.Object.Content), pods and workloads are this
// package's own small types. No type of client-go leaves it.
//
// A Cluster is pinned when it is opened: later changes of the kubeconfig, such
// as another current context, do not move it; only the credentials are read
// again once the cluster does not accept them any more. Whether it may be used at all is
// for the caller to ask first, with Allowed.
//
// Every error of a method is an *Error whose Kind says what sort of failure it
// was; Open's is a *config.Problem, since it is always for a person. Nothing
// here writes to standard error: client-go's own log is discarded, and the API
// server's warnings go to Options.Warn.
package kube

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	"k8s.io/klog/v2"

	"github.com/towline-dev/towline/starlark/config"
)

// Options say which cluster Open opens.
type Options struct {
	Kubeconfig string // path of a kubeconfig; "": $KUBECONFIG, then ~/.kube/config
	Context    string // "": the kubeconfig's current context
	Namespace  string // "": the context's namespace, then "default"

	// Warn receives each distinct warning of the API server once ("apps/v1beta1
	// is deprecated"). It may be called from several goroutines. Nil drops them.
	Warn func(text string)

	// Renewed is called when the credentials had expired and the kubeconfig had
	// new ones: what WriteKubeconfig writes is another then. It may be called from
	// several goroutines. Nil is fine.
	Renewed func()
}

// Cluster is an open, pinned cluster. Its methods may be called concurrently.
// It owns no goroutines between calls.
type Cluster struct {
	identity    Identity
	credentials *credentials
	clientset   kubernetes.Interface
	dynamic     dynamic.Interface
	metadata    metadata.Interface
	mapper      meta.ResettableRESTMapper
	kubeconfig  string
	pinned      atomic.Pointer[clientcmdapi.Config] // of this context alone
}

// quietKlog discards client-go's log, once per process: it is a package
// variable of theirs.
var quietKlog = sync.OnceFunc(func() { klog.SetSlogLogger(slog.New(slog.DiscardHandler)) })

// Open loads the kubeconfig and pins one context of it. It does not talk to
// the cluster, so that it works offline. The error is a *config.Problem.
func Open(o Options) (*Cluster, error) {
	quietKlog()
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = o.Kubeconfig
	rules.WarnIfAllMissing = false
	raw, err := rules.Load()
	if err != nil {
		return nil, kubeconfigProblem(o.Kubeconfig, err)
	}
	name := o.Context
	if name == "" {
		name = raw.CurrentContext
	}
	if problem := contextProblem(raw, name, rules.GetDefaultFilename()); problem != nil {
		return nil, problem
	}
	overrides := &clientcmd.ConfigOverrides{CurrentContext: name}
	overrides.Context.Namespace = o.Namespace
	loaded := clientcmd.NewNonInteractiveClientConfig(*raw, name, overrides, rules)
	cfg, err := loaded.ClientConfig()
	if err != nil {
		return nil, kubeconfigProblem(rules.GetDefaultFilename(), err)
	}
	namespace, _, err := loaded.Namespace()
	if err != nil || namespace == "" {
		namespace = metav1.NamespaceDefault
	}
	c, err := newCluster(cfg, o.Warn)
	if err != nil {
		return nil, kubeconfigProblem(rules.GetDefaultFilename(), err)
	}
	c.identity = identify(name, namespace, raw, cfg)
	c.kubeconfig = kubeconfigFile(raw, name, rules.GetDefaultFilename())
	pinned := pin(*raw, name, namespace)
	c.pinned.Store(&pinned)
	c.credentials.load = func() (*rest.Config, error) { return c.reload(rules) }
	c.credentials.renewed = o.Renewed
	return c, nil
}

// reload reads the context again; nil where it leads to another cluster by now.
func (c *Cluster) reload(rules *clientcmd.ClientConfigLoadingRules) (*rest.Config, error) {
	raw, err := rules.Load()
	if err != nil {
		return nil, err
	}
	id := c.identity
	cfg, err := clientcmd.NewNonInteractiveClientConfig(*raw, id.Context, &clientcmd.ConfigOverrides{}, rules).ClientConfig()
	if err != nil {
		return nil, err
	}
	if now := identify(id.Context, id.Namespace, raw, cfg); now.Pin() != id.Pin() || now.Server != id.Server {
		return nil, nil
	}
	if err := rest.LoadTLSFiles(cfg); err != nil {
		return nil, err
	}
	pinned := pin(*raw, id.Context, id.Namespace)
	c.pinned.Store(&pinned)
	return cfg, nil
}

// newCluster makes the clients for a configuration.
func newCluster(cfg *rest.Config, warn func(string)) (*Cluster, error) {
	quietKlog()
	own := rest.CopyConfig(cfg)
	own.UserAgent = "towline"
	if err := rest.LoadTLSFiles(own); err != nil {
		return nil, err
	}
	credentials, err := newCredentials(own, nil)
	if err != nil {
		return nil, err
	}
	server, _, err := rest.DefaultServerUrlFor(own)
	if err != nil {
		return nil, err
	}
	cfg = &rest.Config{Host: server.String(), UserAgent: "towline", QPS: 200, Burst: 400, Timeout: own.Timeout, Transport: credentials}
	cfg.WarningHandlerWithContext = &warnings{emit: warn}
	plain, err := kubernetes.NewForConfig(cfg)
	if err != nil {
		return nil, err
	}
	dyn, err := dynamic.NewForConfig(cfg)
	if err != nil {
		return nil, err
	}
	meta, err := metadata.NewForConfig(cfg)
	if err != nil {
		return nil, err
	}
	mapper := restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(plain.Discovery()))
	return &Cluster{credentials: credentials, clientset: plain, dynamic: dyn, metadata: meta, mapper: mapper}, nil
}

// Identity says which cluster this is.
func (c *Cluster) Identity() Identity { return c.identity }

// Kubeconfig is the path of the file that the cluster was opened from, for the
// environment of the developer's own commands.
func (c *Cluster) Kubeconfig() string { return c.kubeconfig }

// pin returns what a kubeconfig says of one context, as its current one.
func pin(raw clientcmdapi.Config, name, namespace string) clientcmdapi.Config {
	pinned := *raw.DeepCopy()
	pinned.CurrentContext = name
	if err := clientcmdapi.MinifyConfig(&pinned); err != nil {
		return raw // the context was found before
	}
	pinned.Contexts[name].Namespace = namespace
	return pinned
}

// WriteKubeconfig writes a kubeconfig that knows this cluster alone, with the
// rights 0600, for commands that must not end up elsewhere when somebody
// switches the current context.
func (c *Cluster) WriteKubeconfig(path string) error {
	return clientcmd.WriteToFile(*c.pinned.Load(), path)
}

// ServerVersion asks the API server for its version ("v1.34.4"). It is also
// the cheapest way to learn whether the cluster can be reached.
func (c *Cluster) ServerVersion(ctx context.Context) (string, error) {
	var info struct {
		GitVersion string `json:"gitVersion"`
	}
	body, err := c.clientset.Discovery().RESTClient().Get().AbsPath("/version").DoRaw(ctx)
	if err != nil {
		return "", classify("reaching the cluster", c.identity.Context, err)
	}
	if err := json.Unmarshal(body, &info); err != nil {
		return "", classify("reading the version of the cluster", c.identity.Context, err)
	}
	return info.GitVersion, nil
}

// Node is what deployment needs to know of a machine of the cluster.
type Node struct {
	Name    string
	OS      string // "linux"
	Arch    string // "amd64"
	Runtime string // "containerd://1.7.2", "docker://27.0.1"
	Ready   bool
}

// Nodes lists the cluster's machines.
func (c *Cluster) Nodes(ctx context.Context) ([]Node, error) {
	list, err := c.clientset.CoreV1().Nodes().List(ctx, metav1.ListOptions{ResourceVersion: "0"})
	if err != nil {
		return nil, classify("listing nodes", "", err)
	}
	nodes := make([]Node, 0, len(list.Items))
	for _, n := range list.Items {
		info := n.Status.NodeInfo
		node := Node{Name: n.Name, OS: info.OperatingSystem, Arch: info.Architecture, Runtime: info.ContainerRuntimeVersion}
		for _, c := range n.Status.Conditions {
			if c.Type == "Ready" {
				node.Ready = c.Status == "True"
			}
		}
		nodes = append(nodes, node)
	}
	return nodes, nil
}

// kubeconfigProblem says that no usable kubeconfig was found.
func kubeconfigProblem(path string, err error) *config.Problem {
	if errors.Is(err, os.ErrNotExist) {
		return &config.Problem{
			Message: fmt.Sprintf("no kubeconfig at %s", path),
			Hint:    "set KUBECONFIG to the file of your cluster, or start a local one (`kind create cluster`, `minikube start`)",
		}
	}
	if path != "" {
		path += " " // else the error names one of several
	}
	return &config.Problem{
		Message: fmt.Sprintf("the kubeconfig %scannot be used: %v", path, err),
		Hint:    "check it with `kubectl config view`",
	}
}
