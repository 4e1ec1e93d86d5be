package extensions

import (
	"path/filepath"
	"strings"
	"testing"
)

// FuzzLock: what a lock file names as a commit is a folder of the cache.
func FuzzLock(f *testing.F) {
	commit := strings.Repeat("a1", 20)
	f.Add([]byte(`[{"url": "https://example.com/x.git", "ref": "v1", "commit": "` + commit + `", "blake3": "x"}]`))
	f.Add([]byte(`[{"url": "/", "commit": "` + commit + `"}]`))
	f.Add([]byte(`[{"url": "x", "commit": "../x"}]`))
	f.Add([]byte(`{}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		lock, err := ParseLock(data)
		if err != nil {
			return
		}
		for _, l := range lock {
			folder := Cache("/cache").Folder(l.URL, l.Commit)
			if rel, err := filepath.Rel("/cache", folder); err != nil || !filepath.IsLocal(rel) || filepath.Base(folder) != l.Commit {
				t.Errorf("%+v leads to %s", l, folder)
			}
		}
	})
}
