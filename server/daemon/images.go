package daemon

import (
	"maps"
	"slices"

	"github.com/towline-dev/towline/server/build"
	"github.com/towline-dev/towline/server/engine"
	"github.com/towline-dev/towline/server/tree"
	"github.com/towline-dev/towline/starlark/config"
)

// images knows what images were built from, and what their containers lack
// after an earlier daemon. The core's goroutine alone uses it.
type images struct {
	store   *store
	sources *sources
	specs   map[string]string // of the builds that go on, by ref
}

// began notes the spec of a build that begins.
func (i *images) began(ref, spec string) { i.specs[ref] = spec }

// built writes down what an image was built from. A file that changed while the
// build ran counts as changed since, also one that is gone now: the image may
// have it.
func (i *images) built(ref string, img engine.Image, result build.Result) {
	files := i.sources.hashes(ref)
	for p, batch := range img.Dirty {
		if batch > img.Started {
			files[p] = tree.Hash{}
		}
	}
	i.store.record.Images[ref] = imageRecord{Spec: i.specs[ref], Result: result, Files: files}
	i.store.save()
}

// restored is what an earlier daemon had, and which files of it have changed,
// or were sent, since. configOf gives an image's settings, nil for no such one.
func (i *images) restored(configOf func(ref string) *config.Image) []engine.Restored {
	var all []engine.Restored
	for ref, rec := range i.store.record.Images {
		all = append(all, engine.Restored{Ref: ref, Spec: rec.Spec, Pushed: rec.Result.Ref, Dirty: i.since(configOf(ref), ref, rec.Files)})
	}
	for ref, files := range i.store.record.Bases {
		all = append(all, engine.Restored{Ref: ref, Pushed: ref, Dirty: i.since(configOf(ref), ref, files)})
	}
	return all
}

// since lists the files of an image that are not as they were, or may not be so
// in a container.
func (i *images) since(img *config.Image, ref string, before map[string]tree.Hash) []string {
	now := i.sources.hashes(ref)
	var changed []string
	for p, hash := range now {
		if before[p] != hash || i.store.all && len(engine.SyncFiles(img, p)) > 0 {
			changed = append(changed, p)
		}
	}
	for p := range before {
		if _, there := now[p]; !there {
			changed = append(changed, p)
		}
	}
	own := i.sources.interests.of(ref)
	for p := range i.store.touched {
		if own.hold(p) {
			changed = append(changed, p)
		}
	}
	held := map[string][]string{ref: changed}
	i.sources.withholdDeletes(held)
	changed = slices.Sorted(slices.Values(held[ref]))
	return slices.Compact(changed)
}

// bases writes down the files of what is only updated live, as they are when it
// is brought up: what differs later is what its containers lack.
func (i *images) bases(p *config.Project) {
	bases := maps.Clone(i.store.record.Bases)
	for _, img := range p.LiveImages() {
		if _, known := bases[img.Ref]; known || img.Builder != config.BuilderNone {
			continue
		}
		if bases == nil {
			bases = map[string]map[string]tree.Hash{}
		}
		bases[img.Ref] = i.sources.hashes(img.Ref)
	}
	if len(bases) > len(i.store.record.Bases) {
		i.store.record.Bases = bases
		i.store.save()
	}
}

// sent notes files before they are sent, completed by what is known of them.
func (i *images) sent(img *config.Image, files []engine.File) []engine.File {
	var paths []string
	for _, f := range files {
		paths = append(paths, f.Local)
	}
	i.store.touch(paths)
	return i.sources.complete(img, files)
}
