package daemon

import "sync"

// pendingRequests are the requests that wait for an answer of the core. A defect may
// have been in what would have answered any of them, so that it answers all.
type pendingRequests struct {
	mu   sync.Mutex
	fail map[int]func(error)
	next int
}

// add notes a request until forget is called.
func (w *pendingRequests) add(fail func(error)) (forget func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.fail == nil {
		w.fail = map[int]func(error){}
	}
	id := w.next
	w.next++
	w.fail[id] = fail
	return func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(w.fail, id)
	}
}

// end answers all of them.
func (w *pendingRequests) end(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, fail := range w.fail {
		fail(err)
	}
}
