package eval

import (
	"sync"
	"sync/atomic"

	"github.com/zeebo/blake3"
)

// Cache keeps what is the same in the next evaluation, by content: compiled
// programs, parsed YAML, rendered charts. It is safe for concurrent use; what
// it returns is shared and must not be changed.
type Cache struct {
	mu    sync.Mutex
	old   map[cacheKey]any // of the generation before
	young map[cacheKey]any

	full atomic.Bool // the last evaluation took more memory than it may
}

// cacheKey is what a value was made of: a file's text, as it is, or a hash of
// several contents. Texts are mostly held by the values anyway.
type cacheKey struct {
	kind, content string
}

// maxCached is the number of entries of a generation that evaluations which
// fail may add up to.
const maxCached = 20_000

// NewCache returns an empty cache.
func NewCache() *Cache {
	return &Cache{young: map[cacheKey]any{}}
}

// cached returns the value of a key, made by fill when it is not there. Errors
// are not kept.
func cached[T any](c *Cache, kind, content string, fill func() (T, error)) (T, error) {
	key := cacheKey{kind, content}
	if v, ok := c.get(key); ok {
		return v.(T), nil
	}
	v, err := fill()
	if err == nil {
		c.put(key, v)
	}
	return v, err
}

func (c *Cache) get(key cacheKey) (any, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if v, ok := c.young[key]; ok {
		return v, true
	}
	v, ok := c.old[key]
	if ok {
		c.young[key] = v
	}
	return v, ok
}

func (c *Cache) put(key cacheKey, v any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.young) >= maxCached {
		c.turn()
	}
	c.young[key] = v
}

// succeeded begins a new generation after an evaluation that went through:
// what neither it nor the one before it asked for is dropped. One that failed
// may have stopped anywhere, so that what it did not ask for says nothing.
func (c *Cache) succeeded() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.turn()
}

func (c *Cache) turn() {
	c.old, c.young = c.young, make(map[cacheKey]any, len(c.young))
}

// contentHash stands for several contents in a key.
func contentHash(parts ...string) string {
	h := blake3.New()
	for _, p := range parts {
		_, _ = h.WriteString(p)
		_, _ = h.Write([]byte{0})
	}
	return string(h.Sum(nil)[:16])
}
