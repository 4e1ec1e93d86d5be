package main

import (
	"cmp"
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/towline-dev/towline/cmd/towline/words"
	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/server/kube"
	"github.com/towline-dev/towline/starlark/config"
)

// project is one that is up, as a command looks at it.
type project struct {
	endpoint api.Endpoint
	client   *api.Client
	status   api.Status
	config   *config.Project
}

// lookAt returns the project that is up.
func lookAt(ctx context.Context, ws *workspaceFlags) (*project, error) {
	e, client, err := ws.running(ctx)
	if err != nil {
		return nil, err
	}
	return look(ctx, e, client)
}

// look is lookAt, by a daemon that is known.
func look(ctx context.Context, e api.Endpoint, client *api.Client) (p *project, err error) {
	p = &project{endpoint: e, client: client}
	if p.status, err = client.Status(ctx); err != nil {
		return nil, err
	}
	if p.config, err = client.Project(ctx); p.config == nil {
		p.config = &config.Project{}
	}
	return p, err
}

// resource finds one by its name.
func (p *project) resource(name string) (*api.ResourceStatus, *config.Resource, error) {
	one := selection{names: []string{name}}
	picked, err := one.of(p.status.Resources)
	if err != nil {
		return nil, nil, err
	}
	if len(picked) > 1 {
		return nil, nil, &config.Problem{Message: fmt.Sprintf("%q is %d resources, and one is meant", name, len(picked)), Hint: "name one of them"}
	}
	spec := &config.Resource{Name: picked[0].Name, Kind: picked[0].Kind}
	for i := range p.config.Resources {
		if p.config.Resources[i].Name == spec.Name {
			spec = &p.config.Resources[i]
		}
	}
	return &picked[0], spec, nil
}

// objects are those of a resource.
func (p *project) objects(resource string) []config.Object {
	return slices.DeleteFunc(slices.Clone(p.config.YAML), func(o config.Object) bool { return o.Resource != resource })
}

// cluster opens the cluster that the project is up in, and no other: as the
// daemon has pinned it.
func (p *project) cluster() (*kube.Cluster, error) {
	if !p.status.Up || p.status.Cluster.Context == "" {
		return nil, &config.Problem{Message: "the project is not up in a cluster", Hint: "bring it up first: `towline up`"}
	}
	return kube.Open(kube.Options{
		Kubeconfig: filepath.Join(p.endpoint.State, "kubeconfig"), Context: p.status.Cluster.Context, Namespace: p.status.Cluster.Namespace,
	})
}

// pods are those of a resource, the ready and then the newest first. Where its
// labels find none, it has those that the daemon knows.
func (p *project) pods(ctx context.Context, c *kube.Cluster, r *api.ResourceStatus) ([]kube.Pod, error) {
	namespaces := []string{p.status.Cluster.Namespace}
	for _, o := range p.objects(r.Name) {
		if ns := kube.RefOf(o.Content).Namespace; ns != "" && !slices.Contains(namespaces, ns) {
			namespaces = append(namespaces, ns)
		}
	}
	var pods []kube.Pod
	selector := kube.LabelWorkspace + "=" + p.status.Daemon.Label + "," + kube.LabelResource + "=" + kube.LabelValue(r.Name)
	for _, ns := range namespaces {
		some, err := c.Pods(ctx, ns, selector)
		if err != nil {
			return nil, err
		}
		pods = append(pods, some...)
	}
	pods = slices.DeleteFunc(pods, func(p kube.Pod) bool { return p.Deleting })
	if len(pods) == 0 {
		pods = known(r)
	}
	slices.SortStableFunc(pods, func(a, b kube.Pod) int {
		if a.Ready != b.Ready {
			return map[bool]int{true: -1, false: 1}[a.Ready]
		}
		return cmp.Or(b.CreatedAt.Compare(a.CreatedAt), strings.Compare(a.Name, b.Name))
	})
	return pods, nil
}

// known are the pods that the daemon tells of.
func known(r *api.ResourceStatus) []kube.Pod {
	var pods []kube.Pod
	for _, t := range r.Targets {
		i := slices.IndexFunc(pods, func(p kube.Pod) bool { return p.Name == t.Pod && p.Namespace == t.Namespace })
		if i < 0 {
			i, pods = len(pods), append(pods, kube.Pod{Name: t.Pod, Namespace: t.Namespace, Ready: true})
		}
		state := kube.ContainerWaiting
		if t.Ready || t.Agent {
			state = kube.ContainerRunning
		}
		pods[i].Ready = pods[i].Ready && t.Ready
		pods[i].Containers = append(pods[i].Containers, kube.Container{Name: t.Container, Ready: t.Ready, State: state})
	}
	return pods
}

// explained says what a container does, in words.
func explained(c *kube.Container) string {
	switch c.State {
	case kube.ContainerRunning:
		if c.Ready {
			return "running, ready"
		}
		return "running, not ready"
	case kube.ContainerTerminated:
		return strings.TrimSuffix(fmt.Sprintf("ended with exit code %d: %s", c.ExitCode, cmp.Or(c.Message, c.Reason)), ": ")
	}
	why := map[string]string{
		"CrashLoopBackOff": "it crashes again and again, and is started again after a pause", "ImagePullBackOff": "its image cannot be pulled, and is tried again after a pause",
		"ErrImagePull": "its image cannot be pulled", "ContainerCreating": "its image and its volumes are brought", "PodInitializing": "the init containers come first",
		"CreateContainerConfigError": "what its settings name is not there",
	}[c.Reason]
	text := strings.TrimSuffix("waits: "+cmp.Or(why, c.Reason), ": ")
	if c.Message != "" {
		text += ": " + words.Line(c.Message)
	}
	if c.RestartCount > 0 {
		text += fmt.Sprintf(" (last exit code %d)", c.ExitCode)
	}
	return text
}
