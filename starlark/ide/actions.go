package ide

import (
	"strings"

	"github.com/towline-dev/towline/starlark/decl"
	"github.com/towline-dev/towline/starlark/infer"
	"github.com/towline-dev/towline/starlark/resolve"
	"github.com/towline-dev/towline/starlark/syntax"
)

// ActionKind is a kind of the protocol.
type ActionKind string

// The kinds of actions.
const (
	QuickFix     ActionKind = "quickfix"
	Rewrite      ActionKind = "refactor.rewrite"
	OrganizeLoad ActionKind = "source.organizeImports"
)

// Action is a change that is offered for a place.
type Action struct {
	Title      string
	Kind       ActionKind
	Edits      []Edit
	Preferred  bool
	Diagnostic *Diagnostic // that it settles, or nil
}

// CodeActions returns the changes that are offered for a span: fixes of the
// diagnostics there, and rewrites of what stands there.
func CodeActions(s *Analysis, f *resolve.File, at syntax.Span) []Action {
	var list []Action
	diagnostics := Diagnostics(s, f)
	for i := range diagnostics {
		d := &diagnostics[i]
		if d.Span.End < at.Start || at.End < d.Span.Start {
			continue
		}
		for _, fix := range d.Fixes {
			list = append(list, Action{fix.Title, QuickFix, fix.Edits, fix.Preferred, d})
		}
	}
	list = append(list, nameArgs(s, f, at)...)
	return append(list, organize(f, diagnostics)...)
}

// nameArgs offers to write the positional arguments of a call as keywords.
func nameArgs(s *Analysis, f *resolve.File, at syntax.Span) []Action {
	site := callAt(f, at.Start)
	if site == nil || site.call.Rparen < 0 {
		return nil
	}
	sig := infer.New(s.loaded).Signature(f, site.call.Fn)
	if sig == nil {
		return nil
	}
	var edits []Edit
	for i, p := range sig.Bind(site.call) {
		a := site.call.Args[i]
		if a.Star != syntax.ILLEGAL || p >= 0 && sig.Params[p].Kind == decl.VarArgs {
			return nil
		}
		if i == 0 || a.Name != nil || p < 0 || sig.Params[p].Kind != decl.Normal {
			continue
		}
		edits = append(edits, Edit{f.Name, syntax.Span{Start: a.Start, End: a.Start}, sig.Params[p].Name + "="})
	}
	if len(edits) == 0 {
		return nil
	}
	return []Action{{Title: "Name the arguments", Kind: Rewrite, Edits: edits}}
}

// organize offers to remove all names that are loaded in vain.
func organize(f *resolve.File, diagnostics []Diagnostic) []Action {
	unused := map[int]bool{}
	for _, d := range diagnostics {
		if d.Code == CodeUnusedLoad {
			unused[d.Span.Start] = true
		}
	}
	var edits []Edit
	for _, l := range f.Loads {
		if l.Stmt == nil || l.Stmt.Rparen < 0 {
			continue
		}
		var kept []string
		for _, n := range l.Stmt.Names {
			if !unused[n.Start] {
				kept = append(kept, f.Text(n))
			}
		}
		if len(kept) == len(l.Stmt.Names) {
			continue
		}
		c := &checker{f: f}
		if len(kept) == 0 {
			e := c.removeLoadName(&syntax.LoadStmt{Pos: l.Stmt.Pos, Names: l.Stmt.Names[:1]}, l.Stmt.Names[0])
			edits = append(edits, e)
			continue
		}
		span := syntax.Span{Start: l.Stmt.Module.End, End: l.Stmt.Names[len(l.Stmt.Names)-1].End}
		edits = append(edits, Edit{f.Name, span, ", " + strings.Join(kept, ", ")})
	}
	if len(edits) == 0 {
		return nil
	}
	return []Action{{Title: "Remove unused loads", Kind: OrganizeLoad, Edits: edits}}
}
