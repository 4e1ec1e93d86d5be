package limit

import (
	"fmt"
	"runtime"
	"runtime/metrics"
	"slices"
	"sync/atomic"

	"go.starlark.net/starlark"
	"go.starlark.net/starlarkstruct"

	"github.com/towline-dev/towline/starlark/yamldoc"
)

// DefaultMemory is how many bytes an evaluation may hold.
const DefaultMemory = 512 << 20

// Meter keeps an evaluation within a limit of memory. It measures the growth
// of the whole process's heap since the evaluation began, every checkEvery
// steps and whenever values that are large together were made in between.
// What could make a value of any size in a single step asks before it does:
// see functions.go.
type Meter struct {
	limit   atomic.Uint64 // bytes
	base    uint64        // of the heap when the evaluation began
	pending uint64        // bytes of large values since the last look
	full    *atomic.Bool
}

const (
	// largeValue is the size, in bytes, from which on a value counts.
	largeValue = 64 << 10
	// lookAfter is how much large values may add up to between two looks.
	lookAfter = 16 << 20
	// perElement is what a value takes that is made for an element.
	perElement = 48
	// maxBits and maxDigits are the length of the longest number: what is done
	// with larger ones takes long in a single step.
	maxBits, maxDigits = 1 << 20, 300_000
	// maxNested is how many values may be reached from one that is compared or
	// hashed, each counted as often as it is reached.
	maxNested = 2_000_000
	// maxRange is the length of the longest range: what takes all its numbers
	// in one step cannot be interrupted.
	maxRange = 50_000_000
)

// NewMeter starts to measure. Full says that the last evaluation took too much,
// and is told when this one does: what it left is collected first, or it would
// count as the daemon's own.
func NewMeter(limit uint64, full *atomic.Bool) *Meter {
	if full.Swap(false) {
		runtime.GC()
	}
	m := &Meter{full: full, base: min(heapSize(liveObjects), heapSize(allObjects))}
	m.limit.Store(limit)
	return m
}

// What of the heap is measured: all objects, dead ones included that were not
// collected yet, or those that the last collection found alive.
const (
	allObjects  = "/memory/classes/heap/objects:bytes"
	liveObjects = "/gc/heap/live:bytes"
)

func heapSize(what string) uint64 {
	sample := []metrics.Sample{{Name: what}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}

// Took notes that a value of n bytes was made.
func (m *Meter) Took(n uint64) error {
	if n < largeValue {
		return nil
	}
	if m.pending += n; m.pending < lookAfter {
		return nil
	}
	return m.Allow(0)
}

// Allow reports whether n bytes more are within the limit.
func (m *Meter) Allow(n uint64) error {
	m.pending = 0
	limit := m.limit.Load()
	if n <= limit && m.used()+n <= limit {
		return nil
	}
	if n <= limit {
		runtime.GC()
		if m.used()+n <= limit {
			return nil
		}
	}
	return m.tooMuch()
}

func (m *Meter) tooMuch() error {
	m.full.Store(true)
	return fmt.Errorf("the evaluation needs more than %d MB of memory: is there a list or a text that grows without end? (towline.limits(memory_mb=…) allows more)", m.limit.Load()>>20)
}

// Exceeded returns the error of an evaluation that takes twice what it may: it
// is in a step that did not ask. It may be called from any goroutine.
func (m *Meter) Exceeded() error {
	if m.used() <= 2*m.limit.Load() {
		return nil
	}
	return m.tooMuch()
}

func (m *Meter) used() uint64 {
	if now := heapSize(allObjects); now > m.base {
		return now - m.base
	}
	return 0
}

// Text is a value that is a text, beside Starlark's own strings.
type Text interface {
	starlark.Value
	PlainText() string
}

// Limit returns how many bytes the evaluation may hold.
func (m *Meter) Limit() uint64 { return m.limit.Load() }

// SetLimit changes how many bytes the evaluation may hold.
func (m *Meter) SetLimit(bytes uint64) { m.limit.Store(bytes) }

// Size is the size of a value, in bytes, without that of its elements.
func Size(v starlark.Value) uint64 {
	const word, entry = 16, 64
	switch v := v.(type) {
	case starlark.String:
		return uint64(len(v))
	case starlark.Bytes:
		return uint64(len(v))
	case Text:
		return uint64(len(v.PlainText()))
	case *starlark.List:
		return word * uint64(v.Len())
	case starlark.Tuple:
		return word * uint64(len(v))
	case *starlark.Dict:
		return entry * uint64(v.Len())
	case *starlark.Set:
		return entry * uint64(v.Len())
	}
	return 0
}

// textSize is the length of a value's text, or budget when that is longer; ok
// is false when the value nests deeper than its text could be written.
func textSize(v starlark.Value, budget uint64) (n uint64, ok bool) {
	s := &sizer{known: map[starlark.Value]uint64{}}
	n = s.size(v, budget)
	return n, !s.deep
}

// A sizer adds up the lengths of texts.
type sizer struct {
	within []starlark.Value          // what holds the value at hand: one that holds itself is written short
	known  map[starlark.Value]uint64 // of lists and dictionaries, which may be reached on many ways
	deep   bool                      // more than its text could be written
	cycle  bool                      // something held itself
}

func (s *sizer) size(v starlark.Value, budget uint64) uint64 {
	const brackets = 2
	switch v := v.(type) {
	case starlark.String:
		return uint64(len(v))
	case Text:
		return uint64(len(v.PlainText()))
	case starlark.Tuple: // which cannot be compared, nor hold itself
		return s.inside(starlark.None, budget, func(add func(starlark.Value) bool) {
			for i := 0; i < len(v) && add(v[i]); i++ {
			}
		})
	case *starlark.List:
		return brackets + s.once(v, budget, func(add func(starlark.Value) bool) {
			for i := 0; i < v.Len() && add(v.Index(i)); i++ {
			}
		})
	case *starlark.Dict:
		return brackets + s.once(v, budget, func(add func(starlark.Value) bool) {
			for k, x := range v.Entries() {
				if !add(k) || !add(x) {
					break
				}
			}
		})
	}
	return 8
}

// once is inside for a value that has an identity.
func (s *sizer) once(v starlark.Value, budget uint64, each func(add func(starlark.Value) bool)) uint64 {
	if n, ok := s.known[v]; ok {
		return n
	}
	if slices.Contains(s.within, v) {
		s.cycle = true
		return 3
	}
	n := s.inside(v, budget, each)
	if n > smallText && n < budget && !s.cycle {
		s.known[v] = n
	}
	return n
}

// smallText is up to which length a text is added up again rather than kept.
const smallText = 64

// inside adds up the elements of a value.
func (s *sizer) inside(v starlark.Value, budget uint64, each func(add func(starlark.Value) bool)) (n uint64) {
	if len(s.within) > yamldoc.MaxDepth {
		s.deep = true
		return budget
	}
	s.within = append(s.within, v)
	each(func(x starlark.Value) bool {
		const separator = 2
		n += s.size(x, budget-min(n, budget)) + separator
		return !s.deep && n < budget
	})
	s.within = s.within[:len(s.within)-1]
	return n
}

// AllowText reports whether the text of some values is within the limit.
func (m *Meter) AllowText(values ...starlark.Value) error {
	var total uint64
	for _, v := range values {
		n, ok := textSize(v, m.limit.Load())
		if !ok {
			return fmt.Errorf("values nest too deep: does a list hold itself?")
		}
		if total += n; total >= largeValue {
			if err := m.Allow(total); err != nil {
				return err
			}
		}
	}
	return nil
}

// AllowParsed reports whether what a text of YAML or JSON says is within the
// limit. A value takes some hundred bytes, however short it is written.
func (m *Meter) AllowParsed(text string) error {
	const small, perValue = 1 << 20, 160
	if len(text) < small {
		return nil
	}
	values := 0
	for _, c := range []byte(text) {
		switch c {
		case '\n', ',', ':', '[', '{':
			values++
		}
	}
	return m.Allow(2*uint64(len(text)) + perValue*uint64(values))
}

var errDigits = fmt.Errorf("a number has more than %d digits", maxDigits)

// CheckNested refuses a value that could not be compared or hashed in bounded
// time, which goes as deep as its tuples and structs, and as a few lists and dictionaries.
func CheckNested(v starlark.Value) error {
	left := maxNested
	if !countNested(v, &left, 0) {
		return fmt.Errorf("values nest too deep: more than %d are reached from one", maxNested)
	}
	return nil
}

func countNested(v starlark.Value, left *int, depth int) bool {
	if *left--; *left < 0 || depth > maxDepth {
		return false
	}
	const compared = 12 // a little deeper than Starlark compares
	switch v := v.(type) {
	case starlark.Tuple:
		for _, x := range v {
			if !countNested(x, left, depth+1) {
				return false
			}
		}
	case *starlarkstruct.Struct:
		for _, name := range v.AttrNames() {
			if x, err := v.Attr(name); err == nil && !countNested(x, left, depth+1) {
				return false
			}
		}
	case *starlark.List:
		for i := 0; i < v.Len() && depth < compared; i++ {
			if !countNested(v.Index(i), left, depth+1) {
				return false
			}
		}
	case *starlark.Dict:
		if depth >= compared {
			return true
		}
		for k, x := range v.Entries() {
			if !countNested(k, left, depth+1) || !countNested(x, left, depth+1) {
				return false
			}
		}
	}
	return true
}

// maxValues and maxDepth bound what a file's values hold, each counted as often
// as it is reached through tuples: Starlark freezes them by recursion.
const (
	maxValues = 5_000_000
	maxDepth  = 200_000
)

// CheckValues refuses values that could not be frozen in bounded time and
// stack.
func CheckValues(globals starlark.StringDict) error {
	type nested struct {
		v     starlark.Value
		depth int
	}
	var todo []nested
	for _, v := range globals {
		todo = append(todo, nested{v, 0})
	}
	seen := map[starlark.Value]bool{}
	for count := 0; len(todo) > 0; count++ {
		top := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if count > maxValues || top.depth > maxDepth {
			return fmt.Errorf("values nest too deep: a list or tuple holds others of the kind more than %d deep or %d times", maxDepth, maxValues)
		}
		push := func(v starlark.Value) {
			switch v.(type) {
			case *starlark.List, *starlark.Dict, starlark.Tuple:
				todo = append(todo, nested{v, top.depth + 1})
			}
		}
		switch v := top.v.(type) {
		case starlark.Tuple:
			for _, x := range v {
				push(x)
			}
		case *starlark.List:
			if seen[v] {
				continue
			}
			seen[v] = true
			for i := range v.Len() {
				push(v.Index(i))
			}
		case *starlark.Dict:
			if seen[v] {
				continue
			}
			seen[v] = true
			for _, item := range v.Items() {
				push(item[0])
				push(item[1])
			}
		}
	}
	return nil
}
