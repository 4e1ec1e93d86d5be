package inspector

import (
	"context"
	"encoding/json"
	"fmt"
	"path"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/towline-dev/towline/dap/cdp"
	"github.com/towline-dev/towline/dap/sourcemap"
)

// atOnce is how many maps are read at a time.
const atOnce = 8

// script is one that V8 has compiled.
type script struct {
	cdp.Script
	path string // of its file, "" without one

	read  bool           // its map was looked for
	made  *sourcemap.Map // nil: none
	files []string       // of the map's sources, "" of those that are none
}

// origin is a file as one of the sources of a script's map.
type origin struct {
	script *script
	source int
}

// place is a place in a file or in a text that has none; it counts from 0.
type place struct {
	file   string
	script *script
	source int // of the script's map, -1: the script's own text
	at     sourcemap.Position
}

// parsed takes a script that V8 has compiled. mu is held.
func (s *session) parsed(ctx context.Context, t *thread, b cdp.Script) {
	sc := &script{Script: b, path: filePath(b.URL)}
	for _, old := range t.add(sc) {
		s.unplaceIn(ctx, t, old)
	}
	if len(s.breakpoints) == 0 || sc.MapURL == "" || isDependency(sc.path) {
		return
	}
	s.readMap(ctx, t, sc)
	s.placeInNew(ctx, t, sc)
}

// readMap reads a script's map if it has one. What is no map is as none. mu is
// held.
func (s *session) readMap(ctx context.Context, t *thread, sc *script) {
	if sc.read {
		return
	}
	s.learnMap(t, sc, t.load(ctx, sc))
}

// learnMap notes a script's map. mu is held.
func (s *session) learnMap(t *thread, sc *script, m *sourcemap.Map) {
	sc.read, sc.made = true, m
	if m == nil {
		return
	}
	base := sc.URL
	if file := mapFile(sc); file != "" {
		base = file
	}
	sc.files = filesOf(m, base, s.cwd)
	t.made(sc)
}

// filesOf returns the files of a map's sources.
func filesOf(m *sourcemap.Map, base, cwd string) []string {
	files := make([]string, len(m.Sources))
	for i, name := range m.Sources {
		files[i] = sourceOf(base, name, cwd)
	}
	return files
}

// mapFile returns the file of a script's map, "" when the script holds it itself
// or it lies elsewhere: nothing is fetched from a network.
func mapFile(sc *script) string {
	if sc.MapURL == "" || len(sc.MapURL) > 4096 {
		return ""
	}
	return sourceOf(sc.URL, sc.MapURL, "")
}

// load returns a script's map, nil when there is none that can be read.
func (t *thread) load(ctx context.Context, sc *script) *sourcemap.Map {
	if sc.MapURL == "" {
		return nil
	}
	data, err := dataOf(sc.MapURL)
	if err == errNoData {
		file := mapFile(sc)
		if file == "" {
			return nil
		}
		data, err = t.readFile(ctx, file)
	}
	var m *sourcemap.Map
	if err == nil && len(data) > 0 {
		m, err = sourcemap.Parse(data)
	}
	if err != nil {
		t.s.log.Debug("no source map", "script", sc.URL, "error", err)
	}
	return m
}

// readMaps reads the maps of all scripts that could have been made of a file. mu
// is held.
func (s *session) readMaps(ctx context.Context, t *thread, file string) {
	var group errgroup.Group
	group.SetLimit(atOnce)
	var scripts []*script
	for _, sc := range t.scripts {
		if !sc.read && sc.MapURL != "" && (!isDependency(sc.path) || isDependency(file)) {
			scripts = append(scripts, sc)
		}
	}
	maps := make([]*sourcemap.Map, len(scripts))
	for i, sc := range scripts {
		group.Go(func() error {
			maps[i] = t.load(ctx, sc)
			return nil
		})
	}
	_ = group.Wait() // none fails
	for i, sc := range scripts {
		s.learnMap(t, sc, maps[i])
	}
}

// origin returns where a place of a script came from; the place itself when it
// came from nowhere else. blank says that the script has a map that does not
// know the place. mu is held.
func (s *session) origin(ctx context.Context, t *thread, id string, line, column int) (p place, blank bool) {
	sc := t.scripts[id]
	if sc == nil {
		return place{source: -1, at: sourcemap.Position{Line: line, Column: column}}, false
	}
	if !isDependency(sc.path) {
		s.readMap(ctx, t, sc)
	}
	own := place{file: sc.path, script: sc, source: -1, at: sourcemap.Position{Line: line, Column: column}}
	if sc.made == nil {
		return own, false
	}
	source, from, ok := sc.made.Original(own.at)
	if !ok {
		return own, true
	}
	return place{file: sc.files[source], script: sc, source: source, at: from}, false
}

// node evaluates to one of Node's own modules, in scripts and in modules.
const node = `((n) => process.getBuiltinModule?.(n) ?? require(n))`

// readFile reads a file of the program's container, by the program itself.
func (t *thread) readFile(ctx context.Context, file string) ([]byte, error) {
	expression := fmt.Sprintf(`((f) => { const fs = %s("fs"); return fs.statSync(f).size > %d ? "" : fs.readFileSync(f, "utf8") })(%s)`,
		node, sourcemap.MaxSize, quote(file))
	var out string
	if err := t.ask(ctx, expression, &out); err != nil {
		return nil, fmt.Errorf("reading %s: %w", file, err)
	}
	return []byte(out), nil
}

// text returns the text that an expression has for a value, "" when it has none.
func (t *thread) text(ctx context.Context, expression string) string {
	var out string
	if err := t.ask(ctx, expression, &out); err != nil {
		t.s.log.Debug("asking the program", "expression", expression, "error", err)
	}
	return out
}

// ask decodes the value of an expression of ours.
func (t *thread) ask(ctx context.Context, expression string, out any) error {
	var r cdp.Evaluated
	err := t.call(ctx, "Runtime.evaluate", map[string]any{
		"expression": expression, "includeCommandLineAPI": true, "returnByValue": true, "silent": true,
	}, &r)
	if err != nil {
		return err
	}
	if r.Exception != nil {
		return fmt.Errorf("%.300s", r.Exception.Said())
	}
	return json.Unmarshal(r.Result.Value, out)
}

// quote returns a string as JavaScript has it.
func quote(s string) string {
	data, err := json.Marshal(s)
	if err != nil {
		return `""`
	}
	return string(data)
}

// sources are the texts that the client can ask for: those of places without a
// file that it could open.
type sources struct {
	last   int
	byKey  map[sourceKey]int
	byID   map[int]sourceText
	recent []int
}

type sourceKey struct {
	session, script string
	source          int
}

type sourceText struct {
	key   sourceKey
	place place
}

// maxTexts bounds the texts that can be asked for; the oldest is forgotten.
const maxTexts = 10_000

func newSources() sources {
	return sources{byKey: map[sourceKey]int{}, byID: map[int]sourceText{}}
}

// id returns the number of a text.
func (s *sources) id(t *thread, p place) int {
	key := sourceKey{t.session, p.script.ID, p.source}
	if id, ok := s.byKey[key]; ok {
		return id
	}
	s.last++
	s.byKey[key], s.byID[s.last] = s.last, sourceText{key, p}
	if s.recent = append(s.recent, s.last); len(s.recent) > maxTexts {
		old := s.recent[0]
		delete(s.byKey, s.byID[old].key)
		delete(s.byID, old)
		s.recent = s.recent[1:]
	}
	return s.last
}

// baseName is the name of a place's file for a person.
func (p place) baseName() string {
	switch {
	case p.file != "":
		return path.Base(p.file)
	case p.script == nil:
		return "unknown"
	case p.source >= 0:
		return path.Base(p.script.made.Sources[p.source])
	case p.script.URL != "":
		return p.script.URL
	}
	return "VM" + p.script.ID
}

func sortBy[E any](list []E, key func(E) int) {
	slices.SortFunc(list, func(a, b E) int { return key(a) - key(b) })
}
