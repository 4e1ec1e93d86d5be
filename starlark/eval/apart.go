package eval

import (
	"maps"
	"slices"
	"strings"

	"github.com/towline-dev/towline/starlark/assembly"
	"github.com/towline-dev/towline/starlark/cache"
	"github.com/towline-dev/towline/starlark/inputs"
	"github.com/towline-dev/towline/starlark/manifest"
)

// madeOf is what an evaluation made of a file that was read apart.
type madeOf struct {
	text    string
	objects []manifest.Manifest
	places  [][]int // in the project's YAML, of each of the objects
}

// readApart reads a file of which the Tiltfile sees nothing.
func (r *run) readApart(path string) (string, error) {
	text, err := r.files.ReadApart(path)
	r.apart[path] = text
	return text, err
}

// madeApart returns what the run made of manifests of which nothing but the
// objects' role mattered, by the paths of their files.
func (r *run) madeApart() map[string]*madeOf {
	all := map[string]*madeOf{}
	mixed := map[string]bool{} // files with an object that is another one than the file has
	for _, o := range r.k8s.Objects() {
		made := all[o.Source]
		if made == nil {
			if made = r.madeOf(o.Source); made == nil {
				continue
			}
			all[o.Source] = made
		}
		if !made.put(o) || !r.k8s.OnlyRoles(o) {
			mixed[o.Source] = true
		}
	}
	for path := range mixed {
		delete(all, path)
	}
	return all
}

// madeOf looks up what a file held; nil where that is not kept.
func (r *run) madeOf(path string) *madeOf {
	text, read := r.apart[path]
	objects, ok := cache.Get[[]manifest.Manifest](r.opts.Cache, cache.Key{Kind: manifestsKind, Content: text})
	if !read || !ok {
		return nil
	}
	return &madeOf{text, objects, make([][]int, len(objects))}
}

// put notes where an object of the file is.
func (m *madeOf) put(o *assembly.Object) bool {
	for i := range m.objects {
		if &m.objects[i] == o.Of {
			m.places[i] = append(m.places[i], o.Index)
			return true
		}
	}
	return false
}

// with returns what the evaluation comes to when files that were read apart hold
// something else; nil where that has to be found out by another one.
func (k *kept) with(r *run, changed []inputs.Changed) *kept {
	p := *k.project
	n := &kept{project: &p, said: k.said, answers: k.answers.With(changed), apart: maps.Clone(k.apart)}
	p.YAML, p.Read = slices.Clone(p.YAML), n.answers.Contents()
	for _, c := range changed {
		old := k.apart[c.Path]
		if old == nil || strings.IndexByte(c.Text, 0) >= 0 || r.meter.AllowParsed(c.Text) != nil {
			return nil
		}
		objects, err := r.manifests(c.Text)
		if err != nil || !slices.EqualFunc(old.objects, objects, sameRole) {
			return nil
		}
		made := &madeOf{c.Text, objects, old.places}
		for i, places := range made.places {
			for _, at := range places {
				p.YAML[at].Content, p.YAML[at].Line = objects[i].Content, objects[i].Line
			}
		}
		n.apart[c.Path] = made
		r.opts.Cache.Drop(cache.Key{Kind: manifestsKind, Content: old.text})
	}
	return n
}

func sameRole(a, b manifest.Manifest) bool { return a.SameRole(&b) }
