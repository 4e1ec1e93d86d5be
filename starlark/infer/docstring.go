package infer

import (
	"strings"

	"github.com/towline-dev/towline/starlark/decl"
	"github.com/towline-dev/towline/starlark/syntax"
)

// A Docstring is the documentation of a def in Google's style.
type Docstring struct {
	Text    string // all but the sections below
	Args    map[string]string
	types   map[string]decl.Type // of arguments that say theirs
	Returns string
	result  decl.Type // what returns begins with
}

// typeOf returns the type that an argument's documentation names.
func (d *Docstring) typeOf(name string) decl.Type {
	if t, ok := d.types[name]; ok {
		return t
	}
	return anyType
}

// DocOf returns the text of a docstring, "" when a body has none.
func DocOf(body []syntax.Stmt) string {
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

// ParseDocstring reads the sections Args and Returns of a docstring.
func ParseDocstring(text string) Docstring {
	d := Docstring{Args: map[string]string{}, types: map[string]decl.Type{}, result: anyType}
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
	d.Text = strings.TrimSpace(strings.Join(rest, "\n"))
	d.Returns = strings.TrimSpace(strings.Join(returns, " "))
	head, doc, ok := strings.Cut(d.Returns, ":")
	if t := parseType(head); ok && t.Name != "any" {
		d.result, d.Returns = t, strings.TrimSpace(doc)
	} else if t := parseType(d.Returns); t.Name != "any" {
		d.result, d.Returns = t, ""
	}
	return d
}

// argLine reads a line of the section Args, which starts an argument, as
// "name: text" or "name (type): text", or goes on with the one before.
func (d *Docstring) argLine(line, arg string) string {
	head, doc, ok := strings.Cut(line, ":")
	name, typ, hasType := strings.Cut(strings.TrimSpace(head), "(")
	name = strings.Trim(strings.TrimSpace(name), "*`")
	if ok && name != "" && !strings.Contains(name, " ") {
		d.Args[name] = strings.TrimSpace(doc)
		if t := parseType(strings.TrimSuffix(strings.TrimSpace(typ), ")")); hasType && t.Name != "any" {
			d.types[name] = t
		}
		return name
	}
	if arg != "" && line != "" {
		d.Args[arg] += " " + line
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
