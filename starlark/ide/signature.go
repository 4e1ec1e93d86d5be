package ide

import (
	"strings"

	"github.com/towline-dev/towline/starlark/decl"
	"github.com/towline-dev/towline/starlark/resolve"
	"github.com/towline-dev/towline/starlark/syntax"
)

// A signature is what can be called, a built-in or a def.
type signature struct {
	name    string
	params  []decl.Param
	returns string
	result  decl.Type // of a def: what it says that it returns
	entry   *decl.Entry
	doc     docstring

	roles [][]decl.Role // of the parameters of an entry; nil until they are asked for
}

// rolesOf returns the roles of the strings that a parameter of an entry takes.
func (sig *signature) rolesOf(param int) []decl.Role {
	if sig.roles == nil {
		sig.roles = make([][]decl.Role, len(sig.params))
		for i := range sig.params {
			sig.roles[i] = sig.params[i].Type.Roles()
		}
	}
	return sig.roles[param]
}

// signatureOf returns the signature of a value, nil when it is unknown.
func (in *inference) signatureOf(v value) *signature {
	switch {
	case v.entry != nil && v.entry.Kind == decl.Function:
		sig := in.entries[v.entry]
		if sig == nil {
			sig = &signature{name: v.entry.Name, params: v.entry.Params, entry: v.entry}
			if !v.entry.Type.IsNone() {
				sig.returns = v.entry.Type.String()
			}
			in.entries[v.entry] = sig
		}
		return sig
	case v.def != nil:
		return in.defSignature(v)
	}
	return nil
}

// signature returns the signature of what an expression calls, nil when it is
// unknown.
func (in *inference) signature(f *resolve.File, fn syntax.Expr) *signature {
	return in.signatureOf(in.expr(f, fn))
}

// defSignature returns the signature of a def, with the types that its
// docstring and comments name.
func (in *inference) defSignature(v value) *signature {
	sig := in.defs[v.def]
	if sig == nil {
		sig = keptSignature(v)
		in.defs[v.def] = sig
	}
	return sig
}

// signatureFact is the key of a def's signature among the facts of its piece.
type signatureFact struct{}

// keptSignature is newSignature, which is kept with the text of a def of the
// top level: most of a file's are the same after an edit.
func keptSignature(v value) *signature {
	part := v.from.Parts[v.from.PartAt(v.def.Start)]
	if len(part.Stmts()) != 1 || part.Stmts()[0] != syntax.Stmt(v.def) {
		return newSignature(v)
	}
	return part.Fact(signatureFact{}, func() any { return newSignature(v) }).(*signature)
}

func newSignature(v value) *signature {
	sig := &signature{name: v.def.Name.Name, doc: parseDocstring(docOf(v.def.Body))}
	types, result := defComment(v.from, v.def)
	sig.result = result
	if result.Name == "any" {
		sig.result = sig.doc.result
	}
	if sig.result.Name != "any" {
		sig.returns = sig.result.String()
	}
	keyword := false
	for i, p := range v.def.Params {
		if p.Name == nil {
			keyword = true
			continue
		}
		q := decl.Param{Name: p.Name.Name, Type: sig.doc.typeOf(p.Name.Name), Doc: sig.doc.args[p.Name.Name]}
		if i < len(types) {
			q.Type = types[i]
		} else if text := typeComment(v.from, p.End); text != "" && !strings.HasPrefix(text, "(") {
			q.Type = parseType(text)
		}
		switch {
		case p.Star == syntax.STAR:
			q.Kind, keyword = decl.VarArgs, true
		case p.Star == syntax.STARSTAR:
			q.Kind = decl.VarKwargs
		default:
			if keyword {
				q.Kind = decl.Keyword
			}
			if p.Default != nil {
				q.Default = strings.Clone(v.from.Text(p.Default))
			} else {
				q.Required = true
			}
		}
		sig.params = append(sig.params, q)
	}
	return sig
}

// text returns the signature as Python would write it.
func (sig *signature) text() string {
	if sig.entry != nil {
		return sig.entry.Signature()
	}
	e := decl.Entry{Name: sig.name, Params: sig.params, Type: decl.Type{Name: "None"}}
	if sig.returns != "" {
		e.Type = sig.result
	}
	return "def " + e.SignatureLines()
}

// bind returns the index of the parameter of each argument, -1 where it is
// unknown or there is none.
func (sig *signature) bind(call *syntax.CallExpr) []int {
	bound := make([]int, len(call.Args))
	next, starred := 0, false
	for i, a := range call.Args {
		bound[i] = -1
		switch {
		case a.Star != syntax.ILLEGAL:
			starred = true
		case a.Name != nil:
			bound[i] = sig.named(a.Name.Name)
		case !starred:
			if bound[i] = sig.positional(next); bound[i] >= 0 {
				next++
			}
		}
	}
	return bound
}

// named returns the parameter that takes a keyword, -1 when none does.
func (sig *signature) named(name string) int {
	rest := -1
	for i, p := range sig.params {
		switch {
		case p.Kind == decl.VarKwargs:
			rest = i
		case p.Name == name && (p.Kind == decl.Normal || p.Kind == decl.Keyword):
			return i
		}
	}
	return rest
}

// positional returns the parameter that takes the n-th argument, -1 when none
// does.
func (sig *signature) positional(n int) int {
	for i, p := range sig.params {
		switch p.Kind {
		case decl.Normal, decl.Positional:
			if n == 0 {
				return i
			}
			n--
		case decl.VarArgs:
			return i
		}
	}
	return -1
}

// A docstring is the documentation of a def in Google's style.
type docstring struct {
	text    string // all but the sections below
	args    map[string]string
	types   map[string]decl.Type // of arguments that say theirs
	returns string
	result  decl.Type // what returns begins with
}

// typeOf returns the type that an argument's documentation names.
func (d *docstring) typeOf(name string) decl.Type {
	if t, ok := d.types[name]; ok {
		return t
	}
	return anyType
}

// docOf returns the text of a docstring, "" when a body has none.
func docOf(body []syntax.Stmt) string {
	if len(body) == 0 {
		return ""
	}
	s, ok := body[0].(*syntax.ExprStmt)
	if !ok {
		return ""
	}
	lit, ok := s.X.(*syntax.Literal)
	if !ok || lit.Kind != syntax.STRING {
		return ""
	}
	return lit.Value
}

// parseDocstring reads the sections Args and Returns of a docstring.
func parseDocstring(text string) docstring {
	d := docstring{args: map[string]string{}, types: map[string]decl.Type{}, result: anyType}
	var rest, returns []string
	section, arg := "", ""
	for _, line := range strings.Split(dedent(text), "\n") {
		word := strings.TrimSpace(line)
		if line == word && strings.HasSuffix(word, ":") {
			section, arg = strings.ToLower(strings.TrimSuffix(word, ":")), ""
			switch section {
			case "args", "arguments", "parameters", "returns", "return":
				continue
			}
			section = ""
		} else if line != "" && line == word {
			section = ""
		}
		switch section {
		case "":
			rest = append(rest, line)
		case "returns", "return":
			returns = append(returns, word)
		default:
			arg = d.argLine(word, arg)
		}
	}
	d.text = strings.TrimSpace(strings.Join(rest, "\n"))
	d.returns = strings.TrimSpace(strings.Join(returns, " "))
	head, doc, ok := strings.Cut(d.returns, ":")
	if t := parseType(head); ok && t.Name != "any" {
		d.result, d.returns = t, strings.TrimSpace(doc)
	} else if t := parseType(d.returns); t.Name != "any" {
		d.result, d.returns = t, ""
	}
	return d
}

// argLine reads a line of the section Args, which starts an argument, as
// "name: text" or "name (type): text", or goes on with the one before.
func (d *docstring) argLine(line, arg string) string {
	head, doc, ok := strings.Cut(line, ":")
	name, typ, hasType := strings.Cut(strings.TrimSpace(head), "(")
	name = strings.Trim(strings.TrimSpace(name), "*`")
	if ok && name != "" && !strings.Contains(name, " ") {
		d.args[name] = strings.TrimSpace(doc)
		if t := parseType(strings.TrimSuffix(strings.TrimSpace(typ), ")")); hasType && t.Name != "any" {
			d.types[name] = t
		}
		return name
	}
	if arg != "" && line != "" {
		d.args[arg] += " " + line
	}
	return arg
}

// dedent removes the indentation that all lines but the first share.
func dedent(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	indent := -1
	for _, l := range lines[1:] {
		if t := strings.TrimLeft(l, " \t"); t != "" && (indent < 0 || len(l)-len(t) < indent) {
			indent = len(l) - len(t)
		}
	}
	for i, l := range lines[1:] {
		lines[i+1] = strings.TrimRight(l[min(max(indent, 0), len(l)):], " \t\r")
	}
	return strings.Join(lines, "\n")
}
