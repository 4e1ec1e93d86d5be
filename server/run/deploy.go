package run

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/towline-dev/towline/server/engine"
	"github.com/towline-dev/towline/server/inject"
	"github.com/towline-dev/towline/server/kube"
	"github.com/towline-dev/towline/starlark/config"
)

// deployment is what a resource's last apply left in the cluster.
type deployment struct {
	readiness config.PodReadiness
	objects   []appliedObject
	selectors []map[string]string // extra_pod_selectors
	forwards  []config.PortForward
	applied   bool               // all of it; before, nothing of it is ready
	families  map[string]*family // by namespace: what another program applied
}

// appliedObject is one object of a deployment.
type appliedObject struct {
	ref        kube.Ref
	generation int64
	template   string // hash in inject.LabelTemplate, "" without pods
	bare       bool   // a Pod of its own
	rollout    kube.Rollout
	watch      string // of an adopted object: its adoption
}

// apply applies a resource's objects.
func (r *Runner) apply(ctx context.Context, e engine.Apply) {
	problem := r.deploy(ctx, e)
	if ctx.Err() != nil {
		return // nobody waits for it: the resource is no longer wanted, or nothing is
	}
	if problem != nil {
		r.log(e.Resource.Name, "towline", "error", problem.Error())
	}
	r.o.Sink.Event(engine.Applied{Resource: e.Resource.Name, Problem: problem})
	if problem == nil {
		r.observe(e.Resource.Name)
		r.forwards.Open(e.Resource.Name, e.Resource.PortForwards)
	}
}

func (r *Runner) deploy(ctx context.Context, e engine.Apply) *config.Problem {
	if d := e.Resource.CustomDeploy; d != nil {
		return r.customDeploy(ctx, e, d)
	}
	opts, problem := r.injection(ctx, e)
	if problem != nil {
		return problem
	}
	var contents []map[string]any
	var sources []config.Object
	deploy := r.newDeployment(e.Resource)
	templates := map[kube.Ref]string{}
	for _, o := range r.objectsOf(e.Resource.Name) {
		result, err := inject.Object(o, opts)
		if err != nil {
			return &config.Problem{Message: err.Error(), Pos: o.Pos}
		}
		contents = append(contents, result.Object)
		sources = append(sources, o)
		templates[nameOnly(kube.RefOf(result.Object))] = result.Template
	}
	r.mu.Lock()
	r.deployed[e.Resource.Name] = deploy
	r.mu.Unlock()
	applied, err := r.o.Cluster.Apply(ctx, contents, kube.ApplyOptions{
		Labels:   r.labels(e.Resource.Name),
		Progress: func(p kube.Progress) { r.applyProgress(e.Resource.Name, p) },
	})
	r.mu.Lock()
	for _, a := range applied {
		deploy.add(a, templates[nameOnly(a.Ref)])
		r.watchNamespace(a.Ref.Namespace)
	}
	deploy.applied = err == nil
	r.mu.Unlock()
	if err != nil {
		return applyProblem(err, sources)
	}
	return nil
}

func (r *Runner) newDeployment(res config.Resource) *deployment {
	return &deployment{readiness: res.PodReadiness, selectors: res.ExtraPodSelectors, forwards: res.PortForwards}
}

// add records an object that the server has.
func (d *deployment) add(a kube.Applied, template string) {
	d.objects = append(d.objects, appliedObject{
		ref: a.Ref, generation: a.Generation, template: template,
		bare: a.Ref.Kind == "Pod", rollout: kube.RolloutOf(a.Content),
	})
}

// labels are what the objects of a resource are found by.
func (r *Runner) labels(resource string) map[string]string {
	return map[string]string{
		kube.LabelWorkspace: r.o.Workspace,
		kube.LabelResource:  kube.LabelValue(resource),
	}
}

// injection collects what the rewriting of a resource's objects needs.
func (r *Runner) injection(ctx context.Context, e engine.Apply) (inject.Options, *config.Problem) {
	opts := inject.Options{Resource: kube.LabelValue(e.Resource.Name), Images: map[string]inject.Image{}}
	r.mu.Lock()
	for ref := range e.Images {
		b := r.built[ref]
		opts.Images[ref] = inject.Image{
			Spec: *imageNamed(r.project, ref), Pushed: b.Ref, Entrypoint: b.Config.Entrypoint, Cmd: b.Config.Cmd,
		}
	}
	r.mu.Unlock()
	set := r.ours().AgentOf(e.Resource.Name)
	if len(e.Images) == 0 || len(r.o.Agent) == 0 || !set.Enabled {
		return opts, nil
	}
	if set.Image != "" {
		opts.AgentImage = set.Image
		return opts, nil
	}
	agent, err := r.agentImage(ctx, sortedKeys(opts.Images)[0])
	if err != nil {
		return opts, &config.Problem{
			Message: fmt.Sprintf("pushing the agent's image: %v", err),
			Hint:    "the cluster's registry has to accept pushes; default_registry() names another one",
		}
	}
	opts.AgentImage = agent
	return opts, nil
}

// agentImage pushes the agent's image, once for a Runner. near is one of the
// project's images.
func (r *Runner) agentImage(ctx context.Context, near string) (string, error) {
	r.mu.Lock()
	known := r.agentRef
	r.mu.Unlock()
	if known != "" {
		return known, nil
	}
	ref, err := r.o.Images.AgentImage(ctx, r.o.Agent, near)
	if err == nil {
		r.mu.Lock()
		r.agentRef = ref
		r.mu.Unlock()
	}
	return ref, err
}

func (r *Runner) objectsOf(resource string) []config.Object {
	r.mu.Lock()
	defer r.mu.Unlock()
	var objects []config.Object
	for _, o := range r.project.YAML {
		if o.Resource == resource {
			objects = append(objects, o)
		}
	}
	return objects
}

func (r *Runner) applyProgress(resource string, p kube.Progress) {
	if p.Action == kube.Unchanged {
		return
	}
	text := fmt.Sprintf("%s %s", p.Object, p.Action)
	if p.Message != "" {
		text += ": " + p.Message
	}
	r.log(resource, "towline", "", text)
}

// nameOnly drops what the server adds to a reference.
func nameOnly(ref kube.Ref) kube.Ref {
	return kube.Ref{Group: ref.Group, Kind: ref.Kind, Name: ref.Name}
}

// applyProblem says which object was refused, and where it is written.
func applyProblem(err error, objects []config.Object) *config.Problem {
	var refused *kube.Error
	if !errors.As(err, &refused) {
		return &config.Problem{Message: err.Error()}
	}
	p := refused.Problem()
	for _, o := range objects {
		if ref := kube.RefOf(o.Content); strings.HasPrefix(refused.Object, ref.Kind+" "+ref.Name) {
			p.Pos = o.Pos
			if o.Source != "" {
				p.Pos = config.Position{File: o.Source, Line: max(o.Line, 1)}
			}
			break
		}
	}
	return p
}

// forget deletes what the project no longer has. Namespaces stay: what else is
// in them is not ours.
func (r *Runner) forget(e engine.Forget) {
	r.mu.Lock()
	for _, name := range e.Dropped {
		r.abandon(name)
		delete(r.deployed, name)
	}
	r.mu.Unlock()
	r.forwards.End(e.Dropped)
	for i := range e.Deploys {
		r.customDelete(r.ctx, &e.Deploys[i])
	}
	var contents []map[string]any
	for _, o := range e.Objects {
		if o.Content["kind"] != "Namespace" {
			contents = append(contents, o.Content)
		}
	}
	err := r.o.Cluster.Delete(r.ctx, contents, kube.DeleteOptions{
		Progress: func(p kube.Progress) { r.applyProgress("", p) },
	})
	if err != nil && r.ctx.Err() == nil {
		r.log("", "towline", "error", fmt.Sprintf("deleting what the Tiltfile no longer has: %v", err))
	}
}

// Down deletes all that the workspace has applied, whatever the project says
// today, and returns when it is gone. Namespaces stay unless they are asked
// for.
func (r *Runner) Down(ctx context.Context, p *config.Project, namespaces bool) error {
	owned, err := r.o.Cluster.Owned(ctx, r.o.Workspace)
	if err != nil {
		return err
	}
	seen := map[kube.Ref]bool{}
	var doomed []map[string]any
	add := func(o map[string]any) {
		ref := kube.RefOf(o)
		if seen[ref] || ref.Kind == "Namespace" && !namespaces {
			return
		}
		seen[ref] = true
		doomed = append(doomed, o)
	}
	for _, o := range owned {
		add(o)
	}
	if p != nil {
		for _, o := range p.YAML {
			if ns := at(o.Content, "metadata")["namespace"]; ns != nil && ns != r.o.Cluster.Identity().Namespace || clusterWide(o.Content) {
				add(o.Content)
			}
		}
		for i := range slices.Backward(p.Resources) {
			r.customDelete(ctx, &p.Resources[i])
		}
	}
	return r.o.Cluster.Delete(ctx, doomed, kube.DeleteOptions{
		Progress: func(p kube.Progress) { r.applyProgress("", p) },
	})
}

// clusterWide reports whether an object names no namespace. Such an object
// may live outside of all, where the search by label does not look.
func clusterWide(o map[string]any) bool { return at(o, "metadata")["namespace"] == nil }

func at(o map[string]any, key string) map[string]any {
	m, _ := o[key].(map[string]any)
	return m
}

func imageNamed(p *config.Project, ref string) *config.Image {
	for i := range p.Images {
		if p.Images[i].Ref == ref {
			return &p.Images[i]
		}
	}
	return &config.Image{Ref: ref}
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
