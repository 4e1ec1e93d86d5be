package logs

import (
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/starlark/config"
)

// writeWait is how long a line stays in memory alone.
const writeWait = 200 * time.Millisecond

// writer writes the files of one daemon. It is for one goroutine.
type writer struct {
	o      Options
	coder  *coder
	file   *os.File
	part   part
	packed []byte
	told   bool // why lines are not written
}

// newWriter returns what writes new files after those of earlier daemons, and the
// last Seq that these have.
func newWriter(o Options, run int) (*writer, uint64, error) {
	w := &writer{o: o, part: part{run: run}}
	var err error
	if w.coder, err = newCoder(); err != nil {
		return w, 0, err
	}
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return w, 0, fmt.Errorf("keeping logs: %w", err)
	}
	all, err := parts(o.Dir)
	if err != nil || len(all) == 0 {
		return w, 0, err
	}
	w.part = all[len(all)-1]
	last := uint64(0)
	data, err := os.ReadFile(w.part.path(o.Dir))
	frames(data, func(h head, _ []byte) bool { last = h.last(); return true })
	return w, last, err
}

// write writes what comes until the Store is closed.
func (s *Store) write(w *writer) {
	defer w.close()
	for {
		<-s.wake
		wait := time.NewTimer(writeWait)
		select {
		case <-wait.C:
		case <-s.full:
			wait.Stop()
		}
		for {
			lines, secrets, clean, closed := s.due()
			if !clean {
				if err := w.scrub(secrets); err != nil {
					w.fail(err)
					s.stain()
				}
			}
			if len(lines) > 0 {
				w.fail(w.add(lines))
				s.wrote(lines[len(lines)-1].Seq)
				continue
			}
			if closed {
				return
			}
			break
		}
	}
}

// due returns the next lines to write, of one run and one frame, and whether what
// is on disk has to be gone through for secrets before.
func (s *Store) due() (lines []api.LogLine, secrets *config.Secrets, clean, closed bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	secrets, clean, closed = s.secrets, s.clean, s.closed
	s.clean = true
	if len(s.recent) == 0 {
		return
	}
	from := int(s.written + 1 - s.recent[0].Seq)
	to, bytes := from, 0
	for to < len(s.recent) && to-from < frameLines && bytes < frameText && s.recent[to].Run == s.recent[from].Run {
		bytes += len(s.recent[to].Text)
		to++
	}
	return s.recent[from:to:to], secrets, clean, closed
}

// stain notes that what is on disk is not rid of all values: it is tried again
// with the next lines.
func (s *Store) stain() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clean = false
}

// wrote notes that all up to a Seq is written.
func (s *Store) wrote(seq uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.written, s.pending = max(s.written, seq), 0
	for i := len(s.recent) - 1; i >= 0 && s.recent[i].Seq > s.written; i-- {
		s.pending += size(&s.recent[i])
	}
	s.trim()
}

// fail tells the first time why something is not written.
func (w *writer) fail(err error) {
	if err == nil || w.told {
		return
	}
	if w.told = true; w.o.Report != nil {
		w.o.Report(fmt.Errorf("keeping logs: %w", err))
	}
}

// add writes lines of one run as a frame.
func (w *writer) add(lines []api.LogLine) error {
	if w.coder == nil {
		return errors.New("nothing to pack them with")
	}
	if err := w.open(lines[0].Run); err != nil {
		return err
	}
	w.packed = w.coder.pack(w.packed[:0], lines)
	n, err := w.file.Write(w.packed)
	if err != nil && w.file.Truncate(w.part.size) == nil {
		return err // the next frame goes where this one would have been
	}
	w.part.size += int64(n)
	if err != nil {
		w.close() // what is torn stays behind, and another file begins
	}
	return err
}

// open sees to it that there is a file of a run with room in it. It never opens
// one that is there already.
func (w *writer) open(run int) error {
	if w.file != nil && w.part.run == run && w.part.size < fileBytes {
		return nil
	}
	w.close()
	if w.part.run != run {
		w.part.n = 0
	}
	w.part = part{run: run, n: w.part.n + 1}
	if err := os.MkdirAll(w.o.Dir, 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(w.part.path(w.o.Dir), os.O_CREATE|os.O_EXCL|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	w.file = f
	w.fail(trim(w.o.Dir, w.o.Limit)) // one too many is no reason to write none
	return nil
}

func (w *writer) close() {
	if w.file != nil {
		w.file.Close()
		w.file = nil
	}
}

// scrub takes the values of Secrets out of all files: they may have been logged
// before anybody knew that they are such.
func (w *writer) scrub(secrets *config.Secrets) error {
	w.close()
	all, err := parts(w.o.Dir)
	for _, p := range all {
		err = errors.Join(err, w.scrubPart(p, secrets))
	}
	return err
}

// scrubPart writes a file anew where it has such a value.
func (w *writer) scrubPart(p part, secrets *config.Secrets) error {
	data, err := os.ReadFile(p.path(w.o.Dir))
	if err != nil {
		return err
	}
	var out []byte
	found := false
	frames(data, func(h head, frame []byte) bool {
		lines, err := w.coder.unpack(h, frame)
		if err != nil {
			found = true // nobody can read it: it goes
			return true
		}
		for i := range lines {
			text := scrub(secrets, &lines[i])
			found = found || text != lines[i].Text
			lines[i].Text = text
		}
		out = w.coder.pack(out, lines)
		return true
	})
	if !found {
		return nil
	}
	next := p.path(w.o.Dir) + ".new"
	err = os.WriteFile(next, out, 0o600)
	if err == nil {
		err = os.Rename(next, p.path(w.o.Dir))
	}
	if err != nil { // rather no log than one that shows it
		_ = os.Remove(next)
		return errors.Join(err, os.Remove(p.path(w.o.Dir)))
	}
	return nil
}
