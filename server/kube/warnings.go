package kube

import (
	"context"
	"sync"
)

// warnings hands each distinct warning of the API server to emit once.
type warnings struct {
	emit func(string)

	mu   sync.Mutex
	seen map[string]bool
}

// maxWarnings bounds what is remembered of a server that makes up new ones.
const maxWarnings = 1000

// HandleWarningHeaderWithContext takes one Warning header (code 299).
func (w *warnings) HandleWarningHeaderWithContext(_ context.Context, code int, _ string, text string) {
	if code != 299 || text == "" || w.emit == nil {
		return
	}
	w.mu.Lock()
	known := w.seen[text] || len(w.seen) >= maxWarnings
	if !known {
		if w.seen == nil {
			w.seen = map[string]bool{}
		}
		w.seen[text] = true
	}
	w.mu.Unlock()
	if !known {
		w.emit(text)
	}
}
