package ide

import (
	"sort"
	"strings"

	"github.com/towline-dev/towline/starlark/decl"
	"github.com/towline-dev/towline/starlark/resolve"
	"github.com/towline-dev/towline/starlark/syntax"
)

// ItemKind says what a completion item stands for.
type ItemKind uint8

// The kinds of items.
const (
	ItemFunction ItemKind = iota
	ItemVariable
	ItemParameter
	ItemModule
	ItemMember
	ItemConstant
	ItemKeyword
	ItemFile
	ItemFolder
	ItemResource
	ItemImage
	ItemValue
	ItemSnippet
)

// Item is one completion.
type Item struct {
	Label   string
	Kind    ItemKind
	Detail  string // one line, as a type or where it comes from
	Insert  string // what replaces Completion.Replace
	Snippet bool   // Insert has LSP's $0 and ${1:text} in it
	Sort    string // items are shown in the order of Sort, then Label
	Extra   []Edit // further edits, as a load
	Old     bool   // deprecated
	Key     string // for ResolveItem
}

// Completion is what may stand at a place.
type Completion struct {
	Replace    syntax.Span // what the items replace
	Items      []Item
	Incomplete bool // ask again after each key
}

// ResolveItem returns the documentation of an item as Markdown, by its Key.
func ResolveItem(s *Snapshot, key string) string {
	kind, rest, _ := strings.Cut(key, ":")
	switch kind {
	case "entry":
		if e, ok := decl.Lookup(rest); ok {
			return entryDoc(e)
		}
	case "param":
		fn, name, _ := strings.Cut(rest, "#")
		if e, ok := decl.Lookup(fn); ok {
			sig := newInference(s).signatureOf(entryValue(e))
			for _, p := range e.Params {
				if p.Name == name {
					return paramDoc(sig, p)
				}
			}
		}
	case "name":
		name, path, _ := strings.Cut(rest, "#")
		if f := s.file(path); f != nil {
			if b := f.Root.Name(name); b != nil {
				return bindingDoc(s, newInference(s), f, b)
			}
		}
	}
	return ""
}

// Complete returns what may stand at an offset.
func Complete(s *Snapshot, f *resolve.File, off int) Completion {
	c := &completer{s: s, f: f, off: off, in: newInference(s)}
	c.word = off
	for c.word > 0 && isWord(f.Src[c.word-1]) {
		c.word--
	}
	c.out.Replace = syntax.Span{Start: c.word, End: off}
	switch {
	case c.inComment():
	case c.withinString():
		c.strings()
	case c.word < off && '0' <= f.Src[c.word] && f.Src[c.word] <= '9':
	default:
		c.code()
	}
	c.filter()
	return c.out
}

// TriggersCompletion reports whether a character that was typed before an
// offset asks for completion by itself. Outside of a string only a dot does:
// after `if x:` and `f(` the next key is often Enter, which must break the line
// and not accept a suggestion.
func TriggersCompletion(f *resolve.File, off int, typed string) bool {
	return typed == "." || (&completer{f: f, off: off}).withinString()
}

// withinString reports whether the offset lies in a string, and notes which.
func (c *completer) withinString() bool {
	i := sort.Search(c.f.NumTokens(), func(i int) bool { return c.f.Token(i).End >= c.off })
	if i == c.f.NumTokens() {
		return false
	}
	t := c.f.Token(i)
	return t.Kind == syntax.STRING && t.Start < c.off && c.inString(t)
}

type completer struct {
	s    *Snapshot
	f    *resolve.File
	in   *inference
	off  int
	word int // where the word before off starts
	out  Completion
}

func (c *completer) add(i Item) {
	if i.Insert == "" {
		i.Insert = i.Label
	}
	c.out.Items = append(c.out.Items, i)
}

// filter drops the items that do not have the letters of what was typed in
// their order, as an editor would.
func (c *completer) filter() {
	typed := strings.ToLower(c.f.Src[c.out.Replace.Start:c.off])
	kept := c.out.Items[:0]
	for _, i := range c.out.Items {
		if label := strings.ToLower(i.Label); subsequence(typed, label) {
			if !strings.HasPrefix(label, typed) {
				i.Sort = "9" + i.Sort // behind what begins as it was typed
			}
			kept = append(kept, i)
		} else {
			c.out.Incomplete = true
		}
	}
	c.out.Items = kept
	sort.SliceStable(kept, func(i, j int) bool {
		if kept[i].Sort != kept[j].Sort {
			return kept[i].Sort < kept[j].Sort
		}
		return kept[i].Label < kept[j].Label
	})
}

func subsequence(part, whole string) bool {
	for i := 0; i < len(part); i++ {
		j := strings.IndexByte(whole, part[i])
		if j < 0 {
			return false
		}
		whole = whole[j+1:]
	}
	return true
}

func (c *completer) inComment() bool {
	i := sort.Search(len(c.f.Comments), func(i int) bool { return c.f.Comments[i].End >= c.off })
	return i < len(c.f.Comments) && c.f.Comments[i].Start < c.off
}

// inString reports whether the offset lies between the quotes.
func (c *completer) inString(t syntax.Token) bool {
	inner := (&syntax.Literal{Pos: syntax.Pos{Start: t.Start, End: t.End}, Kind: t.Kind, Raw: c.f.Src[t.Start:t.End]}).Inner()
	return inner.Start <= c.off && c.off <= inner.End
}

// before returns the last token that ends at or before the word.
func (c *completer) before() syntax.Token {
	i := sort.Search(c.f.NumTokens(), func(i int) bool { return c.f.Token(i).End > c.word || c.f.Token(i).Start >= c.word }) - 1
	for i >= 0 && (c.f.Token(i).Kind == syntax.INDENT || c.f.Token(i).Kind == syntax.OUTDENT) {
		i--
	}
	if i < 0 {
		return syntax.Token{Kind: syntax.NEWLINE}
	}
	return c.f.Token(i)
}

// code completes names.
func (c *completer) code() {
	prev := c.before()
	switch prev.Kind {
	case syntax.DOT:
		c.members(prev)
		return
	case syntax.DEF, syntax.FOR, syntax.INT, syntax.FLOAT:
		return
	}
	if c.binds() {
		return
	}
	if site := callAt(c.f, c.off); site != nil && site.direct && (prev.Kind == syntax.COMMA || prev.Kind == syntax.LPAREN) {
		c.keywords(site)
	}
	c.names()
	c.words(prev)
	c.loadable()
}

// binds reports whether the word is the name of a parameter or of a load,
// which is free to choose.
func (c *completer) binds() bool {
	path := syntax.PathAt(c.f.File, c.off)
	for i := len(path) - 1; i >= 0; i-- {
		switch n := path[i].(type) {
		case *syntax.Param:
			return n.Name != nil && n.Name.Span().Contains(c.off)
		case *syntax.LoadStmt:
			return true
		case *syntax.DefStmt:
			return n.Lparen >= 0 && n.Lparen < c.off && (n.Rparen < 0 && c.off <= n.End || c.off <= n.Rparen)
		}
	}
	return false
}

// members completes what follows a dot.
func (c *completer) members(dot syntax.Token) {
	path := syntax.PathAt(c.f.File, dot.Start)
	for i := len(path) - 1; i >= 0; i-- {
		if x, ok := path[i].(*syntax.DotExpr); ok && x.Dot == dot.Start {
			c.membersOf(c.in.expr(c.f, x.X))
			return
		}
	}
}

func (c *completer) membersOf(v value) {
	for _, fl := range v.fields {
		if v.name != "dict" {
			c.add(Item{Label: fl.name, Kind: ItemMember, Detail: fl.value.text(), Sort: "1"})
		}
	}
	parent := v.name
	if v.entry != nil {
		parent = v.entry.Name
	}
	if parent == "" || v.entry != nil && v.entry.Kind != decl.Module {
		return
	}
	for _, e := range decl.Members(parent) {
		c.entry(e, e.Short(), "2")
	}
}

// entry adds a built-in.
func (c *completer) entry(e *decl.Entry, label, order string) {
	i := Item{Label: label, Detail: e.Purpose, Sort: order, Key: "entry:" + e.Name, Old: e.Deprecated != ""}
	switch e.Kind {
	case decl.Function:
		i.Kind = ItemFunction
		c.callSnippet(&i, len(e.Params) > 0)
	case decl.Module:
		i.Kind = ItemModule
	default:
		i.Kind = ItemConstant
	}
	if e.Deprecated != "" || e.Hidden {
		i.Sort += "9"
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
	sig := c.in.signature(c.f, site.call.Fn)
	if sig == nil {
		return
	}
	given := make([]bool, len(sig.params))
	for i, p := range sig.bind(site.call) {
		if p >= 0 && !site.call.Args[i].Span().Contains(c.off) {
			given[p] = true
		}
	}
	for i, p := range sig.params {
		if given[i] || p.Kind != decl.Normal && p.Kind != decl.Keyword {
			continue
		}
		item := Item{Label: p.Name + "=", Kind: ItemParameter, Detail: p.Type.String(), Sort: "0" + string(rune('a'+min(i, 25)))}
		if p.Required {
			item.Detail += " (required)"
		}
		if p.Deprecated {
			item.Old, item.Sort = true, "0~"
		}
		if sig.entry != nil {
			item.Key = "param:" + sig.entry.Name + "#" + p.Name
		}
		c.add(item)
	}
}

// names completes the names that can be seen.
func (c *completer) names() {
	seen := map[string]bool{}
	order := "1"
	for s := c.f.Root.At(c.off); s != nil; s = s.Parent {
		if s.Parent == nil {
			order = "2"
		}
		for _, b := range s.Order {
			if seen[b.Name] || len(b.Sites) > 0 && b.Sites[0].Ident.Span().Contains(c.off) && len(b.Sites) == 1 {
				continue
			}
			seen[b.Name] = true
			c.name(b, order)
		}
	}
	for _, e := range decl.Globals() {
		if !seen[e.Name] && e.Name != "load" {
			c.entry(e, e.Name, "3")
		}
	}
}

func (c *completer) name(b *resolve.Binding, order string) {
	i := Item{Label: b.Name, Kind: ItemVariable, Sort: order}
	if b.Scope.Parent == nil {
		i.Key = "name:" + b.Name + "#" + c.f.Name
	}
	switch n := b.Sites[0].Node.(type) {
	case *syntax.DefStmt:
		i.Kind, i.Detail = ItemFunction, "def"
		c.callSnippet(&i, len(n.Params) > 0)
	case *syntax.LoadName:
		i.Kind, i.Detail = ItemFunction, "loaded"
		if _, l := loadOf(c.f, b); l != nil {
			i.Detail = l.Module.Value
		}
	case *syntax.Param:
		i.Detail = "parameter"
	}
	c.add(i)
}
