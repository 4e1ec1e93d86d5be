package eval

import (
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"go.starlark.net/starlark"
	"go.yaml.in/yaml/v2"

	"github.com/towline-dev/towline/starlark/fault"
	"github.com/towline-dev/towline/starlark/value"
)

// Kube says which Kubernetes a run is for.
type Kube struct {
	Context   string // "" when there is none
	Namespace string // "" is "default"
	Local     bool   // a cluster of this machine, which needs no allowance
	CASHA256  string // of the cluster's certificate authority, in hexadecimal; "" when it is not known
}

// kubeState is the Kubernetes of a run, and which contexts are allowed.
type kubeState struct {
	run     *run
	given   *Kube
	loaded  *Kube
	allowed []string
	pinned  map[string]string // by context: the certificate authority with which it is allowed
}

func (k *kubeState) kube() *Kube {
	if k.given != nil {
		return k.given
	}
	if k.loaded == nil {
		loaded := ReadKubeconfig(k.run.opts.FS, k.run.env.Copy())
		k.loaded = &loaded
	}
	return k.loaded
}

// namespace is where the objects go that name none: whatever asks for the
// cluster's namespace at evaluation is told this one.
func (k *kubeState) namespace() string { return cmp.Or(k.kube().Namespace, "default") }

// isAllowed reports whether the context may be used.
func (k *kubeState) isAllowed() bool {
	kube := k.kube()
	pin, pinned := k.pinned[kube.Context]
	return kube.Context == "" || kube.Local || slices.Contains(k.allowed, kube.Context) || pinned && pin == kube.CASHA256
}

// check refuses a project with Kubernetes objects in a context that is not
// allowed.
func (k *kubeState) check() error {
	if k.isAllowed() {
		return nil
	}
	name := k.kube().Context
	return &fault.Located{Hint: "add allow_k8s_contexts('" + name + "') to the Tiltfile, or switch the context",
		Err: fault.Tiltf("Stop! %s might be production.\nIf you're sure you want to deploy there, add:\n\tallow_k8s_contexts('%s')\nto your Tiltfile. Otherwise, switch k8s contexts and restart Tilt.", name, name)}
}

// refuse refuses a built-in that could harm a cluster that is not allowed.
func (k *kubeState) refuse(builtin string) error {
	if k.isAllowed() {
		return nil
	}
	name := k.kube().Context
	return fault.Tiltf("Refusing to run '%s' because %s might be a production kube context.\nIf you're sure you want to continue add:\n\tallow_k8s_contexts('%s')\nbefore this function call in your Tiltfile. Otherwise, switch k8s contexts and restart Tilt.", builtin, name, name)
}

func (c *call) k8sContext() (starlark.Value, error) {
	if err := c.Nothing(); err != nil {
		return nil, err
	}
	return starlark.String(c.run.kube.kube().Context), nil
}

func (c *call) k8sNamespace() (starlark.Value, error) {
	if err := c.Nothing(); err != nil {
		return nil, err
	}
	return starlark.String(c.run.kube.namespace()), nil
}

func (c *call) allowContexts() (starlark.Value, error) {
	var in struct {
		Contexts starlark.Value `arg:"contexts"`
	}
	if err := c.Into(&in); err != nil {
		return nil, err
	}
	for _, x := range value.Elements(in.Contexts) {
		name, ok := x.(starlark.String)
		if !ok {
			return nil, fmt.Errorf("allow_k8s_contexts contexts must be a string or a sequence of strings; found a %T", x)
		}
		c.run.kube.allowed = append(c.run.kube.allowed, string(name))
		s := &c.run.project.Settings
		s.AllowedContexts = append(s.AllowedContexts, string(name))
	}
	return starlark.None, nil
}

// kubeconfig is the part of a kubeconfig that names clusters.
type kubeconfig struct {
	Current  string `yaml:"current-context"`
	Contexts []struct {
		Name    string `yaml:"name"`
		Context struct {
			Cluster   string `yaml:"cluster"`
			Namespace string `yaml:"namespace"`
		} `yaml:"context"`
	} `yaml:"contexts"`
	Clusters []struct {
		Name    string `yaml:"name"`
		Cluster struct {
			Server     string `yaml:"server"`
			CA         string `yaml:"certificate-authority-data"`
			Extensions []struct {
				Name string `yaml:"name"`
			} `yaml:"extensions"`
		} `yaml:"cluster"`
	} `yaml:"clusters"`
}

// ReadKubeconfig finds the current context in the files that $KUBECONFIG
// lists, or in ~/.kube/config. No file, or none that can be read, is no
// context.
func ReadKubeconfig(files FS, env map[string]string) Kube {
	paths := filepath.SplitList(env["KUBECONFIG"])
	if len(paths) == 0 && env["HOME"] != "" {
		paths = []string{filepath.Join(env["HOME"], ".kube", "config")}
	}
	var all kubeconfig
	for _, p := range paths {
		data, err := files.ReadFile(p)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		var one kubeconfig
		if err != nil || yaml.Unmarshal(data, &one) != nil {
			continue
		}
		if all.Current == "" {
			all.Current = one.Current
		}
		all.Contexts = append(all.Contexts, one.Contexts...)
		all.Clusters = append(all.Clusters, one.Clusters...)
	}
	return all.current()
}

func (k *kubeconfig) current() Kube {
	for _, c := range k.Contexts {
		if c.Name != k.Current {
			continue
		}
		kube := Kube{Context: c.Name, Namespace: c.Context.Namespace, Local: localCluster(c.Context.Cluster)}
		for _, cluster := range k.Clusters {
			if cluster.Name != c.Context.Cluster {
				continue
			}
			if ca, err := base64.StdEncoding.DecodeString(cluster.Cluster.CA); err == nil && len(ca) > 0 {
				sum := sha256.Sum256(ca)
				kube.CASHA256 = hex.EncodeToString(sum[:])
			}
			for _, e := range cluster.Cluster.Extensions {
				kube.Local = kube.Local || strings.HasPrefix(e.Name, "cluster_info") || e.Name == "minikube.sigs.k8s.io"
			}
			break
		}
		return kube
	}
	return Kube{}
}

// localCluster reports whether a cluster's name is one that the tools for
// clusters on the own machine give.
func localCluster(cluster string) bool {
	for _, prefix := range []string{
		"minikube", "docker-for-desktop-cluster", "docker-desktop", "kind-", "microk8s-cluster", "api-crc-testing", "crc",
		"krucible-", "k3d-", "k3s-default", "rancher-desktop", "colima", "orbstack",
	} {
		if strings.HasPrefix(cluster, prefix) {
			return true
		}
	}
	return cluster == "kind"
}
