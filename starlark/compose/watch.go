package compose

import (
	"path/filepath"

	"github.com/compose-spec/compose-go/v2/template"

	"github.com/towline-dev/towline/starlark/value"
)

// watch notes the files that Compose files name: what they include and extend,
// to any depth, and files of variables. The Compose library reports those of
// the first level alone, and none when something is wrong with them.
type watch struct {
	Loader
	seen   map[string]bool // files that were looked at
	lookup func(name string) (string, bool)
}

// file notes what a file names; relative paths in it are relative to dir. What
// it cannot read it leaves to the library to refuse.
func (w *watch) file(text, dir string) {
	docs, _ := w.Parse(text)
	for _, d := range docs {
		content, _ := d.Value.(map[string]any)
		for _, entry := range value.ListOf(content["include"]) {
			w.include(entry, dir)
		}
		services, _ := content["services"].(map[string]any)
		for _, s := range services {
			if service, ok := s.(map[string]any); ok {
				w.service(service, dir)
			}
		}
	}
}

// include notes an entry of include: a path, or paths with a folder and files
// of variables of their own.
func (w *watch) include(entry any, dir string) {
	m, ok := entry.(map[string]any)
	if !ok {
		m = map[string]any{"path": entry}
	}
	paths := w.paths(m["path"], dir)
	if len(paths) == 0 {
		return
	}
	project := filepath.Dir(paths[0])
	if own := w.paths(m["project_directory"], dir); len(own) > 0 {
		project = own[0]
	}
	for _, f := range w.paths(m["env_file"], dir) {
		w.Files.Watch(f)
	}
	if env := filepath.Join(project, ".env"); m["env_file"] == nil && w.Files.Exists(env) {
		w.Files.Watch(env)
	}
	for _, f := range paths {
		w.follow(f, project)
	}
}

func (w *watch) service(service map[string]any, dir string) {
	if extends, ok := service["extends"].(map[string]any); ok {
		for _, f := range w.paths(extends["file"], dir) {
			w.follow(f, filepath.Dir(f))
		}
	}
	for _, key := range []string{"env_file", "label_file"} {
		for _, f := range w.paths(service[key], dir) {
			w.Files.Watch(f)
		}
	}
}

// follow notes a file and what it names.
func (w *watch) follow(file, dir string) {
	if w.seen[file] {
		return
	}
	w.seen[file] = true
	if data, err := w.Files.Read(file); err == nil {
		w.file(string(data), dir)
	}
}

// paths are the absolute paths of a value: a path or a list of paths, each a
// text or a map that has it as "path".
func (w *watch) paths(v any, dir string) []string {
	var paths []string
	for _, x := range value.ListOf(v) {
		if m, ok := x.(map[string]any); ok {
			x = m["path"]
		}
		text, _ := x.(string)
		if full, err := template.Substitute(text, w.lookup); err == nil && full != "" {
			paths = append(paths, value.JoinPath(dir, full))
		}
	}
	return paths
}
