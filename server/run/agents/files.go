package agents

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/zeebo/blake3"

	"github.com/towline-dev/towline/agent/client"
	"github.com/towline-dev/towline/agent/wire"
	"github.com/towline-dev/towline/internal/file"
	"github.com/towline-dev/towline/server/engine"
	"github.com/towline-dev/towline/starlark/config"
)

// reading is what reading the files of a Live gave.
type reading struct {
	change client.Change
	unread *config.Problem // names a file that cannot be read, and is left out
	unlike []engine.File   // files that were not as they had been seen
}

// changeOf reads the files of a Live. With towline.sync(delete=False) what is
// gone here stays there. A file that cannot be read does not hold up the others.
func changeOf(e engine.Live, roots []string, set config.SyncSetting) (r reading) {
	local, change := map[wire.Path]string{}, &r.change
	for _, f := range e.Files {
		at := remotePath(f.Remote, roots)
		found, exists, err := describe(f, at)
		if !f.Gone && !f.Folder && (err != nil && !f.Seen.Unread || err == nil && (!exists || !alike(f, found))) {
			r.unlike = append(r.unlike, f)
		}
		if err != nil {
			if r.unread == nil {
				r.unread = &config.Problem{Message: err.Error(), Pos: config.Position{File: f.Local, Line: 1},
					Hint: "the other files are sent; this one is when it can be read"}
			}
			continue
		}
		if !exists {
			if set.Delete {
				change.Deletes = append(change.Deletes, at)
			}
			continue
		}
		local[at] = f.Local
		change.Files = append(change.Files, found)
	}
	change.Deletes = slices.DeleteFunc(change.Deletes, func(d wire.Path) bool { return replaced(change.Files, d) })
	for _, step := range e.Runs {
		change.Runs = append(change.Runs, wire.Command{Argv: step.Argv})
	}
	change.Restart = e.Restart
	change.Source = disk(local)
	return r
}

// alike reports whether a file is what it had been seen to be.
func alike(local engine.File, f wire.File) bool {
	seen := local.Seen
	switch f.Kind {
	case wire.KindRegular:
		return seen.Stamp.Mode.IsRegular() && f.Hash == wire.Digest(seen.Hash) && (uint32(seen.Stamp.Mode)^f.Mode)&0o111 == 0
	case wire.KindSymlink:
		return seen.Stamp.Mode&fs.ModeSymlink != 0 && blake3.Sum256([]byte(f.Target)) == seen.Hash
	}
	return false
}

// replaced reports whether a place lies below what is to be a file or a link: it
// goes with what was there before, and leads elsewhere afterwards.
func replaced(files []wire.File, d wire.Path) bool {
	return slices.ContainsFunc(files, func(f wire.File) bool {
		return f.Kind != wire.KindDir && strings.HasPrefix(d.String(), f.Path.String()+"/")
	})
}

// describe reads what a transaction has to say of a local file. What the file
// held when it was seen last counts while its stamp is the
// same: should that be wrong, the agent finds other bytes and refuses them.
func describe(local engine.File, at wire.Path) (f wire.File, exists bool, err error) {
	switch {
	case local.Gone:
		return f, false, nil
	case local.Folder:
		return wire.File{Path: at, Kind: wire.KindDir}, true, nil
	}
	name := local.Local
	info, err := file.Lstat(name)
	if file.IsMissing(err) {
		return f, false, nil
	}
	if err != nil {
		return f, false, fmt.Errorf("reading %s: %w", name, err)
	}
	if seen := local.Seen.Stamp; info.Mode()&fs.ModeSymlink != 0 && seen != (file.Stamp{}) && seen.Mode.IsRegular() {
		if target, err := os.Stat(name); err == nil { // it leads out of the folder, and is known by what is there
			info = target
		}
	}
	f = wire.File{Path: at, Mode: uint32(info.Mode().Perm()), ModTime: info.ModTime().UnixNano()}
	switch {
	case info.IsDir():
		f.Kind = wire.KindDir
		return f, true, nil
	case info.Mode()&fs.ModeSymlink != 0:
		f.Kind = wire.KindSymlink
		f.Target, err = os.Readlink(name)
		return f, utf8.ValidString(f.Target), err // the protocol can say no other
	}
	if !info.Mode().IsRegular() {
		return f, false, nil // a pipe or a socket, which nobody must read
	}
	if local.Seen.Stamp == file.StampOf(info) && !local.Seen.Unread {
		f.Size, f.Hash = info.Size(), wire.Digest(local.Seen.Hash)
		return f, true, nil
	}
	content, err := os.Open(name)
	if err != nil {
		return f, false, fmt.Errorf("reading %s: %w", name, err)
	}
	defer content.Close()
	h := blake3.New()
	if f.Size, err = io.Copy(h, content); err != nil {
		return f, false, fmt.Errorf("reading %s: %w", name, err)
	}
	h.Sum(f.Hash[:0])
	return f, true, nil
}

// disk has the contents of local files, by their place in the container.
type disk map[wire.Path]string

func (d disk) Open(f wire.File) (io.ReadCloser, error) { return os.Open(d[f.Path]) }

// syncRoots are the folders below which a live update may write.
func syncRoots(img *config.Image) []string {
	var roots []string
	for _, step := range img.LiveUpdate {
		if step.Kind == config.StepSync {
			roots = append(roots, path.Clean(step.Remote))
		}
	}
	return roots
}

// remotePath divides an absolute path of the container into the sync root
// that it lies in and the rest. A root that is itself the file (a sync of one
// file) is confined to its folder.
func remotePath(remote string, roots []string) wire.Path {
	best := ""
	for _, root := range roots {
		if strings.HasPrefix(remote, strings.TrimSuffix(root, "/")+"/") && len(root) > len(best) {
			best = root
		}
	}
	if best == "" {
		best = path.Dir(remote)
	}
	return wire.Path{Root: best, Path: strings.TrimPrefix(strings.TrimPrefix(remote, best), "/")}
}

// rootAtFolders has what goes into a folder of the change lie below that one's
// root: a root of its own may be a link until the folder takes its place, and leads
// elsewhere.
func rootAtFolders(change *client.Change) {
	files, _ := change.Source.(disk)
	for _, folder := range change.Files {
		if folder.Kind != wire.KindDir {
			continue
		}
		move := func(p *wire.Path) {
			if strings.HasPrefix(p.Root+"/", folder.String()+"/") {
				*p = wire.Path{Root: folder.Root, Path: strings.TrimPrefix(p.String(), strings.TrimSuffix(folder.Root, "/")+"/")}
			}
		}
		for i := range change.Files {
			f := &change.Files[i]
			local, is := files[f.Path]
			if move(&f.Path); is {
				files[f.Path] = local
			}
		}
		for i := range change.Deletes {
			move(&change.Deletes[i])
		}
	}
}
