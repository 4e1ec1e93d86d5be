package engine

import "github.com/towline-dev/towline/starlark/config"

// The ranks of resources at their first update: what others stand on goes
// first.
const (
	rankGround    = iota // has namespaces or definitions of kinds
	rankObjects          // has objects alone: accounts, roles, configuration, objects of own kinds
	rankWorkloads        // has pods, or is deployed by a command
)

// rankOf ranks a resource by its objects.
func rankOf(spec *config.Resource, objects []config.Object) int {
	rank := rankObjects
	if spec.CustomDeploy != nil || len(spec.Images) > 0 || len(objects) == 0 {
		rank = rankWorkloads
	}
	for _, o := range objects {
		switch kind, _ := o.Content["kind"].(string); {
		case kind == "Namespace", kind == "CustomResourceDefinition":
			return rankGround // with whatever else it has: nothing of its own can stand before it
		case RunsPods(kind):
			rank = rankWorkloads
		}
	}
	return rank
}

// Jobs are the resources whose pods are all those of Jobs.
func Jobs(p *config.Project) map[string]bool {
	jobs := map[string]bool{}
	for i := range p.YAML {
		o := &p.YAML[i]
		kind, _ := o.Content["kind"].(string)
		if only, known := jobs[o.Resource]; RunsPods(kind) {
			jobs[o.Resource] = kind == "Job" && (only || !known)
		}
	}
	return jobs
}

// RunsPods reports whether objects of one of Kubernetes' own kinds run pods.
func RunsPods(kind string) bool {
	switch kind {
	case "Pod", "Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "ReplicationController", "Job", "CronJob":
		return true
	}
	return false
}

// ranks ranks a project's resources by name.
func ranks(p *config.Project) map[string]int {
	objects := map[string][]config.Object{}
	for _, o := range p.YAML {
		objects[o.Resource] = append(objects[o.Resource], o)
	}
	ranks := make(map[string]int, len(p.Resources))
	for i := range p.Resources {
		if r := &p.Resources[i]; r.Kind == config.KindK8s {
			ranks[r.Name] = rankOf(r, objects[r.Name])
		}
	}
	return ranks
}

// earlierRanks returns the resources of a lower rank whose first update comes before
// this one's: those that can be updated now. One that waits itself, for a
// dependency or a person, holds nobody back, and neither does one that failed.
func earlierRanks(s *State, spec *config.Resource) []Wait {
	if spec.Kind != config.KindK8s || !s.Resource(spec.Name).Fresh {
		return nil
	}
	var waits []Wait
	for _, other := range s.view.lowerRanks {
		r := s.Resource(other.Name)
		if s.view.ranks[other.Name] < s.view.ranks[spec.Name] && r.Wanted && r.Fresh &&
			depsReady(s, other) && !AwaitsTrigger(s, other) && !imagesFailed(s, other.Name) {
			waits = append(waits, Wait{Resource: other.Name})
		}
	}
	return waits
}

// imagesFailed reports whether a resource cannot be applied for want of an
// image.
func imagesFailed(s *State, name string) bool {
	for _, ref := range s.view.order[name] {
		if s.Image(ref).Failed != nil {
			return true
		}
	}
	return false
}

// retryPassing has those tried again that failed for want of what may have
// arrived by now.
func retryPassing(s *State) {
	for i := range s.passing.all() {
		if name := s.Project.Resources[i].Name; !s.Resource(name).Working {
			r := s.Resource(name)
			r.Forced = true
			s.setResource(name, r)
		}
	}
}

// MayArrive reports whether what a resource lacked may still come by itself
// from another one: one that is being updated, waits for its turn, or starts.
func (s *State) MayArrive(name string) bool {
	for other, r := range s.resources.all() {
		if other == name || !r.Wanted || r.Failed != nil {
			continue
		}
		if r.Working || !r.Fresh && !r.Ready && !r.Broken && r.Blocker == (Blocker{}) {
			return true
		}
		if r.Fresh && depsReady(s, s.view.resource(other)) && !AwaitsTrigger(s, s.view.resource(other)) && !imagesFailed(s, other) {
			return true
		}
	}
	return false
}
