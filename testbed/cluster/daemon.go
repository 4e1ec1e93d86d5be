package cluster

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/towline-dev/towline/testbed/proc"
)

// daemon is a process of the cluster.
type daemon struct {
	name string
	args []string // the program first
	// config lists the files that the process reads at its start: when they
	// change it is started again.
	config []string
	// grace is how long it may take to end.
	grace time.Duration
}

// The processes in the order of their start. They are ended in the reverse
// order.
const (
	registryName   = "registry"
	etcdName       = "etcd"
	containerdName = "containerd"
	dockerdName    = "dockerd"
	apiserverName  = "kube-apiserver"
	controllerName = "kube-controller-manager"
	schedulerName  = "kube-scheduler"
	kubeletName    = "kubelet"
	proxyName      = "kube-proxy"
)

// names lists every process that a cluster can have.
var names = []string{
	registryName, etcdName, containerdName, dockerdName, apiserverName,
	controllerName, schedulerName, kubeletName, proxyName,
}

// daemons describes the processes, given the program kube and our own.
func daemons(v view, kube, self string) map[string]daemon {
	pki := func(name string) string { return v.Path("pki", name) }
	kubeconfig := "--kubeconfig=" + v.Kubeconfig()
	list := []daemon{
		{name: registryName, args: []string{self, "serve-registry", v.Registry(), v.Path("registry")}},
		{name: etcdName, args: []string{kube, etcdName, v.Path("etc/etcd.yaml")}, config: []string{v.Path("etc/etcd.yaml")}},
		{name: containerdName, args: []string{"containerd", "--config", v.Path("etc/containerd.toml")}, config: []string{v.Path("etc/containerd.toml")}},
		{name: dockerdName, args: []string{"dockerd", "--config-file", v.Path("etc/dockerd.json")}, config: []string{v.Path("etc/dockerd.json")}},
		{name: apiserverName, args: []string{kube, apiserverName,
			"--advertise-address=" + v.NodeIP(),
			"--allow-privileged=true",
			"--authorization-mode=RBAC",
			"--bind-address=" + v.NodeIP(),
			"--client-ca-file=" + pki("ca.crt"),
			"--etcd-cafile=" + pki("ca.crt"),
			"--etcd-certfile=" + pki("admin.crt"),
			"--etcd-keyfile=" + pki("admin.key"),
			"--etcd-servers=" + v.EtcdURL(),
			"--kubelet-certificate-authority=" + pki("ca.crt"),
			"--kubelet-client-certificate=" + pki("admin.crt"),
			"--kubelet-client-key=" + pki("admin.key"),
			"--kubelet-preferred-address-types=InternalIP",
			"--service-account-issuer=https://kubernetes.default.svc.cluster.local",
			"--service-account-key-file=" + pki("account.pub"),
			"--service-account-signing-key-file=" + pki("account.key"),
			"--service-cluster-ip-range=" + v.ServiceCIDR(),
			"--shutdown-delay-duration=0s",
			"--tls-cert-file=" + pki("server.crt"),
			"--tls-private-key-file=" + pki("server.key"),
		}},
		{name: controllerName, args: []string{kube, controllerName, kubeconfig,
			"--leader-elect=false",
			"--root-ca-file=" + pki("ca.crt"),
			"--secure-port=0",
			"--service-account-private-key-file=" + pki("account.key"),
			"--use-service-account-credentials=true",
		}},
		{name: schedulerName, args: []string{kube, schedulerName, kubeconfig, "--leader-elect=false", "--secure-port=0"}},
		{name: kubeletName, args: []string{kube, kubeletName, kubeconfig,
			"--cert-dir=" + v.Path("kubelet", "pki"),
			"--config=" + v.Path("etc/kubelet.yaml"),
			"--hostname-override=" + v.Name(),
			"--node-ip=" + v.NodeIP(),
			"--root-dir=" + v.Path("kubelet"),
		}, config: []string{v.Path("etc/kubelet.yaml")}},
		{name: proxyName, args: []string{kube, proxyName, "--config=" + v.Path("etc/kube-proxy.yaml")}, config: []string{v.Path("etc/kube-proxy.yaml")}},
	}
	found := map[string]daemon{}
	for _, d := range list {
		d.grace = 3 * time.Second
		d.config = append(d.config, v.Path("pki", "ca.crt"))
		found[d.name] = d
	}
	return found
}

// hash tells one way of starting d from another.
func (d daemon) hash() (string, error) {
	sum := sha256.New()
	fmt.Fprintf(sum, "%q\n", d.args)
	for _, file := range d.config {
		data, err := os.ReadFile(file)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(sum, "%s %d\n", file, len(data))
		sum.Write(data)
	}
	return hex.EncodeToString(sum.Sum(nil))[:16], nil
}

// ensure starts d unless it runs just so already.
func (c *Cluster) ensure(d daemon) error {
	hash, err := d.hash()
	if err != nil {
		return err
	}
	if record, alive := c.procs().Find(d.name); alive && record.Command == hash {
		return nil
	}
	if err := c.procs().End(d.name, d.grace); err != nil {
		return err
	}
	cmd := exec.Command(d.args[0], d.args[1:]...)
	cmd.Dir = c.layout.Dir
	cmd.Env = append(os.Environ(), "NOTIFY_SOCKET=", "TMPDIR="+os.TempDir())
	_, err = c.procs().Start(d.name, c.logFile(d.name), hash, cmd)
	return err
}

// alive returns an error with the end of its log if the process has ended.
func (c *Cluster) alive(name string) error {
	if _, ok := c.procs().Find(name); ok {
		return nil
	}
	return fmt.Errorf("%s has ended; the end of %s:\n%s", name, c.logFile(name), tail(c.logFile(name), 15))
}

func (c *Cluster) procs() proc.Set { return proc.Set{Dir: c.layout.Path("run", "pids")} }

func (c *Cluster) logFile(name string) string { return c.layout.Path("logs", name+".log") }

func tail(file string, n int) string {
	data, err := os.ReadFile(file)
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimRight(string(data), "\n"), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}

// await polls ready until it is, for at most limit, as long as the named
// processes live.
func (c *Cluster) await(what string, limit time.Duration, ready func() error, needs ...string) error {
	deadline := time.Now().Add(limit)
	for {
		err := ready()
		if err == nil {
			return nil
		}
		for _, name := range needs {
			if dead := c.alive(name); dead != nil {
				return errors.Join(fmt.Errorf("waiting for %s", what), dead)
			}
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("waiting for %s: not within %s: %w", what, limit, err)
		}
		time.Sleep(20 * time.Millisecond)
	}
}
