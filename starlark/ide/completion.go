package ide

import (
	"cmp"
	"slices"
	"sort"
	"strings"

	"github.com/towline-dev/towline/starlark/decl"
	"github.com/towline-dev/towline/starlark/infer"
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
	Sort    string // of fixed width; items are shown in the order of Sort, then Label
	Extra   []Edit // further edits, as a load
	Old     bool   // deprecated
	Key     string // for ResolveItem

	rank rank
}

// Completion is what may stand at a place.
type Completion struct {
	Replace    syntax.Span // what the items replace
	Items      []Item
	Incomplete bool // ask again after each key
}

// entryKey begins the keys of built-ins, before their names.
const entryKey = "entry:"

// EntryKey returns the key of a built-in's item.
func EntryKey(name string) string { return entryKey + name }

// Plain reports whether the item's Key is the EntryKey of its Label.
func (i *Item) Plain() bool {
	name, ok := strings.CutPrefix(i.Key, entryKey)
	return ok && name == i.Label
}

// ResolveItem returns the documentation of an item as Markdown, by its Key.
func ResolveItem(s *Analysis, key string) string {
	kind, rest, _ := strings.Cut(key, ":")
	switch kind {
	case "entry":
		if e, ok := decl.Lookup(rest); ok {
			return entryDoc(e)
		}
	case "param":
		fn, name, _ := strings.Cut(rest, "#")
		if e, ok := decl.Lookup(fn); ok {
			sig := infer.New(s.loaded).SignatureOf(infer.EntryValue(e))
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
				return bindingDoc(s, infer.New(s.loaded), f, b)
			}
		}
	}
	return ""
}

// Complete returns what may stand at an offset.
func Complete(s *Analysis, f *resolve.File, off int) Completion {
	c := newCompleter(s, f, off)
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

// CompleteName is Complete of an outline of the file around the offset. It is
// false where that does not suffice: where types matter, or strings.
func CompleteName(s *Analysis, outline *resolve.File, off int) (Completion, bool) {
	c := newCompleter(s, outline, off)
	if c.inComment() || c.withinString() || c.open() {
		return Completion{}, false
	}
	switch c.before().Kind {
	case syntax.NEWLINE, syntax.SEMI, syntax.COLON, syntax.EQ:
		return Complete(s, outline, off), true
	}
	return Completion{}, false
}

func newCompleter(s *Analysis, f *resolve.File, off int) *completer {
	c := &completer{s: s, f: f, off: off, in: infer.New(s.loaded), word: off}
	for c.word > 0 && isWord(f.Src[c.word-1]) {
		c.word--
	}
	c.out.Replace = syntax.Span{Start: c.word, End: off}
	return c
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
	s    *Analysis
	f    *resolve.File
	in   *infer.Inference
	off  int
	word int // where the word before off starts
	out  Completion

	expects expectation // of code
	wanted  decl.Type   // of a value
}

// usualItems is for how many items there is room at first.
const usualItems = 128

func (c *completer) add(i Item) {
	if c.out.Items == nil {
		c.out.Items = make([]Item, 0, usualItems)
	}
	if i.Insert == "" {
		i.Insert = i.Label
	}
	c.out.Items = append(c.out.Items, i)
}

// filter drops the items that do not have the letters of what was typed in
// their order, as an editor would, and puts the others in theirs.
func (c *completer) filter() {
	typed := c.f.Src[c.out.Replace.Start:c.off]
	keys := make([]sortKey, 0, len(c.out.Items))
	for i := range c.out.Items {
		if item := &c.out.Items[i]; c.matches(item.Label) {
			keys = append(keys, sortKey{item.rank.key(typed, item.Label), item.Label, i})
		}
	}
	slices.SortFunc(keys, func(a, b sortKey) int {
		return cmp.Or(cmp.Compare(a.rank, b.rank), strings.Compare(a.label, b.label), cmp.Compare(a.item, b.item))
	})
	kept := make([]Item, len(keys))
	for i, k := range keys {
		kept[i] = c.out.Items[k.item]
		kept[i].Sort = k.text()
	}
	c.out.Items = kept
}

// matches reports whether what was typed may stand for a label. If not, others
// may come up when a letter is deleted.
func (c *completer) matches(label string) bool {
	if subsequence(c.f.Src[c.out.Replace.Start:c.off], label) {
		return true
	}
	c.out.Incomplete = true
	return false
}

// subsequence reports whether a text has the letters of another in their order,
// whatever their case.
func subsequence(part, whole string) bool {
	j := 0
	for i := 0; i < len(part); i++ {
		for j < len(whole) && lower(whole[j]) != lower(part[i]) {
			j++
		}
		if j++; j > len(whole) {
			return false
		}
	}
	return true
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		c += 'a' - 'A'
	}
	return c
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
	c.expects, c.wanted = c.expectedAt(prev)
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
			c.membersOf(c.in.Expr(c.f, x.X))
			return
		}
	}
}
