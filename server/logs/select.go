package logs

import "github.com/towline-dev/towline/server/api"

// maxRecord is how many lines of a record are kept until one of them matches.
const maxRecord = 500

// Selector goes through lines and picks those that a filter asks for, with the
// whole stack trace that a match is part of, and the lines around it. It is for
// one goroutine.
type Selector struct {
	filter *Filter
	of     map[origin]*window
}

// window is what was seen last of an origin.
type window struct {
	head    uint64
	matched bool          // the record of head
	before  []api.LogLine // not picked, of earlier records: the context
	record  []api.LogLine // not picked, of this one
	after   int           // so many lines follow a match
}

// Select returns a Selector.
func Select(f *Filter) *Selector { return &Selector{filter: f, of: map[origin]*window{}} }

// Take takes the next line, as it is kept, and returns what is picked with it,
// as faces get it.
func (s *Selector) Take(l api.LogLine) []api.LogLine {
	if !s.filter.from(&l) {
		return nil
	}
	l = presented(l)
	if !s.filter.asks() {
		return []api.LogLine{l}
	}
	w := s.window(&l)
	if l.Head == 0 || l.Head != w.head {
		w.next(&l, s.filter.Context)
	}
	switch {
	case w.matched:
		return []api.LogLine{l}
	case s.filter.matches(&l):
		picked := append(append(w.before, w.record...), l)
		w.before, w.record, w.matched, w.after = nil, nil, true, s.filter.Context
		return picked
	case w.after > 0:
		w.after--
		return []api.LogLine{l}
	}
	if len(w.record) < maxRecord {
		w.record = append(w.record, l)
	}
	return nil
}

func (s *Selector) window(l *api.LogLine) *window {
	o := originOf(l)
	w := s.of[o]
	if w == nil {
		if len(s.of) >= maxOrigins {
			clear(s.of)
		}
		w = &window{}
		s.of[o] = w
	}
	return w
}

// next begins the record of a line. What was not picked of the one before is
// context now.
func (w *window) next(l *api.LogLine, context int) {
	w.before = append(w.before, w.record...)
	w.before = w.before[max(0, len(w.before)-context):]
	w.record, w.matched = nil, false
	if w.head = l.Head; w.head == 0 {
		w.head = l.Seq
	}
}
