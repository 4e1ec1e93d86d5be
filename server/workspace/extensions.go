package workspace

import (
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/zeebo/blake3"

	"github.com/towline-dev/towline/extensions"
	"github.com/towline-dev/towline/internal/file"
	"github.com/towline-dev/towline/starlark/config"
	"github.com/towline-dev/towline/starlark/ide"
	"github.com/towline-dev/towline/starlark/resolve"
)

// IsShipped reports whether a path is one of a shipped extension.
func IsShipped(path string) bool { return strings.HasPrefix(path, extensions.Scheme) }

// Extensions finds extensions without a network: those that are shipped, those
// in folders, and those that evaluations fetched. Its methods may be called
// concurrently.
type Extensions struct {
	cache extensions.Cache // "": nothing was fetched
	views string           // folder for files of shipped extensions; "": none

	mu         sync.Mutex
	shipped    map[string]*Text // by path, those that were asked for
	lock       []extensions.Locked
	lockStamp  file.Stamp          // of the lock file that lock was read from
	names      map[string][]string // of the extensions below a folder of the cache; "": of those that are shipped
	registered registered
}

// registered is what the text of the file that was last looked at registers.
type registered struct {
	file    *resolve.File
	objects []config.APIObject
}

// NewExtensions returns the extensions with a cache of fetched ones. Shipped
// ones are written below views for editors to open; both may be "".
func NewExtensions(cache, views string) *Extensions {
	return &Extensions{cache: extensions.Cache(cache), views: views, shipped: map[string]*Text{}, names: map[string][]string{}}
}

// UserExtensions returns the extensions with the cache of the user.
func UserExtensions() *Extensions {
	cache, ok := extensions.UserCache()
	if !ok {
		return NewExtensions("", "")
	}
	return NewExtensions(string(cache), filepath.Join(filepath.Dir(string(cache)), "shipped"))
}

// text returns a shipped extension by its path, nil when there is none.
func (e *Extensions) text(path string) *Text {
	e.mu.Lock()
	defer e.mu.Unlock()
	if text := e.shipped[path]; text != nil {
		return text
	}
	name, ok := extensions.NameOf(path)
	if !ok {
		return nil
	}
	source, ok := extensions.Source(name)
	if !ok {
		return nil
	}
	text := NewText(string(source))
	e.shipped[path] = text
	return text
}

// view returns the folder in which files of this version's shipped extensions
// lie, "" when there is none.
func (e *Extensions) view() string {
	if e.views == "" {
		return ""
	}
	h := blake3.New()
	for _, name := range extensions.Names() {
		source, _ := extensions.Source(name)
		_, _ = fmt.Fprintf(h, "%s\x00%s\x00", name, source)
	}
	return filepath.Join(e.views, hex.EncodeToString(h.Sum(nil)[:6]))
}

// Open returns a file that holds a shipped extension, for an editor to show.
func (e *Extensions) Open(path string) (file string, err error) {
	text, dir := e.text(path), e.view()
	if text == nil || dir == "" {
		return "", fmt.Errorf("opening %s: %w", path, fs.ErrNotExist)
	}
	file = filepath.Join(dir, filepath.FromSlash(strings.TrimPrefix(path, extensions.Scheme)))
	if have, err := os.ReadFile(file); err == nil && string(have) == text.String() {
		return file, nil
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return "", err
	}
	next := fmt.Sprintf("%s.%d", file, os.Getpid())
	if err := os.WriteFile(next, []byte(text.String()), 0o444); err != nil {
		return "", err
	}
	return file, os.Rename(next, file)
}

// Shipped returns the path of the shipped extension that a file from Open
// holds.
func (e *Extensions) Shipped(file string) (path string, ok bool) {
	if e.views == "" || !strings.HasPrefix(file, e.views+string(filepath.Separator)) {
		return "", false
	}
	rel, err := filepath.Rel(e.view(), file)
	if err != nil || !filepath.IsLocal(rel) {
		return "", false
	}
	path = extensions.Scheme + filepath.ToSlash(rel)
	return path, e.text(path) != nil
}

// Foreign reports whether a file belongs to an extension that is not the
// project's own: it is shipped, or in the cache.
func (e *Extensions) Foreign(path string) bool {
	if _, ok := e.Shipped(path); ok || IsShipped(path) {
		return true
	}
	return e.cache != "" && strings.HasPrefix(path, string(e.cache)+string(filepath.Separator))
}

// folder returns where the files of a repository are. ok is false when nobody
// fetched it yet.
func (e *Extensions) folder(repo extensions.Repo) (dir string, ok bool) {
	if u, err := url.Parse(repo.URL); err == nil && u.Scheme == "file" {
		return filepath.FromSlash(u.Path), true
	}
	if e.cache == "" {
		return "", false
	}
	info, err := os.Stat(e.cache.LockFile())
	if err != nil {
		return "", false
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if now := file.StampOf(info); now != e.lockStamp {
		lock, err := e.cache.ReadLock()
		if err != nil {
			return "", false
		}
		e.lock, e.lockStamp = lock, now
	}
	for _, l := range e.lock {
		if l.URL == repo.URL && l.Ref == repo.Ref {
			dir = e.cache.Folder(l.URL, l.Commit)
			_, err := os.Stat(dir)
			return dir, err == nil
		}
	}
	return "", false
}

// below returns the names of the extensions in a folder, at most two levels
// deep. What lies in the cache never changes.
func (e *Extensions) below(dir string) []string {
	fetched := e.Foreign(dir)
	if fetched {
		e.mu.Lock()
		names, ok := e.names[dir]
		e.mu.Unlock()
		if ok {
			return names
		}
	}
	var names []string
	for _, pattern := range []string{"*/Tiltfile", "*/*/Tiltfile"} {
		files, _ := fs.Glob(os.DirFS(dir), pattern)
		for _, file := range files {
			names = append(names, strings.TrimSuffix(file, "/Tiltfile"))
		}
	}
	if fetched {
		e.mu.Lock()
		e.names[dir] = names
		e.mu.Unlock()
	}
	return names
}

// all returns the names of what is shipped.
func (e *Extensions) all() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.names[""] == nil {
		e.names[""] = extensions.Names()
	}
	return e.names[""]
}

// objects returns what a file's text registers.
func (e *Extensions) objects(f *resolve.File) []config.APIObject {
	if f == nil || f.Builtins["v1alpha1"] == nil {
		return nil
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.registered.file != f {
		e.registered = registered{f, ide.Registrations(f)}
	}
	return e.registered.objects
}

// registry returns what is registered when a file loads extensions: what its
// text says, and what the last evaluation saw.
func (w World) registry(from string) extensions.Registry {
	return extensions.Registered(slices.Concat(w.Found.objects(w.File(from)), w.API))
}

// extension says where load('ext://NAME') leads.
func (w World) extension(from, name string) ide.Module {
	place, err := w.registry(from).Locate(name)
	if err != nil {
		return ide.Module{State: ide.Unknown, Note: strings.TrimPrefix(err.Error(), extensions.Scheme+name+": ")}
	}
	if place.Shipped {
		return ide.Module{State: ide.Found, Path: extensions.Path(name)}
	}
	dir, ok := w.Found.folder(place.Repo)
	if !ok {
		m := ide.Module{State: ide.Unknown, Note: "it is not shipped"}
		if place.Repo.URL == extensions.PublicRepo {
			reason := extensions.Left()[name]
			if m.New = reason == ""; !m.New {
				m.Note += " (" + reason + ")"
			}
		}
		m.Note += "; evaluating the Tiltfile fetches it from " + place.Repo.URL
		return m
	}
	file := filepath.Join(dir, filepath.FromSlash(place.File))
	if _, err := w.Snapshot.Text(file); err != nil {
		return ide.Module{State: ide.Missing, Note: fmt.Sprintf("%s has no %s", place.Repo.URL, place.File)}
	}
	return ide.Module{State: ide.Found, Path: file}
}

// Extensions implements ide.Host.
func (w World) Extensions(from string) []string {
	if w.Found == nil {
		return nil
	}
	registry := w.registry(from)
	names := slices.Clone(w.Found.all())
	for _, a := range registry.Aliases {
		names = append(names, a.Name)
	}
	public := extensions.Repo{Name: extensions.DefaultRepo, URL: extensions.PublicRepo}
	for _, repo := range append(registry.Repos, public) {
		dir, ok := w.Found.folder(repo)
		if !ok || repo.Name != extensions.DefaultRepo && repo.LoadHost == "" {
			continue
		}
		for _, name := range w.Found.below(filepath.Join(dir, filepath.FromSlash(repo.Subpath))) {
			if repo.Name != extensions.DefaultRepo {
				name = repo.LoadHost + "/" + name
			}
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}
