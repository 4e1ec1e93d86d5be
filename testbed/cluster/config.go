package cluster

import (
	"bytes"
	"encoding/base64"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"text/template"

	"github.com/towline-dev/towline/testbed/layout"
)

// configs are the configuration files, by their path below the state folder.
// They are templates over a view.
var configs = map[string]string{
	"kubeconfig":                         kubeconfig,
	"etc/etcd.yaml":                      etcdConfig,
	"etc/kubelet.yaml":                   kubeletConfig,
	"etc/kube-proxy.yaml":                proxyConfig,
	"etc/containerd.toml":                containerdConfig,
	"etc/dockerd.json":                   dockerdConfig,
	"etc/resolv.conf":                    "",
	"etc/cni/10-towline.conflist":        cniConfig,
	"etc/certs.d/{registry}/hosts.toml":  hostsConfig,
	"etc/certs.d/{localhost}/hosts.toml": hostsConfig,
}

// view is what the templates see.
type view struct {
	layout.Layout
	CNIBin      string
	Snapshotter string
}

// Port is the registry's port.
func (v view) Port() string {
	_, port, _ := strings.Cut(v.Registry(), ":")
	return port
}

// Base64 is the content of a file of the pki folder.
func (v view) Base64(name string) (string, error) {
	data, err := os.ReadFile(v.Path("pki", name))
	return base64.StdEncoding.EncodeToString(data), err
}

// writeConfigs writes the configuration files that differ from what is there:
// kube-proxy ends when its file is written, even with the same content.
func writeConfigs(v view) error {
	for name, text := range configs {
		name = strings.NewReplacer("{registry}", v.Registry(), "{localhost}", "localhost:"+v.Port()).Replace(name)
		parsed, err := template.New(name).Parse(text)
		if err != nil {
			return err
		}
		var out bytes.Buffer
		if err := parsed.Execute(&out, v); err != nil {
			return err
		}
		if err := writeChanged(v.Path(name), out.Bytes()); err != nil {
			return err
		}
	}
	return nil
}

func writeChanged(file string, data []byte) error {
	has, err := os.ReadFile(file)
	if err == nil && bytes.Equal(has, data) {
		return nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return err
	}
	if err := os.WriteFile(file+".new", data, 0o600); err != nil {
		return err
	}
	return os.Rename(file+".new", file)
}

const kubeconfig = `apiVersion: v1
kind: Config
current-context: {{.Name}}
clusters:
- name: {{.Name}}
  cluster:
    server: {{.Server}}
    certificate-authority-data: {{.Base64 "ca.crt"}}
contexts:
- name: {{.Name}}
  context:
    cluster: {{.Name}}
    user: {{.Name}}
    namespace: default
users:
- name: {{.Name}}
  user:
    client-certificate-data: {{.Base64 "admin.crt"}}
    client-key-data: {{.Base64 "admin.key"}}
`

// Durability is given up for speed: a cluster that is lost is made again.
const etcdConfig = `name: {{.Name}}
data-dir: {{.Path "etcd"}}
listen-client-urls: {{.EtcdURL}}
advertise-client-urls: {{.EtcdURL}}
listen-peer-urls: {{.EtcdPeerURL}}
initial-advertise-peer-urls: {{.EtcdPeerURL}}
initial-cluster: {{.Name}}={{.EtcdPeerURL}}
client-transport-security: &tls
  cert-file: {{.Path "pki" "server.crt"}}
  key-file: {{.Path "pki" "server.key"}}
  trusted-ca-file: {{.Path "pki" "ca.crt"}}
  client-cert-auth: true
peer-transport-security: *tls
unsafe-no-fsync: true
log-level: error
warning-unary-request-duration: 300000000
`

const kubeletConfig = `apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
address: {{.NodeIP}}
healthzPort: 0
readOnlyPort: 0
tlsCertFile: {{.Path "pki" "server.crt"}}
tlsPrivateKeyFile: {{.Path "pki" "server.key"}}
authentication:
  anonymous:
    enabled: false
  webhook:
    enabled: false
  x509:
    clientCAFile: {{.Path "pki" "ca.crt"}}
authorization:
  mode: AlwaysAllow
cgroupDriver: cgroupfs
cgroupRoot: {{.CgroupRoot}}
clusterDNS: [{{.NodeIP}}]
clusterDomain: cluster.local
containerRuntimeEndpoint: unix://{{.ContainerdSocket}}
podLogsDir: {{.Path "pods"}}
resolvConf: {{.Path "etc" "resolv.conf"}}
failSwapOn: false
makeIPTablesUtilChains: false
kubeAPIQPS: 1000
kubeAPIBurst: 1000
serializeImagePulls: false
volumePluginDir: {{.Path "kubelet" "plugins-exec"}}
imageGCHighThresholdPercent: 100
imageGCLowThresholdPercent: 99
evictionHard:
  memory.available: 50Mi
  nodefs.available: 1%
  nodefs.inodesFree: 1%
  imagefs.available: 1%
  imagefs.inodesFree: 1%
syncFrequency: 10s
nodeStatusUpdateFrequency: 10s
shutdownGracePeriod: 0s
`

// Every packet to a service is masqueraded: pods on one bridge would answer
// each other directly, past the translation of the address.
const proxyConfig = `apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
bindAddress: {{.NodeIP}}
healthzBindAddress: {{.NodeIP}}:10256
metricsBindAddress: {{.NodeIP}}:10249
clientConnection:
  kubeconfig: {{.Kubeconfig}}
hostnameOverride: {{.Name}}
clusterCIDR: {{.PodCIDR}}
nodePortAddresses: ["{{.NodeIP}}/32"]
mode: nftables
nftables:
  masqueradeAll: true
  minSyncPeriod: 100ms
  syncPeriod: 30s
conntrack:
  maxPerCore: 0
  tcpEstablishedTimeout: 0s
  tcpCloseWaitTimeout: 0s
`

// restrict_oom_score_adj lets containers start where we may not lower the
// score, as in a container ourselves.
const containerdConfig = `version = 2
root = "{{.Path "containerd"}}"
state = "{{.Path "run" "containerd"}}"
oom_score = 0
disabled_plugins = ["io.containerd.internal.v1.tracing"]

[grpc]
  address = "{{.ContainerdSocket}}"

[plugins."io.containerd.internal.v1.opt"]
  path = "{{.Path "containerd" "opt"}}"

[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{{.Registry}}/pause:1"
  restrict_oom_score_adj = true
  stream_server_address = "127.0.0.1"
  stream_server_port = "0"
  netns_mounts_under_state_dir = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "{{.CNIBin}}"
    conf_dir = "{{.Path "etc" "cni"}}"
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "{{.Snapshotter}}"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        SystemdCgroup = false
        Root = "{{.Path "run" "runc"}}"
  [plugins."io.containerd.grpc.v1.cri".registry]
    config_path = "{{.Path "etc" "certs.d"}}"
`

const hostsConfig = `server = "http://{{.Registry}}"

[host."http://{{.Registry}}"]
  capabilities = ["pull", "resolve"]
`

const cniConfig = `{
  "cniVersion": "0.4.0",
  "name": "{{.Name}}",
  "plugins": [
    {
      "type": "bridge",
      "bridge": "{{.Bridge}}",
      "isGateway": true,
      "hairpinMode": true,
      "ipMasq": false,
      "ipam": {
        "type": "host-local",
        "dataDir": "{{.Path "run" "ipam"}}",
        "ranges": [[{"subnet": "{{.PodCIDR}}", "gateway": "{{.NodeIP}}"}]],
        "routes": [{"dst": "0.0.0.0/0"}]
      }
    }
  ]
}
`

const dockerdConfig = `{
  "hosts": ["{{.DockerHost}}"],
  "containerd": "{{.ContainerdSocket}}",
  "data-root": "{{.Path "docker"}}",
  "exec-root": "{{.Path "run" "docker"}}",
  "pidfile": "{{.Path "run" "docker.pid"}}",
  "storage-driver": "{{if eq .Snapshotter "native"}}vfs{{else}}overlay2{{end}}",
  "cgroup-parent": "{{.CgroupRoot}}/docker",
  "exec-opts": ["native.cgroupdriver=cgroupfs"],
  "bridge": "none",
  "iptables": false,
  "ip6tables": false,
  "ip-forward": false,
  "ip-masq": false
}
`
