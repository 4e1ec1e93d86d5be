package cluster

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/towline-dev/towline/testbed/host"
	"github.com/towline-dev/towline/testbed/kubebin"
)

// Up makes the cluster run: at once if it does, and from whatever state it is
// in otherwise. It says whether there was anything to do.
func (c *Cluster) Up() (changed bool, err error) {
	if err := host.Check(); err != nil {
		return false, err
	}
	unlock, err := c.Lock()
	if err != nil {
		return false, err
	}
	defer unlock()
	source, err := kubebin.Source()
	if err != nil {
		return false, err
	}
	if missing := host.Missing(); len(missing) > 0 {
		err := c.steps.Do(fmt.Sprintf("install %v", missing), func(say func(string)) error { return host.Install(missing, say) })
		if err != nil {
			return false, err
		}
	}
	programs, err := c.programs(source)
	if err != nil {
		return false, err
	}
	procs, err := c.prepare(programs)
	if err != nil {
		return false, err
	}
	if c.current(procs) {
		return false, nil
	}
	return true, c.start(procs, source)
}

// current says whether every process runs as procs describes it, and serves.
func (c *Cluster) current(procs map[string]daemon) bool {
	for name, d := range procs {
		if c.wants(name) && !c.runs(d) {
			return false
		}
	}
	return c.serves() == nil
}

// start starts the processes, in two waves, and waits until pods can run.
func (c *Cluster) start(procs map[string]daemon, source string) error {
	if err := c.chooseProxy(); err != nil {
		return err
	}
	a, err := newAPI(c.layout)
	if err != nil {
		return err
	}
	began := time.Now()
	if _, alive := c.procs().Find(kubeletName); alive {
		began = began.Add(-heartbeat)
	}
	for _, name := range firstWave {
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

// withoutProxy is the file that says that the cluster runs no kube-proxy.
func (c *Cluster) withoutProxy() string { return c.layout.Path("run", "without-proxy") }

// chooseProxy does without kube-proxy if there is another one on the machine:
// both would write the same table of the kernel's.
func (c *Cluster) chooseProxy() error {
	record, _ := c.procs().Find(proxyName)
	ours := record.PID != 0 && record.Boot == bootID()
	if ours || !host.HasTable("ip") {
		err := os.Remove(c.withoutProxy())
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	}
	c.steps.Say("          no service addresses: the kube-proxy of another cluster has this machine's table")
	return os.WriteFile(c.withoutProxy(), nil, 0o600)
}

// wants says whether the cluster has the named process.
func (c *Cluster) wants(name string) bool {
	if name != proxyName {
		return true
	}
	_, err := os.Stat(c.withoutProxy())
	return err != nil
}

// control waits for the API server, starts what talks to it, and waits for
// the node.
func (c *Cluster) control(a *api, procs map[string]daemon, began time.Time) error {
	err := c.steps.Do("API server serves", func(func(string)) error {
		// A client that finds nobody tries again only after a second.
		etcd := dial("tcp", strings.TrimPrefix(c.layout.EtcdURL(), "https://"))
		if err := c.await("etcd", etcd, etcdName); err != nil {
			return err
		}
		if err := c.ensure(procs[apiserverName]); err != nil {
			return err
		}
		return c.await("the API server", a.ready, etcdName, apiserverName)
	})
	if err != nil {
		return err
	}
	if err := c.await("containerd", dial("unix", c.layout.ContainerdSocket()), containerdName); err != nil {
		return err
	}
	for _, name := range secondWave {
		if !c.wants(name) {
			continue
		}
		if err := c.ensure(procs[name]); err != nil {
			return err
		}
	}
	node := func() error { return a.nodeReady(c.layout.Name(), began) }
	return c.steps.Do("node is ready", func(func(string)) error {
		return parallel(
			func() error { return a.publishRegistry(c.layout.Registry()) },
			func() error { return c.await("the node", node, kubeletName, containerdName) },
			func() error { return c.await("the default service account", a.accountReady, controllerName) },
			func() error { return c.await("the DNS server", dial("tcp", c.layout.NodeIP()+":53"), dnsName) },
		)
	})
}

func (c *Cluster) docker(procs map[string]daemon) error {
	return c.steps.Do("docker serves", func(func(string)) error {
		if err := c.await("containerd", dial("unix", c.layout.ContainerdSocket()), containerdName); err != nil {
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
		return c.await("dockerd", dial("unix", c.layout.DockerSocket()), dockerdName)
	})
}

// dial tells whether somebody accepts connections.
func dial(network, address string) func() error {
	return func() error {
		connection, err := net.Dial(network, address)
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
