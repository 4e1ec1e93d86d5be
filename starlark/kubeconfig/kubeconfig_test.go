package kubeconfig

import (
	"reflect"
	"testing"
)

const first = `
current-context: mine
contexts:
- {name: mine, context: {cluster: kind-dev, namespace: shop}}
- {name: kind-dev, context: {cluster: prod}}
clusters:
- {name: kind-dev, cluster: {server: "https://127.0.0.1:1", certificate-authority-data: Y2E=}}
- {name: prod, cluster: {server: "https://10.0.0.1", certificate-authority: ca.pem}}
`

const second = `
current-context: other
contexts:
- {name: mine, context: {cluster: prod}}
- {name: other, context: {cluster: work}}
clusters:
- {name: prod, cluster: {server: "https://elsewhere"}}
- name: work
  cluster: {extensions: [{name: cluster_info, extension: {provider: minikube.sigs.k8s.io}}]}
`

func TestMerge(t *testing.T) {
	c := Merge([]byte(first), []byte("\t: no YAML"), []byte(second), nil)
	want := []Context{
		{Name: "mine", Cluster: "kind-dev", Namespace: "shop"}, {Name: "kind-dev", Cluster: "prod"}, {Name: "other", Cluster: "work"},
	}
	if c.Current != "mine" || !reflect.DeepEqual(c.Contexts, want) {
		t.Errorf("got current %q of %+v, want mine of %+v", c.Current, c.Contexts, want)
	}
	kind, _ := c.Cluster("kind-dev")
	if string(kind.CA) != "ca" || kind.Server != "https://127.0.0.1:1" || kind.Origin != 0 {
		t.Errorf("kind-dev is %+v", kind)
	}
	if prod, _ := c.Cluster("prod"); prod.Server != "https://10.0.0.1" || prod.CAFile != "ca.pem" {
		t.Errorf("prod is %+v, want the first file's", prod)
	}
	if work, _ := c.Cluster("work"); work.Product() != Minikube || work.Origin != 2 {
		t.Errorf("work is %+v, want minikube's of the third file", work)
	}
	if none, ok := c.Cluster("none"); ok || none.Product().Local() {
		t.Errorf("found %+v", none)
	}
}

func TestProduct(t *testing.T) {
	for name, want := range map[string]Product{
		"kind": Kind, "kind-dev": Kind, "minikube": Minikube, "minikube-two": Minikube, "k3d-x": K3D, "k3s-default": K3D,
		"docker-desktop": DockerDesktop, "docker-for-desktop": DockerDesktop, "docker-for-desktop-cluster": DockerDesktop,
		"microk8s": MicroK8s, "microk8s-cluster": MicroK8s, "api-crc-testing:6443": CRC, "crc": CRC,
		"rancher-desktop": RancherDesktop, "colima": Colima, "colima-work": Colima, "orbstack": OrbStack,
		"krucible-1": Krucible, "towline-testbed": Testbed,
		"gke_project_zone_name": "", "mankind": "", "kindergarten": "", "crcle-prod": "", "towline-testbed-2": "",
		"arn:aws:eks:us-east-1:1:cluster/kind": "", "": "",
	} {
		if got := (Cluster{Name: name}).Product(); got != want {
			t.Errorf("%q is %q, want %q", name, got, want)
		}
	}
	marked := Cluster{Name: "profile", Marks: []string{"cluster_info", "minikube.sigs.k8s.io"}}
	if got := marked.Product(); got != Minikube {
		t.Errorf("a marked cluster is %q", got)
	}
	if got := (Cluster{Name: "profile", Marks: []string{"cluster_info", "somebody.else"}}).Product(); got.Local() {
		t.Errorf("a cluster with a mark of another's is %q", got)
	}
}

func TestHashCA(t *testing.T) {
	if got := HashCA([]byte("ca")); len(got) != 64 || got == HashCA([]byte("cb")) || HashCA(nil) != "" {
		t.Errorf("got %q", got)
	}
}

// FuzzMerge holds that no file, whatever it has, keeps the others from being
// read, and that a cluster without a name is nobody's.
func FuzzMerge(f *testing.F) {
	f.Add([]byte(first))
	f.Add([]byte(second))
	f.Add([]byte("contexts: [{name: [}]"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 1<<16 {
			return
		}
		c := Merge(data, []byte(first))
		if _, ok := c.Context("kind-dev"); !ok {
			t.Error("the second file's context is lost")
		}
		for _, x := range c.Contexts {
			cluster, ok := c.Cluster(x.Cluster)
			if !ok && cluster.Product().Local() && cluster.Name == "" {
				t.Errorf("%q is local without a cluster", x.Name)
			}
		}
	})
}

func TestAllowing(t *testing.T) {
	for context, want := range map[string]string{
		"kind-a":        `allow_k8s_contexts('kind-a')`,
		`it's\a "name"`: `allow_k8s_contexts('it\'s\\a "name"')`,
	} {
		if got := Allowing(context); got != want {
			t.Errorf("%s: got %s", context, got)
		}
	}
}
