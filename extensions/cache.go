package extensions

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/zeebo/blake3"
)

// Cache is the folder that keeps what was fetched of repositories. Each commit
// has a folder of its own that is never changed again; the lock file says which
// commit a URL and ref mean.
type Cache string

// UserCache returns the cache of the user; ok is false when there is no place
// for one.
func UserCache() (cache Cache, ok bool) {
	dir, err := os.UserCacheDir()
	return Cache(filepath.Join(dir, "towline", "extensions")), err == nil
}

// Locked is an entry of the lock file.
type Locked struct {
	URL    string `json:"url"`
	Ref    string `json:"ref,omitempty"`
	Commit string `json:"commit"`
	Hash   string `json:"blake3"` // of the files' names and contents
}

// LockFile returns the path of the lock file.
func (c Cache) LockFile() string { return filepath.Join(string(c), "extensions.lock") }

// Folder is where the files of a commit are.
func (c Cache) Folder(url, commit string) string {
	sum := blake3.Sum256([]byte(url))
	name := strings.TrimSuffix(url[strings.LastIndexByte(url, '/')+1:], ".git")
	return filepath.Join(string(c), name+"-"+hex.EncodeToString(sum[:6]), commit)
}

// ReadLock reads the lock file; without one nothing was fetched.
func (c Cache) ReadLock() ([]Locked, error) {
	data, err := os.ReadFile(c.LockFile())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var lock []Locked
	if err := json.Unmarshal(data, &lock); err != nil {
		return nil, fmt.Errorf("reading %s: %w", c.LockFile(), err)
	}
	return lock, nil
}

// WriteLock replaces the lock file.
func (c Cache) WriteLock(lock []Locked) error {
	data, err := json.MarshalIndent(lock, "", "  ")
	if err != nil {
		return err
	}
	temp, err := os.CreateTemp(string(c), ".lock-") // others may write at the same time
	if err != nil {
		return err
	}
	defer os.Remove(temp.Name())
	if _, err := temp.Write(append(data, '\n')); err != nil {
		temp.Close()
		return err
	}
	if err := temp.Close(); err != nil {
		return err
	}
	return os.Rename(temp.Name(), c.LockFile())
}
