package ide

import (
	"strings"

	"github.com/towline-dev/towline/starlark/decl"
	"github.com/towline-dev/towline/starlark/resolve"
	"github.com/towline-dev/towline/starlark/syntax"
)

// unloaded says of undefined names which extensions have them: what a file only
// forgot to load is no typing error.
func (c *checker) unloaded() {
	if c.s.Host == nil {
		return
	}
	for i := range c.list {
		d := &c.list[i]
		if d.Undefined == "" || strings.Contains(d.Message, "assigned below") {
			continue
		}
		if c.searches++; c.searches > maxSearches {
			return
		}
		loads := c.loadsOf(d.Undefined)
		if len(loads) == 0 {
			continue
		}
		d.Message = "undefined: " + d.Undefined + " (load it from " + loads[0].from + ")"
		d.Fixes = nil
		for i, l := range loads {
			title := "Load " + d.Undefined + " from " + l.from
			d.Fixes = append(d.Fixes, Fix{Title: title, Edits: []Edit{l.edit}, Preferred: i == 0})
		}
	}
}

// loadFix is an edit that loads a name.
type loadFix struct {
	from string
	edit Edit
}

// loadsOf returns the edits that load a name from the extensions that have it.
func (c *checker) loadsOf(name string) []loadFix {
	var list []loadFix
	for _, ext := range c.s.extensions(c.f) {
		module := "ext://" + ext
		target := c.s.file(c.s.Host.Module(c.f.Name, module).Path)
		if target != nil && target.Export(name) != nil {
			list = append(list, loadFix{module, loadEdit(c.f, module, name)})
		}
	}
	return list
}

// names reports loaded names and local variables that are not used.
func (c *checker) names() {
	if len(c.f.Errors) > 0 {
		return // the use may be in what does not parse
	}
	for _, b := range c.f.Root.Order {
		if b.Kind == resolve.Loaded && len(b.Uses) == 0 && len(b.Sites) == 1 {
			c.unusedLoad(b)
		}
	}
	c.unusedLocals(c.f.Root)
}

func (c *checker) unusedLoad(b *resolve.Binding) {
	name, ok := b.Sites[0].Node.(*syntax.LoadName)
	if !ok || strings.HasPrefix(b.Name, "_") {
		return
	}
	d := c.add(name.Span(), CodeUnusedLoad, "%s is loaded but not used", b.Name)
	d.Tag = Unnecessary
	_, load := c.f.LoadedName(b)
	if load != nil {
		d.Fixes = append(d.Fixes, Fix{Title: "Remove the name", Edits: []Edit{c.removeLoadName(load.Stmt, name)}, Preferred: true})
	}
}

// removeLoadName returns the edit that removes a name from a load, or the load
// when it is the only one.
func (c *checker) removeLoadName(stmt *syntax.LoadStmt, name *syntax.LoadName) Edit {
	if len(stmt.Names) == 1 {
		line := c.f.Lines.Number(stmt.End)
		span := syntax.Span{Start: c.f.Lines.Line(c.f.Lines.Number(stmt.Start)).Start, End: c.f.Lines.Line(line).End}
		if line+1 < c.f.Lines.Count() {
			span.End = c.f.Lines.Line(line + 1).Start
		}
		if strings.TrimSpace(c.f.Src[span.Start:span.End]) != c.f.Text(stmt) {
			span = stmt.Span()
		}
		return Edit{c.f.Name, span, ""}
	}
	before := stmt.Module.End
	for _, n := range stmt.Names {
		if n == name {
			break
		}
		before = n.End
	}
	return Edit{c.f.Name, syntax.Span{Start: before, End: name.End}, ""}
}

// unusedLocals reports variables of functions that are assigned by a plain
// assignment and never read.
func (c *checker) unusedLocals(s *resolve.Scope) {
	if _, ok := s.Node.(*syntax.DefStmt); ok {
		for _, b := range s.Order {
			if b.Kind != resolve.Local || len(b.Uses) > 0 || strings.HasPrefix(b.Name, "_") {
				continue
			}
			a, ok := b.Sites[0].Node.(*syntax.AssignStmt)
			if ok && a.LHS == syntax.Expr(b.Sites[0].Ident) {
				d := c.add(b.Sites[0].Ident.Span(), CodeUnusedVariable, "%s is assigned but never used", b.Name)
				d.Tag = Unnecessary
				d.Fixes = append(d.Fixes, c.markUnused(b))
			}
		}
	}
	for _, child := range s.Children {
		c.unusedLocals(child)
	}
}

// markUnused returns the fix that says that a variable is not meant to be used.
func (c *checker) markUnused(b *resolve.Binding) Fix {
	fix := Fix{Title: "Rename to _" + b.Name}
	for _, site := range b.Sites {
		at := syntax.Span{Start: site.Ident.Start, End: site.Ident.Start}
		fix.Edits = append(fix.Edits, Edit{c.f.Name, at, "_"})
	}
	return fix
}

// stmts reports code after what always leaves the block.
func (c *checker) stmts(list []syntax.Stmt) {
	for i, st := range list {
		c.blocks(st)
		if i+1 < len(list) && c.leaves(st) {
			span := syntax.Span{Start: list[i+1].Span().Start, End: list[len(list)-1].Span().End}
			d := c.add(span, CodeUnreachable, "this code is never reached")
			d.Tag = Unnecessary
			d.Fixes = append(d.Fixes, Fix{Title: "Remove the code", Edits: []Edit{{c.f.Name, syntax.Span{Start: st.Span().End, End: span.End}, ""}}})
			return
		}
	}
}

func (c *checker) blocks(st syntax.Stmt) {
	switch st := st.(type) {
	case *syntax.DefStmt:
		c.stmts(st.Body)
	case *syntax.ForStmt:
		c.stmts(st.Body)
	case *syntax.WhileStmt:
		c.stmts(st.Body)
	case *syntax.IfStmt:
		for _, cl := range st.Clauses {
			c.stmts(cl.Body)
		}
		if st.Else != nil {
			c.stmts(st.Else.Body)
		}
	}
}

// leaves reports whether nothing can run after a statement.
func (c *checker) leaves(st syntax.Stmt) bool {
	switch st := st.(type) {
	case *syntax.ReturnStmt:
		return true
	case *syntax.BranchStmt:
		return st.Kind != syntax.PASS
	case *syntax.ExprStmt:
		if call, ok := st.X.(*syntax.CallExpr); ok {
			name := c.builtin(call.Fn)
			return name == "fail" || name == "exit"
		}
	}
	return false
}

// member reports a member that a built-in module or a struct does not have.
func (c *checker) member(x *syntax.DotExpr) {
	v := c.in.Expr(c.f, x.X)
	if x.Name.Name == "" || v.Loose {
		return
	}
	var names []string
	switch {
	case v.Entry != nil && v.Entry.Kind == decl.Module:
		for _, e := range decl.Members(v.Entry.Name) {
			names = append(names, e.Short())
		}
	case v.Name == "struct" && v.Closed:
		for _, f := range v.Fields {
			names = append(names, f.Name)
		}
	default:
		return
	}
	for _, n := range names {
		if n == x.Name.Name {
			return
		}
	}
	if c.anyString(func(l *syntax.Literal) bool { return l.Value == x.Name.Name }) {
		return // hasattr may have been asked before
	}
	d := c.add(x.Name.Span(), CodeUnknownMember, "%s has no member %s", c.f.Text(x.X), x.Name.Name)
	if n := decl.Nearest(x.Name.Name, names); n != "" {
		d.Message += " (did you mean " + n + "?)"
		d.Fixes = append(d.Fixes, replaceFix(c.f, x.Name.Span(), n))
	}
}

// deprecatedName reports the use of a built-in that has a better replacement.
func (c *checker) deprecatedName(id *syntax.Ident) {
	b := c.f.Binding(id)
	if b == nil || b.Kind != resolve.Builtin || b.Entry.Deprecated == "" {
		return
	}
	c.add(id.Span(), CodeDeprecated, "%s is deprecated: %s", id.Name, b.Entry.Deprecated).Tag = Deprecated
}
