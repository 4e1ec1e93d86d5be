package ide

import (
	"fmt"
	"sort"
	"strings"

	"github.com/towline-dev/towline/starlark/infer"
	"github.com/towline-dev/towline/starlark/resolve"
	"github.com/towline-dev/towline/starlark/syntax"
)

// Tag says how an editor may show a diagnostic.
type Tag uint8

// The tags of diagnostics.
const (
	NoTag Tag = iota
	Unnecessary
	Deprecated
)

// Diagnostic is something to say about a place of a file.
type Diagnostic struct {
	Span      syntax.Span
	Severity  Severity
	Code      string // see Codes
	Message   string
	Missing   string // the name of the file that is not there, where that is what it says
	Undefined string // the name that nothing binds, where that is what it says
	Tag       Tag
	Related   []Related
	Fixes     []Fix
}

// Related is a place that belongs to a diagnostic.
type Related struct {
	Location
	Message string
}

// Fix is a change that would settle a diagnostic.
type Fix struct {
	Title     string
	Edits     []Edit
	Preferred bool
}

// Diagnostics returns everything there is to say about a file, in the order of
// the text. SyntaxDiagnostics is the part that is known at once. It returns
// nothing when the analysis's Stop ends it.
func Diagnostics(s *Analysis, f *resolve.File) []Diagnostic {
	c := &checker{s: s, f: f, in: infer.New(s.loaded)}
	c.list = SyntaxDiagnostics(f)
	c.unloaded()
	c.names()
	c.loads()
	c.project()
	c.stmts(f.Stmts())
	for _, st := range f.Stmts() {
		if s.Stop != nil && s.Stop() {
			return nil
		}
		syntax.Walk(st, c.visit)
	}
	c.images()
	c.settings()
	c.context()
	sort.SliceStable(c.list, func(i, j int) bool { return c.list[i].Span.Start < c.list[j].Span.Start })
	return c.list
}

func (c *checker) visit(n syntax.Node) bool {
	switch n := n.(type) {
	case *syntax.CallExpr:
		c.call(n)
	case *syntax.DotExpr:
		c.member(n)
	case *syntax.Ident:
		c.deprecatedName(n)
	}
	return true
}

// SyntaxDiagnostics returns what the parser and the resolver have to say. Names
// that stand in a line with a syntax error are not complained about: what does
// not parse may have bound them.
func SyntaxDiagnostics(f *resolve.File) []Diagnostic {
	list, broken := syntaxErrors(f)
	for _, p := range f.Problems {
		name := f.Src[p.Start:p.End]
		if p.Code == resolve.CodeUndefined && broken[name] {
			continue
		}
		d := Diagnostic{Span: p.Span, Severity: severityOf(p.Code), Code: p.Code, Message: p.Msg}
		if suggest := noName[name]; suggest != "" && p.Code == resolve.CodeUndefined {
			p.Suggest = suggest
			d.Message = fmt.Sprintf("undefined: %s (did you mean %s?)", name, suggest)
		}
		if p.Code == resolve.CodeUndefined {
			d.Undefined = name
		}
		if p.Suggest != "" {
			d.Fixes = append(d.Fixes, replaceFix(f, p.Span, p.Suggest))
		}
		list = append(list, d)
	}
	return list
}

// syntaxErrors returns the first syntax error of each line, and the names that
// stand in these lines.
func syntaxErrors(f *resolve.File) (list []Diagnostic, names map[string]bool) {
	names = map[string]bool{}
	last, tried := -1, false
	for _, e := range f.Errors {
		line := f.Lines.Number(e.Start)
		if line == last {
			if e.Msg == "unexpected newline in string" {
				d := &list[len(list)-1]
				d.Fixes, d.Message = nil, d.Message+" (a string in this line does not end)"
			}
			continue
		}
		last = line
		switch word := f.Src[e.Start:e.End]; {
		case word == "try":
			tried = true
		case tried && (word == "except" || word == "finally"):
			continue // it is said of the try
		}
		list = append(list, syntaxError(f, e))
		span := f.Lines.Line(line)
		for _, name := range strings.FieldsFunc(f.Src[span.Start:span.End], func(r rune) bool { return r < 0x80 && !isWord(byte(r)) }) {
			names[name] = true
		}
	}
	return append(list, endsEarly(f)...), names
}

// syntaxError says what is wrong at a place, and what was meant, most likely.
func syntaxError(f *resolve.File, e syntax.Error) Diagnostic {
	d := Diagnostic{Span: e.Span, Severity: Error, Code: CodeSyntax}
	note, fixes := explain(f, e)
	if d.Fixes = fixes; note != "" {
		d.Message = e.Msg + " (" + note + ")"
		return d
	}
	d.Span, d.Message = f.Describe(e)
	if open, ok := f.Unclosed(e); ok {
		d.Related = []Related{{Location{f.Name, open}, "the bracket that is not closed"}}
	}
	return d
}

// endsEarly reports a NUL byte, at which Starlark takes the file for ended.
func endsEarly(f *resolve.File) []Diagnostic {
	end := f.Token(f.NumTokens() - 1).Start
	i := strings.IndexByte(f.Src[end:], 0)
	if i < 0 {
		return nil
	}
	at := syntax.Span{Start: end + i, End: end + i + 1}
	return []Diagnostic{{
		Span: at, Severity: Error, Code: CodeSyntax, Message: "a NUL byte ends the file here: nothing behind it is read",
		Fixes: []Fix{{Title: "Remove it", Edits: []Edit{{f.Name, at, ""}}, Preferred: true}},
	}}
}

func replaceFix(f *resolve.File, span syntax.Span, text string) Fix {
	return Fix{Title: fmt.Sprintf("Change to %s", text), Edits: []Edit{{f.Name, span, text}}, Preferred: true}
}

// A checker collects the diagnostics of one file.
type checker struct {
	s    *Analysis
	f    *resolve.File
	in   *infer.Inference
	list []Diagnostic

	given    map[string]bool // see declared
	known    *evaluatedNames // see evaluatedNames
	inner    []syntax.Span   // see inScope
	folder   folder          // see here
	searches int             // through all names or the whole file, for one complaint
}

// maxSearches limits the complaints about one file that each need a search.
const maxSearches = 100

func (c *checker) add(span syntax.Span, code, format string, args ...any) *Diagnostic {
	c.list = append(c.list, Diagnostic{Span: span, Severity: severityOf(code), Code: code, Message: fmt.Sprintf(format, args...)})
	return &c.list[len(c.list)-1]
}

// builtin returns the name of the built-in that an expression is, or "".
func (c *checker) builtin(x syntax.Expr) string {
	if v := c.in.Expr(c.f, x); v.Entry != nil {
		return v.Entry.Name
	}
	return ""
}
