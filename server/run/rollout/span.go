package rollout

import (
	"slices"
	"time"

	"github.com/towline-dev/towline/server/kube"
)

// maxSpans is how many spans are kept of a container.
const maxSpans = 8

// spans are what was read of a container's log, over all its starts. The API
// names no start, and which one it answers with may change between the question
// and the answer: lines are known by the times that the node gave them alone.
type spans struct{ all []*span }

// span is the lines from one moment to another: one reading goes through them
// without a gap.
type span struct {
	before []*span // what was read before
	rest   func()  // emits the beginning of a line that has no end yet

	from, to time.Time
	lines    int // whole ones of the moment to
	parts    int // of the one that goes on
}

// known notes that all up to a moment was read.
func (s *spans) known(to time.Time) {
	if !to.IsZero() {
		s.all = append(s.all, &span{to: to, lines: 1 << 30})
	}
}

// begin begins a reading.
func (s *spans) begin() *span {
	s.all = slices.DeleteFunc(s.all, func(x *span) bool { return x.to.IsZero() })
	if n := len(s.all); n > 1 && s.all[n-2].joins(s.all[n-1]) {
		s.all[n-1].extend(s.all[n-2])
		s.all = slices.Delete(s.all, n-2, n-1)
	}
	if len(s.all) > maxSpans {
		s.all = slices.Delete(s.all, 0, len(s.all)-maxSpans)
	}
	for _, x := range s.all {
		x.before, x.rest = nil, nil
	}
	next := &span{before: slices.Clone(s.all), rest: func() {}}
	s.all = append(s.all, next)
	return next
}

// joins reports whether another one goes on where this one ends.
func (s *span) joins(next *span) bool {
	return !next.from.Before(s.from) && !next.from.After(s.to) && !next.to.Before(s.to)
}

// extend puts what was read before in front. A reading that broke off sooner than
// the one before knows less of the last moment.
func (s *span) extend(before *span) {
	s.from = before.from
	if !s.to.Equal(before.to) {
		return
	}
	if s.lines < before.lines || s.lines == before.lines && s.parts < before.parts {
		s.lines, s.parts = before.lines, before.parts
	}
}

// before is the moment up to which was read what ran before a start, zero where
// some of what was read may have come after it.
func (s *spans) before(start time.Time) time.Time {
	if last := s.last(); last.Before(start) {
		return last
	}
	return time.Time{}
}

// last is the moment up to which all was read.
func (s *spans) last() time.Time {
	var last time.Time
	for _, x := range s.all {
		if x.to.After(last) {
			last = x.to
		}
	}
	return last
}

// take takes the next line of a reading, or the next part of one, and reports
// whether it was not read before.
func (s *span) take(l kube.LogLine) bool {
	if l.Time.IsZero() {
		return true // the runtime gave it no time
	}
	if s.from.IsZero() {
		s.from = l.Time
	}
	if !l.Time.Equal(s.to) {
		s.to, s.lines, s.parts = l.Time, 0, 0
	}
	fresh := true
	for _, b := range s.before {
		inside := !l.Time.Before(b.from) && l.Time.Before(b.to)
		atEnd := l.Time.Equal(b.to) && (s.lines < b.lines || s.lines == b.lines && s.parts < b.parts)
		fresh = fresh && !inside && !atEnd
	}
	if s.parts++; !l.More {
		s.lines, s.parts = s.lines+1, 0
	}
	return fresh
}
