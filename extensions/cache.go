package extensions

import (
	"cmp"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/zeebo/blake3"
)

// Cache is the folder that keeps what was fetched of repositories. Each commit
// has a folder of its own that is never changed again; its index says which commit
// a URL and ref meant when they were fetched last.
type Cache string

// UserCache returns the cache of the user; ok is false when there is no place
// for one.
func UserCache() (cache Cache, ok bool) {
	dir, err := os.UserCacheDir()
	return Cache(filepath.Join(dir, "towline", "extensions")), err == nil
}

// Locked is an entry of a lock file, or of the cache's index.
type Locked struct {
	URL     string    `json:"url"`
	Ref     string    `json:"ref,omitempty"`
	Commit  string    `json:"commit"`
	Hash    string    `json:"blake3"`           // of the files' names and contents
	Fetched time.Time `json:"fetched,omitzero"` // when; in the index alone
}

// LockName is the name of the lock file beside a Tiltfile: the commits of its
// repositories, for everybody who has the Tiltfile.
const LockName = "towline.lock"

// LockFile returns the path of the cache's index.
func (c Cache) LockFile() string { return filepath.Join(string(c), "extensions.lock") }

// Folder is where the files of a commit are.
func (c Cache) Folder(url, commit string) string {
	sum := blake3.Sum256([]byte(url))
	name := strings.TrimSuffix(url[strings.LastIndexByte(url, '/')+1:], ".git")
	return filepath.Join(string(c), name+"-"+hex.EncodeToString(sum[:6]), commit)
}

// ReadLock reads the cache's index; without one nothing was fetched.
func (c Cache) ReadLock() ([]Locked, error) { return ReadLock(c.LockFile()) }

// WriteLock replaces the cache's index.
func (c Cache) WriteLock(lock []Locked) error { return WriteLock(c.LockFile(), lock) }

// maxLock bounds a lock file, in bytes.
const maxLock = 1 << 20

// ReadLock reads a lock file, which need not be there.
func ReadLock(path string) ([]Locked, error) {
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, maxLock+1))
	if err != nil {
		return nil, err
	}
	lock, err := ParseLock(data)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", path, err)
	}
	return lock, nil
}

// ParseLock reads a lock file's text. Commits name folders, so that nothing but
// a commit is taken for one.
func ParseLock(data []byte) ([]Locked, error) {
	if len(data) > maxLock {
		return nil, fmt.Errorf("it has more than %d bytes", maxLock)
	}
	var lock []Locked
	if err := json.Unmarshal(data, &lock); err != nil {
		return nil, err
	}
	for _, l := range lock {
		if sum, err := hex.DecodeString(l.Commit); err != nil || len(sum) < 20 || l.URL == "" {
			return nil, fmt.Errorf("%q of %q is no commit", l.Commit, l.URL)
		}
	}
	return lock, nil
}

// FindLocked returns the entry of a URL and ref.
func FindLocked(lock []Locked, url, ref string) (Locked, bool) {
	i := slices.IndexFunc(lock, func(l Locked) bool { return l.URL == url && l.Ref == ref })
	if i < 0 {
		return Locked{}, false
	}
	return lock[i], true
}

// Lock returns a lock with an entry in place of the one of its URL and ref, in order.
func Lock(lock []Locked, entry Locked) []Locked {
	lock = slices.DeleteFunc(slices.Clone(lock), func(l Locked) bool { return l.URL == entry.URL && l.Ref == entry.Ref })
	lock = append(lock, entry)
	slices.SortFunc(lock, func(a, b Locked) int { return cmp.Or(cmp.Compare(a.URL, b.URL), cmp.Compare(a.Ref, b.Ref)) })
	return lock
}

// WriteLock replaces a lock file.
func WriteLock(path string, lock []Locked) error {
	data, err := json.MarshalIndent(lock, "", "  ")
	if err != nil {
		return err
	}
	temp, err := os.CreateTemp(filepath.Dir(path), ".lock-") // others may write at the same time
	if err != nil {
		return err
	}
	defer os.Remove(temp.Name())
	if _, err := temp.Write(append(data, '\n')); err != nil {
		temp.Close()
		return err
	}
	if err := temp.Chmod(0o644); err != nil {
		temp.Close()
		return err
	}
	if err := temp.Close(); err != nil {
		return err
	}
	return os.Rename(temp.Name(), path)
}
