package daemon

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/towline-dev/towline/server/build"
	"github.com/towline-dev/towline/server/buildpod"
	"github.com/towline-dev/towline/server/kube"
	"github.com/towline-dev/towline/starlark/config"
)

// reachTimeout bounds how long Up waits for the cluster's first answer.
const reachTimeout = 10 * time.Second

// clusterFacts are what a builder has to know of a cluster.
type clusterFacts struct {
	registry          *config.Registry // the cluster's own
	unread            string           // why the cluster could not be asked for its own
	platform, runtime string
	made              bool // the namespace was made
}

// inspectCluster asks the cluster for its version, its nodes and its registry.
func inspectCluster(ctx context.Context, cluster *kube.Cluster, workspace string) (clusterFacts, error) {
	ctx, cancel := context.WithTimeout(ctx, reachTimeout)
	defer cancel()
	var s clusterFacts
	if _, err := cluster.ServerVersion(ctx); err != nil {
		return s, reachProblem(cluster, err)
	}
	if nodes, err := cluster.Nodes(ctx); err == nil && len(nodes) > 0 {
		s.platform, s.runtime = nodes[0].OS+"/"+nodes[0].Arch, nodes[0].Runtime
	}
	found, unread, err := cluster.DiscoverRegistry(ctx)
	if err != nil {
		return s, reachProblem(cluster, err)
	}
	s.registry, s.unread = found, unread
	if ns := cluster.Identity().Namespace; ns != "default" {
		labels := map[string]string{kube.LabelWorkspace: workspace, kube.LabelMade: workspace}
		made, err := cluster.EnsureNamespace(ctx, ns, labels)
		s.made = made
		if err != nil && !kube.IsKind(err, kube.Forbidden) {
			return s, reachProblem(cluster, err)
		}
	}
	return s, nil
}

// reachProblem says which cluster did not answer, and where that is decided.
func reachProblem(cluster *kube.Cluster, err error) error {
	var failed *kube.Error
	if !errors.As(err, &failed) {
		return err
	}
	p := *failed.Problem()
	p.Pos = config.Position{File: cluster.Kubeconfig()}
	return &p
}

// builderFor makes the builder for a cluster.
func builderFor(cluster *kube.Cluster, e clusterFacts, workspace, owner, dir string) *build.Builder {
	id := cluster.Identity()
	return build.New(build.Options{
		Workspace: workspace, Dir: dir,
		Remote:      buildpod.New(buildpod.Options{Kube: cluster, WorkspaceID: workspace, Owner: owner, Namespace: id.Namespace}),
		PullSecrets: func(ctx context.Context) [][]byte { return cluster.PullSecrets(ctx, id.Namespace) },
		Cluster: build.Cluster{
			Product: string(id.Product), Name: id.Cluster, Context: id.Context,
			Runtime: e.runtime, Platform: e.platform, Registry: e.registry, Unread: e.unread,
		},
	})
}

// inputs names what a project's images depend on besides the project and its
// files: where they go, what they are for, and what their builds take from the
// environment. Another text means that they are to be built again.
func (e clusterFacts) inputs(p *config.Project) string {
	env := map[string]string{}
	for i := range p.Images {
		for _, name := range passed(&p.Images[i]) {
			env[name] = os.Getenv(name)
		}
	}
	// As in Tilt, what the cluster says of a registry wins.
	data, err := json.Marshal([]any{cmp.Or(e.registry, p.Settings.DefaultRegistry), e.platform, e.runtime, env})
	if err != nil {
		panic(err) // it is plain data
	}
	return string(data)
}

// passed are the variables whose value a build takes from the environment: of
// build_args without one, and of secrets.
func passed(img *config.Image) []string {
	var names []string
	for name, value := range img.Args {
		if value == "" {
			names = append(names, name)
		}
	}
	for _, secret := range img.Secrets {
		id, from := "", ""
		for field := range strings.SplitSeq(secret, ",") {
			key, value, _ := strings.Cut(field, "=")
			switch key {
			case "id":
				id = value
			case "env":
				from = value
			case "src", "source":
				from = "-"
			}
		}
		if name := cmp.Or(from, id); name != "" && name != "-" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}
