package inspector

import "slices"

// The limits of what is kept of a thread's scripts. Beyond them the oldest are
// forgotten: a program that loads its code anew while it runs does so for days.
const (
	maxScripts  = 100_000
	maxLoose    = 5000 // those without a file
	maxVersions = 20   // those that came with one address
)

// shelf is what is known of a thread's scripts.
type shelf struct {
	scripts  map[string]*script   // by V8's number
	byPath   map[string][]*script // by the files that they were loaded from
	madeOf   map[string][]origin  // by the files that their maps name
	versions map[string][]*script // by their addresses

	order, loose []*script // all, and those without a file, oldest first; some are forgotten
}

func newShelf() shelf {
	return shelf{scripts: map[string]*script{}, byPath: map[string][]*script{}, madeOf: map[string][]origin{}, versions: map[string][]*script{}}
}

// add keeps a script and returns those that are forgotten for it.
func (sh *shelf) add(sc *script) (gone []*script) {
	sh.scripts[sc.ID] = sc
	sh.order = append(sh.order, sc)
	if sc.path == "" {
		sh.loose = append(sh.loose, sc)
	} else {
		sh.byPath[sc.path] = append(sh.byPath[sc.path], sc)
	}
	drop := func(old *script) {
		if sh.drop(old) {
			gone = append(gone, old)
		}
	}
	if sc.URL != "" {
		sh.versions[sc.URL] = append(sh.versions[sc.URL], sc)
		if all := sh.versions[sc.URL]; len(all) > maxVersions {
			drop(all[0])
		}
	}
	for ; len(sh.loose) > maxLoose; sh.loose = sh.loose[1:] {
		drop(sh.loose[0])
	}
	for ; len(sh.scripts) > maxScripts; sh.order = sh.order[1:] {
		drop(sh.order[0])
	}
	if len(sh.order) > 2*len(sh.scripts)+maxLoose {
		sh.order = slices.DeleteFunc(sh.order, func(sc *script) bool { return sh.scripts[sc.ID] != sc })
	}
	return gone
}

// drop forgets a script, and reports whether it was known.
func (sh *shelf) drop(sc *script) bool {
	if sh.scripts[sc.ID] != sc {
		return false
	}
	delete(sh.scripts, sc.ID)
	is := func(other *script) bool { return other == sc }
	less(sh.versions, sc.URL, is)
	less(sh.byPath, sc.path, is)
	for _, file := range sc.files {
		less(sh.madeOf, file, func(o origin) bool { return o.script == sc })
	}
	return true
}

// less deletes from a list of a map, and the list when nothing is left.
func less[E any](lists map[string][]E, key string, is func(E) bool) {
	if lists[key] = slices.DeleteFunc(lists[key], is); len(lists[key]) == 0 {
		delete(lists, key)
	}
}

// made notes what a script was made of.
func (sh *shelf) made(sc *script) {
	for i, file := range sc.files {
		if file != "" {
			sh.madeOf[file] = append(sh.madeOf[file], origin{sc, i})
		}
	}
}
