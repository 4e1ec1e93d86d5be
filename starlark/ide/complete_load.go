package ide

import (
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/towline-dev/towline/starlark/resolve"
	"github.com/towline-dev/towline/starlark/syntax"
)

// minLoadable is how many letters must be typed before names that have to be
// loaded are offered.
const minLoadable = 3

// loadable completes names of extensions that are not loaded yet, with the edit
// that loads them.
func (c *completer) loadable() {
	typed := strings.ToLower(c.f.Src[c.word:c.off])
	if len(typed) < minLoadable || c.s.Host == nil {
		return
	}
	for _, ext := range c.s.extensions(c.f) {
		module := "ext://" + ext
		m := c.s.Host.Module(c.f.Name, module)
		target := c.s.file(m.Path)
		if m.State != Found || target == nil {
			continue
		}
		for _, b := range target.Exports() {
			if b.Def() == nil || !subsequence(typed, strings.ToLower(b.Name)) || c.f.Root.Name(b.Name) != nil {
				continue
			}
			i := Item{
				Label: b.Name, Kind: ItemFunction, Detail: "load from " + module, rank: rank{near: elsewhere, fit: general},
				Key: "name:" + b.Name + "#" + target.Name, Extra: []Edit{loadEdit(c.f, module, b.Name)},
			}
			c.callSnippet(&i, len(b.Def().Params) > 0)
			c.add(i)
		}
	}
}

// loadEdit returns the edit that loads a name: into the load of that module if
// there is one, else in a line of its own behind the last load at the top.
func loadEdit(f *resolve.File, module, name string) Edit {
	for l := range loadsOf(f) {
		if l.Rparen >= 0 && l.Module != nil && l.Module.Value == module && len(l.Names) > 0 {
			last := l.Names[len(l.Names)-1].End
			return Edit{f.Name, syntax.Span{Start: last, End: last}, fmt.Sprintf(", '%s'", name)}
		}
	}
	at := afterLoads(f)
	return Edit{f.Name, syntax.Span{Start: at, End: at}, fmt.Sprintf("load('%s', '%s')\n", module, name)}
}

// loadsOf returns the loads of the top level.
func loadsOf(f *resolve.File) iter.Seq[*syntax.LoadStmt] {
	isLoad := func(st syntax.Stmt) bool { _, ok := st.(*syntax.LoadStmt); return ok }
	return func(yield func(*syntax.LoadStmt) bool) {
		for i := range f.Parts {
			if stmts, _ := f.Parts[i].Elsewhere(); !slices.ContainsFunc(stmts, isLoad) {
				continue
			}
			for _, st := range f.Parts[i].Stmts() {
				if l, ok := st.(*syntax.LoadStmt); ok && !yield(l) {
					return
				}
			}
		}
	}
}

// afterLoads returns the start of the line behind the last load at the top.
func afterLoads(f *resolve.File) int {
	at := 0
	for l := range loadsOf(f) {
		if l.Rparen < 0 {
			continue
		}
		if line := f.Lines.Number(l.End); line+1 < f.Lines.Count() {
			at = f.Lines.Line(line + 1).Start
		}
	}
	if at == 0 {
		at = afterHeader(f)
	}
	return at
}

// afterHeader returns the offset behind the comments at the start of a file
// that are set off by an empty line.
func afterHeader(f *resolve.File) int {
	line := 0
	for _, c := range f.Comments {
		if !c.Own || f.Lines.Number(c.Start) != line {
			break
		}
		line++
	}
	if span := f.Lines.Line(line); line > 0 && line+1 < f.Lines.Count() && span.Start == span.End {
		return f.Lines.Line(line + 1).Start
	}
	return 0
}
