package rewrite

import (
	"path"
	"slices"
)

// names notes how the editor spells a file and what it is really named, so that
// one file tells how its neighbours are spelled. The last word counts.
func (m *Mapper) names(as, real string) {
	root := m.space.Files.Real(m.space.Root)
	if as == real { // and so are all files of the workspace, if it is one
		if _, in := move(real, root, ""); !in || root == "" {
			return
		}
		as, real = root, root
	}
	for as != real && path.Base(as) == path.Base(real) && path.Dir(as) != as && path.Dir(real) != real {
		as, real = path.Dir(as), path.Dir(real)
	}
	p := Pair{Local: as, Remote: real}
	if len(m.spelled) > 0 && m.spelled[0] == p {
		return
	}
	m.spelled = slices.DeleteFunc(m.spelled, func(old Pair) bool { return old == p })
	m.spelled = slices.Insert(m.spelled, 0, p)
	clear(m.local) // what was found may be spelled otherwise now
}

// spell returns a local file as the editor spells it.
func (m *Mapper) spell(local string) string {
	if len(m.spelled) == 0 || !path.IsAbs(local) {
		return local
	}
	real := m.space.Files.Real(local)
	for _, p := range m.spelled {
		as, ok := move(real, p.Remote, p.Local)
		if ok && m.space.Files.Real(as) == real {
			return as
		}
	}
	return local
}
