package deploy

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
	"github.com/towline-dev/towline/server/run/inbox"
	"github.com/towline-dev/towline/server/run/rollout"
	"github.com/towline-dev/towline/starlark/config"
)

// adoption is what became of the live updates of a resource whose objects
// another program applied.
type adoption struct {
	images map[string]config.Image // with a live update, by what its containers run
	deploy *config.CustomDeploy
	live   rollout.Live // of its LiveImage
	unreached
	taken   bool     // somebody else's were left alone
	reached []string // refs that some container was given the agent for
	refused []string // why others were not
	lasting []string // refs that run in what does not end by itself
}

// bringAgents brings the agent into the containers that live updates are for,
// through the templates of the workloads that a command named. Where that
// cannot be, an image of the project is built for each change; a LiveImage has
// no build, and the problem says so.
func (d *Deployer) bringAgents(ctx context.Context, e engine.Apply, current []kube.Applied) ([]kube.Applied, adoption, *config.Problem) {
	a, problem := d.adoptionOf(ctx, e)
	if problem != nil || len(a.images) == 0 && a.live.Ref == "" {
		return current, a, problem
	}
	refs := slices.Sorted(maps.Keys(e.Images))
	near := ""
	if len(refs) > 0 {
		near = refs[0]
	}
	agent, err := d.o.Images.Agent(ctx, near)
	switch {
	case err != nil:
		return current, a, agentProblem(err)
	case agent == "":
		a.refused = append(a.refused, "there is no towline-agent beside the towline program")
	}
	for i, object := range current {
		wanted := a.wanted(object.Content)
		a.runs(object.Content, wanted)
		if len(wanted) == 0 || agent == "" {
			continue
		}
		if foreign := d.foreignOwner(e.Resource, object); foreign != "" && (d.o.Take == nil || !d.o.Take(foreign)) {
			a.taken = true
			a.refused = append(a.refused, fmt.Sprintf("%s %s; to bring the agent its pods would be replaced", object.Ref, foreign))
			continue
		}
		if by, held := kube.ControllerOf(object.Content); held && inject.AdoptedFor(object.Content) != d.o.WorkspaceID {
			leave, err := d.held(ctx, e.Resource.Name, by, object.Ref)
			if err != nil {
				problem := applyProblem(err, nil)
				problem.Pos = e.Resource.Pos
				return current, a, problem
			}
			if leave {
				a.refused = append(a.refused, fmt.Sprintf("%s is left to %s", object.Ref, by))
				continue
			}
		}
		got, err := d.bringAgent(ctx, e.Resource, object, wanted, agent)
		for try := 0; kube.IsKind(err, kube.Conflict) && try < changes; try++ {
			if got, err = d.reread(ctx, object); err == nil {
				got, err = d.bringAgent(ctx, e.Resource, got, wanted, agent)
			}
		}
		if err != nil {
			a.refused = append(a.refused, fmt.Sprintf("%s %s: %v", object.Ref.Kind, object.Ref.Name, err))
			continue
		}
		current[i] = got
		a.took(wanted)
	}
	return current, a, a.problem(e.Resource)
}

// foreignOwner says why a workload seems to be somebody else's, who would not expect
// its pods to be replaced; "" for one that is the project's own, and for one
// that got the agent from it before.
func (d *Deployer) foreignOwner(res config.Resource, object kube.Applied) string {
	o := object.Content
	by := inject.AdoptedFor(o)
	switch workspace := kube.WorkspaceOf(o); {
	case by == d.o.WorkspaceID:
		return ""
	case by != "":
		return "has the agent of another workspace"
	case workspace != "" && workspace != d.o.WorkspaceID:
		return "belongs to " + kube.OwnerOf(o)
	case !onlyReads(res.CustomDeploy.Apply.Argv):
		return "" // what the command applies is the project's
	case kube.ManagedBy(o) == "tilt":
		return "was brought up by somebody's Tilt"
	case object.Ref.Namespace != d.o.Namespace:
		return "lives in another namespace than the project (" + d.o.Namespace + ")"
	}
	return ""
}

// onlyReads reports whether an apply command applies nothing, as that of
// k8s_attach.
func onlyReads(argv []string) bool {
	words := strings.Fields(strings.Join(argv, " "))
	i := slices.Index(words, "kubectl")
	return i >= 0 && i+1 < len(words) && words[i+1] == "get" && !slices.Contains(words, "apply")
}

// changes is how often a workload is read again that a controller, or somebody
// else, changed between the reading and the writing of it.
const changes = 5

func (d *Deployer) reread(ctx context.Context, object kube.Applied) (kube.Applied, error) {
	now, err := d.o.Cluster.Current(ctx, []map[string]any{object.Content})
	if err == nil && len(now) != 1 {
		err = fmt.Errorf("%s is gone", object.Ref)
	}
	if err != nil {
		return object, err
	}
	return now[0], nil
}

// adoptionOf collects which live updates a custom deploy has: its own, and
// those of the project's images that it uses.
func (d *Deployer) adoptionOf(ctx context.Context, e engine.Apply) (adoption, *config.Problem) {
	a := adoption{images: map[string]config.Image{}, deploy: e.Resource.CustomDeploy}
	if img, ok := e.Resource.LiveImage(); ok {
		a.live.Ref = img.Ref
	}
	p := inbox.Ask(ctx, d.box, func(_ context.Context, s *state) *config.Project { return s.project })
	if p == nil || !p.Settings.Ours().AgentOf(e.Resource.Name).Enabled {
		return adoption{}, nil
	}
	for ref, pushed := range e.Images {
		if img := imageNamed(p, ref); len(img.LiveUpdate) > 0 {
			a.images[pushed] = img
		}
	}
	return a, nil
}

// wanted returns the containers of an object that a live update is for, with
// the ref that each stands for.
func (a *adoption) wanted(o map[string]any) map[string]string {
	found := map[string]string{}
	for name, image := range inject.Containers(o) {
		if img, ours := a.images[image]; ours {
			found[name] = img.Ref
		} else if a.live.Ref != "" && a.selects(name, image) {
			found[name] = a.live.Ref
		}
	}
	return found
}

// selects reports whether a container is the one that live_update is for.
func (a *adoption) selects(name, image string) bool {
	switch {
	case a.deploy.ContainerSelector != "":
		return name == a.deploy.ContainerSelector
	case a.deploy.ImageSelector != "":
		return sameImage(image, a.deploy.ImageSelector)
	}
	return slices.ContainsFunc(a.deploy.ImageDeps, func(ref string) bool { return sameImage(image, ref) })
}

// sameImage compares names of images: a tag or digest that the selector does
// not name may be any.
func sameImage(image, selector string) bool {
	familiar := func(s string) string {
		return strings.TrimPrefix(strings.TrimPrefix(s, "docker.io/"), "library/")
	}
	image, selector = familiar(image), familiar(selector)
	if image == selector {
		return true
	}
	name, _, _ := strings.Cut(image, "@")
	if i := strings.LastIndexByte(name, ':'); i > strings.LastIndexByte(name, '/') {
		name = name[:i]
	}
	return name == selector
}

// bringAgent changes one workload, unless its containers have the agent.
func (d *Deployer) bringAgent(ctx context.Context, res config.Resource, object kube.Applied, wanted map[string]string, agent string) (kube.Applied, error) {
	if !inject.Adoptable(object.Content) {
		return object, fmt.Errorf("a %s cannot be changed once it is there", object.Ref.Kind)
	}
	images := map[string]inject.Image{}
	for name := range wanted {
		image := inject.Containers(object.Content)[name]
		img := inject.Image{Spec: config.Image{Ref: image, LiveUpdate: res.CustomDeploy.LiveUpdate}, Pushed: image}
		settings, err := d.o.Images.Config(ctx, image)
		if err != nil {
			img.Unread = err.Error() // a command in the YAML needs none
		}
		img.Entrypoint, img.Cmd = settings.Entrypoint, settings.Cmd
		images[name] = img
	}
	patch, err := inject.Adopt(object.Content, images, agent, inject.Adopter{WorkspaceID: d.o.WorkspaceID, Resource: res.Name})
	if err != nil || patch == nil {
		return object, err
	}
	d.o.Shell.Log.Say(res.Name, "warn", fmt.Sprintf(
		"%s: container %s gets Towline's agent for live updates, so its pods are replaced once; `towline down` takes it out again",
		object.Ref, strings.Join(slices.Sorted(maps.Keys(wanted)), ", ")))
	d.box.Put(func(_ context.Context, s *state) { s.adopted = append(s.adopted, object.Content) })
	return d.o.Cluster.Patch(ctx, object.Content, patch)
}

// runs notes which refs run in what ends by itself, and which in what does not.
func (a *adoption) runs(o map[string]any, wanted map[string]string) {
	refs := &a.lasting
	if inject.Ends(o) {
		refs = &a.ending
	}
	*refs = slices.AppendSeq(*refs, maps.Values(wanted))
}

// took notes which refs were reached.
func (a *adoption) took(wanted map[string]string) {
	for name, ref := range wanted {
		a.reached = append(a.reached, ref)
		if ref == a.live.Ref && !slices.Contains(a.live.Containers, name) {
			a.live.Containers = append(a.live.Containers, name)
		}
	}
}

// problem says that a live update reaches nothing, and notes the images whose
// changes have to be built.
func (a *adoption) problem(res config.Resource) *config.Problem {
	ends := func(ref string) bool { return slices.Contains(a.ending, ref) && !slices.Contains(a.lasting, ref) }
	for _, img := range a.images {
		if !slices.Contains(a.reached, img.Ref) && !ends(img.Ref) {
			a.agentless = append(a.agentless, img.Ref)
		}
	}
	slices.Sort(a.agentless)
	slices.Sort(a.ending)
	a.ending = slices.DeleteFunc(slices.Compact(a.ending), func(ref string) bool { return !ends(ref) })
	if a.live.Ref == "" || slices.Contains(a.reached, a.live.Ref) {
		return nil
	}
	why := strings.Join(a.refused, "; ")
	if why == "" {
		why = "no Deployment, StatefulSet or DaemonSet that its command named has a container that is meant"
	}
	if a.taken {
		return &config.Problem{
			Message: fmt.Sprintf("live_update of %s changes nothing unasked: %s", res.Name, why), Cause: config.CauseTaken, Pos: res.Pos,
			Hint: "if that may be, `towline up --take-over` does it, and `towline down` takes the agent out again; without live_update it is only attached to",
		}
	}
	return &config.Problem{
		Message: fmt.Sprintf("live_update of %s reaches no container: %s", res.Name, why),
		Hint:    "container_selector or image_selector name the container; without live_update the command runs for each change of deps",
		Pos:     res.Pos,
	}
}

// restoreWorkloads gives workloads that another program applied what they had
// before they got the agent; what has gone meanwhile is left alone.
func (d *Deployer) restoreWorkloads(ctx context.Context, objects []map[string]any) {
	for _, o := range objects {
		err := d.restoreWorkload(ctx, o)
		for try := 0; kube.IsKind(err, kube.Conflict) && try < changes; try++ {
			var now kube.Applied
			if now, err = d.reread(ctx, kube.Applied{Ref: kube.RefOf(o), Content: o}); err == nil {
				err = d.restoreWorkload(ctx, now.Content)
			}
		}
		if ref := kube.RefOf(o); err != nil && ctx.Err() == nil {
			d.o.Shell.Log.Say("", "error", fmt.Sprintf("taking the agent out of %s: %v", ref, err))
		}
	}
}

func (d *Deployer) restoreWorkload(ctx context.Context, o map[string]any) error {
	patch, err := inject.Restore(o)
	if err == nil && patch != nil {
		_, err = d.o.Cluster.Patch(ctx, o, patch)
	}
	return err
}

// MayGetAgent reports whether a workload that a command applied may have got
// the agent.
func MayGetAgent(object map[string]any) bool { return inject.Adoptable(object) }

// adopted are the workloads that got the agent and are there still: those that
// carry its label, and of the known ones those that a search in all namespaces,
// which not everybody may do, did not show.
func (d *Deployer) adopted(ctx context.Context, known []map[string]any) []map[string]any {
	objects, err := d.o.Cluster.Labelled(ctx, inject.LabelAdopted+"="+d.o.WorkspaceID)
	found := map[kube.Ref]bool{}
	for _, o := range objects {
		found[placeOf(o)] = true
	}
	known = slices.DeleteFunc(slices.Clone(known), func(o map[string]any) bool { return found[placeOf(o)] })
	var current []kube.Applied
	var unread error
	if len(known) > 0 {
		current, unread = d.o.Cluster.Current(ctx, known)
	}
	for _, a := range current {
		if inject.AdoptedFor(a.Content) == d.o.WorkspaceID {
			objects = append(objects, a.Content)
		}
	}
	if err := errors.Join(err, unread); err != nil && ctx.Err() == nil {
		d.o.Shell.Log.Say("", "error", fmt.Sprintf("finding the workloads that got the agent: %v", err))
	}
	return objects
}

// placeOf names an object whatever version it is written in.
func placeOf(o map[string]any) kube.Ref {
	ref := kube.RefOf(o)
	return kube.Ref{Group: ref.Group, Kind: ref.Kind, Namespace: ref.Namespace, Name: ref.Name}
}

// removeAgents takes the agent out of what the commands of resources that are no
// longer wanted leave there, as those of k8s_attach do.
func (d *Deployer) removeAgents(ctx context.Context, gone []config.Resource) {
	theirs := func(o map[string]any) bool {
		name := inject.AdoptedBy(o)
		return slices.ContainsFunc(gone, func(r config.Resource) bool { return r.Name == name })
	}
	known := inbox.Ask(ctx, d.box, func(_ context.Context, s *state) []map[string]any { return slices.Clone(s.adopted) })
	given := slices.DeleteFunc(d.adopted(ctx, known), func(o map[string]any) bool { return !theirs(o) })
	d.restoreWorkloads(ctx, given)
	if err := d.resumeUnused(ctx, given); err != nil && ctx.Err() == nil {
		d.o.Shell.Log.Say("", "error", err.Error())
	}
}
