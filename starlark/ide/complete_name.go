package ide

import (
	"strings"

	"github.com/towline-dev/towline/starlark/decl"
	"github.com/towline-dev/towline/starlark/infer"
	"github.com/towline-dev/towline/starlark/resolve"
	"github.com/towline-dev/towline/starlark/syntax"
)

// membersOf completes the members of a value.
func (c *completer) membersOf(v infer.Value) {
	for _, fl := range v.Fields {
		if v.Name != "dict" {
			c.add(Item{Label: fl.Name, Kind: ItemMember, Detail: fl.Value.String()})
		}
	}
	parent := v.Name
	if v.Entry != nil {
		parent = v.Entry.Name
	}
	if parent == "" || v.Entry != nil && v.Entry.Kind != decl.Module {
		return
	}
	for _, e := range decl.Members(parent) {
		c.entry(e, e.Short(), entryRank(e, fits))
	}
}

// entry adds a built-in.
func (c *completer) entry(e *decl.Entry, label string, r rank) {
	i := Item{Label: label, Detail: e.Purpose, rank: r, Key: EntryKey(e.Name), Old: e.Deprecated != ""}
	switch e.Kind {
	case decl.Function:
		i.Kind = ItemFunction
		c.callSnippet(&i, len(e.Params) > 0)
	case decl.Module:
		i.Kind = ItemModule
	default:
		i.Kind = ItemConstant
	}
	c.add(i)
}

// callSnippet makes an item insert parentheses, unless they stand there.
func (c *completer) callSnippet(i *Item, args bool) {
	if strings.HasPrefix(c.f.Src[c.off:], "(") {
		return
	}
	if !args {
		i.Insert = i.Label + "()"
		return
	}
	i.Insert, i.Snippet = i.Label+"($0)", true
}

// keywords completes the arguments of a call that are not given yet.
func (c *completer) keywords(site *callSite) {
	sig := c.in.Signature(c.f, site.call.Fn)
	if sig == nil {
		return
	}
	given := make([]bool, len(sig.Params))
	for i, p := range sig.Bind(site.call) {
		if p >= 0 && !site.call.Args[i].Span().Contains(c.off) {
			given[p] = true
		}
	}
	for i, p := range sig.Params {
		if given[i] || p.Kind != decl.Normal && p.Kind != decl.Keyword {
			continue
		}
		item := Item{Label: p.Name + "=", Kind: ItemParameter, Detail: p.Type.String(), rank: rank{near: inCall, order: i}}
		if p.Required {
			item.Detail += " (required)"
		}
		if p.Deprecated {
			item.Old, item.rank.obscure = true, true
		}
		if sig.Entry != nil {
			item.Key = "param:" + sig.Entry.Name + "#" + p.Name
		}
		c.add(item)
	}
}

// names completes the names that can be seen.
func (c *completer) names() {
	scope := c.f.Root.At(c.off)
	for s := scope; s != nil; s = s.Parent {
		for _, b := range s.Order {
			if shadowed := s != scope && scope.Lookup(b.Name) != b; !shadowed && !c.binding(b) && c.matches(b.Name) {
				c.name(b)
			}
		}
	}
	for _, e := range decl.Globals() {
		if e.Name != "load" && c.matches(e.Name) && !c.bound(scope, e.Name) {
			c.entry(e, e.Name, entryRank(e, c.entryFit(e)))
		}
	}
	c.qualified()
}

// binding reports whether a name is bound by the word at hand alone.
func (c *completer) binding(b *resolve.Binding) bool {
	return len(b.Sites) == 1 && b.Sites[0].Ident.Span().Contains(c.off)
}

// bound reports whether a name means something of the file in a scope.
func (c *completer) bound(scope *resolve.Scope, name string) bool {
	b := scope.Lookup(name)
	return b != nil && !c.binding(b)
}

// entryFit says how well a built-in suits the place.
func (c *completer) entryFit(e *decl.Entry) fitness {
	switch {
	case c.expects == aStatement:
		return startsStatement(e)
	case c.expects == anOperator:
		return misfit
	case c.wanted.Name != "any":
		return entryMatch(e, c.wanted)
	case e.Kind == decl.Function && e.Type.IsNone():
		return misfit
	}
	return mayFit
}

// qualified completes the functions of modules that make what the place asks
// for, which only they make.
func (c *completer) qualified() {
	for _, t := range c.wanted.Alternatives() {
		if !strings.Contains(t.Name, ".") {
			continue
		}
		module, _, _ := strings.Cut(t.Name, ".")
		for _, e := range decl.Members(module) {
			if e.Kind == decl.Function && e.Type.Name == t.Name {
				c.entry(e, e.Name, entryRank(e, fits))
			}
		}
	}
}

// maxTyped is how many names of a file are put in the order of their types:
// each has to be inferred.
const maxTyped = 500

func (c *completer) name(b *resolve.Binding) {
	i := Item{Label: b.Name, Kind: ItemVariable, rank: c.nameRank(b)}
	if b.Scope.Parent == nil {
		i.Key = "name:" + b.Name + "#" + c.f.Name
	}
	switch n := b.Sites[0].Node.(type) {
	case *syntax.DefStmt:
		i.Kind, i.Detail = ItemFunction, "def"
		c.callSnippet(&i, len(n.Params) > 0)
	case *syntax.LoadName:
		i.Kind, i.Detail = ItemFunction, "loaded"
		if _, l := c.f.LoadedName(b); l != nil {
			i.Detail = l.Module.Value
		}
	case *syntax.Param:
		i.Detail = "parameter"
	}
	c.add(i)
}

// nameRank is the rank of a name of the file.
func (c *completer) nameRank(b *resolve.Binding) rank {
	r := rank{near: inFile, fit: mayFit}
	if b.Scope.Parent != nil {
		r.near = inBlock
	}
	switch {
	case c.expects == aStatement && (r.near == inBlock || b.Def() != nil || b.Kind == resolve.Loaded):
		r.fit = fits
	case c.expects == anOperator:
		r.fit = misfit
	case c.expects == aValue && c.wanted.Name != "any" && len(c.out.Items) < maxTyped:
		r.fit = c.typeMatch(c.in.Binding(c.f, b), c.wanted)
	}
	return r
}
