package logs

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/towline-dev/towline/server/api"
)

// The bounds of a folder.
const (
	fileBytes   = 4 << 20  // after which a file is full
	folderBytes = 64 << 20 // of all files: the oldest go
	maxRuns     = 10       // that are kept
)

// part is one file of a folder, RUN-PART.log.
type part struct {
	run, n int
	size   int64
}

func (p part) path(dir string) string {
	return filepath.Join(dir, fmt.Sprintf("%06d-%06d.log", p.run, p.n))
}

// parts are the files of a folder, the oldest first. A folder that is not there
// has none.
func parts(dir string) ([]part, error) {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var out []part
	for _, e := range entries {
		var p part
		if n, _ := fmt.Sscanf(e.Name(), "%06d-%06d.log", &p.run, &p.n); n != 2 || filepath.Base(p.path("")) != e.Name() {
			continue
		}
		info, err := e.Info()
		if err != nil || !info.Mode().IsRegular() {
			continue // it went meanwhile, or is none of ours
		}
		p.size = info.Size()
		out = append(out, p)
	}
	slices.SortFunc(out, func(a, b part) int {
		if a.run != b.run {
			return a.run - b.run
		}
		return a.n - b.n
	})
	return out, nil
}

// Runs are the numbers of the runs that a folder has lines of, the oldest first.
func Runs(dir string) ([]int, error) {
	all, err := parts(dir)
	if err != nil {
		return nil, err
	}
	var runs []int
	for _, p := range all {
		if len(runs) == 0 || runs[len(runs)-1] != p.run {
			runs = append(runs, p.run)
		}
	}
	return runs, nil
}

// trim removes the oldest files while there are too many bytes or runs. The
// newest one stays.
func trim(dir string, limit int64) error {
	all, err := parts(dir)
	if err != nil {
		return err
	}
	total, runs := int64(0), map[int]bool{}
	for i := len(all) - 1; i >= 0; i-- {
		total, runs[all[i].run] = total+all[i].size, true
		if i < len(all)-1 && (total > limit || len(runs) > maxRuns) {
			err = errors.Join(err, os.Remove(all[i].path(dir)))
		}
	}
	return err
}

// readPart visits the lines of a file that are not before a Seq or a wanted
// frame, in order, until visit returns false. What is damaged is passed over.
func (c *coder) readPart(dir string, p part, wanted func(head) bool, visit func(api.LogLine) bool) error {
	data, err := os.ReadFile(p.path(dir))
	if errors.Is(err, fs.ErrNotExist) {
		return nil // it has become too old meanwhile
	}
	if err != nil {
		return err
	}
	frames(data, func(h head, frame []byte) bool {
		if !wanted(h) {
			return true
		}
		lines, err := c.unpack(h, frame)
		if err != nil {
			return true
		}
		for _, l := range lines {
			l.Run = p.run
			if !visit(l) {
				return false
			}
		}
		return true
	})
	return nil
}
