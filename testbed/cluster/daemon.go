package cluster

import "time"

// daemon is a process of the cluster.
type daemon struct {
	name string
	args []string // the program first
	// config lists the files that the process reads at its start: when they
	// change it is started again.
	config []string
}

// grace is how long a process may take to end when it is asked to.
const grace = 3 * time.Second

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
	dnsName        = "dns"
)

// The processes that are started at once, and those that wait for the API
// server, which waits for etcd. dockerd only waits for containerd.
var (
	firstWave  = []string{registryName, etcdName, containerdName}
	secondWave = []string{controllerName, schedulerName, kubeletName, proxyName, dnsName}
)

// names lists every process that a cluster can have, in the order of their
// start.
var names = []string{
	registryName, etcdName, containerdName, dockerdName, apiserverName,
	controllerName, schedulerName, kubeletName, proxyName, dnsName,
}

// programs are the paths of the programs that are not Debian's.
type programs struct{ kube, self string }

// daemons describes the processes.
func daemons(v view, p programs) map[string]daemon {
	kube := p.kube
	pki := func(name string) string { return v.Path("pki", name) }
	kubeconfig := "--kubeconfig=" + v.Kubeconfig()
	list := []daemon{
		{name: registryName, args: []string{p.self, "serve-registry", v.Registry(), v.Path("registry")}},
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
			"--flex-volume-plugin-dir=" + v.Path("kubelet", "plugins-exec"),
			"--leader-elect=false",
			"--root-ca-file=" + pki("ca.crt"),
			"--secure-port=0",
			"--service-account-private-key-file=" + pki("account.key"),
			// The default, 20 a second, is felt at the start and in every rollout.
			"--kube-api-qps=1000",
			"--kube-api-burst=1000",
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
		{name: dnsName, args: []string{p.self, "--state", v.Dir, "serve-dns"}, config: []string{pki("admin.crt")}},
	}
	found := map[string]daemon{}
	for _, d := range list {
		d.config = append(d.config, v.Path("pki", "ca.crt"))
		found[d.name] = d
	}
	return found
}
