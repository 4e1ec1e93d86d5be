package daemon

import (
	"path"
	"strings"

	"github.com/towline-dev/towline/server/engine"
	"github.com/towline-dev/towline/server/tree"
	"github.com/towline-dev/towline/starlark/config"
)

// settle decides what belongs where several sync steps of an image lead: what
// the last of them has there. A file that another stands in the place of is not
// sent, and what one step no longer has is not deleted while another has it.
func (s *sources) settle(img *config.Image, files []engine.File) []engine.File {
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
	var settled []engine.File
	for _, f := range files {
		if done[f.Remote] {
			continue
		}
		done[f.Remote] = true
		if local, here := s.sourceOf(in, steps, f); here {
			f.Local = local
			settled = append(settled, f)
		}
	}
	return settled
}

// sourceOf returns the file that is to be at f.Remote, or f.Local where none
// is. It reports false if a folder or a file above is to be there.
func (s *sources) sourceOf(in interests, steps []config.Step, f engine.File) (local string, here bool) {
	for i := len(steps) - 1; i >= 0; i-- {
		step := steps[i]
		for remote := f.Remote; remote != "/"; remote = path.Dir(remote) {
			candidate, covered := s.localOf(step, remote)
			if !covered {
				continue
			}
			if _, is := s.tree.Entry(candidate); is && in.hold(candidate) {
				return candidate, remote == f.Remote
			}
			if remote == f.Remote && len(s.tree.Under(candidate, in.hold)) > 0 {
				return "", false
			}
		}
	}
	return f.Local, true
}

// localOf returns the file that a sync step would put at a place, if it leads
// there.
func (s *sources) localOf(step config.Step, remote string) (string, bool) {
	root := path.Clean(step.Remote)
	if strings.HasSuffix(step.Remote, "/") && remote == path.Join(root, path.Base(step.Local)) {
		if _, is := s.tree.Entry(step.Local); is {
			return step.Local, true // a file that keeps its name in a folder
		}
	}
	if !tree.Within(root, remote) {
		return "", false
	}
	return path.Join(step.Local, strings.TrimPrefix(remote, root)), true
}
