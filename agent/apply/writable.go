//go:build linux

package apply

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/towline-dev/towline/agent/wire"
	"github.com/towline-dev/towline/internal/file"
)

// unwritableHint is the next step when the container's user may not write.
const unwritableHint = "let the image give this directory to the container's user (COPY --chown), mount an emptyDir there, or sync to a directory that is writable"

// CanWrite tells for each path whether a file could be put there. It changes
// nothing.
func CanWrite(paths []wire.Path) []wire.Writable {
	out := make([]wire.Writable, len(paths))
	known := map[string]wire.Writable{} // by directory
	for i, p := range paths {
		if err := CheckPath(p); err != nil {
			out[i] = wire.Writable{Path: p, Reason: err.Error(), UID: os.Getuid()}
			continue
		}
		dir := path.Dir(p.String())
		w, ok := known[dir]
		if !ok {
			w = probe(dir)
			known[dir] = w
		}
		w.Path = p
		out[i] = w
	}
	return out
}

// probe finds the nearest directory that exists and asks the kernel whether we
// may make and replace files there.
func probe(dir string) wire.Writable {
	w := wire.Writable{UID: os.Getuid()}
	for {
		err := unix.Access(dir, unix.W_OK|unix.X_OK)
		info, serr := os.Stat(dir)
		if dir != "/" && (file.IsMissing(err) || serr == nil && !info.IsDir()) {
			dir = path.Dir(dir) // a file in the way is replaced, and so is a link that leads in a circle
			continue
		}
		if err == nil {
			w.OK = true
			return w
		}
		w.Blocker, w.ReadOnly = dir, errors.Is(err, unix.EROFS)
		owner := ""
		if serr == nil {
			w.OwnerUID, w.Mode = int(info.Sys().(*syscall.Stat_t).Uid), uint32(info.Mode().Perm())
			owner = fmt.Sprintf(": it belongs to uid %d with mode %04o, and the container runs as uid %d", w.OwnerUID, w.Mode, w.UID)
		}
		if w.ReadOnly {
			w.Reason = fmt.Sprintf("%s is on a read-only file system (readOnlyRootFilesystem?)", dir)
		} else {
			w.Reason = fmt.Sprintf("%s is not writable (%v)%s", dir, err, owner)
		}
		return w
	}
}

// explain turns an error about a path into one that says what to do.
func explain(p wire.Path, err error) error {
	var known *wire.Error
	if errors.As(err, &known) || errors.Is(err, wire.ErrAborted) {
		return err
	}
	e := wire.Errorf(wire.CodeBadRequest, "writing %s: %v", p, err)
	e.Path = p.String()
	switch {
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		e.Code, e.UID, e.Hint = wire.CodeUnwritable, os.Getuid(), unwritableHint
		if w := probe(path.Dir(p.String())); !w.OK {
			e.Message = fmt.Sprintf("writing %s: %s", p, w.Reason)
		}
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		e.Code, e.Hint = wire.CodeNoSpace, "free space there, or give the volume more"
	case strings.Contains(err.Error(), "path escapes from parent"): // os has no exported error for it
		e.Code = wire.CodeEscape
		e.Message = fmt.Sprintf("writing %s: a symbolic link on the way leads out of %s", p, p.Root)
		e.Hint = "sync to the directory that the link points to"
	}
	return e
}
