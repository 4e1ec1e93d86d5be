package eval

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/distribution/reference"
	"go.starlark.net/starlark"

	"github.com/towline-dev/towline/starlark/config"
)

// uncategorized is the name of the resource of objects that belong to no
// other. They are applied first.
const uncategorized = "uncategorized"

// resource is a Kubernetes resource while it is put together.
type resource struct {
	config.Resource
	objects     []*object
	images      []*image
	grouped     bool
	triggerMode triggerMode
}

// assemble makes the project of what the files declared.
func (r *run) assemble() error {
	if err := r.linkBases(); err != nil {
		return err
	}
	resources, err := r.assembleK8s()
	if err != nil {
		return err
	}
	if err := r.assembleCompose(); err != nil {
		return err
	}
	if !r.opts.AnyContext && (len(resources) > 0 || len(r.loose()) > 0) {
		if err := r.kube.check(); err != nil {
			return err
		}
	}
	for _, res := range resources {
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

// linkBases finds the images that images are built from.
func (r *run) linkBases() error {
	for _, img := range r.images.all {
		names := img.ImageDeps
		if img.Builder == config.BuilderDocker {
			names = dockerfileImages(img.dockerText, img.Args)
		}
		for _, name := range names {
			base := r.images.findText(name)
			if base == nil && img.Builder == config.BuilderCustom {
				return &placed{pos: img.Pos, err: fmt.Errorf("image %q: image dep %q not found", img.Ref, name)}
			}
			if base != nil && base != img && !slices.Contains(img.bases, base) {
				img.bases = append(img.bases, base)
				img.BaseImages = append(img.BaseImages, base.Ref)
			}
		}
	}
	for _, img := range r.images.all {
		if err := img.checkCycle(); err != nil {
			return err
		}
	}
	return nil
}

func (img *image) checkCycle() error {
	if img.kept {
		return nil
	}
	if img.visiting {
		return &placed{pos: img.Pos, err: sayf("Image dependency cycle: %s", img.Ref)}
	}
	img.visiting = true
	defer func() { img.visiting, img.kept = false, true }()
	for _, b := range img.bases {
		if err := b.checkCycle(); err != nil {
			return err
		}
	}
	return nil
}

// assembleK8s makes resources of workloads, lets what belongs to them join
// them, and applies the options.
func (r *run) assembleK8s() ([]*resource, error) {
	y := &r.yaml
	y.byName = map[string]*resource{}
	workloads, err := r.workloads()
	if err != nil {
		return nil, err
	}
	names, err := r.workloadNames(workloads)
	if err != nil {
		return nil, err
	}
	services := y.services()
	var all []*resource
	for _, d := range y.custom {
		res, err := r.newK8s(d.name)
		if err != nil {
			return nil, &placed{pos: d.pos, err: err}
		}
		res.Pos, res.CustomDeploy = d.pos, d.deploy
		if err := r.linkCustom(res, d); err != nil {
			return nil, err
		}
		all = append(all, res)
	}
	for i, w := range workloads {
		res, err := r.newK8s(names[i])
		if err != nil {
			return nil, fmt.Errorf("error making resource for workload %s: %w", w.id(), err)
		}
		all = append(all, res)
		res.take(w)
		services.join(res, w)
	}
	for _, o := range y.objects { // pods without an image that is known
		if _, _, ok := o.podTemplate(); !ok || o.taken {
			continue
		}
		res := y.byName[o.name]
		if res == nil {
			if res, err = r.newK8s(o.name); err != nil {
				return nil, err
			}
			all = append(all, res)
		}
		res.take(o)
		services.join(res, o)
	}
	return r.applyOptions(all)
}

// workloads returns the objects that name images, and those of a k8s_kind.
func (r *run) workloads() ([]*object, error) {
	var workloads []*object
	inEnv := r.images.anyInEnv()
	for _, o := range r.yaml.objects {
		if err := r.findImages(o, inEnv); err != nil {
			return nil, &placed{pos: o.Pos, err: fmt.Errorf("finding images in %s: %w", o.name, err)}
		}
		workload := len(o.refs) > 0
		for _, k := range r.yaml.kinds {
			workload = workload || k.workload && k.selector.matches(o)
		}
		if workload {
			workloads = append(workloads, o)
		}
	}
	return workloads, nil
}

func (r *run) workloadNames(workloads []*object) ([]string, error) {
	f := r.yaml.nameFunc
	if f == nil {
		return uniqueNames(workloads), nil
	}
	at := func(err error) error {
		return &placed{pos: position(f.Position()), err: fmt.Errorf("error applying workload_to_resource_function %s: %w", f.Position(), err)}
	}
	names, taken := make([]string, len(workloads)), map[string]*object{}
	for i, w := range workloads {
		v, err := starlark.Call(r.thread, f, starlark.Tuple{w.id()}, nil)
		if err != nil {
			return nil, at(fmt.Errorf("error determining resource name for '%s': %w", w.id(), err))
		}
		s, ok := v.(starlark.String)
		if !ok {
			return nil, at(fmt.Errorf("error determining resource name for '%s': %s: invalid return value. wanted: string. got: %T", w.id(), f.Name(), v))
		}
		if other := taken[string(s)]; other != nil {
			return nil, at(fmt.Errorf("both '%s' and '%s' mapped to resource name '%s'", w.id(), other.id(), string(s)))
		}
		names[i], taken[string(s)] = string(s), w
	}
	return names, nil
}

// linkCustom finds the images that a k8s_custom_deploy needs.
func (r *run) linkCustom(res *resource, d *customDecl) error {
	for _, name := range d.deploy.ImageDeps {
		img := r.images.findText(name)
		if img == nil {
			return &placed{pos: d.pos, err: fmt.Errorf("k8s_custom_deploy %q: image dep %q not found", d.name, name)}
		}
		if !slices.Contains(res.images, img) {
			res.images = append(res.images, img)
			res.Images = append(res.Images, img.Ref)
		}
		img.markUsed()
	}
	return nil
}

// conflict says who has a resource's name already.
func (r *run) conflict(name string) error {
	if r.yaml.byName[name] != nil {
		return fmt.Errorf("k8s_resource named %q already exists", name)
	}
	for _, l := range r.local {
		if l.name == name {
			return fmt.Errorf("local_resource named %q already exists", name)
		}
	}
	if r.compose.has(name) {
		return fmt.Errorf("dc_resource named %q already exists", name)
	}
	return nil
}

func (r *run) newK8s(name string) (*resource, error) {
	if err := r.conflict(name); err != nil {
		return nil, err
	}
	res := &resource{Resource: config.Resource{Name: name, Kind: config.KindK8s, AutoInit: true}}
	r.yaml.byName[name] = res
	return res, nil
}

func (res *resource) take(o *object) {
	o.taken = true
	res.objects = append(res.objects, o)
	if res.Pos == (config.Position{}) {
		res.Pos = o.Pos
	}
}

// serviceIndex are the Services by namespace and by one of the labels that
// they select, so that a workload looks at few of them.
type serviceIndex map[string][]*object

func (y *yamlState) services() serviceIndex {
	index := serviceIndex{}
	for _, o := range y.objects {
		if o.kind != "Service" || o.group != "" {
			continue
		}
		for _, k := range sortedKeys(mapAt(o.Content, "spec", "selector")) {
			key := serviceKey(o.namespace, k, mapAt(o.Content, "spec", "selector")[k])
			index[key] = append(index[key], o)
			break
		}
	}
	return index
}

func serviceKey(namespace, label string, value any) string {
	return namespace + "\x00" + label + "\x00" + fmt.Sprint(value)
}

// join adds the Services that select a workload's pods to its resource.
func (x serviceIndex) join(res *resource, w *object) {
	template, _, ok := w.podTemplate()
	if !ok {
		return
	}
	labels := mapAt(template, "metadata", "labels")
	var found []*object
	for k, v := range labels {
		for _, s := range x[serviceKey(w.namespace, k, v)] {
			if !s.taken && s.selects(w, labels) {
				found = append(found, s)
			}
		}
	}
	slices.SortFunc(found, func(a, b *object) int { return strings.Compare(a.key(), b.key()) })
	for _, s := range found {
		if !s.taken {
			res.take(s)
		}
	}
}

// loose returns the objects that belong to no resource.
func (r *run) loose() []*object {
	var all []*object
	for _, o := range r.yaml.objects {
		if !o.taken {
			all = append(all, o)
		}
	}
	return all
}

// applyOptions applies the calls of k8s_resource, in their order.
func (r *run) applyOptions(all []*resource) ([]*resource, error) {
	y := &r.yaml
	fragments := map[string][]*object{}
	fullNames := func() (names []string) {
		for _, o := range y.objects {
			names = append(names, o.fullName())
		}
		return names
	}
	if slices.ContainsFunc(y.options, func(o *k8sOptions) bool { return len(o.objects) > 0 }) {
		for _, o := range y.objects {
			for _, f := range o.fragments {
				fragments[f] = append(fragments[f], o)
			}
		}
	}
	for _, opt := range y.options {
		at := func(err error) error { return &placed{pos: opt.pos, err: err} }
		if opt.grouped && y.byName[opt.newName] == nil {
			res, err := r.newK8s(opt.newName)
			if err != nil {
				return nil, at(err)
			}
			res.grouped, res.Pos = true, opt.pos
			all = append(all, res)
		}
		res := y.byName[opt.workload]
		if res == nil {
			return nil, at(fmt.Errorf("k8s_resource specified unknown resource %q. known k8s resources: %s", opt.workload, strings.Join(sortedKeys(y.byName), ", ")))
		}
		if err := r.applyOne(res, opt); err != nil {
			return nil, at(err)
		}
		for _, f := range opt.objects {
			if err := res.takeFragment(f, fragments, fullNames, r.loose); err != nil {
				return nil, at(err)
			}
		}
	}
	for _, res := range all {
		if len(res.objects) == 0 && res.CustomDeploy == nil {
			return nil, fmt.Errorf("resource %q: could not associate any k8s YAML with this resource", res.Name)
		}
	}
	return all, nil
}

// applyOne merges one call of k8s_resource in a resource.
func (r *run) applyOne(res *resource, opt *k8sOptions) error {
	res.ExtraPodSelectors = append(res.ExtraPodSelectors, opt.selectors...)
	res.PortForwards = append(res.PortForwards, opt.portForwards...)
	res.ResourceDeps = append(res.ResourceDeps, opt.resourceDeps...)
	res.Links = append(res.Links, opt.links...)
	res.Labels = append(res.Labels, opt.labels...)
	if opt.readiness != "" {
		res.PodReadiness = opt.readiness
	}
	if opt.discovery != "" {
		res.DiscoveryStrategy = opt.discovery
	}
	if opt.triggerMode != triggerUnset {
		res.triggerMode = opt.triggerMode
	}
	if opt.autoInit.set {
		res.AutoInit = opt.autoInit.value
	}
	if opt.newName == "" || opt.newName == res.Name {
		return nil
	}
	if err := r.conflict(opt.newName); err != nil {
		return fmt.Errorf("k8s_resource specified to rename %q to %q: %w", res.Name, opt.newName, err)
	}
	delete(r.yaml.byName, res.Name)
	res.Name = opt.newName
	r.yaml.byName[res.Name] = res
	return nil
}

// takeFragment moves the one object that a selector names to the resource.
func (res *resource) takeFragment(fragment string, fragments map[string][]*object, fullNames func() []string, loose func() []*object) error {
	found := fragments[strings.ToLower(fragment)]
	switch {
	case strings.Count(strings.ReplaceAll(fragment, `\:`, ""), ":") > 3:
		return fmt.Errorf("Error making selector from string %q: Too many parts in selector. Selectors must contain between 1 and 3 parts (colon separated), found %d parts in %s", fragment, strings.Count(fragment, ":")+1, fragment)
	case len(found) == 0:
		return sayf("No object identified by the fragment %q could be found. Possible objects are: %s", fragment, quoted(fullNames()))
	case len(found) > 1:
		var names []string
		for _, o := range found {
			names = append(names, o.fullName())
		}
		return fmt.Errorf("%q is not a unique fragment. Objects that match %q are %s", fragment, fragment, quoted(names))
	case found[0].taken:
		var names []string
		for _, o := range loose() {
			names = append(names, o.fullName())
		}
		return sayf("No object identified by the fragment %q could be found in remaining YAML. Valid remaining fragments are: %s", fragment, quoted(names))
	}
	res.take(found[0])
	return nil
}

func quoted(names []string) string {
	all := make([]string, len(names))
	for i, n := range names {
		all[i] = strconv.Quote(n)
	}
	return strings.Join(all, ", ")
}

// finishK8s finds a resource's images and defaults, and adds it to the project.
func (r *run) finishK8s(res *resource) {
	for _, o := range res.objects {
		for i := range o.refs {
			img := r.images.find(o.refs[i].named)
			if img == nil {
				continue
			}
			o.refs[i].ref.Ref = img.Ref
			o.ImageRefs = append(o.ImageRefs, o.refs[i].ref)
			if !slices.Contains(res.images, img) {
				res.images = append(res.images, img)
				res.Images = append(res.Images, img.Ref)
			}
			img.markUsed()
		}
		res.Objects = append(res.Objects, o.key())
		r.addObject(o, res.Name)
	}
	if res.PodReadiness == "" {
		res.PodReadiness = r.inferReadiness(res)
	}
	slices.Sort(res.Labels)
	res.Labels = slices.Compact(res.Labels)
	res.TriggerMode = res.triggerMode.orElse(r.triggerMode)
	r.project.Resources = append(r.project.Resources, res.Resource)
}

func (img *image) markUsed() {
	img.used = true
	for _, b := range img.bases {
		if !b.used {
			b.markUsed()
		}
	}
}

func (r *run) addObject(o *object, resource string) {
	o.Resource = resource
	r.project.YAML = append(r.project.YAML, o.Object)
}

// inferReadiness says what counts as ready when the Tiltfile does not.
func (r *run) inferReadiness(res *resource) config.PodReadiness {
	modes := map[config.PodReadiness]bool{}
	jobs, cron := 0, 0
	for _, o := range res.objects {
		for _, k := range r.yaml.kinds {
			if k.readiness != "" && k.selector.matches(o) {
				modes[k.readiness] = true
			}
		}
		if o.group == "batch" && o.kind == "Job" {
			jobs++
		}
		if o.group == "batch" && o.kind == "CronJob" {
			cron++
		}
	}
	for _, m := range []config.PodReadiness{config.ReadinessWait, config.ReadinessIgnore, config.ReadinessSucceeded} {
		if modes[m] {
			return m
		}
	}
	switch {
	case res.grouped && len(res.ExtraPodSelectors) == 0 && len(res.images) == 0:
		return config.ReadinessIgnore
	case jobs > 0:
		return config.ReadinessSucceeded
	case cron > 0 && cron == res.workloads():
		return config.ReadinessIgnore
	}
	return config.ReadinessWait
}

// workloads counts the objects that have pods.
func (res *resource) workloads() int {
	n := 0
	for _, o := range res.objects {
		if _, _, ok := o.podTemplate(); ok {
			n++
		}
	}
	return n
}

func (r *run) addUncategorized() {
	loose := r.loose()
	if len(loose) == 0 {
		return
	}
	res := config.Resource{
		Name: uncategorized, Kind: config.KindK8s, AutoInit: true, PodReadiness: config.ReadinessIgnore,
		TriggerMode: config.TriggerAuto, Pos: loose[0].Pos,
	}
	for _, o := range loose {
		res.Objects = append(res.Objects, o.key())
		r.addObject(o, uncategorized)
	}
	r.project.Resources = append(r.project.Resources, res)
}

// checkLiveUpdates checks the live updates of images that are deployed.
func (r *run) checkLiveUpdates() error {
	for _, img := range r.images.all {
		if !img.used {
			continue
		}
		if err := r.checkSyncs(img); err != nil {
			return err
		}
	}
	return nil
}

// addImages adds the images to the project and warns of those that nothing
// uses.
func (r *run) addImages() {
	quiet := r.project.Settings.UnusedImagesOK
	for _, img := range r.images.all {
		r.project.Images = append(r.project.Images, img.Image)
		if !img.used && !slices.Contains(quiet, "*") && !slices.Contains(quiet, img.Ref) {
			r.warnAt(img.Pos, r.unusedText(img))
		}
	}
}

func (r *run) unusedText(img *image) string {
	where := "Kubernetes resource"
	if !r.compose.empty() && len(r.yaml.objects) == 0 {
		where = "Docker Compose service"
	}
	text := fmt.Sprintf("Image not used in any %s:\n    ✕ %s\nSkipping this image build", where, img.Ref)
	var known []string
	for _, o := range r.yaml.objects {
		for _, ref := range o.refs {
			if ref.ref.Ref == "" && !slices.Contains(known, reference.FamiliarName(ref.named)) {
				known = append(known, reference.FamiliarName(ref.named))
			}
		}
	}
	if len(known) > 0 {
		text += "\nImages of the YAML without a build: " + strings.Join(known[:min(len(known), 8)], ", ")
	}
	return text + "\nIf this is deliberate, suppress this warning with: update_settings(suppress_unused_image_warnings=[" + strconv.Quote(img.Ref) + "])"
}

// checkDeps drops dependencies on resources that there are not, with a
// warning, and refuses cycles.
func (r *run) checkDeps() error {
	known := map[string]*config.Resource{}
	for i := range r.project.Resources {
		known[r.project.Resources[i].Name] = &r.project.Resources[i]
	}
	for i := range r.project.Resources {
		res := &r.project.Resources[i]
		var deps []string
		for _, d := range res.ResourceDeps {
			switch {
			case d == res.Name:
				return &placed{pos: res.Pos, err: fmt.Errorf("resource %s specified a dependency on itself", res.Name)}
			case known[d] == nil:
				r.warnAt(res.Pos, fmt.Sprintf("resource %s specified a dependency on unknown resource %s - dependency ignored", res.Name, d))
			case !slices.Contains(deps, d):
				deps = append(deps, d)
			}
		}
		res.ResourceDeps = deps
	}
	state := map[string]int{}
	for i := range r.project.Resources {
		if cycle := findCycle(known, r.project.Resources[i].Name, state, nil); cycle != nil {
			return &placed{pos: known[cycle[0]].Pos, err: fmt.Errorf("cycle detected in resource dependency graph: %s", strings.Join(cycle, " -> "))}
		}
	}
	return nil
}

// findCycle returns the names of a cycle that a resource leads to, the first
// again at the end.
func findCycle(known map[string]*config.Resource, name string, state map[string]int, path []string) []string {
	const visiting, done = 1, 2
	path = append(path, name)
	switch state[name] {
	case done:
		return nil
	case visiting:
		return path[slices.Index(path, name):]
	}
	state[name] = visiting
	for _, d := range known[name].ResourceDeps {
		if cycle := findCycle(known, d, state, path); cycle != nil {
			return cycle
		}
	}
	state[name] = done
	return nil
}

// enable decides which resources are enabled: those that the Tiltfile or the
// arguments name, and what they depend on.
func (r *run) enable() error {
	names, all := r.config.enabled(r.opts.Args)
	byName := map[string]*config.Resource{}
	for i := range r.project.Resources {
		res := &r.project.Resources[i]
		res.Enabled = all || res.Name == uncategorized && len(names) > 0
		byName[res.Name] = res
	}
	if all {
		return nil
	}
	var unknown []string
	var visit func(string)
	visit = func(name string) {
		if res := byName[name]; res != nil && !res.Enabled {
			res.Enabled = true
			for _, d := range res.ResourceDeps {
				visit(d)
			}
		}
	}
	for _, n := range names {
		if byName[n] == nil {
			unknown = append(unknown, n)
		}
		visit(n)
	}
	if len(unknown) > 0 {
		var existing []string
		for _, res := range r.project.Resources {
			if res.Name != uncategorized {
				existing = append(existing, res.Name)
			}
		}
		return errors.New("You specified some resources that could not be found: " + quoted(unknown) +
			"\nIs this a typo? Existing resources in Tiltfile: " + quoted(existing))
	}
	return nil
}
