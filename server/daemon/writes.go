package daemon

import (
	"slices"
	"time"
)

// writes are the files, and listed folders, that evaluations seem to change
// themselves. A person may change them as well: what an evaluation read last
// tells whether it has to be done again, so such a change is judged at its end.
// The core's goroutine alone uses it.
type writes struct {
	own       map[string]bool // changed during an evaluation, and never otherwise since
	meanwhile []string        // those that changed during the one that goes on
	patience  time.Duration   // that the last one was given
}

// note takes files that changed, within an evaluation or not, and returns one
// that is no writing of its own as far as is known, or else any of them.
func (w *writes) note(files []string, within bool) (file string, own bool) {
	file, own = files[0], within
	for _, f := range files {
		if !within || !w.own[f] {
			file, own = f, false
		}
	}
	for _, f := range files {
		if within {
			w.add(f)
		} else {
			delete(w.own, f)
		}
	}
	return file, own
}

func (w *writes) add(file string) {
	if w.own == nil {
		w.own = map[string]bool{}
	}
	w.own[file] = true
}

// await puts files off to the end of the evaluation. It returns how long that
// may take until they count all the same, as it may hang for want of them; 0
// when that was said before.
func (w *writes) await(files []string) time.Duration {
	first := len(w.meanwhile) == 0
	for _, f := range files {
		if !slices.Contains(w.meanwhile, f) {
			w.meanwhile = append(w.meanwhile, f)
		}
	}
	if !first {
		return 0
	}
	w.patience = min(max(2*w.patience, ownPause), lastPause)
	return w.patience
}

// ended returns what was put off to the end of an evaluation.
func (w *writes) ended() []string {
	files := w.meanwhile
	w.meanwhile, w.patience = nil, 0
	return files
}
