// Package layout names every path and address of a test bed's cluster, so that
// two of them on one machine differ in nothing but the values in here.
package layout

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
)

// Layout is where one cluster lives: its folder and its slot. The slot, 0 to
// 9, moves every address and name that clusters on one machine could share.
type Layout struct {
	// Dir is the absolute path of the state folder.
	Dir string
	// Slot tells the clusters of one machine apart.
	Slot int
}

// MaxSlot is the largest slot.
const MaxSlot = 9

// maxDir keeps the longest socket path below the kernel's 107 bytes.
const maxDir = 75

// fileName is the file that remembers the slot of a state folder.
const fileName = "cluster.json"

// Find returns the layout of the state folder dir, or of the default one if
// dir is empty. A slot below 0 means the one that the folder was made with,
// or else 0.
func Find(dir string, slot int) (Layout, error) {
	if dir == "" {
		var err error
		if dir, err = defaultDir("XDG_STATE_HOME", ".local/state"); err != nil {
			return Layout{}, err
		}
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return Layout{}, err
	}
	if len(dir) > maxDir {
		return Layout{}, fmt.Errorf("the state folder's path is longer than %d bytes, which makes its sockets' paths too long: %s\nhint: choose a shorter one with --state", maxDir, dir)
	}
	saved, err := savedSlot(dir)
	switch {
	case err != nil:
		return Layout{}, err
	case slot < 0:
		slot = max(saved, 0)
	case saved >= 0 && saved != slot:
		return Layout{}, fmt.Errorf("the cluster in %s has slot %d, not %d\nhint: give another --state, or bring that one down with --purge", dir, saved, slot)
	}
	if slot > MaxSlot {
		return Layout{}, fmt.Errorf("slot %d is not between 0 and %d", slot, MaxSlot)
	}
	return Layout{Dir: dir, Slot: slot}, nil
}

func savedSlot(dir string) (int, error) {
	data, err := os.ReadFile(filepath.Join(dir, fileName))
	if errors.Is(err, fs.ErrNotExist) {
		return -1, nil
	}
	if err != nil {
		return 0, err
	}
	var saved Layout
	if err := json.Unmarshal(data, &saved); err != nil {
		return 0, fmt.Errorf("reading %s: %w", filepath.Join(dir, fileName), err)
	}
	return saved.Slot, nil
}

// Save makes the state folder and writes down its slot.
func (l Layout) Save() error {
	if err := os.MkdirAll(l.Dir, 0o700); err != nil {
		return err
	}
	data, err := json.Marshal(l)
	if err != nil {
		return err
	}
	return os.WriteFile(l.Path(fileName), data, 0o600)
}

// CacheDir is the folder of what is made once and outlives every cluster.
func CacheDir() (string, error) {
	return defaultDir("XDG_CACHE_HOME", ".cache")
}

func defaultDir(variable, below string) (string, error) {
	base := os.Getenv(variable)
	if base == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return "", err
		}
		base = filepath.Join(home, below)
	}
	return filepath.Join(base, "towline", "testbed"), nil
}

// Path joins elements to the state folder.
func (l Layout) Path(elements ...string) string {
	return filepath.Join(append([]string{l.Dir}, elements...)...)
}

// Name is the name of the cluster, of its kubeconfig context, of its node and
// of its control group.
func (l Layout) Name() string {
	if l.Slot == 0 {
		return "towline-testbed"
	}
	return "towline-testbed-" + strconv.Itoa(l.Slot)
}

// Bridge is the network interface that the pods hang on.
func (l Layout) Bridge() string { return BridgePrefix + strconv.Itoa(l.Slot) }

// BridgePrefix is what the names of all clusters' bridges start with.
const BridgePrefix = "towline"

// NodeIP is the address of the bridge, which is the node's, the API server's
// and the DNS server's as well.
func (l Layout) NodeIP() string { return fmt.Sprintf("10.244.%d.1", l.Slot) }

// PodCIDR holds the addresses of the pods and of the node.
func (l Layout) PodCIDR() string { return fmt.Sprintf("10.244.%d.0/24", l.Slot) }

// ServiceCIDR holds the addresses of the services.
func (l Layout) ServiceCIDR() string { return fmt.Sprintf("10.%d.0.0/16", 96+l.Slot) }

// KubernetesIP is the address of the service "kubernetes".
func (l Layout) KubernetesIP() string { return fmt.Sprintf("10.%d.0.1", 96+l.Slot) }

// Server is the URL of the API server.
func (l Layout) Server() string { return "https://" + l.NodeIP() + ":6443" }

// Registry is the host and port of the image registry, the same for the node,
// for dockerd and for the developer.
func (l Layout) Registry() string { return "127.0.0.1:" + strconv.Itoa(5000+l.Slot) }

// EtcdURL and EtcdPeerURL are where etcd listens.
func (l Layout) EtcdURL() string { return "https://127.0.0.1:" + strconv.Itoa(23790+10*l.Slot) }

// EtcdPeerURL is where etcd would talk to its peers.
func (l Layout) EtcdPeerURL() string { return "https://127.0.0.1:" + strconv.Itoa(23791+10*l.Slot) }

// Kubeconfig is the file that a client needs.
func (l Layout) Kubeconfig() string { return l.Path("kubeconfig") }

// ContainerdSocket is where containerd serves.
func (l Layout) ContainerdSocket() string { return l.Path("run", "containerd.sock") }

// DockerSocket is where dockerd serves.
func (l Layout) DockerSocket() string { return l.Path("run", "docker.sock") }

// DockerHost is DockerSocket as the variable DOCKER_HOST wants it.
func (l Layout) DockerHost() string { return "unix://" + l.DockerSocket() }

// CgroupRoot is the control group, as a path below each hierarchy, that holds
// every container of the cluster and nothing else.
func (l Layout) CgroupRoot() string { return "/" + l.Name() }
