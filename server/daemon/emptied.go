package daemon

import (
	"fmt"
	"maps"
	"slices"

	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/server/engine"
)

// emptiedFrom is how many files must have gone at once, and none be left, for a
// folder to count as emptied.
const emptiedFrom = 10

// withholdDeletes keeps back what would empty a folder in the pods: a disk that is not
// mounted, a checkout in mid-way or a mistake looks like this, and costs what runs
// there. A person's save or trigger confirms it; files that come back need no
// confirmation.
func (s *sources) withholdDeletes(images map[string][]string) {
	for ref, changed := range images {
		for _, root := range s.emptiedRoots(ref, changed) {
			gone := func(path string) bool { return below([]string{root}, path) }
			held := slices.DeleteFunc(slices.Clone(changed), func(p string) bool { return !gone(p) })
			changed = slices.DeleteFunc(changed, gone)
			s.held[ref] = append(s.held[ref], held...)
			s.warn(s.owners(root), fmt.Errorf("%s is empty: %d files that went are still in the pods of %s; "+
				"save any file, trigger a resource or say so by `towline answer`, to delete them there too", root, len(held), ref))
		}
		if images[ref] = changed; len(changed) == 0 {
			delete(images, ref)
		}
	}
}

// release lets go of what is held back of an image, but for files that came
// back.
func (s *sources) release(ref string) []string {
	gone := s.withheldDeletes(ref)
	delete(s.held, ref)
	return gone
}

// withheldDeletes are the files that are held back of an image and did not come back.
func (s *sources) withheldDeletes(ref string) []string {
	return slices.DeleteFunc(slices.Clone(s.held[ref]), func(p string) bool {
		_, back := s.tree.Entry(p)
		return back
	})
}

// asks are the questions whether to delete what is held back.
func (s *sources) asks() []api.Ask {
	var asks []api.Ask
	for _, ref := range slices.Sorted(maps.Keys(s.held)) {
		if gone := s.withheldDeletes(ref); len(gone) > 0 {
			asks = append(asks, api.Ask{
				ID: askDelete + ref, Choices: []string{choiceDelete}, Danger: true,
				Titles: []string{fmt.Sprintf("Delete %s in the Pods of %s", counted(len(gone), "File"), ref)},
				Text:   fmt.Sprintf("Gone here: %s of %s, the first is %s. Delete this in its pods too?", counted(len(gone), "file"), ref, gone[0]),
			})
		}
	}
	return asks
}

// The question whether to delete in the pods of an image, whose ref follows.
const (
	askDelete    = "delete:"
	choiceDelete = "delete"
)

// releaseDeletes lets go of all that is held back, and returns what follows.
func (s *sources) releaseDeletes() engine.Changed {
	e := engine.Changed{Images: map[string][]string{}}
	for ref := range s.held {
		if gone := s.release(ref); len(gone) > 0 {
			e.Images[ref] = gone
		}
	}
	return e
}

// emptiedRoots returns the roots of an image that held many files, and none since
// these changed.
func (s *sources) emptiedRoots(image string, changed []string) []string {
	var roots []string
	for _, in := range s.interests.of(image) {
		for _, root := range in.roots {
			went := 0
			for _, p := range changed {
				if below([]string{root}, p) && !s.hidden(p) {
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
