package eval

import (
	"strings"
	"sync"

	"github.com/zeebo/blake3"
)

// Cache keeps what is the same in the next evaluation, by content: compiled
// programs, parsed YAML, rendered charts. It is safe for concurrent use; what
// it returns is shared and must not be changed.
type Cache struct {
	mu    sync.Mutex
	old   map[string]any // of the generation before
	young map[string]any
}

// maxCached is the number of entries of a generation. When it is reached, the
// generation becomes the old one, and what is not asked for again is dropped.
const maxCached = 20_000

// NewCache returns an empty cache.
func NewCache() *Cache {
	return &Cache{young: map[string]any{}}
}

// cached returns the value of a key, made by fill when it is not there. Errors
// are not kept.
func cached[T any](c *Cache, key string, fill func() (T, error)) (T, error) {
	if v, ok := c.get(key); ok {
		return v.(T), nil
	}
	v, err := fill()
	if err == nil {
		c.put(key, v)
	}
	return v, err
}

func (c *Cache) get(key string) (any, bool) {
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

func (c *Cache) put(key string, v any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.young) >= maxCached {
		c.old, c.young = c.young, map[string]any{}
	}
	c.young[key] = v
}

// contentKey is a key for what is made of some contents.
func contentKey(kind string, parts ...string) string {
	h := blake3.New()
	for _, p := range parts {
		_, _ = h.WriteString(p)
		_, _ = h.Write([]byte{0})
	}
	var b strings.Builder
	b.WriteString(kind)
	b.Write(h.Sum(nil)[:16])
	return b.String()
}

func programKey(path string, source []byte) string {
	return contentKey("program", path, string(source))
}
