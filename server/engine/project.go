package engine

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/towline-dev/towline/server/tree"
	"github.com/towline-dev/towline/starlark/config"
)

// withDependencies returns the named resources and all that they depend on.
func (v *view) withDependencies(names []string) map[string]bool {
	want := map[string]bool{}
	var visit func(string)
	visit = func(name string) {
		if want[name] {
			return
		}
		want[name] = true
		for _, dep := range v.needs(v.resource(name)) {
			visit(dep)
		}
	}
	for _, n := range names {
		visit(n)
	}
	return want
}

// applyKey names what an apply would bring: the same key means the same
// objects.
func applyKey(s *State, spec *config.Resource) string {
	key := ownKey(s, spec)
	for _, ref := range spec.Images {
		key += "|" + s.Image(ref).Pushed
	}
	return key
}

// isApplyKey reports whether applyKey would return key, without making it: a
// plan asks this of every resource.
func isApplyKey(s *State, spec *config.Resource, key string) bool {
	rest, ok := strings.CutPrefix(key, ownKey(s, spec))
	for _, ref := range spec.Images {
		if !ok || !strings.HasPrefix(rest, "|") {
			return false
		}
		rest, ok = strings.CutPrefix(rest[1:], s.Image(ref).Pushed)
	}
	return ok && rest == ""
}

// ownKey is the part of a resource's key that is not its images': what it is
// made from and, for a command that reads files itself, their last change.
func ownKey(s *State, spec *config.Resource) string {
	r := s.Resource(spec.Name)
	if spec.CustomDeploy == nil {
		return r.Spec
	}
	return r.Spec + "@" + strconv.FormatUint(r.Dirty, 10)
}

// pushedImages returns what was pushed of a resource's images, by ref.
func pushedImages(s *State, spec *config.Resource) map[string]string {
	images := make(map[string]string, len(spec.Images))
	for _, ref := range spec.Images {
		images[ref] = s.Image(ref).Pushed
	}
	return images
}

// imageSpec hashes what an image's build depends on besides files. How a
// change reaches a running container is no part of it.
func imageSpec(img *config.Image, buildInputs string) string {
	c := *img
	c.LiveUpdate, c.Pos = nil, config.Position{}
	c.Deps, c.Ignores = nil, nil
	for _, ignore := range img.Ignores {
		if img.Builder != config.BuilderCustom && ignore.Source != config.SourceVolume && ignore.Source != config.SourceTiltfile {
			c.Ignores = append(c.Ignores, ignore) // they decide what the context holds
		}
	}
	return hashOf([]any{c, c.DockerfileText, buildInputs})
}

// resourceSpecs hashes what each resource is made from besides images and
// files.
func resourceSpecs(p *config.Project) map[string]string {
	objects := map[string][]map[string]any{}
	for i := range p.YAML {
		objects[p.YAML[i].Resource] = append(objects[p.YAML[i].Resource], p.YAML[i].Content)
	}
	specs, set := make(map[string]string, len(p.Resources)), p.Settings.Ours()
	for i := range p.Resources {
		r := &p.Resources[i]
		var steps any
		if r.Kind == config.KindK8s {
			// Whether a container gets an agent follows from its images.
			steps = []any{r.Images, set.AgentOf(r.Name)}
		}
		if r.Compose != nil {
			steps = []any{r.Images, r.Compose.Project, r.Compose.Service, r.Compose.Definition, r.Compose.Ends, set.AgentOf(r.Name), synced(p, r)}
		}
		specs[r.Name] = hashOf([]any{objects[r.Name], r.Local, r.CustomDeploy, steps})
	}
	return specs
}

// synced reports whether something is synced into a resource's containers: it
// decides whether those of Compose get an agent.
func synced(p *config.Project, r *config.Resource) bool {
	return slices.ContainsFunc(p.Images, func(img config.Image) bool { return len(img.LiveUpdate) > 0 && slices.Contains(r.Images, img.Ref) })
}

// imageSpec is that of an image of the project: where it runs is part of it, since
// what goes nowhere has to be built again for a cluster.
func (v *view) imageSpec(img *config.Image, buildInputs string) string {
	if v.local[img.Ref] {
		buildInputs = "local " + buildInputs
	}
	return imageSpec(img, buildInputs)
}

func hashOf(v any) string {
	data, err := json.Marshal(v)
	if err != nil {
		panic("engine: project is not plain data: " + err.Error())
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:12])
}

// goneObjects returns the objects of wanted resources that a new project no
// longer has.
func goneObjects(s *State, next *config.Project) []config.Object {
	if s.Project == nil || !s.Up {
		return nil
	}
	still := map[string]bool{}
	for i := range next.YAML {
		still[next.YAML[i].Key] = true
	}
	var gone []config.Object
	for _, o := range s.Project.YAML {
		if r := s.Resource(o.Resource); !still[o.Key] && r.Wanted && !r.Fresh {
			gone = append(gone, o)
		}
	}
	return gone
}

// goneDeploys returns the wanted resources of k8s_custom_deploy that a new
// project no longer has.
func goneDeploys(s *State, next *config.Project) []config.Resource {
	if s.Project == nil || !s.Up {
		return nil
	}
	var gone []config.Resource
	for _, r := range s.Project.Resources {
		still := slices.ContainsFunc(next.Resources, func(n config.Resource) bool { return n.Name == r.Name && n.CustomDeploy != nil })
		if known := s.Resource(r.Name); r.CustomDeploy != nil && !still && known.Wanted && !known.Fresh {
			gone = append(gone, r)
		}
	}
	return gone
}

// goneServices returns the Compose services of wanted resources that a new project
// no longer has, under whatever name.
func goneServices(s *State, next *config.Project) []config.Compose {
	if s.Project == nil || !s.Up {
		return nil
	}
	var gone []config.Compose
	for _, r := range s.Project.Resources {
		still := slices.ContainsFunc(next.Resources, func(n config.Resource) bool { return SameService(r.Compose, n.Compose) })
		if known := s.Resource(r.Name); r.Compose != nil && !still && known.Wanted && !known.Fresh {
			gone = append(gone, *r.Compose)
		}
	}
	return gone
}

// SameService reports whether both are one service of one Compose project.
func SameService(a, b *config.Compose) bool {
	return a != nil && b != nil && a.Project == b.Project && a.Service == b.Service
}

// objectsOf returns the objects of a resource.
func objectsOf(p *config.Project, resource string) []config.Object {
	var objects []config.Object
	for _, o := range p.YAML {
		if o.Resource == resource {
			objects = append(objects, o)
		}
	}
	return objects
}

// dependsOn reports whether a path lies at or below one of the roots.
func dependsOn(roots []string, p string) bool {
	return slices.ContainsFunc(roots, func(root string) bool { return tree.Within(root, p) })
}

// syncPath returns where a sync step puts a local file.
func syncPath(step config.Step, local string) (string, bool) {
	if !tree.Within(step.Local, local) {
		return "", false
	}
	rel := strings.TrimPrefix(strings.TrimPrefix(local, step.Local), "/")
	if rel == "" && strings.HasSuffix(step.Remote, "/") {
		rel = path.Base(local) // a file synced into a folder keeps its name
	}
	return path.Join(step.Remote, rel), true
}

// newest returns the batch of an image's newest change.
func newest(img Image) uint64 {
	batch := img.Built
	for _, b := range img.Dirty {
		batch = max(batch, b)
	}
	return batch
}

// newestPath returns one of the files that changed last, "" when none did.
func newestPath(img Image) string {
	last, name := uint64(0), ""
	for p, b := range img.Dirty {
		if b > last || b == last && p < name {
			last, name = b, p
		}
	}
	return name
}

func reason(r Resource) string {
	if r.Fresh {
		return "first run"
	}
	return "files changed"
}

// compareTargets orders targets by namespace, pod and container.
func compareTargets(a, b TargetID) int {
	return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Pod, b.Pod), cmp.Compare(a.Container, b.Container))
}

// InSync reports whether a target has every change of its image's files.
func InSync(img Image, t Target) bool { return newest(img) <= max(t.Synced, img.Built) }
