package cluster

import (
	"errors"
	"net"
	"os"
	"syscall"

	"github.com/towline-dev/towline/testbed/host"
	"github.com/towline-dev/towline/testbed/kubebin"
	"github.com/towline-dev/towline/testbed/layout"
	"github.com/towline-dev/towline/testbed/pki"
)

// programs builds what is not in the cache.
func (c *Cluster) programs(source string) (programs, error) {
	self, err := os.Executable()
	if err != nil {
		return programs{}, err
	}
	kube, err := c.Program(kubebin.Kube(), source)
	return programs{kube: kube, self: self}, err
}

// Program builds p unless it is in the cache, and returns its path.
func (c *Cluster) Program(p kubebin.Program, source string) (path string, err error) {
	cache, err := layout.CacheDir()
	if err != nil {
		return "", err
	}
	path, ok, err := kubebin.Cached(p, source, cache)
	if err != nil || ok {
		return path, err
	}
	err = c.steps.Do("build "+p.Label, func(say func(string)) error {
		path, err = kubebin.Build(p, source, cache, say)
		return err
	})
	return path, err
}

// prepare makes what the processes need: files and the machine's network.
func (c *Cluster) prepare(p programs) (map[string]daemon, error) {
	l := c.layout
	if err := errors.Join(l.Save(), c.forgetOldBoot(), host.NoteTraces(l.Path("traces.json"))); err != nil {
		return nil, err
	}
	if _, alive := c.procs().Find(registryName); !alive {
		if err := host.CheckPort(l.Registry()); err != nil {
			return nil, err
		}
	}
	v := view{Layout: l, CNIBin: host.CNIDir(), Snapshotter: snapshotter(l.Dir)}
	addresses := []net.IP{net.ParseIP(l.NodeIP()), net.ParseIP("127.0.0.1"), net.ParseIP(l.KubernetesIP())}
	hosts := []string{"localhost", l.Name(), "kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local"}
	err := errors.Join(
		pki.Ensure(l.Path("pki"), hosts, addresses),
		host.EnsureBridge(l.Bridge(), l.NodeIP()+"/24"),
		host.EnsureGuard(l.Name(), l.Bridge(), l.PodCIDR(), l.ServiceCIDR()),
		host.EnsurePasses(l.Bridge()),
		host.EnsureForwarding(l.Path("run", "sysctl.json"), bootID()),
		host.EnsureCgroup(l.CgroupRoot()),
	)
	if err != nil {
		return nil, err
	}
	return daemons(v, p), writeConfigs(v)
}

// snapshotter is the way in which containerd and dockerd lay layers over each
// other: overlays cannot lie on an overlay, so in a container they are copied.
func snapshotter(dir string) string {
	const overlayMagic = 0x794c7630
	var stat syscall.Statfs_t
	if err := syscall.Statfs(dir, &stat); err == nil && stat.Type == overlayMagic {
		return "native"
	}
	return "overlayfs"
}
