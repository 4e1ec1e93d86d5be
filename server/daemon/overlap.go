package daemon

import (
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/towline-dev/towline/server/engine"
	"github.com/towline-dev/towline/server/tree"
	"github.com/towline-dev/towline/starlark/config"
)

// resolveOverlaps decides what belongs where several sync steps of an image lead: what
// the last of them has there. What one step no longer has is not deleted while
// another has it.
func (s *sources) resolveOverlaps(img *config.Image, files []engine.File) []engine.File {
	var steps []config.Step
	if img != nil {
		for _, step := range img.LiveUpdate {
			if step.Kind == config.StepSync {
				steps = append(steps, step)
			}
		}
	}
	if len(steps) < 2 {
		return files
	}
	in := s.interests.of(img.Ref)
	done := map[string]bool{}
	folders := map[string]engine.File{} // no link may lead what is below to somewhere else
	var settled []engine.File
	for len(files) > 0 {
		f := files[0]
		files = files[1:]
		if done[f.Remote] {
			continue
		}
		done[f.Remote] = true
		if instead := s.instead(in, steps, f.Remote); len(instead) == 1 && instead[0].Remote == f.Remote {
			settled = append(settled, instead[0])
			for dir := path.Dir(f.Remote); dir != "/"; dir = path.Dir(dir) {
				if s.contested(in, steps, dir) {
					folders[dir] = engine.File{Local: f.Local, Remote: dir, Folder: true}
				}
			}
		} else if len(instead) > 0 {
			if tree.Within(f.Remote, instead[0].Remote) {
				folders[f.Remote] = engine.File{Local: f.Local, Remote: f.Remote, Folder: true}
			} else { // it goes with the folder that becomes a file, if it is one still when it is sent
				settled = append(settled, engine.File{Local: f.Local, Remote: f.Remote, Gone: true})
			}
			files = append(files, instead...)
		} else {
			settled = append(settled, f) // nobody has it: it is deleted
		}
	}
	var all []engine.File
	for _, dir := range slices.Sorted(maps.Keys(folders)) {
		all = append(all, folders[dir])
	}
	return append(all, settled...)
}

// contested reports whether some step has a file or a link at a place.
func (s *sources) contested(in interests, steps []config.Step, place string) bool {
	return slices.ContainsFunc(steps, func(step config.Step) bool {
		local, covered := s.localOf(step, place)
		_, is := s.tree.Entry(local)
		return covered && is && in.hold(local)
	})
}

// instead returns what is to be at a place: the file that the last step has
// there, or, where it has a folder there or a file above, those. They are to be
// settled in turn.
func (s *sources) instead(in interests, steps []config.Step, place string) []engine.File {
	for i := len(steps) - 1; i >= 0; i-- {
		for remote := place; remote != "/"; remote = path.Dir(remote) {
			local, covered := s.localOf(steps[i], remote)
			if !covered {
				continue
			}
			if _, is := s.tree.Entry(local); is && in.hold(local) {
				found := []engine.File{{Local: local, Remote: remote}}
				if remote == place || slices.Equal(found, s.instead(in, steps, remote)) {
					return found
				}
				break // a later step has a folder where this one has the file
			}
			if remote == place && len(s.tree.Under(local, in.hold)) > 0 {
				return s.below(in, steps[:i+1], place)
			}
		}
	}
	return nil
}

// below returns what all steps have in the folder that is to be at a place.
func (s *sources) below(in interests, steps []config.Step, place string) []engine.File {
	var all []engine.File
	for _, step := range steps {
		local, covered := s.localOf(step, place)
		if !covered {
			continue
		}
		for _, p := range s.tree.Under(local, in.hold) {
			if p != local {
				all = append(all, engine.File{Local: p, Remote: path.Join(place, strings.TrimPrefix(p, local))})
			}
		}
	}
	return all
}

// localOf returns the file that a sync step would put at a place, if it leads
// there.
func (s *sources) localOf(step config.Step, remote string) (string, bool) {
	root := path.Clean(step.Remote)
	if _, file := s.tree.Entry(step.Local); file && strings.HasSuffix(step.Remote, "/") {
		root = path.Join(root, path.Base(step.Local)) // it keeps its name in a folder
	}
	if !tree.Within(root, remote) {
		return "", false
	}
	return path.Join(step.Local, strings.TrimPrefix(remote, root)), true
}
