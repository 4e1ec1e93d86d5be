package ide

import (
	"path/filepath"
	"strings"

	"github.com/towline-dev/towline/starlark/decl"
	"github.com/towline-dev/towline/starlark/resolve"
	"github.com/towline-dev/towline/starlark/syntax"
)

// loads checks the files that the file takes in.
func (c *checker) loads() {
	for _, l := range c.f.Loads {
		m := c.s.module(c.f, l)
		switch m.State {
		case Missing:
			c.missingModule(l, m)
		case Unknown:
			c.unfetched(l, m)
		case Found:
			if way := c.cycle(m.Path); way != nil {
				c.loadCycle(l, way)
			} else if target := c.s.file(m.Path); target != nil && l.Stmt != nil {
				c.exports(l.Stmt, target)
			}
		}
	}
}

func (c *checker) missingModule(l *resolve.Load, m Module) {
	name, ext := strings.CutPrefix(l.Module.Value, "ext://")
	if !ext {
		c.missingInclude(l)
		return
	}
	d := c.add(l.Module.Span(), CodeMissingModule, "there is no extension %s", name)
	d.Missing = name
	if m.Note != "" {
		d.Message += ": " + m.Note
	}
	c.suggestExtension(d, l, name)
}

// unfetched says what becomes of an extension that only an evaluation can
// find. There may well be one of that name.
func (c *checker) unfetched(l *resolve.Load, m Module) {
	name, ext := strings.CutPrefix(l.Module.Value, "ext://")
	if ext && m.Note != "" {
		d := c.add(l.Module.Span(), CodeUnfetched, "extension %s: %s", name, m.Note)
		if c.suggestExtension(d, l, name); m.New && len(d.Fixes) > 0 {
			d.Severity = Warning // a mistyped name, most likely
		}
	}
}

// suggestExtension offers the name that is most like one that is not known.
func (c *checker) suggestExtension(d *Diagnostic, l *resolve.Load, name string) {
	if n := decl.Nearest(name, c.s.extensions(c.f)); n != "" && n != name {
		d.Message += " (did you mean " + n + "?)"
		d.Fixes = append(d.Fixes, replaceFix(c.f, l.Module.Inner(), "ext://"+n))
	}
}

// missingInclude reports a file that is not there. One that another string
// names too is looked for first, most likely; one that a condition, a function
// or a command is about may be there when it is needed.
func (c *checker) missingInclude(l *resolve.Load) {
	certain := c.certain(l.Module.Start) && !c.makesFiles(l.Module.Start)
	if !certain && c.named(l.Module) {
		return
	}
	d := c.add(l.Module.Span(), CodeMissingModule, "there is no file %s", l.Module.Value)
	d.Missing = filepath.Base(l.Module.Value)
	if !certain {
		d.Severity = Hint
	}
	c.suggestFile(d, l.Module)
}

func isExtension(module string) bool { return strings.HasPrefix(module, "ext://") }

// exports reports names that a loaded file does not define.
func (c *checker) exports(stmt *syntax.LoadStmt, target *resolve.File) {
	if len(target.Errors) > 0 {
		return
	}
	var names []string
	for _, b := range target.Exports() {
		names = append(names, b.Name)
	}
	for _, n := range stmt.Names {
		if n.From == nil || n.From.Value == "" || n.From.Value[0] == '_' || target.Export(n.From.Value) != nil {
			continue
		}
		d := c.add(n.From.Span(), CodeUnknownExport, "%s defines no %s", stmt.Module.Value, n.From.Value)
		if near := decl.Nearest(n.From.Value, names); near != "" {
			d.Message += " (did you mean " + near + "?)"
			d.Fixes = append(d.Fixes, replaceFix(c.f, n.From.Inner(), near))
		} else if isExtension(target.Name) {
			d.Severity = Warning
			d.Message += " as it is shipped; evaluating the Tiltfile looks for it in the public one"
		}
	}
}

// cycle returns the way from a file back to the one at hand, nil when there is
// none. Only loads that run with the file count, and those are all.
func (c *checker) cycle(path string) []string {
	seen := map[string]bool{}
	var find func(path string) []string
	find = func(path string) []string {
		if path == c.f.Name {
			return []string{path}
		}
		f := c.s.file(path)
		if f == nil || seen[path] {
			return nil
		}
		seen[path] = true
		for _, l := range f.Loads {
			if l.Stmt == nil {
				continue // an include may depend on a condition
			}
			if m := c.s.module(f, l); m.State == Found {
				if way := find(m.Path); way != nil {
					return append([]string{path}, way...)
				}
			}
		}
		return nil
	}
	return find(path)
}

func (c *checker) loadCycle(l *resolve.Load, way []string) {
	if l.Stmt == nil {
		return
	}
	names := []string{filepath.Base(c.f.Name)}
	for _, p := range way {
		rel, err := filepath.Rel(dir(c.f), p)
		if err != nil {
			rel = p
		}
		names = append(names, rel)
	}
	c.add(l.Module.Span(), CodeLoadCycle, "load cycle: %s", strings.Join(names, " → "))
}
