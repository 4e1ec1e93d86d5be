//go:build linux

package apply

import (
	"bytes"
	"cmp"
	"maps"
	"os"
	"slices"

	"github.com/towline-dev/towline/agent/wire"
	"github.com/towline-dev/towline/internal/file"
)

// managed remembers which files were put in place and not deleted again: a daemon
// that lost count asks. It is noted beside, as far as there is room, for an agent
// that follows in the same container.
type managed struct {
	file  string // a root and a path below it, each ended by a zero byte; "": nothing is noted
	paths map[wire.Path]bool
}

// readManaged reads what an earlier agent noted. What cannot be read is none's.
func readManaged(file string) *managed {
	p := &managed{file: file, paths: map[wire.Path]bool{}}
	if file == "" {
		return p
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return p
	}
	words := bytes.Split(data, []byte{0})
	for i := 0; i+2 < len(words); i += 2 {
		if path := (wire.Path{Root: string(words[i]), Path: string(words[i+1])}); CheckPath(path) == nil {
			p.paths[path] = true
		}
	}
	return p
}

// holds reports whether a path is one of them.
func (p *managed) holds(name string) bool {
	for m := range p.paths {
		if m.String() == name {
			return true
		}
	}
	return false
}

// change takes what a transaction did.
func (p *managed) change(t *wire.Transaction, skip map[wire.Path]bool) {
	var news bytes.Buffer
	for _, d := range t.Deletes {
		delete(p.paths, d)
	}
	for _, f := range t.Files {
		if f.Kind == wire.KindDir || skip[f.Path] || p.paths[f.Path] {
			continue
		}
		p.paths[f.Path] = true
		news.WriteString(f.Root + "\x00" + f.Path.Path + "\x00")
	}
	if p.file == "" || news.Len() == 0 {
		return
	}
	if out, err := os.OpenFile(p.file, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600); err == nil {
		info, err := out.Stat()
		if _, werr := out.Write(news.Bytes()); err == nil && werr != nil {
			_ = out.Truncate(info.Size()) // no half of a path; this agent knows them all the same
		}
		_ = out.Close()
	}
}

// Managed returns the files and links that transactions put in place and that are
// still there. It must not be called beside a transaction.
func (a *Applier) Managed() []wire.Path {
	maps.DeleteFunc(a.managed.paths, func(p wire.Path, _ bool) bool {
		info, err := os.Lstat(p.String())
		return file.IsMissing(err) || err == nil && info.IsDir()
	})
	return slices.SortedFunc(maps.Keys(a.managed.paths), func(p, q wire.Path) int {
		return cmp.Or(cmp.Compare(p.Root, q.Root), cmp.Compare(p.Path, q.Path))
	})
}
