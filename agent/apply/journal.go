//go:build linux

package apply

import (
	"io"
	"os"
	"path/filepath"
	"strings"
)

// journal notes the directories in which temporary files were made, so that
// the next agent finds those that a killed one left behind.
type journal struct {
	path  string // entries end with a zero byte, which no name holds
	noted map[string]bool
}

// note notes a directory once.
func (j *journal) note(dir string) error {
	if j.path == "" || j.noted[dir] {
		return nil
	}
	f, err := os.OpenFile(j.path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(dir + "\x00")
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if j.noted == nil {
		j.noted = map[string]bool{}
	}
	j.noted[dir] = true
	return err
}

// Sweep removes temporary files that an earlier agent left in the directories
// that the journal names, and empties the journal. It returns how many.
func Sweep(journalPath string) (int, error) {
	f, err := os.Open(journalPath)
	if os.IsNotExist(err) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	defer f.Close()
	swept := 0
	data, err := io.ReadAll(f)
	if err != nil {
		return 0, err
	}
	for dir := range strings.SplitSeq(strings.TrimSuffix(string(data), "\x00"), "\x00") {
		entries, err := os.ReadDir(dir)
		if err != nil {
			continue // gone with the container
		}
		for _, e := range entries {
			if strings.HasPrefix(e.Name(), Prefix) && !e.IsDir() && os.Remove(filepath.Join(dir, e.Name())) == nil {
				swept++
			}
		}
	}
	return swept, os.Remove(journalPath)
}
