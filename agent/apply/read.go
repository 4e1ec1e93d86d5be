//go:build linux

package apply

import (
	"io"
	"io/fs"
	"os"
	"path"
	"strings"

	"github.com/zeebo/blake3"

	"github.com/towline-dev/towline/agent/wire"
	"github.com/towline-dev/towline/internal/file"
)

// Verify returns those of the wanted files that are not as wanted, as they
// are. Kind, content and the target of a link count, and for a regular file
// whether it is executable; times do not.
func Verify(want []wire.File) ([]wire.Entry, error) {
	roots := roots{}
	defer roots.close()
	var differ []wire.Entry
	for _, f := range want {
		if err := checkFile(f); err != nil {
			return nil, err
		}
		got := entryOf(roots, f)
		if !matches(f, got) {
			differ = append(differ, got)
		}
	}
	return differ, nil
}

// entryOf looks at one file. The content is read only if the size fits.
func entryOf(roots roots, f wire.File) wire.Entry {
	e := wire.Entry{Path: f.Path, Kind: wire.KindMissing}
	root, err := roots.open(f.Root, false)
	var info fs.FileInfo
	if err == nil {
		info, err = root.Lstat(f.Path.Path)
	}
	if file.IsMissing(err) {
		return e
	}
	if err != nil {
		e.Error = err.Error()
		return e
	}
	describe(&e, root, info, f.Kind == wire.KindRegular && info.Size() == f.Size)
	return e
}

func matches(f wire.File, e wire.Entry) bool {
	if e.Error != "" || e.Kind != f.Kind {
		return false
	}
	switch f.Kind {
	case wire.KindRegular:
		return e.Size == f.Size && e.Hash == f.Hash && (e.Mode^uint32(modeOf(f)))&0o100 == 0
	case wire.KindSymlink:
		return e.Target == f.Target
	}
	return true
}

// describe fills e from what is at its path.
func describe(e *wire.Entry, root *os.Root, info fs.FileInfo, hash bool) {
	e.Mode, e.ModTime = uint32(info.Mode().Perm()), info.ModTime().UnixNano()
	var err error
	switch mode := info.Mode(); {
	case mode.IsRegular():
		e.Kind, e.Size = wire.KindRegular, info.Size()
		if hash {
			e.Hash, err = digest(root, e.Path.Path)
		}
	case mode.IsDir():
		e.Kind = wire.KindDir
	case mode&fs.ModeSymlink != 0:
		e.Kind = wire.KindSymlink
		e.Target, err = root.Readlink(e.Path.Path)
	default:
		e.Kind = wire.KindOther
	}
	if err != nil {
		e.Error = err.Error()
	}
}

func digest(root *os.Root, name string) (sum wire.Digest, err error) {
	f, err := root.Open(name)
	if err != nil {
		return sum, err
	}
	defer f.Close()
	return hash(f)
}

// hash hashes what r has left.
func hash(r io.Reader) (sum wire.Digest, err error) {
	h := blake3.New()
	if _, err := io.CopyBuffer(h, onlyReader{r}, make([]byte, 128<<10)); err != nil {
		return sum, err
	}
	h.Sum(sum[:0])
	return sum, nil
}

// Manifest lists what is below the roots. A root that does not exist has no
// entries; a directory that cannot be read has an entry with an Error.
func Manifest(q wire.ManifestQuery) ([]wire.Entry, error) {
	var out []wire.Entry
	roots := roots{}
	defer roots.close()
	for _, dir := range q.Roots {
		if !path.IsAbs(dir) || path.Clean(dir) != dir {
			return nil, wire.Errorf(wire.CodeBadRequest, "the root %q is not absolute and clean", dir)
		}
		root, err := roots.open(dir, false)
		if file.IsMissing(err) {
			continue
		}
		if err != nil {
			return nil, explain(wire.Path{Root: dir, Path: "."}, err)
		}
		err = fs.WalkDir(root.FS(), ".", func(name string, d fs.DirEntry, err error) error {
			if name == "." && err == nil || strings.HasPrefix(path.Base(name), Prefix) {
				return nil
			}
			if len(out) >= wire.MaxEntries {
				return wire.Errorf(wire.CodeBadRequest, "%s holds more than %d files", dir, wire.MaxEntries)
			}
			e := wire.Entry{Path: wire.Path{Root: dir, Path: name}}
			var info fs.FileInfo
			if err == nil {
				info, err = d.Info()
			}
			if err != nil {
				e.Error = err.Error()
			} else {
				describe(&e, root, info, q.Hash)
			}
			out = append(out, e)
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}
