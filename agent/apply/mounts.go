//go:build linux

package apply

import (
	"bytes"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/towline-dev/towline/agent/wire"
)

// MountTable is where the kernel says what is mounted.
const MountTable = "/proc/self/mountinfo"

// mounts knows what is mounted in the container: a ConfigMap over one file, a
// volume over a folder. A mount point can be neither replaced nor removed, and
// not every volume can be written. No image changes that, so a transaction
// leaves out what lies there and says so. It is for one goroutine.
type mounts struct {
	kinds    map[string]string // of file systems, by their mount points but "/"
	folders  map[string]string // without symbolic links, by the path that was asked for
	writable map[string]bool   // folders
}

// readMounts reads the kernel's table.
func readMounts(table string) (*mounts, error) {
	data, err := os.ReadFile(table)
	if err != nil {
		return nil, fmt.Errorf("reading what is mounted: %w", err)
	}
	m := &mounts{kinds: map[string]string{}, folders: map[string]string{}, writable: map[string]bool{}}
	for line := range bytes.Lines(data) {
		before, after, _ := strings.Cut(string(line), " - ")
		fields, kind := strings.Fields(before), strings.Fields(after)
		if len(fields) < 5 || len(kind) == 0 {
			continue
		}
		if point := unescape(fields[4]); point != "/" {
			m.kinds[point] = kind[0]
		}
	}
	return m, nil
}

// unescape reads a path of the kernel's table, in which spaces and the like are
// octal.
func unescape(s string) string {
	var out strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+3 < len(s) {
			if c, err := strconv.ParseUint(s[i+1:i+4], 8, 8); err == nil {
				out.WriteByte(byte(c))
				i += 3
				continue
			}
		}
		out.WriteByte(s[i])
	}
	return out.String()
}

// real is a path without the symbolic links on the way to it, as far as there
// is a way.
func (m *mounts) real(name string) string {
	dir := path.Dir(name)
	found, known := m.folders[dir]
	if !known {
		var err error
		if found, err = filepath.EvalSymlinks(dir); err != nil {
			found = dir
			if dir != "/" {
				found = m.real(dir)
			}
		}
		m.folders[dir] = found
	}
	return path.Join(found, path.Base(name))
}

// over is the mount point that a path without links is, or lies below, "" for
// the container's own file system.
func (m *mounts) over(real string) string {
	for p := real; p != "/"; p = path.Dir(p) {
		if _, mounted := m.kinds[p]; mounted {
			return p
		}
	}
	return ""
}

// below is a mount point below a path without links, "" if there is none.
func (m *mounts) below(real string) string {
	first := ""
	for point := range m.kinds {
		if strings.HasPrefix(point, real+"/") && (first == "" || point < first) {
			first = point
		}
	}
	return first
}

// writes reports whether files can be made and replaced in a folder.
func (m *mounts) writes(dir string) bool {
	ok, known := m.writable[dir]
	if !known {
		ok = probe(dir).OK
		m.writable[dir] = ok
	}
	return ok
}

// covers is the mount that keeps a file from being put in its place, or a path
// from being deleted; "" if none does.
func (m *mounts) covers(p wire.Path, kind wire.FileKind) string {
	real := m.real(p.String())
	point := m.over(real)
	switch {
	case point == real && kind == wire.KindDir && isDir(point):
		return ""
	case point == real || point != "" && (!isDir(point) || !m.writes(path.Dir(real))):
		return point
	case kind != wire.KindDir:
		return m.below(real)
	}
	return ""
}

func isDir(name string) bool {
	info, err := os.Stat(name)
	return err == nil && info.IsDir()
}

// within is the mount point that a path below a root lies in, by its path below
// that root; "." when that is the root's own file system.
func (m *mounts) within(root, name string) string {
	top := path.Dir(m.real(path.Join(root, "x")))
	point := m.over(m.real(path.Join(root, name)))
	if rel, below := strings.CutPrefix(point, strings.TrimSuffix(top, "/")+"/"); below {
		return rel
	}
	return "."
}
