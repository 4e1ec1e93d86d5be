package infer

import (
	"regexp"
	"sort"
	"strings"

	"github.com/towline-dev/towline/starlark/decl"
	"github.com/towline-dev/towline/starlark/resolve"
	"github.com/towline-dev/towline/starlark/syntax"
)

// typeWords are words that people write for types, and the table's for them.
var typeWords = map[string]string{
	"string": "str", "strings": "str", "String": "str", "integer": "int", "integers": "int", "ints": "int", "boolean": "bool", "Boolean": "bool",
	"List": "list", "Dict": "dict", "Tuple": "tuple", "Set": "set", "Any": "any", "NoneType": "None", "Callable": "callable", "Iterable": "iterable",
	"or": "|", "of": "[", "structs": "struct", "lists": "list", "dicts": "dict",
}

var typeWord = regexp.MustCompile(`[A-Za-z_.]+`)

// knownTypes are the types that documentation may name with effect, beside
// those that have members.
var knownTypes = map[string]bool{
	"str": true, "int": true, "bool": true, "float": true, "bytes": true, "list": true, "dict": true, "tuple": true, "set": true,
	"None": true, "struct": true, "any": true, "callable": true, "iterable": true, "function": true, "Blob": true, "LiveUpdateStep": true,
	"PortForward": true, "Link": true, "Probe": true, "TriggerMode": true,
}

var anyType = decl.Type{Name: "any"}

// parseType reads a type as people write it in docstrings and comments: str,
// "list of str", List[string], "int, optional". What is not understood is any.
func parseType(text string) decl.Type {
	text, _, _ = strings.Cut(text, ", optional")
	text = strings.Trim(strings.TrimSpace(text), "`")
	if inner, ok := strings.CutPrefix(text, "Optional["); ok {
		text = strings.TrimSuffix(inner, "]") + " | None"
	}
	text = typeWord.ReplaceAllStringFunc(text, func(word string) string {
		word = strings.TrimPrefix(word, "typing.")
		if meant, ok := typeWords[word]; ok {
			return meant
		}
		return word
	})
	if open := strings.Count(text, "[") - strings.Count(text, "]"); open > 0 {
		text += strings.Repeat("]", open)
	}
	t, err := decl.ParseType(text)
	if err != nil || strings.TrimSpace(text) == "" || !understood(t) {
		return anyType
	}
	return t
}

func understood(t decl.Type) bool {
	if !t.IsUnion() && !knownTypes[t.Name] {
		return false
	}
	for _, a := range t.Args {
		if !understood(a) {
			return false
		}
	}
	return t.Enum == "" && t.Role == decl.RoleNone
}

// typeComment returns the text behind "# type:" on the line of an offset, ""
// when there is none.
func typeComment(f *resolve.File, off int) string {
	i := sort.Search(len(f.Comments), func(i int) bool { return f.Comments[i].Start >= off })
	if i == len(f.Comments) || f.Lines.Number(f.Comments[i].Start) != f.Lines.Number(off) {
		return ""
	}
	text := strings.TrimSpace(strings.TrimLeft(f.Src[f.Comments[i].Start:f.Comments[i].End], "#"))
	text, ok := strings.CutPrefix(text, "type:")
	if !ok || strings.HasPrefix(strings.TrimSpace(text), "ignore") {
		return ""
	}
	text, _, _ = strings.Cut(text, "#")
	return strings.Clone(strings.TrimSpace(text))
}

// comment returns a value of the type that the comment at the end of a
// statement names.
func (in *Inference) comment(f *resolve.File, off int) Value {
	text := typeComment(f, off)
	if text == "" {
		return Value{}
	}
	return typeValue(parseType(text))
}

// defComment reads the comment behind a def's first line:
//
//	def f(a, b):  # type: (str, list[int]) -> bool
func defComment(f *resolve.File, def *syntax.DefStmt) (params []decl.Type, result decl.Type) {
	if def.Colon < 0 {
		return nil, anyType
	}
	text := typeComment(f, def.Colon)
	list, after, ok := strings.Cut(text, "->")
	list, inside := strings.CutPrefix(strings.TrimSpace(list), "(")
	if !ok || !inside {
		return nil, anyType
	}
	for _, part := range splitTypes(strings.TrimSuffix(list, ")")) {
		params = append(params, parseType(part))
	}
	return params, parseType(after)
}

// splitTypes splits at the commas outside of brackets.
func splitTypes(text string) []string {
	var list []string
	depth, start := 0, 0
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '[':
			depth++
		case ']':
			depth--
		case ',':
			if depth == 0 {
				list = append(list, strings.TrimSpace(text[start:i]))
				start = i + 1
			}
		}
	}
	if rest := strings.TrimSpace(text[start:]); rest != "" {
		list = append(list, rest)
	}
	return list
}
