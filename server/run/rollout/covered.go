package rollout

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/towline-dev/towline/agent/wire"
	"github.com/towline-dev/towline/server/engine"
	"github.com/towline-dev/towline/server/kube"
)

// Covered is a file that cannot be brought into a container, since something is
// mounted over it there.
type Covered struct {
	Local  string // the file here, absolute
	Path   string // its place in the container
	Mount  string // the mount point that hinders
	Volume string // what is mounted there, for a person: "ConfigMap settings"
}

// covered joins what an agent found mounted with what the pod says of its
// volumes, and tells the resource's log once of each.
func (s *state) covered(a Agent) []Covered {
	var all []Covered
	for _, local := range slices.Sorted(maps.Keys(a.Covered)) {
		found := a.Covered[local]
		c := Covered{Local: local, Path: found.Path, Mount: found.Mount, Volume: cmp.Or(s.volumeAt(a, found), "a file system of type "+found.Type)}
		all = append(all, c)
		s.tellCovered(a.Resource, c)
	}
	return all
}

func (s *state) tellCovered(resource string, c Covered) {
	text := c.Path + " is not synced: " + c.Volume + " is mounted at " + c.Mount
	key := resource + "\x00" + text
	if s.covers[key] {
		return
	}
	s.covers[key] = true
	s.Log.Say(resource, "warn", text)
	s.Log.Say(resource, "", "hint: the container sees what is mounted there, whatever an image or a sync brings: change "+c.Volume+" itself, or leave the file out of what is synced")
}

// volumeAt is what a container's pod mounts at a place, "" where it does not say.
// The agent names mount points without the symbolic links that a pod may name
// them by: then the file's own name tells.
func (s *state) volumeAt(a Agent, at wire.Covered) string {
	var best kube.Mount
	for _, m := range s.mounts(a.ID) {
		if m.Path == at.Mount {
			return m.Volume
		}
		if strings.HasPrefix(at.Path+"/", m.Path+"/") && len(m.Path) > len(best.Path) {
			best = m
		}
	}
	return best.Volume
}

// mounts are the volumes of a container.
func (s *state) mounts(id engine.TargetID) []kube.Mount {
	for _, p := range s.pods {
		if p.Name != id.Pod || p.Namespace != id.Namespace {
			continue
		}
		if c := p.Container(id.Container); c != nil {
			return c.Mounts
		}
	}
	return nil
}
