package eval

import (
	"github.com/towline-dev/towline/starlark/config"
)

// uncategorized is the name of the resource of objects that belong to no
// other. They are applied first.
const uncategorized = "uncategorized"

// assemble makes the project of what the files declared.
func (r *run) assemble() error {
	if err := r.linkBases(); err != nil {
		return err
	}
	if err := r.assembleK8s(); err != nil {
		return err
	}
	if err := r.assembleCompose(); err != nil {
		return err
	}
	r.warnUnused()
	if err := r.useImages(); err != nil {
		return err
	}
	if !r.opts.AnyContext && (len(r.yaml.resources) > 0 || len(r.unassigned()) > 0) {
		if err := r.kube.check(); err != nil {
			return err
		}
	}
	r.project.Resources = make([]config.Resource, 0, len(r.yaml.resources)+len(r.compose.services)+len(r.local)+1)
	r.project.YAML = make([]config.Object, 0, len(r.yaml.objects))
	for _, res := range r.yaml.resources {
		r.finishK8s(res)
	}
	r.addCompose()
	if err := r.checkLiveUpdates(); err != nil {
		return err
	}
	if err := r.checkUnusedSteps(); err != nil {
		return err
	}
	for _, l := range r.local {
		r.project.Resources = append(r.project.Resources, l.resource(r.triggerMode))
	}
	r.addUncategorized()
	if err := r.checkDeps(); err != nil {
		return err
	}
	if err := r.enable(); err != nil {
		return err
	}
	r.addImages()
	r.addAPI()
	return nil
}

// unassigned returns the objects that belong to no resource.
func (r *run) unassigned() []*object {
	var all []*object
	for _, o := range r.yaml.objects {
		if !o.taken {
			all = append(all, o)
		}
	}
	return all
}

func (r *run) addObject(o *object, resource string) {
	o.Resource = resource
	r.project.YAML = append(r.project.YAML, o.Object)
}

func (r *run) addUncategorized() {
	loose := r.unassigned()
	sortByKind(loose)
	if len(loose) == 0 {
		return
	}
	res := config.Resource{
		Name: uncategorized, Kind: config.KindK8s, AutoInit: true, PodReadiness: config.ReadinessIgnore,
		TriggerMode: config.TriggerAuto, Pos: loose[0].Pos,
	}
	for _, o := range loose {
		res.Objects = append(res.Objects, o.of.Key)
		r.addObject(o, uncategorized)
	}
	r.project.Resources = append(r.project.Resources, res)
}
