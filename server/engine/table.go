package engine

import (
	"iter"
	"math/bits"

	"github.com/benbjohnson/immutable"
)

// table is a map that is a value: set and del return another, which shares all
// but a few nodes with this one. The zero table is empty.
type table[K comparable, V any] struct{ m *immutable.Map[K, V] }

func (t table[K, V]) get(key K) (value V, ok bool) {
	if t.m == nil {
		return value, false
	}
	return t.m.Get(key)
}

func (t table[K, V]) set(key K, value V) table[K, V] {
	if t.m == nil {
		t.m = immutable.NewMap[K, V](hasher[K]{})
	}
	return table[K, V]{t.m.Set(key, value)}
}

func (t table[K, V]) del(key K) table[K, V] {
	if t.m == nil {
		return t
	}
	return table[K, V]{t.m.Delete(key)}
}

func (t table[K, V]) len() int {
	if t.m == nil {
		return 0
	}
	return t.m.Len()
}

// all goes through the table in no order that means anything.
func (t table[K, V]) all() iter.Seq2[K, V] {
	return func(yield func(K, V) bool) {
		if t.m == nil {
			return
		}
		for it := t.m.Iterator(); !it.Done(); {
			if key, value, _ := it.Next(); !yield(key, value) {
				return
			}
		}
	}
}

// hasher hashes names and TargetIDs, everywhere and always alike (FNV-1a), so
// that what one process did can be played again in another.
type hasher[K comparable] struct{}

func (hasher[K]) Equal(a, b K) bool { return a == b }

func (hasher[K]) Hash(key K) uint32 {
	const start = 2166136261
	switch key := any(key).(type) {
	case TargetID:
		return fnv(fnv(fnv(start, key.Namespace), key.Pod), key.Container)
	case string:
		return fnv(start, key)
	}
	return 0
}

func fnv(h uint32, text string) uint32 {
	for i := range len(text) {
		h = (h ^ uint32(text[i])) * 16777619
	}
	return h
}

// set is a set of small numbers: places in a list.
type set []uint64

func newSet(n int) set { return make(set, (n+63)/64) }

func (s set) put(i int, in bool) {
	if in {
		s[i/64] |= 1 << (i % 64)
	} else {
		s[i/64] &^= 1 << (i % 64)
	}
}

// fill puts the numbers below n in.
func (s set) fill(n int) {
	for i := range n {
		s.put(i, true)
	}
}

// next returns the least number in the set that is not below i, -1 when there is
// none.
func (s set) next(i int) int {
	for word := i / 64; word < len(s); word++ {
		rest := s[word]
		if word == i/64 {
			rest &= ^uint64(0) << (i % 64)
		}
		if rest != 0 {
			return word*64 + bits.TrailingZeros64(rest)
		}
	}
	return -1
}

// all goes through the set from the least on. What is put in meanwhile above the
// present number is met.
func (s set) all() iter.Seq[int] {
	return func(yield func(int) bool) {
		for i := s.next(0); i >= 0; i = s.next(i + 1) {
			if !yield(i) {
				return
			}
		}
	}
}
