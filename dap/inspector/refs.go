package inspector

import (
	"errors"

	"github.com/towline-dev/towline/dap/cdp"
)

// maxKept bounds the values that outlive a stop: those of the console. The oldest
// is forgotten.
const maxKept = 1000

// ref is something that has variables.
type ref struct {
	thread *thread
	object cdp.Object // whose properties they are

	// What else makes a difference to the properties.
	frame  *frame         // of a scope
	scope  int            // its number in the frame
	first  bool           // the frame's innermost, which also has this and the value that is returned
	getter string         // the name of a property that is computed when it is asked for
	part   *slice         // a part of an array
	list   []cdp.Property // given as they are
	kept   bool           // it outlives a stop
	name   string         // the expression for it, "" when there is none
}

// slice is a part of an array's elements.
type slice struct{ start, count int }

// refs are what the client can ask the variables of, by numbers that are not used
// again. The session's mu guards it.
type refs struct {
	last  int
	byID  map[int]ref
	kept  []int
	freed []ref // whose values can be released
}

func newRefs() *refs { return &refs{byID: map[int]ref{}} }

func (r *refs) add(v ref) int {
	r.last++
	r.byID[r.last] = v
	if v.kept {
		if r.kept = append(r.kept, r.last); len(r.kept) > maxKept {
			r.freed = append(r.freed, r.byID[r.kept[0]])
			delete(r.byID, r.kept[0])
			r.kept = r.kept[1:]
		}
	}
	return r.last
}

// free returns those that were forgotten, once.
func (r *refs) free() []ref {
	freed := r.freed
	r.freed = nil
	return freed
}

// objects are the numbers that V8 keeps the values by.
func (r ref) objects() []string {
	if r.list == nil {
		return []string{r.object.ID}
	}
	var ids []string
	for _, p := range r.list {
		ids = append(ids, p.Value.ID)
	}
	return ids
}

// errStale says that a number is of a stop that is over.
var errStale = errors.New("the program has run on since this was shown")

func (r *refs) get(id int) (ref, error) {
	v, ok := r.byID[id]
	if !ok {
		return v, errStale
	}
	return v, nil
}

// forget drops what was shown of a thread's stop.
func (r *refs) forget(t *thread) {
	for id, v := range r.byID {
		if v.thread == t && !v.kept {
			delete(r.byID, id)
		}
	}
}
