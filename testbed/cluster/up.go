package cluster

import (
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/towline-dev/towline/testbed/host"
	"github.com/towline-dev/towline/testbed/kubebin"
	"github.com/towline-dev/towline/testbed/layout"
	"github.com/towline-dev/towline/testbed/pki"
)

// Up makes the cluster run: at once if it does, and from whatever state it is
// in otherwise.
func (c *Cluster) Up() error {
	if err := host.Check(); err != nil {
		return err
	}
	unlock, err := c.Lock()
	if err != nil {
		return err
	}
	defer unlock()
	source, err := kubebin.Source()
	if err != nil {
		return err
	}
	if missing := host.Missing(); len(missing) > 0 {
		err := c.steps.Do(fmt.Sprintf("install %v", missing), func(say func(string)) error { return host.Install(missing, say) })
		if err != nil {
			return err
		}
	}
	kube, err := c.Program(kubebin.Kube(), source)
	if err != nil {
		return err
	}
	procs, err := c.prepare(kube)
	if err != nil {
		return err
	}
	return c.start(procs, source)
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
	name := "build " + p.Name
	if p.Name == kubebin.Kube().Name {
		name += " (Kubernetes " + kubebin.Version + "; minutes, but once only)"
	}
	err = c.steps.Do(name, func(say func(string)) error {
		path, err = kubebin.Build(p, source, cache, say)
		return err
	})
	return path, err
}

// prepare makes what the processes need: files and the machine's network.
func (c *Cluster) prepare(kube string) (map[string]daemon, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	l := c.layout
	if err := l.Save(); err != nil {
		return nil, err
	}
	if err := c.forgetOldBoot(); err != nil {
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
	err = errors.Join(
		pki.Ensure(l.Path("pki"), hosts, addresses),
		host.EnsureBridge(l.Bridge(), l.NodeIP()+"/24"),
		host.EnsureForwarding(l.Path("run", "sysctl.json"), bootID()),
		host.EnsureCgroup(l.CgroupRoot()),
	)
	if err != nil {
		return nil, err
	}
	return daemons(v, kube, self), writeConfigs(v)
}

// snapshotter is the way in which containerd and dockerd lay layers over each
// other: overlays cannot lie on an overlay, so in a container they are copied.
func snapshotter(dir string) string {
	const overlayMagic = 0x794c7630
	var fs syscall.Statfs_t
	if err := syscall.Statfs(dir, &fs); err == nil && fs.Type == overlayMagic {
		return "native"
	}
	return "overlayfs"
}

// start starts the processes, in two waves, and waits until pods can run.
func (c *Cluster) start(procs map[string]daemon, source string) error {
	a, err := newAPI(c.layout)
	if err != nil {
		return err
	}
	began := time.Now()
	if record, alive := c.procs().Find(kubeletName); alive && record.PID > 0 {
		began = began.Add(-6 * time.Minute) // see serves
	}
	for _, name := range []string{registryName, etcdName, containerdName, apiserverName} {
		if err := c.ensure(procs[name]); err != nil {
			return err
		}
	}
	return parallel(
		func() error { return c.control(a, procs, began) },
		func() error { return c.docker(procs) },
		func() error { return c.images(source) },
	)
}

// control waits for the API server, starts what talks to it, and waits for
// the node.
func (c *Cluster) control(a *api, procs map[string]daemon, began time.Time) error {
	err := c.steps.Do("API server serves", func(func(string)) error {
		return c.await("the API server", 90*time.Second, a.ready, etcdName, apiserverName)
	})
	if err != nil {
		return err
	}
	if err := c.await("containerd", 30*time.Second, dial(c.layout.ContainerdSocket()), containerdName); err != nil {
		return err
	}
	for _, name := range []string{controllerName, schedulerName, kubeletName, proxyName} {
		if err := c.ensure(procs[name]); err != nil {
			return err
		}
	}
	return c.steps.Do("node is ready", func(func(string)) error {
		return parallel(
			func() error { return a.publishRegistry(c.layout.Registry()) },
			func() error {
				return c.await("the node", 90*time.Second, func() error { return a.nodeReady(c.layout.Name(), began) }, kubeletName, containerdName)
			},
			func() error {
				return c.await("the default service account", 90*time.Second, a.accountReady, controllerName)
			},
		)
	})
}

func (c *Cluster) docker(procs map[string]daemon) error {
	return c.steps.Do("docker serves", func(func(string)) error {
		if err := c.await("containerd", 30*time.Second, dial(c.layout.ContainerdSocket()), containerdName); err != nil {
			return err
		}
		if _, alive := c.procs().Find(dockerdName); !alive {
			// A dockerd that was killed leaves this, and its number may be
			// another process's by now.
			_ = os.Remove(c.layout.Path("run", "docker.pid"))
		}
		if err := c.ensure(procs[dockerdName]); err != nil {
			return err
		}
		return c.await("dockerd", 30*time.Second, dial(c.layout.DockerSocket()), dockerdName)
	})
}

// dial tells whether somebody accepts connections on a unix socket.
func dial(socket string) func() error {
	return func() error {
		connection, err := net.Dial("unix", socket)
		if err != nil {
			return err
		}
		return connection.Close()
	}
}

// parallel does all work at once and returns every error.
func parallel(work ...func() error) error {
	errs := make([]error, len(work))
	var group sync.WaitGroup
	for i, do := range work {
		group.Go(func() { errs[i] = do() })
	}
	group.Wait()
	return errors.Join(errs...)
}
