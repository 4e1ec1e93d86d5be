package logs

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/starlark/config"
)

// The bounds of what is kept in memory, in bytes.
const (
	memoryBytes = 4 << 20  // of lines that are on disk as well
	behindBytes = 32 << 20 // of all lines, where the disk is slow or takes none
)

// Options are what a Store works with.
type Options struct {
	Dir    string      // of the files; it is made where it is not there
	Report func(error) // why lines are in memory alone, once
	Limit  int64       // bytes of all files; 0: 64 MB
}

// Store keeps the lines of the present run of the project and of the last ones.
// Its methods may be called concurrently; Add waits for no disk. One goroutine
// writes files; Close ends it.
type Store struct {
	o    Options
	done chan struct{} // closed when the writer has ended; nil: it is only read

	mu       sync.Mutex
	run      int
	first    uint64 // of this daemon
	next     uint64
	recent   []api.LogLine // the newest lines, by Seq without gaps; what was handed out is never changed
	bytes    int           // of recent
	written  uint64        // up to this Seq all is on disk, or given up
	pending  int           // bytes of what is not, about
	mark     uint64        // of the last save, 0: not known
	secrets  *config.Secrets
	clean    bool // what is on disk was written, or written anew, without all of secrets' values
	closed   bool
	traces   traces
	saves    map[Place]saveAt
	reached  map[Place]time.Time
	last     map[Place]words
	recalled sync.Once     // reached and last have what the files of earlier daemons say
	changed  chan struct{} // closed when there are more lines
	wake     chan struct{} // there is something to write
	full     chan struct{} // and much of it
}

// Place is a container of a pod, or of Compose, which has the pod's name. UID is
// the pod's; "" is whichever one has its name. A local resource is the container
// of no pod.
type Place struct{ Namespace, Pod, UID, Container string }

// placeOf is where a line of an application comes from.
func placeOf(l *api.LogLine) Place {
	if l.Pod == "" {
		return Place{Container: l.Resource}
	}
	return Place{l.Namespace, l.Pod, l.UID, l.Container}
}

// whoever is a place whichever pod has its name.
func (p Place) whoever() Place {
	p.UID = ""
	return p
}

// saveAt is whose code a place runs since a moment.
type saveAt struct {
	save uint64
	from time.Time
}

// Open returns the Store of a folder, which nobody else has open for writing. It
// goes on with the run that is the last one there.
func Open(o Options) *Store {
	s := past(o)
	s.done = make(chan struct{})
	s.next = uint64(time.Now().UnixMicro()) // as fast as that nobody writes: each daemon begins beyond all before
	w, last, err := newWriter(s.o, s.run)
	if err != nil && o.Report != nil {
		o.Report(err)
	}
	s.next = max(s.next, last+1)
	s.first, s.written = s.next, s.next-1
	go func() { defer close(s.done); s.write(w) }()
	return s
}

// Past returns a Store of what is in a folder, to be read alone.
func Past(dir string) *Store {
	s := past(Options{Dir: dir})
	s.closed, s.next = true, math.MaxUint64
	return s
}

func past(o Options) *Store {
	if o.Limit == 0 {
		o.Limit = folderBytes
	}
	s := &Store{
		o: o, run: 1, clean: true, saves: map[Place]saveAt{}, reached: map[Place]time.Time{}, last: map[Place]words{},
		changed: make(chan struct{}), wake: make(chan struct{}, 1), full: make(chan struct{}, 1),
	}
	if runs, err := Runs(o.Dir); err == nil && len(runs) > 0 {
		s.run = runs[len(runs)-1]
	}
	return s
}

// Close writes what is not written yet.
func (s *Store) Close() {
	s.mu.Lock()
	s.closed = true
	close(s.changed)
	s.changed = make(chan struct{})
	s.mu.Unlock()
	signal(s.wake)
	signal(s.full)
	<-s.done
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// Begin begins the next run: what comes from now on belongs to it.
func (s *Store) Begin() {
	runs, _ := Runs(s.o.Dir) // what cannot be read has none
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.recent) > 0 || slices.Contains(runs, s.run) {
		s.run++
	}
	s.mark = 0
}

// Add keeps a line.
func (s *Store) Add(l api.LogLine) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.add(l)
}

func (s *Store) add(l api.LogLine) {
	if s.closed {
		return
	}
	l.Text = scrub(s.secrets, &l)
	l.Seq, l.Run = s.next, s.run
	s.next++
	l.Head = s.traces.head(&l)
	at := placeOf(&l)
	if l.Source == api.LogRuntime {
		if l.Time.After(s.reached[at]) {
			s.reached[at] = l.Time
		}
		s.last[at] = s.last[at].hear(&l)
		if code := s.saves[at.whoever()]; l.Save == 0 {
			l.Save = code.save
		}
	}
	idle := s.written+1 == l.Seq
	s.recent = append(s.recent, l)
	s.bytes += size(&l)
	s.pending += size(&l)
	s.trim()
	if idle {
		signal(s.wake)
	}
	if s.pending >= frameText {
		signal(s.full)
	}
	close(s.changed)
	s.changed = make(chan struct{})
}

// trim lets go of the oldest lines in memory.
func (s *Store) trim() {
	drop := 0
	for drop < len(s.recent) && (s.bytes > memoryBytes && s.recent[drop].Seq <= s.written || s.bytes > behindBytes) {
		n := size(&s.recent[drop])
		if s.recent[drop].Seq > s.written {
			s.pending -= n
			s.written = s.recent[drop].Seq
		}
		s.bytes -= n
		drop++
	}
	if drop > 0 {
		s.recent = s.recent[drop:]
	}
}

// scrub is a line's text without the values of Secrets. In those that the daemon
// writes the names of objects stay.
func scrub(secrets *config.Secrets, l *api.LogLine) string {
	if l.Source == api.LogTowline || l.Source == sourceSave {
		return secrets.ScrubOwn(l.Text)
	}
	return secrets.Scrub(l.Text)
}

// size is what a line takes in memory.
func size(l *api.LogLine) int { return len(l.Text) + 300 }

// Hide takes the values of Secrets out of all that is kept, and of all that
// comes.
func (s *Store) Hide(secrets *config.Secrets) {
	s.mu.Lock()
	defer s.mu.Unlock()
	news := !s.secrets.Covers(secrets)
	if s.secrets = secrets; !news {
		return
	}
	recent := slices.Clone(s.recent)
	s.bytes, s.pending = 0, 0
	for i := range recent {
		l := &recent[i]
		l.Text = scrub(secrets, l)
		s.bytes += size(l)
		if l.Seq > s.written {
			s.pending += size(l)
		}
	}
	s.recent, s.clean = recent, false
	signal(s.wake)
	signal(s.full)
}

// Last is the Seq of the last line.
func (s *Store) Last() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.next - 1
}

// Saved marks that a person saved files.
func (s *Store) Saved(save uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mark = s.next
	s.add(api.LogLine{Time: time.Now(), Source: sourceSave, Save: save, Text: fmt.Sprintf("save %d", save)})
}

// Runs tells that a container, or a local resource of no pod, runs the code of a save, since a moment of its
// node's clock; the zero moment: from now on. Lines that came sooner than this
// was known, and are not written yet, get its number as well.
func (s *Store) Runs(at Place, save uint64, from time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	at = at.whoever()
	if s.saves[at] == (saveAt{save, from}) {
		return
	}
	s.saves[at] = saveAt{save, from}
	if from.IsZero() {
		return
	}
	var recent []api.LogLine
	for i := len(s.recent) - 1; i >= 0 && s.recent[i].Seq > s.written; i-- {
		l := &s.recent[i]
		if placeOf(l).whoever() != at || l.Source != api.LogRuntime || l.Time.Before(from) {
			continue
		}
		if recent == nil {
			recent = slices.Clone(s.recent)
		}
		recent[i].Save = save
	}
	if recent != nil {
		s.recent = recent
	}
}

// Reached is the time of the last line that is kept of a container, zero of none:
// whoever reads its log goes on after it.
func (s *Store) Reached(at Place) time.Time {
	s.recalled.Do(s.recall)
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.reached[at]
}

// Resources are the names of the resources that a run has lines of, as a request
// names it; nil where nobody can tell.
func (s *Store) Resources(run int) []string {
	r, err := s.reading(api.LogsRequest{Run: run}, Known{})
	if err != nil {
		return nil
	}
	names := map[string]bool{}
	err = r.each(0, func(l api.LogLine) error { names[l.Resource] = true; return nil })
	delete(names, "")
	if err != nil {
		return nil
	}
	return slices.Sorted(maps.Keys(names))
}

// recall reads what earlier daemons wrote in the present run.
func (s *Store) recall() {
	s.mu.Lock()
	run := s.run
	s.mu.Unlock()
	found, last := map[Place]time.Time{}, map[Place]words{}
	_ = s.past(run, func(head) bool { return true }, func(l api.LogLine) bool { // what cannot be read is read from the nodes again
		at := placeOf(&l)
		if l.Source == api.LogRuntime {
			last[at] = last[at].hear(&l)
		}
		if l.Source == api.LogRuntime && l.Time.After(found[at]) {
			found[at] = l.Time
		}
		return true
	})
	s.mu.Lock()
	defer s.mu.Unlock()
	for at, w := range last {
		if _, later := s.last[at]; !later {
			s.last[at] = w
		}
	}
	for at, t := range found {
		if t.After(s.reached[at]) {
			s.reached[at] = t
		}
	}
}

// past visits the lines of a run that are on disk, without the values of
// Secrets: the files may not be rid yet of one that became known just now.
func (s *Store) past(run int, wanted func(head) bool, visit func(api.LogLine) bool) error {
	s.mu.Lock()
	secrets := s.secrets
	s.mu.Unlock()
	all, err := parts(s.o.Dir)
	if err != nil {
		return err
	}
	c, err := newCoder()
	if err != nil {
		return err
	}
	defer c.close()
	goOn := true
	for _, p := range all {
		if p.run != run || !goOn {
			continue
		}
		err := c.readPart(s.o.Dir, p, wanted, func(l api.LogLine) bool {
			l.Text = scrub(secrets, &l)
			goOn = visit(l)
			return goOn
		})
		if err != nil {
			return err
		}
	}
	return nil
}
