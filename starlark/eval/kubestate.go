package eval

import (
	"cmp"
	"path/filepath"
	"slices"

	"github.com/towline-dev/towline/starlark/fault"
	"github.com/towline-dev/towline/starlark/inputs"
	"github.com/towline-dev/towline/starlark/kubeconfig"
)

// kubeState is the Kubernetes of a run, and which contexts are allowed.
type kubeState struct {
	given   *Kube
	read    func() Kube // of the kubeconfig, where none is given
	loaded  *Kube
	allowed []string
	pinned  map[string]string // by context: the certificate authority with which it is allowed
}

func (k *kubeState) kube() *Kube {
	if k.given != nil {
		return k.given
	}
	if k.loaded == nil {
		loaded := k.read()
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
	return &fault.Located{
		Hint: "add " + kubeconfig.Allowing(name) + " to the Tiltfile, or switch the context",
		Err: fault.Tiltf("Stop! %s might be production.\nIf you're sure you want to deploy there, add:\n\t%s\n"+
			"to your Tiltfile. Otherwise, switch k8s contexts and restart Tilt.", name, kubeconfig.Allowing(name)),
	}
}

// refuse refuses a built-in that could harm a cluster that is not allowed.
func (k *kubeState) refuse(builtin string) error {
	if k.isAllowed() {
		return nil
	}
	name := k.kube().Context
	return fault.Tiltf("Refusing to run '%s' because %s might be a production kube context.\nIf you're sure you want to continue add:\n\t%s\n"+
		"before this function call in your Tiltfile. Otherwise, switch k8s contexts and restart Tilt.", builtin, name, kubeconfig.Allowing(name))
}

// ReadKubeconfig finds the current context in the files that $KUBECONFIG
// lists, or in ~/.kube/config. No file, or none that can be read, is no
// context.
func ReadKubeconfig(files inputs.FS, env map[string]string) Kube {
	paths := filepath.SplitList(env["KUBECONFIG"])
	if len(paths) == 0 && env["HOME"] != "" {
		paths = []string{filepath.Join(env["HOME"], ".kube", "config")}
	}
	contents := make([][]byte, len(paths))
	for i, p := range paths {
		contents[i], _ = files.ReadFile(p) // what cannot be read names no context
	}
	all := kubeconfig.Merge(contents...)
	context, ok := all.Context(all.Current)
	if !ok {
		return Kube{}
	}
	cluster, _ := all.Cluster(context.Cluster)
	ca := cluster.CA
	if len(ca) == 0 && cluster.CAFile != "" {
		file := cluster.CAFile
		if !filepath.IsAbs(file) {
			file = filepath.Join(filepath.Dir(paths[cluster.Origin]), file)
		}
		ca, _ = files.ReadFile(file)
	}
	return Kube{
		Context: context.Name, Namespace: context.Namespace,
		Local: cluster.Product().Local(), CASHA256: kubeconfig.HashCA(ca),
	}
}
