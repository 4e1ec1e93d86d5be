package ide

import (
	"slices"
	"sort"

	"github.com/towline-dev/towline/starlark/decl"
	"github.com/towline-dev/towline/starlark/infer"
	"github.com/towline-dev/towline/starlark/resolve"
	"github.com/towline-dev/towline/starlark/syntax"
)

// expectation says what may stand at a place of the code.
type expectation uint8

const (
	aValue     expectation = iota
	aStatement             // the start of one
	anOperator             // between an operand and the next
)

// expectedAt says what may stand where a word starts, and of which type a value
// would be there. The token before it is prev.
func (c *completer) expectedAt(prev syntax.Token) (expectation, decl.Type) {
	switch prev.Kind {
	case syntax.NEWLINE, syntax.SEMI:
		return aStatement, anyType
	case syntax.COLON:
		if callAt(c.f, c.off) == nil && !c.open() {
			return aStatement, anyType
		}
	case syntax.IDENT, syntax.STRING, syntax.BYTES, syntax.RPAREN, syntax.RBRACK, syntax.RBRACE:
		return anOperator, anyType
	case syntax.IN:
		return aValue, iterableType
	case syntax.EQ, syntax.COMMA, syntax.LPAREN, syntax.LBRACK, syntax.LBRACE, syntax.PLUS, syntax.ELSE, syntax.OR:
	default:
		return aValue, anyType
	}
	return aValue, c.argumentType()
}

// iterableType is what a loop goes through.
var iterableType = decl.Type{Args: []decl.Type{{Name: "list"}, {Name: "dict"}, {Name: "tuple"}, {Name: "range"}, {Name: "set"}}}

// open reports whether a bracket is open at the offset.
func (c *completer) open() bool { return len(openBrackets(c.f, c.off)) > 0 }

// argumentType returns the type of the argument that the offset lies in, or of
// an element of it that lists and dictionaries lead to; any when it is unknown.
func (c *completer) argumentType() decl.Type {
	site := callAt(c.f, c.off)
	if site == nil {
		return anyType
	}
	sig := c.in.Signature(c.f, site.call.Fn)
	if sig == nil {
		return anyType
	}
	p := sig.Arg(site.call, site.arg)
	if p < 0 {
		return anyType
	}
	t := sig.Params[p].Type
	for _, bracket := range openBrackets(c.f, c.off) {
		if bracket.Start <= site.call.Lparen {
			continue
		}
		if t = within(t, bracket.Kind); t.Name == "any" || c.indexes(bracket) {
			return anyType
		}
	}
	return t
}

// indexes reports whether a bracket follows a value, of which it takes a part.
func (c *completer) indexes(bracket syntax.Token) bool {
	i := sort.Search(c.f.NumTokens(), func(i int) bool { return c.f.Token(i).Start >= bracket.Start })
	if i == 0 || bracket.Kind == syntax.LBRACE {
		return false
	}
	switch c.f.Token(i - 1).Kind {
	case syntax.IDENT, syntax.STRING, syntax.RPAREN, syntax.RBRACK, syntax.RBRACE:
		return true
	}
	return false
}

// within returns the type of what stands in brackets that make a value of a
// type; any when it is unknown.
func within(t decl.Type, bracket syntax.Kind) decl.Type {
	made := map[syntax.Kind][]string{syntax.LBRACK: {"list", "tuple", "iterable"}, syntax.LBRACE: {"dict", "set"}}[bracket]
	if made == nil { // parentheses around the value, or a tuple
		return t
	}
	for _, a := range t.Alternatives() {
		if n := len(a.Args); n > 0 && slices.Contains(made, a.Name) {
			return a.Args[n-1]
		}
	}
	return anyType
}

// openBrackets returns the brackets that are open at an offset, the outermost
// first.
func openBrackets(f *resolve.File, off int) []syntax.Token {
	var list []syntax.Token
	if len(f.Parts) == 0 {
		return nil // an empty file
	}
	part := &f.Parts[f.PartAt(off)]
	for t := range part.Tokens() {
		if t.Start >= off {
			break
		}
		switch t.Kind {
		case syntax.LPAREN, syntax.LBRACK, syntax.LBRACE:
			list = append(list, t)
		case syntax.RPAREN, syntax.RBRACK, syntax.RBRACE:
			list = list[:max(len(list)-1, 0)]
		}
	}
	return list
}

// generalTypes are those of many values: one of them alone says little.
var generalTypes = []string{"str", "int", "float", "bool", "bytes", "list", "dict", "tuple", "set", "None", "any", "struct", "range", "iterable", "function"}

// typeMatch says how well a value, or what it gives when it is called, suits a
// place that asks for a type.
func (c *completer) typeMatch(v infer.Value, want decl.Type) fitness {
	switch {
	case want.Name == "any" || !v.Known():
		return mayFit
	case v.Entry != nil:
		return entryMatch(v.Entry, want)
	case v.Def != nil && want.Accepts("callable"):
		return fits
	case v.Def != nil:
		if v = c.in.Result(v); !v.Known() {
			return mayFit
		}
	}
	if !accepts(want, v.Name) || v.Elem != nil && !elementsFit(want, v.Name, v.Elem.Name) {
		return misfit
	}
	return fits
}

// elementsFit reports whether a type accepts a list, or the like, of elements.
func elementsFit(want decl.Type, name, elem string) bool {
	return slices.ContainsFunc(want.Alternatives(), func(a decl.Type) bool {
		n := len(a.Args)
		return a.Name == "any" || (a.Name == name || a.Name == "iterable") && (n == 0 || elem == "" || accepts(a.Args[n-1], elem))
	})
}

func accepts(want decl.Type, name string) bool {
	return want.Accepts(name) || want.Accepts("iterable") && iterableType.Accepts(name)
}

// entryMatch is typeMatch for a built-in.
func entryMatch(e *decl.Entry, want decl.Type) fitness {
	switch {
	case e.Kind == decl.Module:
		return general // it may have members that suit
	case e.Kind == decl.Function && want.Accepts("callable"):
		return general
	case e.Kind == decl.Function && e.Type.IsNone():
		return misfit // though None may be accepted
	}
	fit := misfit
	for _, t := range e.Type.Alternatives() {
		switch {
		case t.Name == "any":
			fit = min(fit, general)
		case !accepts(want, t.Name) || len(t.Args) > 0 && !elementsFit(want, t.Name, t.Args[len(t.Args)-1].Name):
		case !slices.Contains(generalTypes, t.Name), e.Kind == decl.Constant && t.Name == "bool":
			fit = fits
		default:
			fit = min(fit, general)
		}
	}
	return fit
}

// startsStatement says how well a built-in suits the start of a statement.
func startsStatement(e *decl.Entry) fitness {
	switch {
	case e.Kind == decl.Function && e.Type.IsNone():
		return fits
	case e.Kind == decl.Module, e.Type.Name == "Blob", e.Type.Name == "CustomBuild":
		return mayFit
	case e.Kind == decl.Function && slices.Contains(generalTypes, e.Type.Name):
		return general
	}
	return misfit
}

var anyType = decl.Type{Name: "any"}
