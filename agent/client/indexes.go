package client

import (
	"slices"
	"sync"

	"github.com/towline-dev/towline/agent/delta"
	"github.com/towline-dev/towline/agent/wire"
)

// maxIndexes is how many files are kept ready for a patch. Each holds on to
// the content of its file and a quarter as much again.
const maxIndexes = 4

// indexes are the files that are ready for a patch, the latest used last.
type indexes struct {
	mu   sync.Mutex // guards list
	list []*indexed
}

// indexed is a file whose index is made once.
type indexed struct {
	digest wire.Digest
	index  func() *delta.Index
}

// get returns the index of a content, making it unless it is there.
func (x *indexes) get(digest wire.Digest, content []byte) *delta.Index {
	x.mu.Lock()
	at := slices.IndexFunc(x.list, func(e *indexed) bool { return e.digest == digest })
	var e *indexed
	if at >= 0 {
		e = x.list[at]
		x.list = slices.Delete(x.list, at, at+1)
	} else {
		e = &indexed{digest, sync.OnceValue(func() *delta.Index { return delta.NewIndex(content) })}
	}
	x.list = append(x.list, e)
	if len(x.list) > maxIndexes {
		x.list = slices.Delete(x.list, 0, 1)
	}
	x.mu.Unlock()
	return e.index()
}
