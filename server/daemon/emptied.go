package daemon

import (
	"fmt"
	"slices"

	"github.com/towline-dev/towline/server/engine"
)

// emptiedFrom is how many files must have gone at once, and none be left, for a
// folder to count as emptied.
const emptiedFrom = 10

// hold keeps back what would empty a folder in the pods: a disk that is not
// mounted, a checkout in mid-way or a mistake looks like this, and costs what runs
// there. A person's save or trigger confirms it; files that come back need no
// confirmation.
func (s *sources) hold(images map[string][]string) {
	for ref, changed := range images {
		for _, root := range s.emptied(ref, changed) {
			gone := func(path string) bool { return below([]string{root}, path) }
			held := slices.DeleteFunc(slices.Clone(changed), func(p string) bool { return !gone(p) })
			changed = slices.DeleteFunc(changed, gone)
			s.held[ref] = append(s.held[ref], held...)
			s.warn(s.owners(root), fmt.Errorf("%s is empty: %d files that went are still in the pods of %s; save any file, or trigger a resource, to delete them there too", root, len(held), ref))
		}
		if images[ref] = changed; len(changed) == 0 {
			delete(images, ref)
		}
	}
}

// release lets go of what is held back, but for files that came back.
func (s *sources) release() engine.Changed {
	e := engine.Changed{Images: map[string][]string{}}
	for ref, paths := range s.held {
		for _, p := range paths {
			if _, back := s.tree.Entry(p); !back {
				e.Images[ref] = append(e.Images[ref], p)
			}
		}
	}
	clear(s.held)
	return e
}

// confirm lets go of what is held back.
func (c *core) confirm() {
	if e := c.sources.release(); len(e.Images) > 0 {
		c.step(e)
	}
}

// emptied returns the roots of an image that held many files, and none since
// these changed.
func (s *sources) emptied(image string, changed []string) []string {
	var roots []string
	for _, in := range s.interests.of(image) {
		for _, root := range in.roots {
			went := 0
			for _, p := range changed {
				if below([]string{root}, p) {
					went++
				}
			}
			if went >= emptiedFrom && len(s.tree.Under(root, in.holds)) == 0 {
				roots = append(roots, root)
			}
		}
	}
	return roots
}
