package kubeconfig

import (
	"slices"
	"strings"
)

// Product is what runs a cluster. "" is unknown, and so not local.
type Product string

// The products that are made for development on one's own machine.
const (
	Kind           Product = "kind"
	Minikube       Product = "minikube"
	K3D            Product = "k3d"
	DockerDesktop  Product = "docker-desktop"
	MicroK8s       Product = "microk8s"
	CRC            Product = "crc"
	RancherDesktop Product = "rancher-desktop"
	Colima         Product = "colima"
	OrbStack       Product = "orbstack"
	Krucible       Product = "krucible"
	Testbed        Product = "towline-testbed" // this project's own test bed
)

// Local reports whether a cluster of this product is one for development,
// which needs no permission.
func (p Product) Local() bool { return p != "" }

// names are how the tools call the clusters that they make: whole, or up to
// what tells several of them apart.
var names = []struct {
	name    string
	more    bool // what begins so is one as well
	product Product
}{
	{"kind", false, Kind},
	{"kind-", true, Kind},
	{"minikube", true, Minikube},
	{"k3d-", true, K3D},
	{"k3s-default", true, K3D},
	{"docker-desktop", true, DockerDesktop},
	{"docker-for-desktop", true, DockerDesktop},
	{"microk8s", false, MicroK8s},
	{"microk8s-cluster", true, MicroK8s},
	{"api-crc-testing", true, CRC},
	{"crc", false, CRC},
	{"rancher-desktop", true, RancherDesktop},
	{"colima", true, Colima},
	{"orbstack", true, OrbStack},
	{"krucible-", true, Krucible},
	{"towline-testbed", false, Testbed},
}

// Product tells what runs a cluster by the marks on its entry, whatever the
// cluster is called, else by its name.
func (c Cluster) Product() Product {
	if slices.ContainsFunc(c.Marks, func(mark string) bool { return strings.Contains(mark, "minikube.sigs.k8s.io") }) {
		return Minikube
	}
	for _, known := range names {
		if c.Name == known.name || known.more && strings.HasPrefix(c.Name, known.name) {
			return known.product
		}
	}
	return ""
}
