package build

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/towline-dev/towline/starlark/config"
)

// Remote is a BuildKit that runs where the images will. Its methods may be called
// concurrently.
type Remote interface {
	// Connect makes it, unless it is there, and waits until it answers. The address
	// is one for buildctl and holds until end is called, which says why the connection
	// broke off before, nil if it did not.
	Connect(ctx context.Context, o RemoteOptions) (address string, end func() error, err error)
}

// unknown is a Remote that is only spoken of.
type unknown struct{}

func (unknown) Connect(context.Context, RemoteOptions) (string, func() error, error) {
	return "", nil, errors.New("no cluster is known")
}

// RemoteOptions say what a Remote has to be like.
type RemoteOptions struct {
	Image     string    // its own, "": the default
	Namespace string    // "": the project's
	Registry  string    // host that it pushes to
	Plain     bool      // that host speaks http
	OnNode    bool      // that host is found in a node's network alone
	Output    io.Writer // receives what it waits for
}

// inCluster is the builder in the cluster, which needs buildctl here.
func (b *builder) inCluster(ctl string, env []string) (*tool, error) {
	switch {
	case b.remote == nil:
		return nil, &config.Problem{
			Message: "towline.builder('cluster'): there is no cluster to build in",
			Hint:    "leave it out, or bring up something that runs in a cluster",
		}
	case ctl == "":
		return nil, &config.Problem{
			Message: "building in the cluster needs buildctl, which is not in PATH",
			Hint:    "install it (one program, in the releases of github.com/moby/buildkit), or build with docker",
		}
	}
	return &tool{kind: buildctlRemote, path: ctl, env: env}, nil
}

// renamed is a registry that goes by another name where something runs. The zero
// value is none.
type renamed struct{ here, there string }

// name is what an image is called there.
func (r renamed) name(image string) string {
	if rest, ok := strings.CutPrefix(image, r.here+"/"); ok && r.here != "" {
		return r.there + "/" + rest
	}
	return image
}

// registryThere is the registry as a builder in a pod finds it.
func (b *builder) registryThere(t *tool) renamed {
	r := b.cluster.Registry
	if t.kind != buildctlRemote || r == nil {
		return renamed{}
	}
	host, _, _ := strings.Cut(r.Host, "/")
	there, _, _ := strings.Cut(cmp.Or(r.HostFromPods, r.HostFromCluster, r.Host), "/")
	if host == there {
		return renamed{}
	}
	return renamed{here: host, there: there}
}

// loopback reports whether a registry's host is one's own machine.
func loopback(host string) bool {
	name, _, _ := strings.Cut(host, ":")
	return name == "localhost" || strings.HasPrefix(name, "127.") || strings.HasPrefix(host, "[::1]")
}

// buildThere makes a docker_build's image in the cluster, and pushes it from there.
func (b *builder) buildThere(ctx context.Context, j job) (Result, error) {
	host, _, _ := strings.Cut(j.registry.name(j.names.Local), "/")
	address, end, err := b.remote.Connect(ctx, RemoteOptions{
		Image: b.setting.Image, Namespace: b.setting.Namespace, Output: j.request.Output,
		Registry: host, Plain: b.cluster.Registry != nil && b.cluster.Registry.HostFromPods != "", OnNode: loopback(host),
	})
	if err != nil {
		return Result{}, err
	}
	t := *j.tool
	t.env = append(slices.Clone(t.env), "BUILDKIT_HOST="+address)
	j.tool = &t
	result, err := b.buildctl(ctx, j)
	if lost := end(); err != nil && lost != nil && ctx.Err() == nil {
		return Result{}, whileAway(&config.Problem{
			Message: fmt.Sprintf("building image %s failed: BuildKit in the cluster went away: %v", j.request.Image.Ref, lost),
			Hint:    "it is made anew, and the build tried again; `kubectl get events` may say why its pod went",
		}, true)
	}
	return result, err
}
