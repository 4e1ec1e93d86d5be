// Package kubeconfig reads what kubeconfig files say of contexts and clusters,
// and decides which cluster is local. It is the one place that does: who
// evaluates, who edits and who deploys ask here and get one answer.
//
// A cluster is judged by its own entry: the name that its tool gave it, and
// the marks that the tool left there. The context's name proves nothing, since
// people choose it: one that is called kind-dev may point at a cluster of
// everybody's.
//
// No secret is read, and no cluster asked. Credentials are for client-go.
package kubeconfig

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"slices"
	"strings"

	"go.yaml.in/yaml/v2"
)

// Config is what kubeconfig files say together. The zero Config has nothing.
type Config struct {
	Current  string // the current context's name, "" when there is none
	Contexts []Context
	clusters []Cluster
}

// Context is one entry: a cluster, and the namespace to use there.
type Context struct {
	Name      string
	Cluster   string // the name of the cluster's entry
	Namespace string // "" when the entry names none
}

// Cluster is the entry of a cluster.
type Cluster struct {
	Name   string
	Server string   // URL of the API server
	CA     []byte   // PEM of the authority, nil when the entry has none inside
	CAFile string   // path of a file with it, relative to the kubeconfig's folder; "": none
	Origin int      // which of Merge's files has it, from 0
	Marks  []string // names and providers of its extensions
}

// file is the part of a kubeconfig that is read.
type file struct {
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
			CAFile     string `yaml:"certificate-authority"`
			Extensions []struct {
				Name      string `yaml:"name"`
				Extension struct {
					Provider string `yaml:"provider"`
				} `yaml:"extension"`
			} `yaml:"extensions"`
		} `yaml:"cluster"`
	} `yaml:"clusters"`
}

// Merge reads the contents of kubeconfig files in the order of $KUBECONFIG:
// of two entries of one name the first counts, as for kubectl. What is no
// kubeconfig adds nothing.
func Merge(contents ...[]byte) Config {
	var c Config
	for origin, data := range contents {
		var f file
		if yaml.Unmarshal(data, &f) != nil {
			continue
		}
		c.add(f, origin)
	}
	return c
}

func (c *Config) add(f file, origin int) {
	if c.Current == "" {
		c.Current = f.Current
	}
	for _, x := range f.Contexts {
		if _, ok := c.Context(x.Name); !ok {
			c.Contexts = append(c.Contexts, Context{Name: x.Name, Cluster: x.Context.Cluster, Namespace: x.Context.Namespace})
		}
	}
	for _, x := range f.Clusters {
		if _, ok := c.Cluster(x.Name); ok {
			continue
		}
		cluster := Cluster{Name: x.Name, Server: x.Cluster.Server, CAFile: x.Cluster.CAFile, Origin: origin}
		cluster.CA, _ = base64.StdEncoding.DecodeString(x.Cluster.CA) // one that is broken is none
		for _, e := range x.Cluster.Extensions {
			cluster.Marks = append(cluster.Marks, e.Name, e.Extension.Provider)
		}
		c.clusters = append(c.clusters, cluster)
	}
}

// Context finds a context by its name.
func (c *Config) Context(name string) (Context, bool) {
	i := slices.IndexFunc(c.Contexts, func(x Context) bool { return x.Name == name })
	if i < 0 {
		return Context{}, false
	}
	return c.Contexts[i], true
}

// Cluster finds a cluster's entry by its name.
func (c *Config) Cluster(name string) (Cluster, bool) {
	i := slices.IndexFunc(c.clusters, func(x Cluster) bool { return x.Name == name })
	if i < 0 {
		return Cluster{Name: name}, false
	}
	return c.clusters[i], true
}

// HashCA is what a certificate authority is remembered by: the SHA-256 of its
// PEM in hexadecimal, "" for none.
func HashCA(pem []byte) string {
	if len(pem) == 0 {
		return ""
	}
	sum := sha256.Sum256(pem)
	return hex.EncodeToString(sum[:])
}

// Allowing is the line of a Tiltfile that allows a context.
func Allowing(context string) string {
	return "allow_k8s_contexts('" + strings.ReplaceAll(strings.ReplaceAll(context, `\`, `\\`), "'", `\'`) + "')"
}
