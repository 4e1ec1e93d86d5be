package tree

import (
	"io/fs"
	"maps"
	"path/filepath"
	"strings"
	"sync"
)

// Links is a Reader that shows, in place of a symbolic link that leads out of
// a synced folder, what it leads to: in a container the link would lead
// nowhere. A relative link to what lies in the folder stays a link, as do one
// to a folder that it lies in, one that leads nowhere, and one that leads out
// of the developer's repository, whose files nobody asked to have sent.
type Links struct {
	Reader
	resolve func(name string) (string, error) // without links

	mu      sync.Mutex
	synced  []string            // folders
	home    string              // the repository
	hops    map[string][]string // of each link that leads out: what it leads to, step by step
	folder  map[string]string   // of each followed link to a folder: where it is
	outside map[string]bool     // links that lead out of home
}

// maxHops is how many links in a row the system follows.
const maxHops = 40

// NewLinks returns a Reader that follows nothing until Set. resolve is
// filepath.EvalSymlinks, or does the same.
func NewLinks(r Reader, resolve func(string) (string, error)) *Links {
	l := &Links{Reader: r, resolve: resolve}
	l.Set("", nil)
	return l
}

// Set says which folders are synced, and which one their links may lead to.
func (l *Links) Set(home string, synced []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.home, l.synced = l.end(home, home), synced
	l.hops, l.folder, l.outside = map[string][]string{}, map[string]string{}, map[string]bool{}
}

// Lstat is of what a link that leads out leads to.
func (l *Links) Lstat(name string) (fs.FileInfo, error) {
	info, err := l.Reader.Lstat(name)
	if err != nil {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.drop(name)
		return info, err
	}
	return l.follow(name, info), nil
}

// ReadDir lists what links that lead out lead to.
func (l *Links) ReadDir(name string) ([]fs.DirEntry, error) {
	entries, err := l.Reader.ReadDir(name)
	for i, e := range entries {
		if e.Type()&fs.ModeSymlink == 0 {
			continue
		}
		if info, err := e.Info(); err == nil {
			entries[i] = fs.FileInfoToDirEntry(l.follow(filepath.Join(name, e.Name()), info))
		}
	}
	return entries, err
}

// Targets returns what the links lead to, step by step: a change there is one
// of the links.
func (l *Links) Targets() map[string][]string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return maps.Clone(l.hops)
}

// Outside returns the links that lead out of the repository.
func (l *Links) Outside() map[string]bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return maps.Clone(l.outside)
}

func (l *Links) drop(name string) {
	delete(l.hops, name)
	delete(l.folder, name)
	delete(l.outside, name)
}

// follow returns what is to be shown of a file.
func (l *Links) follow(name string, info fs.FileInfo) fs.FileInfo {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.drop(name)
	root, synced := l.root(name)
	if info.Mode()&fs.ModeSymlink == 0 || !synced || l.within(root, name) {
		return info
	}
	hops := l.walk(name)
	end := l.end(name, hops[len(hops)-1])
	if !Within(l.home, end) {
		l.outside[name] = true
		return info
	}
	l.hops[name] = append(hops, end)
	target, err := l.Reader.Lstat(end)
	if err != nil || !target.IsDir() && !target.Mode().IsRegular() || target.IsDir() && l.around(end, root, name) {
		return info
	}
	if target.IsDir() {
		l.folder[name] = end
	}
	return named{target, filepath.Base(name)}
}

// end is where a path leads in the end, or otherwise where that is not there.
func (l *Links) end(name, otherwise string) string {
	if end, err := l.resolve(name); err == nil {
		return end
	}
	if dir, err := l.resolve(filepath.Dir(otherwise)); err == nil {
		return filepath.Join(dir, filepath.Base(otherwise))
	}
	return otherwise
}

// named is a file by the name of the link that leads to it.
type named struct {
	fs.FileInfo
	name string
}

func (n named) Name() string { return n.name }

// root returns the innermost synced folder that a file lies in.
func (l *Links) root(name string) (root string, ok bool) {
	for _, dir := range l.synced {
		if dir != name && Within(dir, name) && len(dir) >= len(root) {
			root, ok = dir, true
		}
	}
	return root, ok
}

// base returns the innermost followed folder, or else the root, of a file.
func (l *Links) base(root, name string) string {
	for link := range l.folder {
		if link != name && Within(link, name) && len(link) > len(root) {
			root = link
		}
	}
	return root
}

// real is where a file is that may lie behind followed links.
func (l *Links) real(name string) string {
	link := l.base("", name)
	return l.folder[link] + strings.TrimPrefix(name, link)
}

// within reports whether a link is good in the container, too.
func (l *Links) within(root, name string) bool {
	target, err := l.Reader.Readlink(name)
	if err != nil || filepath.IsAbs(target) {
		return err != nil
	}
	at := l.real(name)
	base := l.base(root, name)
	if real, followed := l.folder[base]; followed {
		base = real
	}
	return Within(base, filepath.Join(filepath.Dir(at), target))
}

// walk goes where a link leads, step by step; the last may be nothing.
func (l *Links) walk(name string) []string {
	hops := []string{}
	for at := l.real(name); len(hops) < maxHops; {
		target, err := l.Reader.Readlink(at)
		if err != nil {
			break
		}
		if !filepath.IsAbs(target) {
			target = filepath.Join(filepath.Dir(at), target)
		}
		at = filepath.Clean(target)
		hops = append(hops, at)
	}
	if len(hops) == 0 {
		return []string{name} // it has just gone
	}
	return hops
}

// around reports whether a folder holds one that its link lies in: following
// it would never end.
func (l *Links) around(target, root, name string) bool {
	for dir := filepath.Dir(name); Within(root, dir); dir = filepath.Dir(dir) {
		if Within(target, l.end(dir, dir)) {
			return true
		}
		if dir == "/" {
			break
		}
	}
	return false
}
