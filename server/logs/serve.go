package logs

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/starlark/config"
)

// mostTail bounds what is held of the last lines: more than are ever kept.
const mostTail = 1 << 30

// batchLines is how many lines are handed on at once, at most.
const batchLines = 1000

// Serve hands on the lines that a request asks for, as faces get them, and with
// Follow, of the present run, those that come until ctx ends, the Store is closed or send returns an
// error, which it returns. Who is slow gets all lines all the same, as long as
// they are on disk. What cannot be asked for is a *config.Problem.
func (s *Store) Serve(ctx context.Context, req api.LogsRequest, known Known, send func([]api.LogLine) error) error {
	r, err := s.reading(req, known)
	if err != nil {
		return err
	}
	out := &batch{send: send}
	pick := Select(r.filter)
	if err := r.old(ctx, pick, req.Tail, out); err != nil {
		return err
	}
	if err := out.flush(); err != nil || !req.Follow || req.Run != 0 {
		return err
	}
	for at := r.cursor(); ; {
		lines, changed, gap, closed := s.after(at)
		if gap {
			if err := r.between(at, lines[0].Seq, func(l api.LogLine) error { return out.add(pick.Take(l)...) }); err != nil {
				return err
			}
		}
		for _, l := range lines {
			if err := out.add(pick.Take(l)...); err != nil {
				return err
			}
			at = l.Seq
		}
		if err := out.flush(); err != nil {
			return err
		}
		if len(lines) > 0 {
			continue
		}
		if closed {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil
		}
	}
}

// Check says why a request cannot be served, nil if it can.
func (s *Store) Check(req api.LogsRequest, known Known) error {
	_, err := s.reading(req, known)
	return err
}

// after returns the lines in memory that come after a Seq, whether some between
// are on disk alone, and a channel that is closed when there are more.
func (s *Store) after(seq uint64) (lines []api.LogLine, changed <-chan struct{}, gap, closed bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.recent) == 0 || s.recent[len(s.recent)-1].Seq <= seq {
		return nil, s.changed, false, s.closed
	}
	first := s.recent[0].Seq
	from := 0
	if seq >= first {
		from = int(seq - first + 1)
	}
	return s.recent[from:len(s.recent):len(s.recent)], s.changed, seq+1 < first, s.closed
}

// reading is what one request reads.
type reading struct {
	store  *Store
	filter *Filter
	after  uint64
	run    int
	recent []api.LogLine // of all runs
	next   uint64        // all lines from this one on come later
}

func (s *Store) reading(req api.LogsRequest, known Known) (*reading, error) {
	f, err := NewFilter(req.LogFilter, known)
	if err != nil {
		return nil, err
	}
	r := &reading{store: s, filter: f, after: req.After}
	s.mu.Lock()
	r.run, r.recent, r.next = s.run, s.recent[:len(s.recent):len(s.recent)], s.next
	mark := s.mark
	if req.SinceStart && s.first > 0 {
		f.after = s.first - 1
	}
	s.mu.Unlock()
	if req.Run != 0 {
		if r.run, err = r.wanted(req.Run); err != nil {
			return nil, err
		}
	}
	if req.SinceSave {
		if mark == 0 || req.Run != 0 {
			mark = r.lastSave()
		}
		if f.after = max(f.after, mark); mark == 0 {
			return nil, &config.Problem{Message: "no save is known since the project came up", Hint: "ask by time instead: `towline logs --since 5m`"}
		}
	}
	return r, nil
}

// wanted is the run that a number means.
func (r *reading) wanted(n int) (int, error) {
	runs, err := Runs(r.store.o.Dir)
	if err != nil {
		return 0, err
	}
	for _, l := range r.recent {
		runs = append(runs, l.Run)
	}
	slices.Sort(runs)
	runs = slices.Compact(runs)
	if n < 0 {
		earlier := slices.DeleteFunc(slices.Clone(runs), func(run int) bool { return run >= r.run })
		if len(earlier) >= -n {
			return earlier[len(earlier)+n], nil
		}
		return 0, &config.Problem{Message: "no log of an earlier run is kept", Hint: "a run lasts from one `towline up` to the next"}
	}
	if !slices.Contains(runs, n) {
		hint := "no log is kept yet: `towline up` begins one"
		if len(runs) > 0 {
			hint = fmt.Sprintf("there are %d to %d; --previous is the one before the last `towline up`", runs[0], runs[len(runs)-1])
		}
		return 0, &config.Problem{Message: fmt.Sprintf("no log of run %d is kept", n), Hint: hint}
	}
	return n, nil
}

// cursor is the last line that old has seen.
func (r *reading) cursor() uint64 { return max(r.after, r.next-min(r.next, 1)) }

// firstInMemory is the first line that is in memory.
func (r *reading) firstInMemory() uint64 {
	if len(r.recent) == 0 {
		return r.next
	}
	return r.recent[0].Seq
}

// useful reports whether a frame may have lines that are asked for.
func (r *reading) useful(h head) bool {
	from := max(r.after, r.filter.after)
	return h.last() > from && (r.filter.Since.IsZero() || !h.newest.Before(r.filter.Since))
}

// old hands on what is there.
func (r *reading) old(ctx context.Context, pick *Selector, tail int, out *batch) error {
	keep := func(l api.LogLine) error { return out.add(pick.Take(l)...) }
	if tail < 0 {
		return nil
	}
	var last ring
	tail = min(tail, mostTail)
	from := uint64(0)
	if tail > 0 {
		from = r.start(tail)
		last.room, last.whole = tail, r.filter.asks()
		keep = func(l api.LogLine) error { last.add(pick.Take(l)); return nil }
	}
	err := r.each(from, func(l api.LogLine) error {
		if l.Seq <= r.after || l.Seq < from {
			return nil
		}
		if l.Seq%batchLines == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		return keep(l)
	})
	if err != nil {
		return err
	}
	return out.add(last.last()...)
}

// each visits the lines of the run, those on disk before those in memory.
func (r *reading) each(from uint64, visit func(api.LogLine) error) error {
	first := r.firstInMemory()
	if (from < first || from == 0) && max(r.after, r.filter.after)+1 < first {
		var failed error
		err := r.store.past(r.run, func(h head) bool { return h.first < first && h.last() >= from && r.useful(h) }, func(l api.LogLine) bool {
			if l.Seq < first {
				failed = visit(l)
			}
			return failed == nil
		})
		if err != nil || failed != nil {
			return orElse(failed, err)
		}
	}
	for _, l := range r.recent {
		if l.Run != r.run {
			continue
		}
		if err := visit(l); err != nil {
			return err
		}
	}
	return nil
}

// between visits lines that are on disk alone, of whichever run.
func (r *reading) between(after, before uint64, visit func(api.LogLine) error) error {
	runs, err := Runs(r.store.o.Dir)
	for _, run := range runs {
		var failed error
		err = orElse(err, r.store.past(run, func(h head) bool { return h.last() > after && h.first < before }, func(l api.LogLine) bool {
			if l.Seq > after && l.Seq < before {
				failed = visit(l)
			}
			return failed == nil
		}))
		if failed != nil {
			return failed
		}
	}
	return err
}

func orElse(err, other error) error {
	if err != nil {
		return err
	}
	return other
}

// start is a line from which on there are so many that are asked for, if there
// are, and no record is cut: what is in memory first, then file by file.
func (r *reading) start(tail int) uint64 {
	if r.filter.asks() && r.filter.Context > 0 {
		return 0 // a line before any start may be what one after it is the context of
	}
	count, whole := 0, uint64(math.MaxUint64) // the first line of the records that were met
	take := func(l api.LogLine) {
		if r.counts(l) {
			count++
		}
		if l.Head != 0 {
			whole = min(whole, l.Head)
		}
	}
	for _, l := range slices.Backward(r.recent) {
		if l.Run != r.run {
			continue
		}
		if take(l); count >= tail && whole >= l.Seq {
			return l.Seq
		}
	}
	all, err := parts(r.store.o.Dir)
	if err != nil {
		return 0
	}
	c, err := newCoder()
	if err != nil {
		return 0
	}
	defer c.close()
	first := r.firstInMemory()
	for _, p := range slices.Backward(all) {
		if p.run != r.run {
			continue
		}
		begin := uint64(0)
		_ = c.readPart(r.store.o.Dir, p, func(h head) bool { return h.first < first && r.useful(h) }, func(l api.LogLine) bool { // old meets it again
			if begin == 0 {
				begin = l.Seq
			}
			if l.Seq < first {
				take(l)
			}
			return true
		})
		if count >= tail && begin > 0 && whole >= begin {
			return begin
		}
	}
	return 0
}

// counts reports whether a line is asked for by itself.
func (r *reading) counts(l api.LogLine) bool {
	if !r.filter.from(&l) {
		return false
	}
	if !r.filter.asks() {
		return true
	}
	l = presented(l)
	return r.filter.matches(&l)
}

// lastSave is the mark of the last save of the run, 0 where there is none.
func (r *reading) lastSave() uint64 {
	mark := uint64(0)
	_ = r.each(0, func(l api.LogLine) error { // what cannot be read has none
		if l.Source == sourceSave {
			mark = l.Seq
		}
		return nil
	})
	return mark
}

// ring keeps the last lines; whole ones of records, where a filter picked them so.
type ring struct {
	room  int
	whole bool // no record is cut: there may be some lines more
	lines []api.LogLine
}

func (r *ring) add(lines []api.LogLine) {
	r.lines = append(r.lines, lines...)
	if len(r.lines) > 2*r.room+batchLines+maxRecord {
		r.lines = slices.Clone(r.last())
	}
}

// last are the last lines that there is room for, with the beginnings of their records.
func (r *ring) last() []api.LogLine {
	from := max(0, len(r.lines)-r.room)
	if !r.whole {
		return r.lines[from:]
	}
	least, known := max(0, from-maxRecord), map[uint64]bool{0: true}
	for i := from; i < len(r.lines); i++ {
		head := r.lines[i].Head
		if known[head] {
			continue
		}
		known[head] = true
		for at := from - 1; at >= least; at-- {
			if r.lines[at].Seq == head {
				from, i = at, at // what comes in with it may have begun before, too
				break
			}
		}
	}
	return r.lines[from:]
}

// batch hands lines on, many at once.
type batch struct {
	send  func([]api.LogLine) error
	lines []api.LogLine
}

func (b *batch) add(lines ...api.LogLine) error {
	b.lines = append(b.lines, lines...)
	if len(b.lines) < batchLines {
		return nil
	}
	return b.flush()
}

func (b *batch) flush() error {
	if len(b.lines) == 0 {
		return nil
	}
	err := b.send(b.lines)
	b.lines = b.lines[:0]
	return err
}
