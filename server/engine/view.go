package engine

import (
	"slices"

	"github.com/towline-dev/towline/starlark/config"
)

// view answers by name what a plan asks of a project again and again. It is
// built once for each project, never changed, and shared by all states.
type view struct {
	images     map[string]*config.Image
	resources  map[string]*config.Resource
	bases      map[string][]string // by ref: what an image is built from
	order      map[string][]string // by resource: its images and all their bases, bases first
	users      map[string][]string // by ref: the resources that run an image
	commands   []*config.Resource  // local resources with a command that ends
	producers  map[string][]string // by resource: those that declare to write what it reads
	writers    map[string][]string // by ref: those that the resources with it depend on
	deploys    map[string]string   // by ref of a LiveImage: its resource
	local      map[string]bool     // refs of images that Compose services alone run, on this machine
	ranks      map[string]int      // of Kubernetes resources, for their first update
	jobs       map[string]bool     // resources of Jobs alone
	lowerRanks []*config.Resource  // those of them below the highest rank
	follows    map[string]config.FollowSetting

	// By place in the project:
	places     map[string]int           // of each resource
	readers    map[string][]int         // by ref: the resources that run an image, or what is built from it
	dependents map[string][]int         // by resource: those whose first update comes after it
	made       map[string][]int         // by command: the resources that read what it declares to write
	alone      []int                    // commands that no other of them may run beside
	stand      [rankWorkloads + 1][]int // by rank: the resources above it
	followers  map[string][]int         // by resource: those of which each update waits for its
}

func newView(p *config.Project) *view {
	v := &view{
		images:    make(map[string]*config.Image, len(p.Images)),
		resources: make(map[string]*config.Resource, len(p.Resources)),
		bases:     make(map[string][]string, len(p.Images)),
		order:     make(map[string][]string, len(p.Resources)),
		users:     make(map[string][]string, len(p.Images)),
		deploys:   map[string]string{},
		producers: map[string][]string{},
		writers:   map[string][]string{},
		ranks:     ranks(p),
		jobs:      Jobs(p),

		follows: map[string]config.FollowSetting{}, followers: map[string][]int{},
		places: make(map[string]int, len(p.Resources)), readers: map[string][]int{}, dependents: map[string][]int{}, made: map[string][]int{},
	}
	// Of two of one name the first counts.
	all := p.LiveImages()
	for i := range all {
		if img := &all[i]; v.images[img.Ref] == nil {
			v.images[img.Ref] = img
			v.bases[img.Ref] = slices.Concat(img.BaseImages, img.ImageDeps)
		}
	}
	v.local = v.localImages(p)
	for _, ref := range agentless(p) {
		if img := v.images[ref]; img != nil {
			plain := *img
			plain.LiveUpdate = nil // nobody is there to bring it: every change is a full build
			v.images[ref] = &plain
		}
	}
	for i := range p.Resources {
		if r := &p.Resources[i]; v.resources[r.Name] == nil {
			v.resources[r.Name] = r
			if hasCommand(r) {
				v.commands = append(v.commands, r)
			}
			v.order[r.Name] = v.buildOrder(r.Images)
			if img, ok := r.LiveImage(); ok {
				v.deploys[img.Ref] = r.Name
			}
			for _, ref := range r.Images {
				v.users[ref] = append(v.users[ref], r.Name)
			}
		}
	}
	v.findMakers(p)
	for name := range v.resources {
		writers := v.writersOf(name)
		for _, ref := range v.reads(name) {
			v.writers[ref] = append(v.writers[ref], writers...)
		}
	}
	for i := range p.Resources {
		if r := &p.Resources[i]; v.resources[r.Name] == r {
			v.place(i, r)
		}
	}
	v.findFollowers(p)
	return v
}

// place notes a resource under what a change of has to do with it.
func (v *view) place(i int, r *config.Resource) {
	v.places[r.Name] = i
	for _, ref := range v.reads(r.Name) {
		v.readers[ref] = append(v.readers[ref], i)
	}
	for _, dep := range v.needs(r) {
		v.dependents[dep] = append(v.dependents[dep], i)
	}
	for _, producer := range v.producers[r.Name] {
		v.made[producer] = append(v.made[producer], i)
	}
	switch r.Kind {
	case config.KindLocal:
		if r.Local != nil && !r.Local.AllowParallel {
			v.alone = append(v.alone, i)
		}
	case config.KindK8s:
		rank := v.ranks[r.Name]
		if rank < rankWorkloads {
			v.lowerRanks = append(v.lowerRanks, r)
		}
		for below := range rank {
			v.stand[below] = append(v.stand[below], i)
		}
	}
}

// above returns the resources that stand on a resource's objects.
func (v *view) above(r *config.Resource) []int {
	if r.Kind != config.KindK8s {
		return nil
	}
	return v.stand[v.ranks[r.Name]]
}

// localImages returns the images that Compose services run and nothing else: with
// what these are built from, as far as nothing in a cluster is built from it.
func (v *view) localImages(p *config.Project) map[string]bool {
	local, remote := map[string]bool{}, map[string]bool{}
	for i := range p.Resources {
		for _, ref := range v.buildOrder(p.Resources[i].Images) {
			if p.Resources[i].Kind == config.KindCompose {
				local[ref] = true
			} else {
				remote[ref] = true
			}
		}
	}
	for ref := range remote {
		delete(local, ref)
	}
	return local
}

// agentless returns the images that run only where towline.agent() keeps the agent
// out.
func agentless(p *config.Project) []string {
	set := p.Settings.Ours()
	with, without := map[string]bool{}, []string(nil)
	for i := range p.Resources {
		for _, ref := range p.Resources[i].Images {
			if set.AgentOf(p.Resources[i].Name).Enabled {
				with[ref] = true
			} else {
				without = append(without, ref)
			}
		}
	}
	return slices.DeleteFunc(without, func(ref string) bool { return with[ref] })
}

// image returns an image of the project, an empty one of an unknown name.
func (v *view) image(ref string) *config.Image {
	if img := v.images[ref]; img != nil {
		return img
	}
	return &config.Image{Ref: ref}
}

// resource returns a resource of the project, an empty one of an unknown name.
func (v *view) resource(name string) *config.Resource {
	if r := v.resources[name]; r != nil {
		return r
	}
	return &config.Resource{Name: name}
}

// buildOrder returns refs with all their bases, bases first.
func (v *view) buildOrder(refs []string) []string {
	var order []string
	seen := map[string]bool{}
	var visit func(string)
	visit = func(ref string) {
		if seen[ref] {
			return
		}
		seen[ref] = true
		for _, b := range v.bases[ref] {
			visit(b)
		}
		order = append(order, ref)
	}
	for _, ref := range refs {
		visit(ref)
	}
	return order
}

// ImageConfig returns an image as the project describes it, an empty one of an
// unknown name.
func (s *State) ImageConfig(ref string) *config.Image {
	if s.view == nil {
		return &config.Image{Ref: ref}
	}
	return s.view.image(ref)
}

// ImagesOf returns a resource's images and all that they are built from, bases
// first.
func (s *State) ImagesOf(resource string) []string {
	if s.view == nil {
		return nil
	}
	return s.view.order[resource]
}

// reads returns a resource's images and what is synced into its containers.
func (v *view) reads(resource string) []string {
	refs := v.order[resource]
	if img, ok := v.resource(resource).LiveImage(); ok {
		refs = append(slices.Clone(refs), img.Ref)
	}
	return refs
}

// Concerned returns the resources that are wanted and that a change of files
// means something to, in the project's order. What has run to its end, and is not
// run again for it, is none of them.
func (s *State) Concerned(e Changed) []string {
	if s.view == nil {
		return nil
	}
	var places []int
	for _, name := range e.Locals {
		if i, ok := s.view.places[name]; ok {
			places = append(places, i)
		}
	}
	for ref, paths := range e.Images {
		if len(paths) == 0 {
			continue
		}
		built := LivePlan(s.reached(ref), paths).Full
		for _, i := range s.view.readers[ref] {
			if built || !slices.Contains(s.Resource(s.Project.Resources[i].Name).Ending, ref) {
				places = append(places, i)
			}
		}
	}
	slices.Sort(places)
	var names []string
	for _, i := range slices.Compact(places) {
		if name := s.Project.Resources[i].Name; s.Resource(name).Wanted {
			names = append(names, name)
		}
	}
	return names
}

// Users returns the resources that run an image, or one that is built from it,
// and those whose containers a LiveImage stands for.
func Users(p *config.Project, ref string) []string {
	var users []string
	for _, i := range newView(p).readers[ref] {
		users = append(users, p.Resources[i].Name)
	}
	return users
}
