package inspector

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/towline-dev/towline/dap/sourcemap"
)

// The limits of the search for maps on the program's disk, which holds it up.
const (
	searchTime   = 300 // milliseconds
	searchDepth  = 8
	searchFolder = 4000
	searchFound  = 20
)

// searcher is a function of the program's that finds the maps below a folder which
// name a file.
const searcher = `((root, name, limits) => {
  const fs = ` + node + `("fs"), end = Date.now() + limits.time, found = [];
  let folders = 0, cut = false;
  const walk = (dir, depth) => {
    cut ||= Date.now() > end || found.length >= limits.found;
    if (cut || depth > limits.depth || ++folders > limits.folders) return;
    let entries;
    try { entries = fs.readdirSync(dir, {withFileTypes: true}); } catch { return; }
    for (const e of entries) {
      const at = dir + "/" + e.name;
      if (e.isDirectory()) {
        if (e.name !== "node_modules" && !e.name.startsWith(".git")) walk(at, depth + 1);
      } else if (/\.[cm]?jsx?\.map$/.test(e.name) && found.length < limits.found && Date.now() < end) {
        try { if (fs.statSync(at).size <= limits.size && fs.readFileSync(at, "utf8").includes(name)) found.push(at); } catch {}
      }
    }
  };
  walk(root === "/" ? "" : root, 0);
  return {found, cut: cut || Date.now() > end};
})`

// placeAhead sets a breakpoint in the files that were made of its file and are
// not loaded yet, if the program's disk tells which those are. mu is held.
func (s *session) placeAhead(ctx context.Context, t *thread, b *breakpoint) {
	if s.cwd == "" || isDependency(b.file) {
		return
	}
	for _, a := range s.ahead(ctx, t, b.file) {
		if at, ok := a.made.Generated(a.source, b.from()); ok {
			s.placeAt(ctx, t, b, a.file, at, true)
		}
	}
}

// ahead is a file that was made of another one.
type ahead struct {
	file   string
	made   *sourcemap.Map
	source int
}

// ahead finds the files that were made of a file, once for a request. They may be
// made anew at any time, so that it is not remembered longer; that there is none is,
// if the search came to its end. mu is held.
func (s *session) ahead(ctx context.Context, t *thread, file string) []ahead {
	if s.searched[file] {
		return nil
	}
	list, ok := s.found[file]
	if !ok {
		var whole bool
		list, whole = s.search(ctx, t, file)
		s.found[file], s.searched[file] = list, whole && len(list) == 0
	}
	return list
}

// search looks for the files that were made of a file on the program's disk. whole
// says that it could look at all. mu is held.
func (s *session) search(ctx context.Context, t *thread, file string) (list []ahead, whole bool) {
	name := path.Base(file)
	limits := fmt.Sprintf(`{time: %d, depth: %d, folders: %d, found: %d, size: %d}`, searchTime, searchDepth, searchFolder, searchFound, sourcemap.MaxSize)
	var r struct {
		Found []string `json:"found"`
		Cut   bool     `json:"cut"`
	}
	if err := t.ask(ctx, fmt.Sprintf("%s(%s, %s, %s)", searcher, quote(s.cwd), quote(name), limits), &r); err != nil {
		s.log.Debug("looking for source maps", "error", err)
		return nil, false
	}
	whole = !r.Cut
	for _, at := range r.Found[:min(len(r.Found), searchFound)] {
		data, err := t.readFile(ctx, at)
		if err != nil {
			whole = false
			continue
		}
		m, err := sourcemap.Parse(data)
		if err != nil {
			continue
		}
		if i := slices.Index(filesOf(m, at, s.cwd), file); i >= 0 {
			list = append(list, ahead{strings.TrimSuffix(at, ".map"), m, i})
		}
	}
	return list, whole
}

// watchEntry has the program stop before it runs a file that something else than
// its own lines may be run of: its map must be read first. mu is held.
func (s *session) watchEntry(ctx context.Context, t *thread, file string) {
	if t.entries[file] == "" && len(t.byPath[file]) == 0 && !plain(file) {
		s.watchAddress(ctx, t, file, addressOf(file))
	}
}

// watchAddress is watchEntry for all files with some addresses; "" stands for the
// first one that the program runs.
func (s *session) watchAddress(ctx context.Context, t *thread, file, addresses string) {
	var r struct {
		ID string `json:"breakpointId"`
	}
	err := t.call(ctx, "Debugger.setBreakpointByUrl", map[string]any{"urlRegex": addresses, "lineNumber": 0, "columnNumber": 0}, &r)
	if err != nil {
		s.log.Debug("watching a file", "file", file, "error", err)
		return
	}
	t.entries[file] = r.ID
}

// plain reports whether a file is run as it is.
func plain(file string) bool {
	ext := path.Ext(file)
	return ext == ".js" || ext == ".mjs" || ext == ".cjs"
}
