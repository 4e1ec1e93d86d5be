package ide

import (
	"sort"
	"strings"

	"github.com/towline-dev/towline/starlark/resolve"
	"github.com/towline-dev/towline/starlark/syntax"
)

// A mistake is a place where the text is not Starlark, as the parser saw it.
type mistake struct {
	f         *resolve.File
	e         syntax.Error
	got, prev syntax.Token // at the place, and before it
	first     syntax.Token // of the line
	at        int          // index of got
}

func newMistake(f *resolve.File, e syntax.Error) mistake {
	none := syntax.Token{Kind: syntax.EOF, Start: len(f.Src), End: len(f.Src)}
	s := mistake{f: f, e: e, got: none, prev: none, first: none}
	s.at = sort.Search(f.NumTokens(), func(i int) bool { return f.Token(i).Start >= e.Start })
	for ; s.at < f.NumTokens(); s.at++ {
		if s.got = f.Token(s.at); s.got.Kind != syntax.INDENT && s.got.Kind != syntax.OUTDENT {
			break
		}
	}
	if s.at > 0 {
		s.prev = f.Token(s.at - 1)
	}
	line := f.Lines.Line(f.Lines.Number(e.Start)).Start
	for i := min(s.at, f.NumTokens()-1); i >= 0 && f.Token(i).Start >= line; i-- {
		if t := f.Token(i); t.Start < t.End {
			s.first = t
		}
	}
	return s
}

func (s mistake) text(t syntax.Token) string { return s.f.Src[t.Start:t.End] }

// adjacent reports whether the token before stands right before the one at hand.
func (s mistake) adjacent() bool { return s.prev.End == s.got.Start }

func (s mistake) wants(what string) bool { return strings.HasSuffix(s.e.Msg, "want "+what) }

// fix replaces a place by a text.
func (s mistake) fix(title string, start, end int, text string) []Fix {
	return []Fix{{Title: title, Edits: []Edit{{s.f.Name, syntax.Span{Start: start, End: end}, text}}, Preferred: true}}
}

// noWord says what stands in for a word of Python that Starlark does not have.
var noWord = map[string]string{
	"import": "Starlark has no import: load('FILE', 'NAME') takes names from another file; os, sys and config are there already",
	"from":   "Starlark has no import: load('FILE', 'NAME') takes names from another file; os, sys and config are there already",
	"class":  "Starlark has no classes: use struct(…) and functions",
	"try":    "Starlark has no exceptions: ask before, as with os.path.exists(…)", "except": "Starlark has no exceptions", "finally": "Starlark has no exceptions",
	"raise": "Starlark has no exceptions: fail('…') stops with a message",
	"del":   "Starlark has no del: use the pop(…) of the dict or list",
	"with":  "Starlark has no with: read_file(…) reads a file",
	"yield": "Starlark has no generators: return a list", "async": "Starlark has no coroutines", "await": "Starlark has no coroutines",
	"global":   "a function cannot bind a global: change a dict or a list that is one, or return the value",
	"nonlocal": "a function cannot bind another's variable: change a dict or a list that is one, or return the value",
}

// noName says what stands in for names of other languages.
var noName = map[string]string{"null": "None", "nil": "None", "NULL": "None", "undefined": "None", "string": "str", "boolean": "bool", "object": "struct"}

// typographic are the quotation marks that word processors write.
const typographic = "“”„‘’‚«»"

// explain adds to the interpreter's words what was meant, most likely, and how
// to write it.
func explain(f *resolve.File, e syntax.Error) (note string, fixes []Fix) {
	s := newMistake(f, e)
	for _, look := range []func(mistake) (string, []Fix){word, twoStrings, operator, character, annotation, dictionary, layout, missing} {
		if note, fixes = look(s); note != "" || fixes != nil {
			return note, fixes
		}
	}
	return "", nil
}

// word explains words that have another meaning than in Python, or none.
func word(s mistake) (string, []Fix) {
	switch got, prev := s.text(s.got), s.text(s.prev); {
	case s.got.Kind == syntax.RESERVED && got == "is":
		end, text := s.got.End, "=="
		if s.at+1 < s.f.NumTokens() && s.f.Token(s.at+1).Kind == syntax.NOT {
			end, text = s.f.Token(s.at+1).End, "!="
		}
		return "Starlark has no is: compare with " + text, s.fix("Change to "+text, s.got.Start, end, text)
	case s.got.Kind == syntax.RESERVED:
		return noWord[got], nil
	case s.prev.Kind == syntax.ELSE && s.got.Kind == syntax.IF:
		return "write elif", s.fix("Change to elif", s.prev.Start, s.got.End, "elif")
	case s.prev.Kind == syntax.IDENT && prev == "assert" && s.prev == s.first:
		return "Starlark has no assert: if not …: fail('…')", nil
	case s.prev.Kind == syntax.IDENT && prev == "print" && s.prev == s.first && s.wants("newline"):
		line := s.f.Lines.Line(s.f.Lines.Number(s.e.Start))
		rest := strings.TrimRight(s.f.Src[s.got.Start:line.End], " \t\r\n")
		return "print is a function", s.fix("Add parentheses", s.prev.End, s.got.Start+len(rest), "("+rest+")")
	}
	return "", nil
}

// twoStrings explains a string right behind a name or another string.
func twoStrings(s mistake) (string, []Fix) {
	if s.got.Kind != syntax.STRING {
		return "", nil
	}
	switch {
	case s.prev.Kind == syntax.IDENT && s.adjacent() && strings.EqualFold(s.text(s.prev), "f"):
		note := "Starlark has no f-strings: use '{}'.format(…) or '%s' % …"
		if text, ok := formatCall(s.text(s.got)); ok {
			return note, s.fix("Write with format", s.prev.Start, s.got.End, text)
		}
		return note, nil
	case s.prev.Kind == syntax.STRING:
		fixes := append(s.fix("Insert a comma", s.prev.End, s.prev.End, ","), s.fix("Insert +", s.prev.End, s.prev.End, " +")...)
		fixes[0].Preferred, fixes[1].Preferred = false, false
		return "strings beside each other are not joined: write a comma or + between them", fixes
	}
	return "", nil
}

// formatCall writes an f-string, without its f, as a call of format; ok is
// false when it has more than plain expressions between braces.
func formatCall(literal string) (call string, ok bool) {
	rest := strings.NewReplacer("{{", "\x00", "}}", "\x01").Replace(literal)
	var text strings.Builder
	var args []string
	for {
		before, after, found := strings.Cut(rest, "{")
		text.WriteString(before)
		if !found {
			break
		}
		arg, tail, closed := strings.Cut(after, "}")
		if !closed || strings.ContainsAny(arg, "{!:='\"\\\x00\x01") || strings.TrimSpace(arg) == "" {
			return "", false
		}
		args = append(args, strings.TrimSpace(arg))
		text.WriteString("{}")
		rest = tail
	}
	if strings.Contains(strings.ReplaceAll(text.String(), "{}", ""), "}") {
		return "", false
	}
	quoted := strings.NewReplacer("\x00", "{{", "\x01", "}}").Replace(text.String())
	return quoted + ".format(" + strings.Join(args, ", ") + ")", true
}

// operator explains operators of other languages.
func operator(s mistake) (string, []Fix) {
	double := s.adjacent() && s.prev.Kind == s.got.Kind
	switch {
	case double && s.got.Kind == syntax.AMP:
		return "write and", s.fix("Change to and", s.prev.Start, s.got.End, "and")
	case double && s.got.Kind == syntax.PIPE:
		return "write or", s.fix("Change to or", s.prev.Start, s.got.End, "or")
	case s.got.Kind == syntax.NEWLINE && s.at > 1 && s.prev.Kind == s.f.Token(s.at-2).Kind && s.f.Token(s.at-2).End == s.prev.Start &&
		(s.prev.Kind == syntax.PLUS || s.prev.Kind == syntax.MINUS):
		text := " " + s.text(s.prev) + "= 1"
		return "write" + text, s.fix("Change to"+text, s.f.Token(s.at-2).Start, s.prev.End, text)
	case s.got.Kind == syntax.EQ && s.wants("':'") && (s.first.Kind == syntax.IF || s.first.Kind == syntax.ELIF || s.first.Kind == syntax.WHILE):
		return "compare with ==", s.fix("Change to ==", s.got.Start, s.got.End, "==")
	case strings.Contains(s.e.Msg, " does not associate with "):
		return "as in a < b and b < c", nil
	}
	return "", nil
}

// character explains what cannot stand outside of a string.
func character(s mistake) (string, []Fix) {
	if !strings.HasPrefix(s.e.Msg, "unexpected input character") || s.e.Start >= len(s.f.Src) {
		return "", nil
	}
	rest := s.f.Src[s.e.Start:]
	for _, mark := range typographic {
		if strings.HasPrefix(rest, string(mark)) {
			quote := `"`
			if strings.ContainsRune("‘’‚", mark) {
				quote = "'"
			}
			return "a typographic quotation mark: write " + quote, s.fix("Change to "+quote, s.e.Start, s.e.Start+len(string(mark)), quote)
		}
	}
	switch rest[0] {
	case '!':
		return "write not", s.fix("Change to not", s.e.Start, s.e.Start+1, "not ")
	case '?':
		return "write A if CONDITION else B", nil
	case '@':
		return "Starlark has no decorators", nil
	}
	return "", nil
}

// annotation explains types that stand beside names, and :=.
func annotation(s mistake) (string, []Fix) {
	next := s.got.End < len(s.f.Src) && s.f.Src[s.got.End] == '='
	switch {
	case s.got.Kind == syntax.COLON && next:
		return "Starlark has no :=", nil
	case s.got.Kind == syntax.COLON && s.first.Kind == syntax.DEF && !s.wants("':'") && s.prev.Kind == syntax.IDENT && s.prev.Start != s.first.Start,
		s.got.Kind == syntax.COLON && s.wants("newline") && s.prev == s.first && s.prev.Kind == syntax.IDENT,
		s.got.Kind == syntax.MINUS && s.first.Kind == syntax.DEF && s.wants("':'"):
		return "Starlark has no type annotations", nil
	}
	return "", nil
}

// dictionary explains what stands between braces and is no entry.
func dictionary(s mistake) (string, []Fix) {
	switch {
	case !s.wants("':'") || s.first.Kind.IsKeyword():
	case s.got.Kind == syntax.COMMA || s.got.Kind == syntax.RBRACE:
		return "a set is written set([…])", nil
	case s.got.Kind == syntax.EQ:
		return "entries are written 'key': value, or dict(key = value)", nil
	}
	return "", nil
}

// layout explains indentation and escapes.
func layout(s mistake) (string, []Fix) {
	switch {
	case strings.HasPrefix(s.e.Msg, "got indent"):
		return "the line is indented deeper than its block", nil
	case s.wants("indent"):
		return "what belongs to it is indented", nil
	case strings.HasPrefix(s.e.Msg, `invalid escape sequence \`):
		sequence := strings.TrimPrefix(s.e.Msg, "invalid escape sequence ")
		if i := strings.Index(s.f.Src[s.e.Start:s.e.End], sequence); i >= 0 {
			at := s.e.Start + i
			return `write \\, or r'…' for a string without escapes`, s.fix(`Write \\`, at, at, `\`)
		}
		return `write \\, or r'…' for a string without escapes`, nil
	}
	return "", nil
}

// missing offers to insert the punctuation that is wanted: what closes a bracket
// that is left open comes first.
func missing(s mistake) (string, []Fix) {
	if open, ok := s.f.Unclosed(s.e); ok && s.prev.Kind != syntax.EOF {
		closing := map[string]string{"(": ")", "[": "]", "{": "}"}[s.f.Src[open.Start:open.End]]
		return "", s.fix("Insert "+closing, s.prev.End, s.prev.End, closing)
	}
	for _, want := range []string{",", ":", ")", "]", "}"} {
		if s.wants("'"+want+"'") && s.prev.Kind != syntax.EOF && s.prev.Kind != syntax.NEWLINE {
			return "", s.fix("Insert "+want, s.prev.End, s.prev.End, want)
		}
	}
	return "", nil
}
