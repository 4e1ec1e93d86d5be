package build

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/towline-dev/towline/starlark/config"
)

// Delivery is how an image gets to the cluster.
type Delivery string

// The deliveries.
const (
	Push         Delivery = "push"          // to the registry in its name
	Shared       Delivery = "shared"        // nothing to do: the cluster runs on the docker that builds
	KindLoad     Delivery = "kind load"     // into each node, by kind
	K3DImport    Delivery = "k3d import"    // into each node, by k3d
	MinikubeLoad Delivery = "minikube load" // into the node, by minikube
)

// DeliveryFor chooses the delivery for a cluster: a registry is the quickest
// where there is one, since only layers that are new travel.
func DeliveryFor(c Cluster) Delivery {
	dockerInside := strings.HasPrefix(c.Runtime, "docker://")
	switch {
	case c.None:
		return Shared
	case c.Registry != nil && c.Registry.Host != "":
		return Push
	case c.Product == "kind":
		return KindLoad
	case c.Product == "k3d":
		return K3DImport
	case c.Product == "minikube" && !dockerInside:
		return MinikubeLoad
	case c.Product == "docker-desktop":
		return Shared
	case dockerInside && (c.Product == "minikube" || c.Product == "colima" || c.Product == "orbstack" || c.Product == "rancher-desktop"):
		return Shared
	}
	return Push
}

// clusterDockerEnv is what makes docker speak to the cluster's own daemon:
// minikube's lives in its machine.
func (b *builder) clusterDockerEnv(ctx context.Context) ([]string, error) {
	if b.cluster.Product != "minikube" || DeliveryFor(b.cluster) != Shared {
		return nil, nil
	}
	var out strings.Builder
	argv := []string{"minikube", "-p", b.cluster.Name, "docker-env", "--shell", "none"}
	if err := run(ctx, command{argv: argv, env: b.env, stdout: &out, stderr: io.Discard}); err != nil {
		return nil, &config.Problem{
			Message: fmt.Sprintf("minikube does not say how to reach its docker: %v", err),
			Hint:    "is it running? `minikube -p " + b.cluster.Name + " status`",
		}
	}
	var env []string
	for line := range strings.Lines(out.String()) {
		if key, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok && !strings.HasPrefix(key, "#") {
			env = append(env, key+"="+strings.Trim(value, `"'`))
		}
	}
	return env, nil
}

// loadArgv is the command that loads an image of this machine's docker, or a
// file with one, into the cluster's nodes.
func loadArgv(c Cluster, what string, archive bool) []string {
	switch DeliveryFor(c) {
	case KindLoad:
		kind := "docker-image"
		if archive {
			kind = "image-archive"
		}
		return []string{"kind", "load", kind, what, "--name", productName(c, "kind-")}
	case K3DImport:
		return []string{"k3d", "image", "import", what, "-c", productName(c, "k3d-")}
	case MinikubeLoad:
		return []string{"minikube", "-p", c.Name, "image", "load", what}
	}
	return nil
}

// productName is the name that a product's own command calls the cluster by.
func productName(c Cluster, prefix string) string {
	for _, name := range []string{c.Name, c.Context} {
		if short, ok := strings.CutPrefix(name, prefix); ok {
			return short
		}
	}
	return c.Name
}

// load brings an image into the nodes.
func (b *builder) load(ctx context.Context, what string, archive bool, output io.Writer) error {
	argv := loadArgv(b.cluster, what, archive)
	tail := newTail(output)
	err := run(ctx, command{argv: argv, env: b.env, stdout: tail, stderr: tail})
	if err == nil {
		return nil
	}
	return &config.Problem{
		Message: fmt.Sprintf("%s failed: %s", strings.Join(argv[:3], " "), firstOf(tail.lastLine(), err.Error())),
		Hint:    "is " + argv[0] + " installed and the cluster running? a local registry makes loading unnecessary and quicker",
	}
}
