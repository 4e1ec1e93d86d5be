// Package cache keeps what is the same in the next evaluation, by content:
// compiled programs, parsed YAML, rendered charts.
package cache

import (
	"sync"
	"sync/atomic"

	"github.com/zeebo/blake3"
)

// Cache is safe for concurrent use; what it returns is shared and must not be
// changed.
type Cache struct {
	mu    sync.Mutex
	old   map[Key]any // of the generation before
	young map[Key]any

	Full atomic.Bool // the last evaluation took more memory than it may
}

// Key is what a value was made of: a file's text, as it is, or a hash of
// several contents. Texts are mostly held by the values anyway.
type Key struct {
	Kind, Content string
}

// most is the number of entries of a generation that evaluations which fail
// may add up to.
const most = 20_000

// New returns an empty cache.
func New() *Cache {
	return &Cache{young: map[Key]any{}}
}

// Fill returns the value of a key, made by fill when it is not there. Errors
// are not kept.
func Fill[T any](c *Cache, kind, content string, fill func() (T, error)) (T, error) {
	key := Key{kind, content}
	if v, ok := Get[T](c, key); ok {
		return v, nil
	}
	v, err := fill()
	if err == nil {
		c.Put(key, v)
	}
	return v, err
}

// Get returns the value of a key. All values of a kind have one type.
func Get[T any](c *Cache, key Key) (v T, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	kept, ok := c.young[key]
	if !ok {
		if kept, ok = c.old[key]; !ok {
			return v, false
		}
		c.young[key] = kept
	}
	return kept.(T), true
}

// Put keeps a value.
func (c *Cache) Put(key Key, v any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.young) >= most {
		c.turn()
	}
	c.young[key] = v
}

// Drop forgets a value that was made of what has changed since.
func (c *Cache) Drop(key Key) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.young, key)
	delete(c.old, key)
}

// Succeeded begins a new generation after an evaluation that went through:
// what neither it nor the one before it asked for is dropped. One that failed
// may have stopped anywhere, so that what it did not ask for says nothing.
func (c *Cache) Succeeded() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.turn()
}

func (c *Cache) turn() {
	c.old, c.young = c.young, make(map[Key]any, len(c.young))
}

// Kinds counts the values of each kind.
func (c *Cache) Kinds() map[string]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	kinds := map[string]int{}
	for key := range c.young {
		kinds[key.Kind]++
	}
	for key := range c.old {
		if _, again := c.young[key]; !again {
			kinds[key.Kind]++
		}
	}
	return kinds
}

// Hash stands for several contents in a key.
func Hash(parts ...string) string {
	h := blake3.New()
	for _, p := range parts {
		_, _ = h.WriteString(p)
		_, _ = h.Write([]byte{0})
	}
	return string(h.Sum(nil)[:16])
}
